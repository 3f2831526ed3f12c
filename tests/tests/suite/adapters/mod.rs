//! The real adapters against the running sandbox, over HTTP: what they read, and what they say when it goes wrong.

mod reading;
mod troubles;

use crate::sandbox::client::{Sandbox, Shop};
use domain::{Clock, TenantId, Timestamp, time::Window};
use providers::{Calls, Endpoints, Page, Provider, ProviderError, connect};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

const BOTH: [&str; 2] = ["shopify", "stripe"];

/// Long after every dataset of these tests.
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        instant("2026-06-01T00:00:00Z")
    }
}

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("an instant")
}

/// The range of the datasets, as a run would read it: three days more on each side.
fn padded_january() -> Window {
    Window { from: instant("2025-12-29T00:00:00Z"), to: instant("2026-02-04T00:00:00Z") }
}

/// A shop and its account, with what it takes to read them.
struct World {
    sandbox: Sandbox,
    shop: Shop,
    http: reqwest::Client,
}

impl World {
    async fn of(preset: &str, orders: u32) -> Self {
        Self::with(preset, orders, json!({})).await
    }

    async fn with(preset: &str, orders: u32, more: Value) -> Self {
        let sandbox = Sandbox::start().await;
        let shop = sandbox.dataset_with("adapters", preset, orders, more).await;
        Self { sandbox, shop, http: providers::http_client() }
    }

    fn adapter(&self, name: &str) -> Box<dyn Provider> {
        let credentials = match name {
            "shopify" => json!({ "shop": self.shop.name, "access_token": self.shop.access_token }),
            _ => json!({ "api_key": self.shop.stripe_api_key }),
        };
        self.adapter_with(name, &credentials)
    }

    fn adapter_with(&self, name: &str, credentials: &Value) -> Box<dyn Provider> {
        let endpoints = Endpoints {
            shopify_base_url: format!("{}/shopify/{{shop}}", self.sandbox.url),
            stripe_base_url: format!("{}/stripe", self.sandbox.url),
        };
        let tenant = TenantId::parse("tenant_1").expect("a tenant");
        connect(name, &tenant, credentials, &endpoints, self.http.clone(), Arc::new(Later), Calls::default())
            .expect("usable credentials")
    }

    /// Everything in the window, by one adapter from beginning to end.
    async fn read(&self, name: &str, window: Window) -> Result<Page, ProviderError> {
        let adapter = self.adapter(name);
        let mut all = Page::default();
        let mut cursor = None;
        loop {
            let page = adapter.fetch(window, cursor).await?;
            cursor = page.next.clone();
            append(&mut all, page);
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    async fn fault(&self, fault: Value) {
        let (status, answer) = self.sandbox.post("/_control/faults", fault).await;
        assert_eq!(status, 201, "{answer}");
    }

    async fn clear_faults(&self) {
        let cleared = self.sandbox.request(Method::DELETE, "/_control/faults").send().await.expect("an answer");
        assert_eq!(cleared.status(), 204);
    }

    /// How many requests a provider has had, and the statuses of the last thousand.
    async fn requests(&self, name: &str) -> (u64, Vec<u64>) {
        let (_, log) = self.sandbox.get("/_control/requests").await;
        let last = log["last"].as_array().expect("a list").iter().filter(|entry| entry["provider"] == name);
        let statuses = last.map(|entry| entry["status"].as_u64().expect("a status")).collect();
        (log["by_provider"][name].as_u64().unwrap_or(0), statuses)
    }
}

/// Adds a page without the place of its raw objects, which says how the pages were cut and nothing of the records.
fn append(all: &mut Page, page: Page) {
    for mut record in page.records {
        let pointer = record.raw.take().expect("every record points to what it was read from");
        let raw = page.raw.get(pointer.index as usize).expect("an object of this page").to_string();
        assert!(raw.contains(&record.id), "{} is not in its raw object", record.id);
        all.records.push(record);
    }
    all.orders.extend(page.orders);
    all.raw.extend(page.raw);
}
