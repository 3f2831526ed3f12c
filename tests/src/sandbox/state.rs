//! What the server remembers between requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::dataset::Dataset;
use super::faults::Faults;
use super::hooks::Hook;
use super::requests::RequestLog;
use super::shopify::graphql::Parsed;

pub type Shared = Arc<Sandbox>;

#[derive(Debug, Default)]
pub struct Sandbox {
    datasets: RwLock<Datasets>,
    pub faults: Mutex<Faults>,
    pub requests: Mutex<RequestLog>,
    pub hooks: Mutex<HashMap<String, Hook>>,
    pub queries: Mutex<HashMap<String, Arc<Parsed>>>,
}

#[derive(Debug, Default)]
struct Datasets {
    by_shop: HashMap<String, Arc<Dataset>>,
    by_key: HashMap<String, Arc<Dataset>>,
}

/// A panic in another request must not take the server down with it.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sandbox {
    #[must_use]
    pub fn dataset(&self, shop: &str) -> Option<Arc<Dataset>> {
        self.datasets.read().unwrap_or_else(PoisonError::into_inner).by_shop.get(shop).cloned()
    }

    /// The dataset that a processor key opens.
    #[must_use]
    pub fn account(&self, key: &str) -> Option<Arc<Dataset>> {
        self.datasets.read().unwrap_or_else(PoisonError::into_inner).by_key.get(key).cloned()
    }

    /// Adds a dataset, or replaces the shop's former one with its credentials.
    pub fn put(&self, dataset: Arc<Dataset>) {
        let mut datasets = self.datasets.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(former) = datasets.by_shop.insert(dataset.shop.clone(), Arc::clone(&dataset)) {
            datasets.by_key.remove(&former.stripe_api_key);
        }
        datasets.by_key.insert(dataset.stripe_api_key.clone(), dataset);
    }

    #[must_use]
    pub fn shops(&self) -> Vec<Arc<Dataset>> {
        let datasets = self.datasets.read().unwrap_or_else(PoisonError::into_inner);
        let mut shops: Vec<Arc<Dataset>> = datasets.by_shop.values().cloned().collect();
        shops.sort_by(|a, b| a.shop.cmp(&b.shop));
        shops
    }
}
