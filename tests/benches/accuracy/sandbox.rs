//! A sandbox in this process, and a month of a shop as the adapters read it.

use super::{Fallible, truth::Truth};
use domain::{Clock, TenantId, Timestamp, time::Window};
use matching::{Memory, RuleSet, RunInput};
use providers::{Calls, Endpoints, Page, connect, http_client};
use serde_json::{Value, json};
use settler_tests::sandbox::server::Server;
use std::sync::Arc;

/// Long after the month, so that nothing is merely not there yet.
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        // 2026-06-01T00:00:00Z
        Timestamp::from_millis(1_780_272_000_000)
    }
}

pub struct Running {
    url: String,
    http: reqwest::Client,
}

fn text(of: &Value, name: &str) -> Fallible<String> {
    Ok(of.get(name).and_then(Value::as_str).ok_or_else(|| format!("no `{name}` in {of}"))?.to_owned())
}

impl Running {
    pub async fn start() -> Fallible<Self> {
        let server = Server::bind(0).await?;
        let url = format!("http://{}", server.address);
        tokio::spawn(server.serve());
        Ok(Self { url, http: http_client() })
    }

    /// January 2026 of a shop, padded as the default rules ask, and its truth.
    pub async fn month(&self, preset: &str, orders: u32, seed: u32) -> Fallible<(RunInput, Truth)> {
        let body = json!({
            "shop": preset, "preset": preset, "orders": orders, "seed": seed, "start": "2026-01-01", "end": "2026-01-31",
            "maximum_available": 1_000_000, "restore_rate": 1_000_000,
        });
        let made = self.http.post(format!("{}/_control/datasets", self.url)).json(&body).send().await?;
        let made: Value = made.json().await?;
        let shop = json!({ "shop": text(&made, "shop")?, "access_token": text(&made, "access_token")? });
        let account = json!({ "api_key": text(&made, "stripe_api_key")? });
        let window =
            Window { from: Timestamp::from_millis(1_767_225_600_000), to: Timestamp::from_millis(1_769_904_000_000) };
        let padded = window.padded(RuleSet::default().window_pad_days);
        let (source, target) = tokio::join!(self.read("shopify", &shop, padded), self.read("stripe", &account, padded));
        let (source, target) = (source?, target?);
        let truth = self.http.get(format!("{}/_control/datasets/{preset}/truth", self.url)).send().await?;
        let truth = Truth::of_sandbox(&truth.json().await?)?;
        let input = RunInput {
            source: source.records.into_iter().collect(),
            target: target.records.into_iter().collect(),
            orders: source.orders.into_iter().collect(),
            window,
            as_of: Later.now(),
            memory: Memory::default(),
        };
        Ok((input, truth))
    }

    async fn read(&self, adapter: &str, credentials: &Value, window: Window) -> Fallible<Page> {
        let endpoints = Endpoints {
            shopify_base_url: format!("{}/shopify/{{shop}}", self.url),
            stripe_base_url: format!("{}/stripe", self.url),
        };
        let tenant = TenantId::parse("bench")?;
        let provider =
            connect(adapter, &tenant, credentials, &endpoints, self.http.clone(), Arc::new(Later), Calls::default())?;
        let mut all = Page::default();
        let mut cursor = None;
        loop {
            let page = provider.fetch(window, cursor).await?;
            all.records.extend(page.records);
            all.orders.extend(page.orders);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}
