//! Provider accounts that hold what a test gives them and answer as it says.

use async_trait::async_trait;
use domain::{TenantId, connection::Adapter, record::Side, time::Window};
use providers::{Page, Provider, ProviderError};
use saga::Accounts;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use testkit::FixedClock;

pub struct Account {
    side: Side,
    clock: Arc<FixedClock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pages: Vec<Page>,
    /// By the number of the call, from 0.
    errors: BTreeMap<usize, ProviderError>,
    page_ms: i64,
    calls: Vec<(Window, Option<Value>)>,
}

impl Account {
    pub fn new(side: Side, pages: Vec<Page>, clock: &Arc<FixedClock>) -> Arc<Self> {
        let state = State { pages, ..State::default() };
        Arc::new(Self { side, clock: Arc::clone(clock), state: Mutex::new(state) })
    }

    pub fn fails_at(&self, call: usize, error: ProviderError) {
        self.state.lock().unwrap().errors.insert(call, error);
    }

    pub fn takes(&self, page_ms: i64) {
        self.state.lock().unwrap().page_ms = page_ms;
    }

    pub fn holds(&self, pages: Vec<Page>) {
        self.state.lock().unwrap().pages = pages;
    }

    /// Cursors that were asked with.
    pub fn calls(&self) -> Vec<Option<Value>> {
        self.state.lock().unwrap().calls.iter().map(|(_, cursor)| cursor.clone()).collect()
    }

    pub fn window(&self) -> Window {
        self.state.lock().unwrap().calls[0].0
    }
}

struct Opened(Arc<Account>);

#[async_trait]
impl Provider for Opened {
    fn adapter(&self) -> &'static str {
        "fake"
    }

    fn side(&self) -> Side {
        self.0.side
    }

    async fn fetch(&self, window: Window, cursor: Option<Value>) -> Result<Page, ProviderError> {
        let mut state = self.0.state.lock().unwrap();
        let call = state.calls.len();
        state.calls.push((window, cursor.clone()));
        self.0.clock.advance_ms(state.page_ms);
        if let Some(error) = state.errors.remove(&call) {
            return Err(error);
        }
        let number = cursor.map_or(0, |cursor| usize::try_from(cursor["page"].as_u64().unwrap()).unwrap());
        let next = (number + 1 < state.pages.len()).then(|| serde_json::json!({ "page": number + 1 }));
        Ok(Page { next, ..state.pages[number].clone() })
    }
}

pub struct Both {
    pub shop: Arc<Account>,
    pub stripe: Arc<Account>,
}

impl Accounts for Both {
    fn open(&self, adapter: Adapter, _: &TenantId, credentials: &Value) -> Result<Box<dyn Provider>, ProviderError> {
        if credentials["token"] != "secret" {
            return Err(ProviderError::Credentials { message: "token: is missing".into() });
        }
        let account = match adapter {
            Adapter::Shopify => &self.shop,
            Adapter::Stripe => &self.stripe,
            Adapter::Csv => unreachable!("files are read from the bucket"),
        };
        Ok(Box::new(Opened(Arc::clone(account))))
    }
}
