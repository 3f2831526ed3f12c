//! Circuits in memory, and a bus that listens to nobody.

use super::{
    circuit::{Circuit, Phase},
    key::CircuitKey,
    store::{Announce, Announcement, CircuitStore},
    window::{Counts, Window},
};
use async_trait::async_trait;
use domain::{TenantId, ports::PortError};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Clones share what they keep, as processes share a table.
#[derive(Debug, Clone, Default)]
pub struct MemoryCircuits(Arc<Mutex<BTreeMap<String, Circuit>>>);

impl MemoryCircuits {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, key: &CircuitKey, change: impl FnOnce(&mut Circuit)) -> Circuit {
        let mut all = self.locked();
        let circuit = all.entry(key.to_string()).or_insert_with(|| Circuit::new(key.clone()));
        change(circuit);
        circuit.clone()
    }
}

#[async_trait]
impl CircuitStore for MemoryCircuits {
    async fn read(&self, keys: &[CircuitKey]) -> Result<Vec<Circuit>, PortError> {
        let all = self.locked();
        let one = |key: &CircuitKey| all.get(&key.to_string()).cloned().unwrap_or_else(|| Circuit::new(key.clone()));
        Ok(keys.iter().map(one).collect())
    }

    async fn add(&self, key: &CircuitKey, slot: i64, counts: Counts) -> Result<Circuit, PortError> {
        Ok(self.change(key, |circuit| circuit.window.add(slot, counts)))
    }

    async fn write(&self, next: &Circuit) -> Result<bool, PortError> {
        let mut written = false;
        self.change(&next.key, |circuit| {
            if circuit.epoch + 1 == next.epoch {
                let closes = next.phase == Phase::Closed;
                let window = if closes { Window::default() } else { circuit.window.clone() };
                let troubled = if closes { Default::default() } else { circuit.troubled.clone() };
                *circuit = Circuit { window, troubled, announced: circuit.announced, ..next.clone() };
                written = true;
            }
        });
        Ok(written)
    }

    async fn trouble(&self, provider: &CircuitKey, tenant: &TenantId, open: bool) -> Result<Circuit, PortError> {
        Ok(self.change(provider, |circuit| {
            if open {
                circuit.troubled.insert(tenant.to_string());
            } else {
                circuit.troubled.remove(tenant.as_str());
            }
        }))
    }

    async fn announced(&self, key: &CircuitKey, epoch: u64) -> Result<(), PortError> {
        self.change(key, |circuit| circuit.announced = circuit.announced.max(epoch));
        Ok(())
    }

    async fn list(&self, limit: u32, after: Option<String>) -> Result<(Vec<Circuit>, Option<String>), PortError> {
        let all = self.locked();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let behind = all.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
        let page: Vec<Circuit> = behind.clone().take(limit).map(|(_, circuit)| circuit.clone()).collect();
        let next = if behind.count() > limit { page.last().map(|circuit| circuit.key.to_string()) } else { None };
        Ok((page, next))
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

#[async_trait]
impl Announce for Silent {
    async fn announce(&self, _announcements: &[Announcement]) -> Result<(), PortError> {
        Ok(())
    }
}
