//! The breaker as one invocation meets it: asked before each call, told after it, and closed at the end.

use super::{
    circuit::{Circuit, Phase, Reason},
    decide::{self, Admission},
    key::CircuitKey,
    policy::Policy,
    store::{Announce, Announcement, CircuitStore},
    window::{Counts, Window},
};
use async_trait::async_trait;
use domain::{Clock, IdSource, METRIC, TenantId, Timestamp, ports::PortError};
use std::sync::{Arc, Mutex, PoisonError};

/// How a call ended, for the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// No answer, a broken one, or 5xx.
    Failed,
    /// 429 with a time before which no call is wanted.
    Throttled {
        until: Timestamp,
    },
    /// Any other answer: it says nothing about the provider's health.
    Answered,
}

/// The call must not go out before `retry_at`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub key: CircuitKey,
    pub retry_at: Timestamp,
}

/// What stands before every call to one provider for one tenant.
#[async_trait]
pub trait Guarded: Send + Sync {
    async fn admit(&self) -> Result<(), Refused>;
    async fn record(&self, outcome: Outcome);
    /// At the end of an invocation: nothing that was counted is kept back, no lease is held.
    async fn finish(&self);
}

/// Lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unguarded;

#[async_trait]
impl Guarded for Unguarded {
    async fn admit(&self) -> Result<(), Refused> {
        Ok(())
    }

    async fn record(&self, _outcome: Outcome) {}

    async fn finish(&self) {}
}

/// Makes guards.
#[derive(Clone)]
pub struct Breakers {
    pub store: Arc<dyn CircuitStore>,
    pub bus: Arc<dyn Announce>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdSource>,
    pub policy: Policy,
}

impl std::fmt::Debug for Breakers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Breakers").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A prober with another one at its heels looks again after this time.
const LOST_RACE_MS: i64 = 1_000;
/// Transitions younger than this are being announced by whoever made them.
const ANNOUNCING_MS: i64 = 5_000;

impl Breakers {
    #[must_use]
    pub fn guard(&self, provider: &str, tenant: &TenantId) -> Guard {
        Guard {
            breakers: self.clone(),
            tenant: tenant.clone(),
            own: CircuitKey::tenant(provider, tenant),
            shared: CircuitKey::provider(provider),
            me: format!("{:032x}", self.ids.next()),
            counted: Mutex::default(),
            held: tokio::sync::Mutex::default(),
        }
    }

    /// Writes a decision down and tells everyone; the circuit as it is then, none when another was first.
    ///
    /// # Errors
    /// The store does not answer. A bus that does not answer is told later.
    pub async fn write(&self, mut next: Circuit) -> Result<Option<Circuit>, PortError> {
        if !self.store.write(&next).await? {
            return Ok(None);
        }
        if let Some(transition) = next.last().filter(|transition| transition.epoch == next.epoch) {
            tracing::warn!(
                circuit = %next.key,
                from = transition.from,
                to = transition.to,
                reason = transition.reason.as_str(),
                epoch = next.epoch,
                "circuit changed"
            );
            tracing::info!(target: METRIC, name = "CircuitChanges", value = 1_u64, unit = "Count", kind = transition.to);
            self.tell(&mut next).await;
            self.note_trouble(&next).await?;
        }
        Ok(Some(next))
    }

    /// Tells the bus what it was not told yet.
    async fn tell(&self, circuit: &mut Circuit) {
        let announcements: Vec<Announcement> = circuit
            .unannounced()
            .into_iter()
            .map(|transition| Announcement { key: circuit.key.clone(), transition: transition.clone() })
            .collect();
        let told = match self.bus.announce(&announcements).await {
            Ok(()) => self.store.announced(&circuit.key, circuit.epoch).await,
            Err(error) => Err(error),
        };
        match told {
            Ok(()) => circuit.announced = circuit.epoch,
            Err(error) => {
                tracing::warn!(circuit = %circuit.key, %error, "a circuit's change was not announced yet");
            }
        }
    }

    /// Keeps the provider's own circuit informed of its tenants', and opens it when they are enough.
    async fn note_trouble(&self, circuit: &Circuit) -> Result<(), PortError> {
        let Some(tenant) = &circuit.key.tenant else { return Ok(()) };
        let reason = circuit.last().map(|transition| &transition.reason);
        let open = match (&circuit.phase, reason) {
            (Phase::Closed, _) => false,
            (Phase::Open { .. }, Some(Reason::Failures { .. } | Reason::ProbeFailed)) => true,
            // Throttled accounts and circuits that were forced open say nothing about the provider.
            _ => return Ok(()),
        };
        let shared = CircuitKey::provider(&circuit.key.provider);
        let noted = self.store.trouble(&shared, tenant, open).await?;
        let now = self.clock.now();
        if decide::troubled(&noted, now, &self.policy).is_none() {
            return Ok(());
        }
        let noted = self.without_the_recovered(noted).await?;
        if let Some(mut next) = decide::troubled(&noted, now, &self.policy)
            && self.store.write(&next).await?
        {
            tracing::warn!(circuit = %next.key, to = "open", reason = "tenants", epoch = next.epoch, "circuit changed");
            self.tell(&mut next).await;
        }
        Ok(())
    }

    /// A tenant may have recovered without this being noted: its process died in between.
    async fn without_the_recovered(&self, mut noted: Circuit) -> Result<Circuit, PortError> {
        let tenants: Vec<TenantId> =
            noted.troubled.iter().filter_map(|tenant| TenantId::parse(tenant.as_str()).ok()).collect();
        let keys: Vec<CircuitKey> =
            tenants.iter().map(|tenant| CircuitKey::tenant(&noted.key.provider, tenant)).collect();
        for (tenant, circuit) in tenants.iter().zip(self.store.read(&keys).await?) {
            if circuit.phase == Phase::Closed {
                noted = self.store.trouble(&noted.key, tenant, false).await?;
            }
        }
        Ok(noted)
    }
}

/// One invocation's calls to one provider for one tenant.
pub struct Guard {
    breakers: Breakers,
    tenant: TenantId,
    own: CircuitKey,
    shared: CircuitKey,
    /// Names this invocation as a prober.
    me: String,
    counted: Mutex<Counts>,
    /// Circuits of which this invocation is the prober, as they were last written. Calls of one invocation may overlap,
    /// so it is held while a probe is decided.
    held: tokio::sync::Mutex<Vec<Circuit>>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("own", &self.own).field("me", &self.me).finish_non_exhaustive()
    }
}

impl Guard {
    fn later(&self, ms: i64) -> Timestamp {
        Timestamp::from_millis(self.breakers.clock.now().millis().saturating_add(ms))
    }

    /// # Errors
    /// The store does not answer.
    async fn try_admit(&self) -> Result<Result<(), Refused>, PortError> {
        let (now, policy) = (self.breakers.clock.now(), &self.breakers.policy);
        let mut held = self.held.lock().await;
        // The provider's own first: its lease is the one that many want.
        let mut circuits = self.breakers.store.read(&[self.shared.clone(), self.own.clone()]).await?;
        let mut refused: Option<Refused> = None;
        let mut probes = Vec::new();
        for circuit in &mut circuits {
            let stale =
                circuit.unannounced().last().is_some_and(|last| now.millis() - last.at.millis() > ANNOUNCING_MS);
            if stale {
                self.breakers.tell(circuit).await;
            }
            match decide::admit(circuit, &self.me, now, policy) {
                Admission::Go => {}
                Admission::Probe(next) => probes.push(*next),
                Admission::Refuse { retry_at } => {
                    if refused.as_ref().is_none_or(|known| known.retry_at < retry_at) {
                        refused = Some(Refused { key: circuit.key.clone(), retry_at });
                    }
                }
            }
        }
        if let Some(refused) = refused {
            return Ok(Err(refused));
        }
        for next in probes {
            let key = next.key.clone();
            match self.breakers.write(next).await? {
                Some(written) => {
                    held.retain(|known| known.key != key);
                    held.push(written);
                }
                None => {
                    self.give_back(&mut held).await?;
                    return Ok(Err(Refused { key, retry_at: self.later(LOST_RACE_MS) }));
                }
            }
        }
        Ok(Ok(()))
    }

    async fn give_back(&self, held: &mut Vec<Circuit>) -> Result<(), PortError> {
        for circuit in held.drain(..) {
            if let Some(next) = decide::given_back(&circuit, &self.me) {
                self.breakers.write(next).await?;
            }
        }
        Ok(())
    }

    /// Adds what was counted since the last time, in one write.
    async fn flush(&self) -> Result<Option<Circuit>, PortError> {
        let counts = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.calls == 0 {
            return Ok(None);
        }
        let slot = Window::slot(self.breakers.clock.now(), &self.breakers.policy);
        let added = self.breakers.store.add(&self.own, slot, counts).await;
        if added.is_err() {
            // Kept for the next write, which may go through.
            self.count(counts);
        }
        added.map(Some)
    }

    fn count(&self, more: Counts) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.calls += more.calls;
        counted.failures += more.failures;
    }

    async fn try_record(&self, outcome: Outcome) -> Result<(), PortError> {
        let (now, policy) = (self.breakers.clock.now(), &self.breakers.policy);
        let mut held = self.held.lock().await;
        match outcome {
            Outcome::Answered => Ok(()),
            Outcome::Succeeded => {
                self.count(Counts { calls: 1, failures: 0 });
                self.probed_well(&mut held, now).await
            }
            Outcome::Failed => {
                self.count(Counts { calls: 1, failures: 1 });
                let added = self.flush().await?;
                for circuit in held.drain(..) {
                    if let Some(next) = decide::probe_failed(&circuit, &self.me, now, policy) {
                        self.breakers.write(next).await?;
                    }
                }
                match added.and_then(|circuit| decide::counted(&circuit, now, policy)) {
                    Some(next) => self.breakers.write(next).await.map(|_| ()),
                    None => Ok(()),
                }
            }
            Outcome::Throttled { until } => {
                self.count(Counts { calls: 1, failures: 0 });
                self.flush().await?;
                // Of the provider as a whole this is good news: it answers.
                let own = self.own.clone();
                held.retain(|circuit| circuit.key != own);
                self.probed_well(&mut held, now).await?;
                self.close_until(until, now).await
            }
        }
    }

    async fn probed_well(&self, held: &mut Vec<Circuit>, now: Timestamp) -> Result<(), PortError> {
        for circuit in std::mem::take(held) {
            let Some(next) = decide::probe_succeeded(&circuit, &self.me, now, &self.breakers.policy) else { continue };
            // None: the lease ran out and another has taken over. Nothing is ours to say.
            if let Some(written) = self.breakers.write(next).await?
                && written.held_by(&self.me)
            {
                held.push(written);
            }
        }
        Ok(())
    }

    /// Opens the tenant's circuit until the provider's time; again while others change it.
    async fn close_until(&self, until: Timestamp, now: Timestamp) -> Result<(), PortError> {
        const MAX_TRIES: u32 = 8;
        for _ in 0..MAX_TRIES {
            let circuits = self.breakers.store.read(std::slice::from_ref(&self.own)).await?;
            let Some(next) = circuits.first().and_then(|circuit| decide::throttled(circuit, until, now)) else {
                return Ok(());
            };
            if self.breakers.write(next).await?.is_some() {
                return Ok(());
            }
        }
        Err(PortError::Transient(format!("the circuit {} kept changing", self.own)))
    }
}

#[async_trait]
impl Guarded for Guard {
    async fn admit(&self) -> Result<(), Refused> {
        match self.try_admit().await {
            Ok(admitted) => admitted,
            Err(error) => {
                tracing::warn!(circuit = %self.own, %error, "the breaker's store does not answer: the call goes out");
                Ok(())
            }
        }
    }

    async fn record(&self, outcome: Outcome) {
        if let Err(error) = self.try_record(outcome).await {
            tracing::warn!(circuit = %self.own, tenant_id = %self.tenant, %error, "the end of a call was not recorded");
        }
    }

    async fn finish(&self) {
        let flushed = self.flush().await.map(|_| ());
        let mut held = self.held.lock().await;
        if let Err(error) = flushed.and(self.give_back(&mut held).await) {
            tracing::warn!(circuit = %self.own, %error, "an invocation's calls were not recorded");
        }
    }
}
