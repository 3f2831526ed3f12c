//! The OpenAPI 3.1 document, out of the tables of [`routes`](crate::routes) and [`shapes`](crate::shapes).

use crate::{
    access::TENANT_HEADER,
    conditional::MAX_KEY_LENGTH,
    page::DEFAULT_LIMIT,
    routes::{Answer, Parameter, ROUTES, Route},
    shape::Shape,
    shapes::PROBLEM,
};
use serde_json::{Map, Value, json};

/// Every shape that the routes name, directly or not.
fn shapes() -> Vec<&'static Shape> {
    let mut found = Vec::new();
    for route in ROUTES {
        if let Some(body) = route.body {
            body.with_references(&mut found);
        }
        if let Answer::One(shape) | Answer::PageOf(shape) = route.answer {
            shape.with_references(&mut found);
        }
    }
    PROBLEM.with_references(&mut found);
    found.sort_by_key(|shape| shape.name);
    found
}

#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let operations = paths.entry(route.path().replace("+}", "}")).or_insert_with(|| json!({}));
        operations[route.method().to_ascii_lowercase()] = operation(route);
    }
    let schemas: Map<String, Value> =
        shapes().into_iter().map(|shape| (shape.name.to_owned(), shape.schema())).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Settler",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Reconciliation as a service. JSON in snake_case, times in RFC 3339 UTC, money in minor units. Errors are RFC 9457 problems; \
                what the gateway itself answers (401, 403, 413, 429) is {\"message\": …}. Every read carries version and as_of, lists as_of alone.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer", "description": "sk_…" } },
            "schemas": schemas,
            "responses": answers_to_all(),
        },
    })
}

/// What any route may answer: problems are ours, `{"message": …}` is the gateway's, which answers before a function is
/// asked. Both refuse with 403: the gateway a key without the scope, a function another tenant's id in a body.
fn answers_to_all() -> Value {
    let problem = json!({ "schema": PROBLEM.reference() });
    let gateway = json!({ "schema": {
        "type": "object", "required": ["message"], "properties": { "message": { "type": ["string", "null"] } } } });
    let answer = |about: &str, gateways: bool, ours: bool| {
        let mut content = Map::new();
        if gateways {
            content.insert("application/json".to_owned(), gateway.clone());
        }
        if ours {
            content.insert("application/problem+json".to_owned(), problem.clone());
        }
        json!({ "description": about, "content": content })
    };
    json!({
        "Problem": answer("What went wrong", false, true),
        "Unauthorized": answer("No key, or one that is unknown, expired or revoked. The gateway's answer.", true, false),
        "Forbidden": answer("The key may not do this: the gateway's answer, or a problem that says why.", true, true),
        "TooLarge": answer("The body is above 256 KB: a problem, or the gateway's answer above 10 MB.", true, true),
        "TooManyRequests": answer("Above the rate of the API. The gateway's answer; try again later.", true, false),
    })
}

/// The component that describes a refusal with this status.
fn refusal(status: u16) -> Value {
    let name = match status {
        401 => "Unauthorized",
        403 => "Forbidden",
        413 => "TooLarge",
        429 => "TooManyRequests",
        _ => "Problem",
    };
    json!({ "$ref": format!("#/components/responses/{name}") })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .path_parameters()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.query.iter().map(in_query));
    let header = |name: &str, schema: Value, about: &str| json!({ "name": name, "in": "header", "schema": schema, "description": about });
    if route.path().starts_with("/v1/") {
        parameters.push(header(TENANT_HEADER, json!({ "type": "string" }), "The tenant, with a platform key."));
    }
    if route.idempotent {
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH });
        parameters.push(header(
            "Idempotency-Key",
            schema,
            "The same key and body get the first answer again; another body is refused.",
        ));
    }
    if route.conditional {
        parameters.push(header(
            "If-Match",
            json!({ "type": "string" }),
            "The ETag that was read; 412 when it is stale.",
        ));
    }
    let mut responses = Map::new();
    for status in route.statuses {
        responses.insert(status.to_string(), success(route));
    }
    let gateways: &[u16] = if route.scope.is_some() { &[401, 403, 429] } else { &[429] };
    for status in route.problems.iter().chain(gateways) {
        responses.insert(status.to_string(), refusal(*status));
    }
    let mut operation = json!({ "operationId": route.operation, "summary": route.summary, "parameters": parameters, "responses": responses });
    match route.scope {
        Some(scope) => operation["x-scope"] = json!(scope.as_str()),
        None => operation["security"] = json!([]),
    }
    if let Some(body) = route.body {
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": body.reference() } } });
    }
    operation
}

fn in_query(parameter: &Parameter) -> Value {
    let mut value = json!({ "name": parameter.name, "in": "query", "schema": parameter.schema() });
    if parameter.required {
        value["required"] = json!(true);
    }
    if !parameter.about.is_empty() {
        value["description"] = json!(parameter.about);
    }
    value
}

fn success(route: &Route) -> Value {
    let schema = match route.answer {
        Answer::Nothing => return json!({ "description": "Done" }),
        Answer::One(shape) => shape.reference(),
        Answer::PageOf(shape) => json!({
            "type": "object",
            "required": ["items", "next_cursor"],
            "properties": {
                "items": { "type": "array", "items": shape.reference() },
                "next_cursor": { "type": ["string", "null"], "description": format!("Null on the last page. A page has {DEFAULT_LIMIT} items unless ?limit= says otherwise, and may be short.") },
                "version": { "type": "integer", "description": "Of the stream that was read, where it is one." },
                "as_of": { "type": ["string", "null"], "format": "date-time" },
                "state": { "description": "With ?as_of= on the first page: what the events up to then fold into; absent where nothing is folded." },
            },
        }),
    };
    json!({ "description": "Done", "content": { "application/json": { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, path::PathBuf};

    /// The document names what the code names.
    #[test]
    fn every_resource_that_is_billed_is_in_the_document() {
        let billed: Vec<&str> =
            domain::consumption::Resource::ALL.into_iter().map(domain::consumption::Resource::as_str).collect();
        assert_eq!(crate::shapes::RESOURCES, billed);
    }

    fn at_root(path: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }

    /// `SETTLER_WRITE_OPENAPI=1 cargo test -p http-api openapi` writes the document anew.
    #[test]
    fn the_committed_document_is_the_codes() {
        let path = at_root("infra/api/openapi.json");
        let text = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
        if std::env::var_os("SETTLER_WRITE_OPENAPI").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
        assert!(
            committed == document(),
            "infra/api/openapi.json is out of date; write it anew with: SETTLER_WRITE_OPENAPI=1 cargo test -p http-api openapi"
        );
    }

    #[test]
    fn the_template_and_the_document_have_the_same_routes() {
        let template = std::fs::read_to_string(at_root("template.yaml")).unwrap();
        let declared = template.lines().filter_map(|line| line.trim().strip_prefix("RouteKey: "));
        let declared: BTreeSet<&str> = declared.filter(|key| *key != crate::request::DEFAULT_ROUTE).collect();
        let documented: BTreeSet<&str> = ROUTES.iter().map(|route| route.key).collect();
        assert_eq!(declared, documented);
    }

    #[test]
    fn no_two_shapes_have_one_name() {
        let names: Vec<&str> = shapes().into_iter().map(|shape| shape.name).collect();
        let twice = names.windows(2).filter(|pair| pair[0] == pair[1]).collect::<Vec<_>>();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
        let document = document();
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document["components"]["schemas"].get(reference).is_some(), "{reference}");
        }
        let operations: BTreeSet<&str> = ROUTES.iter().map(|route| route.operation).collect();
        assert_eq!(operations.len(), ROUTES.len());
        for route in ROUTES {
            assert_eq!(Route::find(route.key).map(|found| found.operation), Some(route.operation));
        }
    }
}
