//! A running sandbox and the few calls that tests make to it.

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use settler_tests::sandbox::server::Server;

pub const STRIPE_VERSION: &str = "2026-09-30.endive";

pub struct Sandbox {
    pub url: String,
    pub http: Client,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub struct Shop {
    pub name: String,
    pub access_token: String,
    pub stripe_api_key: String,
    pub counts: Value,
}

impl Sandbox {
    pub async fn start() -> Self {
        let server = Server::bind(0).await.expect("a free port");
        let url = format!("http://{}", server.address);
        Self { url, http: Client::new(), server: tokio::spawn(server.serve()) }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// Status and body; null where the body is empty.
    pub async fn send(request: RequestBuilder) -> (StatusCode, Value) {
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") })
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        Self::send(self.request(Method::POST, path).header("content-type", "application/json").body(body.to_string()))
            .await
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        Self::send(self.request(Method::GET, path)).await
    }

    pub async fn dataset(&self, shop: &str, preset: &str, orders: u32) -> Shop {
        self.dataset_with(shop, preset, orders, json!({})).await
    }

    pub async fn dataset_with(&self, shop: &str, preset: &str, orders: u32, more: Value) -> Shop {
        let mut body = json!({ "shop": shop, "preset": preset, "orders": orders, "seed": 5, "start": "2026-01-01", "end": "2026-01-31" });
        if let (Value::Object(to), Value::Object(from)) = (&mut body, more) {
            to.extend(from);
        }
        let (status, made) = self.post("/_control/datasets", body).await;
        assert_eq!(status, 201, "{made}");
        let text = |key: &str| made[key].as_str().expect("text").to_owned();
        Shop {
            name: text("shop"),
            access_token: text("access_token"),
            stripe_api_key: text("stripe_api_key"),
            counts: made["counts"].clone(),
        }
    }

    pub async fn truth(&self, shop: &Shop) -> Value {
        self.get(&format!("/_control/datasets/{}/truth", shop.name)).await.1
    }

    pub async fn graphql(&self, shop: &Shop, query: &str, variables: Value) -> Value {
        let (status, body) = self
            .graphql_as(&shop.name, &shop.access_token, "2026-10", json!({ "query": query, "variables": variables }))
            .await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub async fn graphql_as(&self, shop: &str, token: &str, version: &str, body: Value) -> (StatusCode, Value) {
        let request = self.request(Method::POST, &format!("/shopify/{shop}/admin/api/{version}/graphql.json"));
        Self::send(
            request
                .header("x-shopify-access-token", token)
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
        .await
    }

    pub async fn stripe(&self, shop: &Shop, path: &str) -> (StatusCode, Value) {
        let request = self.request(Method::GET, &format!("/stripe/v1/{path}"));
        Self::send(request.bearer_auth(&shop.stripe_api_key).header("stripe-version", STRIPE_VERSION)).await
    }

    /// Every object of a list, page by page.
    pub async fn stripe_all(&self, shop: &Shop, list: &str, filter: &str, limit: usize) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let mut after = String::new();
        loop {
            let (status, page) = self.stripe(shop, &format!("{list}?limit={limit}{filter}{after}")).await;
            assert_eq!(status, 200, "{page}");
            let data = page["data"].as_array().expect("data");
            all.extend(data.iter().cloned());
            if page["has_more"] != true {
                return all;
            }
            after = format!(
                "&starting_after={}",
                data.last().expect("a page with more is not empty")["id"].as_str().expect("id")
            );
        }
    }

    /// Every node of a connection at the root, page by page. `list` is the field with its arguments but `first` and `after`.
    pub async fn shopify_all(
        &self,
        shop: &Shop,
        field: &str,
        arguments: &str,
        selection: &str,
        first: u32,
    ) -> Vec<Value> {
        let query = format!(
            "query($after: String) {{ {field}(first: {first}, after: $after{arguments}) {{ nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let mut all = Vec::new();
        let mut after = Value::Null;
        loop {
            let body = self.graphql(shop, &query, json!({ "after": after })).await;
            assert!(body.get("errors").is_none(), "{body}");
            let connection = &body["data"][field];
            all.extend(connection["nodes"].as_array().expect("nodes").iter().cloned());
            if connection["pageInfo"]["hasNextPage"] != true {
                return all;
            }
            after = connection["pageInfo"]["endCursor"].clone();
        }
    }
}

/// The ids of objects, in order.
pub fn ids(objects: &[Value]) -> Vec<String> {
    objects.iter().map(|object| object["id"].as_str().expect("id").to_owned()).collect()
}
