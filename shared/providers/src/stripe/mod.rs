//! Stripe: the target side, read through the REST API.
//!
//! A movement belongs to the day on which it reached the balance, so balance transactions come first, each with its
//! charge or refund expanded. What has none (failed, uncaptured, pending) is found in the lists of charges and refunds,
//! where everything that has one is left out: **every charge and refund in the window is emitted exactly once.**

mod api;
mod cursor;
mod lists;
mod money;
mod normalise;
mod pace;
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
use domain::{Clock, TenantId, record::Side, time::Window};
use serde_json::Value;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Stripe {
    api: Api,
    page_size: PageSize,
}

impl Stripe {
    pub(crate) fn new(
        tenant: TenantId,
        base_url: &str,
        key: Secret,
        http: reqwest::Client,
        clock: Arc<dyn Clock>,
        calls: Calls,
    ) -> Self {
        Self { api: Api::new(tenant, base_url, key, http, clock, calls), page_size: PageSize::default() }
    }
}

#[async_trait]
impl Provider for Stripe {
    fn adapter(&self) -> &'static str {
        "stripe"
    }

    fn side(&self) -> Side {
        Side::Target
    }

    async fn fetch(&self, window: Window, cursor: Option<Value>) -> Result<Page, ProviderError> {
        let cursor = match cursor {
            Some(stored) => Some(Cursor::read(stored)?),
            None => Cursor::start(window, self.api.clock.now()),
        };
        match cursor {
            Some(cursor) => self.page_size.gather(cursor, |cursor| self.step(window, cursor)).await,
            None => Ok(Page::default()),
        }
    }
}
