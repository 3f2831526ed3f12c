//! The served part of the Admin API's schema, read once from `schema.graphql`.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use graphql_parser::schema::{Definition, Type, TypeDefinition, parse_schema};

#[derive(Debug, Clone)]
pub struct FieldDef {
    pub base: String,
    pub list: bool,
    pub args: HashMap<String, ArgDef>,
}

#[derive(Debug, Clone)]
pub struct ArgDef {
    pub type_name: String,
    pub base: String,
    pub required: bool,
}

#[derive(Debug, Default)]
pub struct TypeDef {
    pub fields: HashMap<String, FieldDef>,
    /// Concrete types that an interface or a union stands for.
    pub possible: BTreeSet<String>,
    pub is_node: bool,
    pub values: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub struct Schema {
    pub types: HashMap<String, TypeDef>,
}

pub static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

fn base_of(of: &Type<'_, String>) -> (String, bool) {
    match of {
        Type::NamedType(name) => (name.clone(), false),
        Type::ListType(inner) => (base_of(inner).0, true),
        Type::NonNullType(inner) => base_of(inner),
    }
}

impl Schema {
    #[expect(clippy::expect_used, reason = "the schema is part of the program; a test reads it")]
    fn read() -> Self {
        let document = parse_schema::<String>(include_str!("schema.graphql")).expect("schema.graphql is valid");
        let mut schema = Self::default();
        for definition in &document.definitions {
            if let Definition::TypeDefinition(of) = definition {
                schema.add(of);
            }
        }
        schema
    }

    fn add(&mut self, of: &TypeDefinition<'_, String>) {
        match of {
            TypeDefinition::Object(object) => {
                for name in &object.implements_interfaces {
                    self.types.entry(name.clone()).or_default().possible.insert(object.name.clone());
                }
                let to = self.types.entry(object.name.clone()).or_default();
                to.is_node = object.implements_interfaces.iter().any(|name| name == "Node");
                add_fields(to, &object.fields);
            }
            TypeDefinition::Interface(interface) => {
                add_fields(self.types.entry(interface.name.clone()).or_default(), &interface.fields);
            }
            TypeDefinition::Union(union) => {
                self.types.entry(union.name.clone()).or_default().possible.extend(union.types.iter().cloned());
            }
            TypeDefinition::Enum(of) => {
                self.types
                    .entry(of.name.clone())
                    .or_default()
                    .values
                    .extend(of.values.iter().map(|value| value.name.clone()));
            }
            TypeDefinition::Scalar(_) | TypeDefinition::InputObject(_) => {}
        }
    }

    /// Whether a field of this type has to have a selection.
    #[must_use]
    pub fn is_composite(&self, name: &str) -> bool {
        self.types.get(name).is_some_and(|of| !of.fields.is_empty() || !of.possible.is_empty())
    }
}

fn add_fields(to: &mut TypeDef, fields: &[graphql_parser::schema::Field<'_, String>]) {
    for field in fields {
        let (base, list) = base_of(&field.field_type);
        let args = field
            .arguments
            .iter()
            .map(|arg| {
                let required = matches!(arg.value_type, Type::NonNullType(_)) && arg.default_value.is_none();
                let of = ArgDef { type_name: arg.value_type.to_string(), base: base_of(&arg.value_type).0, required };
                (arg.name.clone(), of)
            })
            .collect();
        to.fields.insert(field.name.clone(), FieldDef { base, list, args });
    }
}
