//! Shopify: the source side, read through the GraphQL Admin API.
//!
//! A movement belongs to the day on which it happened, so two selections are read, each in slices of a day:
//! 1. orders whose own date lies in the window, with all their transactions, paid or not;
//! 2. tender transactions (money that moved) in the window, and through them the transactions of *older* orders.
//!
//! **Every transaction in the window is emitted exactly once.** An order whose date lies in the window is left to the
//! first selection entirely. An older order may appear in several slices of the second one: each slice emits the
//! movements at home in it (see [`home`]), which depends on the order alone and not on the order in which pages come.

mod api;
#[cfg(test)]
mod contract;
mod cursor;
mod home;
mod normalise;
mod select;
#[cfg(test)]
mod tests;

use crate::{
    calls::Calls,
    credentials::Secret,
    paging::PageSize,
    provider::{Page, Provider, ProviderError},
};
use api::Api;
use async_trait::async_trait;
use cursor::Cursor;
use domain::{Clock, TenantId, Timestamp, record::Side, time::Window};
use serde_json::{Value, json};
use std::sync::Arc;

const SCOPES: &str = include_str!("scopes.graphql");
/// How far a token without `read_all_orders` sees.
const VISIBLE_DAYS: i64 = 60;

#[derive(Debug)]
pub(crate) struct Shopify {
    api: Api,
    page_size: PageSize,
}

impl Shopify {
    pub(crate) fn new(
        tenant: TenantId,
        base_url: &str,
        token: Secret,
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
        calls: Calls,
    ) -> Self {
        Self { api: Api::new(tenant, base_url, token, http, clock, calls), page_size: PageSize::default() }
    }

    /// An answer without the older orders would look like a shop without them: better no answer.
    async fn check_scopes(&self, window: Window) -> Result<(), ProviderError> {
        let data = self.api.query(SCOPES, &json!({})).await?;
        let scopes = data.pointer("/currentAppInstallation/accessScopes").and_then(Value::as_array);
        let unreadable =
            || ProviderError::Malformed { message: "AppInstallation: field accessScopes is missing".to_owned() };
        let scopes: Vec<&str> =
            scopes.ok_or_else(unreadable)?.iter().filter_map(|scope| scope.get("handle")?.as_str()).collect();
        let denied = |message: String| Err(ProviderError::AccessDenied { message });
        if !scopes.contains(&"read_orders") && !scopes.contains(&"write_orders") {
            return denied("the Shopify access token lacks the scope read_orders".to_owned());
        }
        let visible_from = Timestamp::from_millis(self.api.clock.now().millis() - VISIBLE_DAYS * 86_400_000);
        if window.from < visible_from && !scopes.contains(&"read_all_orders") {
            return denied(format!(
                "the Shopify access token lacks the scope read_all_orders and sees orders of the last {VISIBLE_DAYS} days only; \
                 the window begins on {}: grant the scope or choose a later range",
                window.from
            ));
        }
        Ok(())
    }
}

#[async_trait]
impl Provider for Shopify {
    fn adapter(&self) -> &'static str {
        "shopify"
    }

    fn side(&self) -> Side {
        Side::Source
    }

    async fn fetch(&self, window: Window, cursor: Option<Value>) -> Result<Page, ProviderError> {
        let cursor = match cursor {
            Some(stored) => Cursor::read(stored)?,
            None => {
                self.check_scopes(window).await?;
                let Some(cursor) = Cursor::start(window, self.api.clock.now()) else {
                    return Ok(Page::default());
                };
                cursor
            }
        };
        self.page_size.gather(cursor, |cursor| self.step(window, cursor)).await
    }
}
