//! The stack as a client sees it.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Longest wait for a run on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(240);

pub struct Stack {
    pub outputs: Value,
    http: Client,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {}", self.body)).to_owned()
    }
}

/// A sandbox shop with its job.
pub struct Shop {
    pub dataset: Value,
    pub job_id: String,
}

impl Shop {
    pub fn name(&self) -> &str {
        self.dataset["shop"].as_str().unwrap()
    }
}

/// A name that no other test of this or an earlier run has.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() % 1_000_000_000_000;
    format!("{prefix}-{nanos:x}-{:x}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub fn outputs_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.local/outputs.json")
}

impl Stack {
    pub fn up() -> Self {
        let file = outputs_file();
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|_| panic!("no running stack: {} is missing; run `make up`", file.display()));
        let http = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { outputs: serde_json::from_str(&text).unwrap(), http }
    }

    pub fn text(&self, name: &str) -> &str {
        self.outputs[name].as_str().unwrap()
    }

    pub fn key(&self, tenant: usize) -> &str {
        self.outputs["tenants"][tenant]["api_key"].as_str().unwrap()
    }

    pub fn tenant(&self, tenant: usize) -> &str {
        self.outputs["tenants"][tenant]["tenant_id"].as_str().unwrap()
    }

    pub fn admin_key(&self) -> &str {
        self.text("admin_api_key")
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub async fn call(&self, method: Method, path: &str, key: &str, body: Option<Value>) -> Answer {
        self.call_with(method, path, key, body, &[]).await
    }

    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.text("api_url").trim_end_matches('/')));
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request).await
    }

    pub async fn call_raw(&self, method: Method, path: &str, key: &str, body: Vec<u8>) -> Answer {
        let url = format!("{}{path}", self.text("api_url").trim_end_matches('/'));
        let mut request = self.http.request(method, url).header("content-type", "application/json").body(body);
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        self.send(request).await
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        self.call(Method::GET, path, key, None).await
    }

    pub async fn download(&self, url: &str) -> String {
        self.http.get(url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
    }

    pub async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request =
            self.http.request(method, format!("{}/_control/{path}", self.text("sandbox_url").trim_end_matches('/')));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = self.send(request).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.body);
        answer.body
    }

    pub async fn truth(&self, shop: &Shop) -> Value {
        self.control(Method::GET, &format!("datasets/{}/truth", shop.name()), None).await
    }

    /// A shop with data of January 2026, its connections and a job of tenant `tenant`.
    pub async fn shop(&self, tenant: usize, preset: &str, orders: u32, seed: u32) -> Shop {
        let body = json!({ "shop": unique("shop"), "preset": preset, "orders": orders, "seed": seed, "start": "2026-01-01", "end": "2026-01-31" });
        let dataset = self.control(Method::POST, "datasets", Some(body)).await;
        let tag = unique("c");
        let key = self.key(tenant);
        for (adapter, credentials) in [
            ("shopify", json!({ "shop": dataset["shop"], "access_token": dataset["access_token"] })),
            ("stripe", json!({ "api_key": dataset["stripe_api_key"] })),
        ] {
            let body = json!({ "adapter": adapter, "credentials": credentials });
            let answer = self.call(Method::PUT, &format!("/v1/connections/{adapter}-{tag}"), key, Some(body)).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        }
        let body = json!({
            "name": tag,
            "source": { "adapter": "shopify", "connection": format!("shopify-{tag}") },
            "target": { "adapter": "stripe", "connection": format!("stripe-{tag}") },
        });
        let job = self.call(Method::POST, "/v1/jobs", key, Some(body)).await;
        assert_eq!(job.status, StatusCode::CREATED, "{}", job.body);
        Shop { dataset, job_id: job.text("job_id") }
    }

    pub async fn start(&self, tenant: usize, body: Value) -> Answer {
        self.call(Method::POST, "/v1/reconciliations", self.key(tenant), Some(body)).await
    }

    /// Starts January for the shop and waits for the end.
    pub async fn reconcile(&self, tenant: usize, shop: &Shop) -> Value {
        let started = self.start(tenant, january(&shop.job_id)).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
        self.ended(tenant, &started.text("reconciliation_id")).await
    }

    /// The run's summary once it is over.
    pub async fn ended(&self, tenant: usize, id: &str) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.get(&format!("/v1/reconciliations/{id}"), self.key(tenant)).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            if !matches!(answer.body["status"].as_str(), Some("running" | "compensating")) {
                return answer.body;
            }
            assert!(begun.elapsed() < RUN_LIMIT, "{id} still runs: {}", answer.body);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// All items of a list, through its pages.
    pub async fn all(&self, path: &str, key: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{separator}limit=200{cursor}"), key).await;
            assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
            items.extend(page.body["items"].as_array().unwrap().iter().cloned());
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    pub async fn list(&self, tenant: usize, id: &str, list: &str) -> Vec<Value> {
        self.all(&format!("/v1/reconciliations/{id}/{list}"), self.key(tenant)).await
    }

    pub async fn event_types(&self, tenant: usize, aggregate: &str, id: &str) -> Vec<String> {
        let path = format!("/admin/events/{aggregate}/{id}?tenant_id={}", self.tenant(tenant));
        let events = self.all(&path, self.admin_key()).await;
        events.iter().map(|event| event["event_type"].as_str().unwrap().to_owned()).collect()
    }
}

pub fn january(job_id: &str) -> Value {
    json!({ "job_id": job_id, "date_range": { "start": "2026-01-01", "end": "2026-01-31" } })
}
