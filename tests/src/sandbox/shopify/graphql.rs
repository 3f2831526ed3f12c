//! Reading a GraphQL request: parsing, choosing the operation, variables, and checking it against the schema.
//!
//! Messages and codes are those of the real API, so that a client's error handling is exercised and not only its happy path.

use std::collections::HashMap;

use graphql_parser::query::{
    Definition, Directive, Document, Field, FragmentDefinition, OperationDefinition, Query, Selection, SelectionSet,
    Type, TypeCondition, Value as Literal, parse_query,
};
use serde_json::{Map, Value, json};

use super::schema::{ArgDef, SCHEMA};

/// More errors than this help nobody.
const MOST_ERRORS: usize = 20;
pub const ROOT: &str = "QueryRoot";

#[derive(Debug)]
pub struct Parsed {
    document: Document<'static, String>,
}

/// An operation with its fragments and the values of its variables.
#[derive(Debug)]
pub struct Operation<'d> {
    pub selection: &'d SelectionSet<'static, String>,
    fragments: HashMap<&'d str, &'d FragmentDefinition<'static, String>>,
    variables: Map<String, Value>,
}

impl Parsed {
    /// # Errors
    /// One GraphQL error object.
    pub fn read(text: &str) -> Result<Self, Value> {
        match parse_query::<String>(text) {
            Ok(document) => Ok(Self { document: document.into_static() }),
            Err(error) => Err(json!({
                "message": format!("syntax error: {}", error.to_string().replace('\n', " ")),
                "locations": [{ "line": 1, "column": 1 }],
                "extensions": { "code": "parseError" },
            })),
        }
    }

    /// Chooses the operation and binds its variables.
    ///
    /// # Errors
    /// GraphQL error objects.
    pub fn operation(&self, name: Option<&str>, given: &Map<String, Value>) -> Result<Operation<'_>, Vec<Value>> {
        let mut fragments = HashMap::new();
        let mut found = Vec::new();
        for definition in &self.document.definitions {
            match definition {
                Definition::Fragment(fragment) => {
                    fragments.insert(fragment.name.as_str(), fragment);
                }
                Definition::Operation(OperationDefinition::Query(query)) => {
                    if name.is_none() || query.name.as_deref() == name {
                        found.push((&query.selection_set, Some(query)));
                    }
                }
                Definition::Operation(OperationDefinition::SelectionSet(set)) if name.is_none() => {
                    found.push((set, None));
                }
                Definition::Operation(OperationDefinition::Mutation(_) | OperationDefinition::Subscription(_)) => {
                    return Err(vec![
                        json!({ "message": "the sandbox serves queries only", "extensions": { "code": "undefinedField" } }),
                    ]);
                }
                Definition::Operation(OperationDefinition::SelectionSet(_)) => {}
            }
        }
        let [(selection, query)] = found.as_slice() else {
            let message = if found.is_empty() { "No operation named" } else { "An operation name is required" };
            return Err(vec![json!({ "message": message })]);
        };
        let variables = match query {
            Some(query) => bind(query, given)?,
            None => Map::new(),
        };
        Ok(Operation { selection, fragments, variables })
    }
}

fn bind(query: &Query<'static, String>, given: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Value>> {
    let mut bound = Map::new();
    let mut errors = Vec::new();
    for definition in &query.variable_definitions {
        let value = match given.get(&definition.name) {
            Some(value) => Some(value.clone()),
            None => definition.default_value.as_ref().map(|literal| plain(literal, &Map::new())),
        };
        match value {
            Some(value) if fits(&definition.var_type, &value) => {
                bound.insert(definition.name.clone(), value);
            }
            None if !matches!(definition.var_type, Type::NonNullType(_)) => {}
            other => errors.push(json!({
                "message": format!("Variable ${} of type {} was provided invalid value", definition.name, definition.var_type),
                "locations": [{ "line": definition.position.line, "column": definition.position.column }],
                "extensions": { "value": other, "problems": [{ "path": [], "explanation": "Expected value of another type" }] },
            })),
        }
    }
    if errors.is_empty() { Ok(bound) } else { Err(errors) }
}

fn fits(of: &Type<'_, String>, value: &Value) -> bool {
    match of {
        Type::NonNullType(inner) => !value.is_null() && fits(inner, value),
        _ if value.is_null() => true,
        Type::ListType(inner) => match value {
            Value::Array(items) => items.iter().all(|item| fits(inner, item)),
            single => fits(inner, single),
        },
        Type::NamedType(name) => match name.as_str() {
            "Int" => value.is_i64() || value.is_u64(),
            "Boolean" => value.is_boolean(),
            "ID" => value.is_string() || value.is_u64(),
            _ => value.is_string(),
        },
    }
}

fn plain(literal: &Literal<'_, String>, variables: &Map<String, Value>) -> Value {
    match literal {
        Literal::Variable(name) => variables.get(name).cloned().unwrap_or(Value::Null),
        Literal::Int(number) => json!(number.as_i64()),
        Literal::Float(number) => json!(number),
        Literal::String(text) | Literal::Enum(text) => json!(text),
        Literal::Boolean(flag) => json!(flag),
        Literal::Null => Value::Null,
        Literal::List(items) => Value::Array(items.iter().map(|item| plain(item, variables)).collect()),
        Literal::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), plain(value, variables))).collect())
        }
    }
}

impl<'d> Operation<'d> {
    #[must_use]
    pub fn argument(&self, field: &Field<'static, String>, name: &str) -> Option<Value> {
        let (_, literal) = field.arguments.iter().find(|(key, _)| key == name)?;
        Some(plain(literal, &self.variables)).filter(|value| !value.is_null())
    }

    #[must_use]
    pub fn count(&self, field: &Field<'static, String>, name: &str) -> Option<i64> {
        self.argument(field, name)?.as_i64()
    }

    /// Fields that apply to `concrete`, in order, with fragments opened.
    pub fn fields(
        &self,
        set: &'d SelectionSet<'static, String>,
        concrete: &str,
        into: &mut Vec<&'d Field<'static, String>>,
    ) {
        for item in &set.items {
            match item {
                Selection::Field(field) if self.wanted(&field.directives) => into.push(field),
                Selection::InlineFragment(fragment) if self.wanted(&fragment.directives) => {
                    let applies =
                        fragment.type_condition.as_ref().is_none_or(|TypeCondition::On(name)| covers(name, concrete));
                    if applies {
                        self.fields(&fragment.selection_set, concrete, into);
                    }
                }
                Selection::FragmentSpread(spread) if self.wanted(&spread.directives) => {
                    if let Some(fragment) = self.fragments.get(spread.fragment_name.as_str()) {
                        let TypeCondition::On(name) = &fragment.type_condition;
                        if covers(name, concrete) {
                            self.fields(&fragment.selection_set, concrete, into);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn wanted(&self, directives: &[Directive<'static, String>]) -> bool {
        directives.iter().all(|directive| {
            let condition = directive
                .arguments
                .iter()
                .find(|(name, _)| name == "if")
                .map(|(_, literal)| plain(literal, &self.variables));
            let holds = condition.and_then(|value| value.as_bool()).unwrap_or(true);
            match directive.name.as_str() {
                "include" => holds,
                "skip" => !holds,
                _ => true,
            }
        })
    }

    /// Checks the operation; the cost that it asks for, or what is wrong with it.
    ///
    /// # Errors
    /// GraphQL error objects.
    pub fn check(&self) -> Result<i64, Vec<Value>> {
        let mut check = Check { operation: self, errors: Vec::new(), open: Vec::new() };
        let cost = check.set(self.selection, ROOT, &["query".to_owned()]);
        if check.errors.is_empty() { Ok(cost.max(1)) } else { Err(check.errors) }
    }
}

fn covers(condition: &str, concrete: &str) -> bool {
    condition == concrete || SCHEMA.types.get(condition).is_some_and(|of| of.possible.contains(concrete))
}

struct Check<'o, 'd> {
    operation: &'o Operation<'d>,
    errors: Vec<Value>,
    open: Vec<&'d str>,
}

impl<'d> Check<'_, 'd> {
    fn error(&mut self, field: Option<&Field<'static, String>>, path: &[String], message: &str, extensions: &Value) {
        if self.errors.len() >= MOST_ERRORS {
            return;
        }
        let at = field.map_or((1, 1), |field| (field.position.line, field.position.column));
        self.errors.push(json!({
            "message": message,
            "locations": [{ "line": at.0, "column": at.1 }],
            "path": path,
            "extensions": extensions,
        }));
    }

    /// The cost of a selection on `type_name`: the dearest of the types that it may turn out to be.
    fn set(&mut self, set: &'d SelectionSet<'static, String>, type_name: &str, path: &[String]) -> i64 {
        let mut own = 0;
        let mut dearest = 0;
        for item in &set.items {
            match item {
                Selection::Field(field) => own += self.field(field, type_name, path),
                Selection::InlineFragment(fragment) => {
                    let on =
                        fragment.type_condition.as_ref().map_or(type_name, |TypeCondition::On(name)| name.as_str());
                    dearest = dearest.max(self.fragment(&fragment.selection_set, on, type_name, path));
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let Some(fragment) = self.operation.fragments.get(name).copied() else {
                        let message = format!("Fragment {name} was used, but not defined");
                        self.error(
                            None,
                            path,
                            &message,
                            &json!({ "code": "useAndDefineFragment", "fragmentName": name }),
                        );
                        continue;
                    };
                    if self.open.contains(&name) {
                        let message = format!("Fragment {name} contains an infinite loop");
                        self.error(None, path, &message, &json!({ "code": "infiniteLoop", "fragmentName": name }));
                        continue;
                    }
                    self.open.push(name);
                    let TypeCondition::On(on) = &fragment.type_condition;
                    dearest = dearest.max(self.fragment(&fragment.selection_set, on, type_name, path));
                    self.open.pop();
                }
            }
        }
        own + dearest
    }

    fn fragment(&mut self, set: &'d SelectionSet<'static, String>, on: &str, within: &str, path: &[String]) -> i64 {
        if !SCHEMA.is_composite(on) {
            let message = format!("No such type {on}, so it can't be a fragment condition");
            self.error(None, path, &message, &json!({ "code": "undefinedType", "typeName": on }));
            return 0;
        }
        if !covers(within, on) && !covers(on, within) {
            let message = format!("Fragment on {on} can't be spread inside {within}");
            self.error(None, path, &message, &json!({ "code": "cannotSpreadFragment", "typeName": within }));
            return 0;
        }
        self.set(set, on, path)
    }

    fn field(&mut self, field: &'d Field<'static, String>, type_name: &str, path: &[String]) -> i64 {
        let mut path = path.to_vec();
        path.push(field.alias.as_ref().unwrap_or(&field.name).clone());
        if field.name == "__typename" {
            return 0;
        }
        let name = &field.name;
        let Some(definition) = SCHEMA.types.get(type_name).and_then(|of| of.fields.get(name)) else {
            let message = format!("Field '{name}' doesn't exist on type '{type_name}'");
            self.error(
                Some(field),
                &path,
                &message,
                &json!({ "code": "undefinedField", "typeName": type_name, "fieldName": name }),
            );
            return 0;
        };
        self.arguments(field, &definition.args, &path);
        let composite = SCHEMA.is_composite(&definition.base);
        if composite == field.selection_set.items.is_empty() {
            let what = if composite { "Field must have selections" } else { "Selections can't be made on scalars" };
            let message = format!(
                "{what} (field '{name}' returns {} but has {} selections)",
                definition.base,
                if composite { "no" } else { "some" }
            );
            self.error(
                Some(field),
                &path,
                &message,
                &json!({ "code": "selectionMismatch", "nodeName": format!("field '{name}'") }),
            );
            return 0;
        }
        if !composite {
            return 0;
        }
        let inner = self.set(&field.selection_set, &definition.base, &path);
        let size = self.operation.count(field, "first").or_else(|| self.operation.count(field, "last"));
        if definition.base.ends_with("Connection") {
            return self.connection(field, size, inner, &path);
        }
        if name == "nodes" && type_name == ROOT {
            let ids = self.operation.argument(field, "ids");
            let count = ids.and_then(|ids| ids.as_array().map(Vec::len)).unwrap_or(1);
            if count > MOST_IDS {
                let message =
                    format!("The input array size of {count} is greater than the maximum allowed of {MOST_IDS}.");
                self.error(Some(field), &path, &message, &json!({ "code": "MAX_INPUT_SIZE_EXCEEDED" }));
            }
            return (1 + inner) * i64::try_from(count).unwrap_or(1);
        }
        let is_object = definition.list || SCHEMA.types.get(&definition.base).is_some_and(|of| of.is_node);
        inner + i64::from(is_object)
    }

    fn connection(&mut self, field: &Field<'static, String>, size: Option<i64>, inner: i64, path: &[String]) -> i64 {
        let name = &field.name;
        let Some(size) = size else {
            let message = format!("you must provide one of first or last (field '{name}')");
            self.error(Some(field), path, &message, &json!({ "code": "BAD_REQUEST" }));
            return 0;
        };
        if !(0..=MOST_IN_A_PAGE).contains(&size) {
            let message = format!(
                "Argument 'first' on Field '{name}' has an invalid value ({size}). Expected at most {MOST_IN_A_PAGE}."
            );
            self.error(
                Some(field),
                path,
                &message,
                &json!({ "code": "argumentLiteralsIncompatible", "typeName": "Field", "argumentName": "first" }),
            );
            return 0;
        }
        2 + size * inner.max(1)
    }

    fn arguments(&mut self, field: &Field<'static, String>, defined: &HashMap<String, ArgDef>, path: &[String]) {
        let name = &field.name;
        for (key, literal) in &field.arguments {
            let Some(definition) = defined.get(key) else {
                let message = format!("Field '{name}' doesn't accept argument '{key}'");
                self.error(
                    Some(field),
                    path,
                    &message,
                    &json!({ "code": "argumentNotAccepted", "name": name, "typeName": "Field", "argumentName": key }),
                );
                continue;
            };
            if let Literal::Variable(variable) = literal
                && !self.operation.variables.contains_key(variable)
            {
                if definition.required {
                    let message = format!("Variable ${variable} is used by '{name}' but not provided");
                    self.error(
                        Some(field),
                        path,
                        &message,
                        &json!({ "code": "variableNotDefined", "variableName": variable }),
                    );
                }
                continue;
            }
            let value = plain(literal, &self.operation.variables);
            if !argument_fits(definition, &value) {
                let message = format!(
                    "Argument '{key}' on Field '{name}' has an invalid value ({value}). Expected type '{}'.",
                    definition.type_name
                );
                self.error(
                    Some(field),
                    path,
                    &message,
                    &json!({ "code": "argumentLiteralsIncompatible", "typeName": "Field", "argumentName": key }),
                );
            }
        }
        for (key, definition) in defined {
            if definition.required && !field.arguments.iter().any(|(given, _)| given == key) {
                let message = format!("Field '{name}' is missing required arguments: {key}");
                self.error(Some(field), path, &message, &json!({ "code": "missingRequiredArguments", "className": "Field", "name": name, "arguments": key }));
            }
        }
    }
}

/// The real limits of a page and of a list of ids.
pub const MOST_IN_A_PAGE: i64 = 250;
const MOST_IDS: usize = 250;

fn argument_fits(definition: &ArgDef, value: &Value) -> bool {
    if value.is_null() {
        return !definition.required;
    }
    if definition.type_name.starts_with('[') {
        return value.as_array().is_none_or(|items| items.iter().all(Value::is_string));
    }
    match definition.base.as_str() {
        "Int" => value.is_i64() || value.is_u64(),
        "Boolean" => value.is_boolean(),
        base => match SCHEMA.types.get(base) {
            Some(of) if !of.values.is_empty() => value.as_str().is_some_and(|name| of.values.contains(name)),
            _ => value.is_string() || value.is_number(),
        },
    }
}
