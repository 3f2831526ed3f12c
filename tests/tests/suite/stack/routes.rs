//! Every route of the API document: which keys open it, and that another tenant's key finds nothing behind it.

use super::client::{Answer, Shop, Stack, january, unique};
use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};

/// Calls under way at once; the emulator runs one process per call of a function.
const SIDE_BY_SIDE: usize = 4;

struct Route {
    method: Method,
    /// With its parameters in braces.
    path: String,
    scope: Option<String>,
    has_body: bool,
    required_query: Vec<String>,
}

fn routes() -> Vec<Route> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../infra/api/openapi.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().unwrap().iter();
            let required = parameters.filter(|one| one["in"] == "query" && one["required"] == true);
            routes.push(Route {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                scope: operation["x-scope"].as_str().map(str::to_owned),
                has_body: operation["requestBody"].is_object(),
                required_query: required.map(|one| one["name"].as_str().unwrap().to_owned()).collect(),
            });
        }
    }
    routes
}

impl Route {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with each parameter as `value` says.
    fn at(&self, value: impl Fn(&str) -> String) -> String {
        let mut path = String::new();
        let mut rest = self.path.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').expect("parameters are closed");
            path += before;
            path += &value(name);
            rest = after;
        }
        path + rest
    }
}

async fn new_key(stack: &Stack, body: &Value) -> (String, String) {
    let made = stack.call(Method::POST, "/admin/api-keys", stack.admin_key(), Some(body.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    (made.text("key_id"), made.text("key"))
}

/// What nobody's scope is asked about before it is refused: nothing that exists, in a body that is not JSON.
async fn knock(stack: &Stack, route: &Route, key: &str) -> Answer {
    let path = route.at(|_| "nothing".to_owned());
    let body = if route.has_body { b"{".to_vec() } else { Vec::new() };
    stack.call_raw(route.method.clone(), &path, key, body).await
}

#[tokio::test]
async fn every_route_opens_to_its_scope_and_to_nothing_else() {
    let stack = Stack::up();
    let tenant = stack.tenant(0);
    let (_, reader) = new_key(&stack, &json!({ "tenant_id": tenant, "scopes": ["read"] })).await;
    let (_, writer) = new_key(&stack, &json!({ "tenant_id": tenant, "scopes": ["write"] })).await;
    let both = json!({ "tenant_id": tenant, "scopes": ["read", "write"] });
    let (_, own) = new_key(&stack, &both).await;
    let (revoked_id, revoked) = new_key(&stack, &both).await;
    let soon = domain::Timestamp::from_millis(
        i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap() + 3_000,
    );
    let mut passing = both.clone();
    passing["expires_at"] = json!(soon);
    let (_, expired) = new_key(&stack, &passing).await;
    assert_eq!(stack.get("/v1/jobs", &revoked).await.status, StatusCode::OK);
    assert_eq!(stack.get("/v1/jobs", &expired).await.status, StatusCode::OK);
    let ended = stack.call(Method::DELETE, &format!("/admin/api-keys/{revoked_id}"), stack.admin_key(), None).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.body);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;

    let admin = stack.admin_key();
    let keys: [(&str, &str, &[&str]); 8] = [
        ("none", "", &[]),
        ("unknown", "sk_unknown", &[]),
        ("revoked", &revoked, &[]),
        ("expired", &expired, &[]),
        ("read", &reader, &["read"]),
        ("write", &writer, &["write"]),
        ("read and write", &own, &["read", "write"]),
        ("platform", admin, &["read", "write", "admin"]),
    ];
    let routes = routes();
    let calls = routes.iter().flat_map(|route| keys.iter().map(move |key| (route, key)));
    let stack = &stack;
    let mut wrong = Vec::new();
    let mut answers = stream::iter(calls)
        .map(|(route, (name, key, scopes))| async move {
            let answer = knock(stack, route, key).await;
            let opens = route.scope.as_ref().is_none_or(|scope| scopes.contains(&scope.as_str()));
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
            let right = opens != refused && answer.status.as_u16() < 500;
            (!right).then(|| format!("{} with key `{name}`: {} {}", route.name(), answer.status, answer.body))
        })
        .buffer_unordered(SIDE_BY_SIDE);
    while let Some(answer) = answers.next().await {
        wrong.extend(answer);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Everything of one tenant that a path can name.
async fn belongings(stack: &Stack, shop: &Shop) -> BTreeMap<&'static str, String> {
    let job = format!("/v1/jobs/{}", shop.job_id);
    let mut definition = stack.get(&job, stack.key(0)).await.body;
    let fields = definition.as_object_mut().unwrap();
    fields.retain(|name, _| ["name", "source", "target", "timezone"].contains(&name.as_str()));
    fields.insert("webhooks".into(), json!([{ "url": format!("{}/_control/nobody", stack.text("sandbox_url")) }]));
    let put = stack.call(Method::PUT, &job, stack.key(0), Some(definition)).await;
    assert!(put.status.is_success(), "{}", put.body);
    let summary = stack.reconcile(0, shop).await;
    let id = summary["reconciliation_id"].as_str().unwrap().to_owned();
    let first = async |list: &str, field: &str| {
        let items = stack.list(0, &id, list).await;
        items.first().unwrap_or_else(|| panic!("the run has {list}"))[field].as_str().unwrap().to_owned()
    };
    let endpoint = put.body["webhooks"][0]["endpoint_id"].as_str().unwrap().to_owned();
    let deliveries = stack.all(&format!("/v1/webhooks/{endpoint}/deliveries"), stack.key(0)).await;
    BTreeMap::from([
        ("job", shop.job_id.clone()),
        ("connection", put.body["source"]["connection"].as_str().unwrap().to_owned()),
        ("run", id.clone()),
        ("match_id", first("matches", "match_id").await),
        ("record_id", first("unmatched", "record_id").await.replace('/', "%2F")),
        ("endpoint_id", endpoint),
        (
            "delivery_id",
            deliveries
                .first()
                .map_or_else(|| unique("delivery"), |one| one["delivery_id"].as_str().unwrap().to_owned()),
        ),
    ])
}

/// A body that is right in itself, and about what is not the caller's.
fn body_of(route: &Route, theirs: &BTreeMap<&str, String>, definition: &Value) -> Option<Value> {
    let reason = json!({ "reason": "curious" });
    Some(match route.name().as_str() {
        "POST /v1/jobs" | "PUT /v1/jobs/{id}" => definition.clone(),
        "POST /v1/reconciliations" => january(&theirs["job"]),
        "POST /v1/reconciliations/{id}/matches" => json!({ "source_ids": ["a"], "target_ids": ["b"], "reason": "x" }),
        "POST /v1/reconciliations/{id}/unmatched/{record_id}" => json!({ "state": "accepted", "note": "x" }),
        name if name.ends_with("/confirm") || name.ends_with("/reject") || name.ends_with("/break") => reason,
        _ if route.has_body => json!({}),
        _ => return None,
    })
}

/// What a tenant sees of its own, to be compared before and after.
async fn seen(stack: &Stack, theirs: &BTreeMap<&str, String>) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        format!("/v1/jobs/{}", theirs["job"]),
        format!("/v1/connections/{}", theirs["connection"]),
        format!("/v1/reconciliations/{}", theirs["run"]),
    ] {
        let answer = stack.get(&path, stack.key(0)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        all.push(answer.body);
    }
    all
}

#[tokio::test]
async fn every_route_is_closed_to_another_tenant() {
    let stack = Stack::up();
    let shop = stack.shop(0, "typical", 300, 54).await;
    let theirs = belongings(&stack, &shop).await;
    let before = seen(&stack, &theirs).await;
    // A job over their accounts, and one that would be right if the job were the caller's.
    let over = |job: &Value| json!({ "name": "curious", "source": job["source"], "target": job["target"] });
    let of_theirs = over(&before[0]);
    let own = stack.shop(1, "clean", 5, 55).await;
    let of_own = over(&stack.get(&format!("/v1/jobs/{}", own.job_id), stack.key(1)).await.body);

    for route in routes().iter().filter(|route| route.path.starts_with("/v1/")) {
        // A connection of the same name would be the caller's own, and an upload names nothing.
        if ["PUT /v1/connections/{id}", "POST /v1/uploads"].contains(&route.name().as_str()) {
            continue;
        }
        let mut path = route.at(|parameter| match parameter {
            "id" if route.path.starts_with("/v1/jobs") => theirs["job"].clone(),
            "id" if route.path.starts_with("/v1/connections") => theirs["connection"].clone(),
            "id" => theirs["run"].clone(),
            named => theirs[named].clone(),
        });
        if route.required_query == ["format"] {
            path += "?format=csv";
        }
        let definition = if route.method == Method::POST { &of_theirs } else { &of_own };
        let body = body_of(route, &theirs, definition);
        let answer = stack.call(route.method.clone(), &path, stack.key(1), body).await;
        if !route.path.contains('{') && route.method == Method::GET {
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        } else if route.name() == "POST /v1/jobs" {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        } else {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {path}: {}", route.name(), answer.body);
        }
        let told = answer.body.to_string();
        let known: Vec<&String> =
            theirs.values().filter(|id| !path.contains(id.as_str()) && told.contains(id.as_str())).collect();
        let own_words = answer.status == StatusCode::NOT_FOUND || route.name() == "POST /v1/jobs";
        assert!(own_words || known.is_empty(), "{} tells {known:?}: {told}", route.name());
    }
    assert_eq!(seen(&stack, &theirs).await, before, "nothing of it has changed");
}
