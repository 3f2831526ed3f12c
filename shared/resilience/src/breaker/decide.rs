//! The rules of the breaker: what a circuit allows, and what becomes of it. Pure; whoever writes a result down does so
//! on the condition that the epoch is still the one that was decided on.

use super::{
    circuit::{Circuit, Lease, Mode, Phase, Reason},
    policy::Policy,
};
use domain::Timestamp;

/// Whether a call may go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    Go,
    /// Not before this time.
    Refuse {
        retry_at: Timestamp,
    },
    /// As the prober, once this is written down.
    Probe(Box<Circuit>),
}

fn later(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_millis(at.millis().saturating_add(ms))
}

#[must_use]
pub fn admit(circuit: &Circuit, me: &str, now: Timestamp, policy: &Policy) -> Admission {
    match circuit.mode {
        Mode::ForcedClosed => return Admission::Go,
        // Nobody knows when an operator will open it again: look after the usual time.
        Mode::ForcedOpen => return Admission::Refuse { retry_at: later(now, policy.open_ms) },
        Mode::Automatic => {}
    }
    let mine = || Some(Lease { owner: me.to_owned(), until: later(now, policy.lease_ms) });
    match &circuit.phase {
        Phase::Closed => Admission::Go,
        Phase::Open { retry_at } if now < *retry_at => Admission::Refuse { retry_at: *retry_at },
        Phase::Open { .. } => {
            let probing = Phase::HalfOpen { lease: mine(), successes: 0 };
            Admission::Probe(Box::new(circuit.change(now, Mode::Automatic, probing, Reason::ProbeDue)))
        }
        Phase::HalfOpen { lease: Some(lease), .. } if now < lease.until => {
            if lease.owner == me {
                Admission::Go
            } else {
                Admission::Refuse { retry_at: lease.until }
            }
        }
        // Given back, or its prober died: the next one goes on from where it stood.
        Phase::HalfOpen { successes, .. } => Admission::Probe(Box::new(circuit.probing(mine(), *successes))),
    }
}

/// After failures were counted: opens when too many of enough calls failed.
#[must_use]
pub fn counted(circuit: &Circuit, now: Timestamp, policy: &Policy) -> Option<Circuit> {
    if circuit.mode != Mode::Automatic || circuit.phase != Phase::Closed {
        return None;
    }
    let counts = circuit.window.total(now, policy);
    let too_many = counts.failures.saturating_mul(100) >= policy.failure_percent.saturating_mul(counts.calls);
    (counts.calls >= policy.min_calls && too_many).then(|| {
        let reason = Reason::Failures { calls: counts.calls, failures: counts.failures };
        circuit.change(now, Mode::Automatic, Phase::Open { retry_at: later(now, policy.open_ms) }, reason)
    })
}

/// The provider wants no call before `until`.
#[must_use]
pub fn throttled(circuit: &Circuit, until: Timestamp, now: Timestamp) -> Option<Circuit> {
    let known = matches!(&circuit.phase, Phase::Open { retry_at } if *retry_at >= until);
    (circuit.mode == Mode::Automatic && !known && until > now)
        .then(|| circuit.change(now, Mode::Automatic, Phase::Open { retry_at: until }, Reason::Throttled))
}

/// A prober's call came back well.
#[must_use]
pub fn probe_succeeded(circuit: &Circuit, me: &str, now: Timestamp, policy: &Policy) -> Option<Circuit> {
    let Phase::HalfOpen { lease: Some(lease), successes } = &circuit.phase else { return None };
    if circuit.mode != Mode::Automatic || lease.owner != me {
        return None;
    }
    let successes = successes.saturating_add(1);
    Some(if successes >= policy.probe_successes {
        circuit.change(now, Mode::Automatic, Phase::Closed, Reason::ProbesSucceeded { successes })
    } else {
        let lease = Lease { owner: me.to_owned(), until: later(now, policy.lease_ms) };
        circuit.probing(Some(lease), successes)
    })
}

/// A prober's call failed.
#[must_use]
pub fn probe_failed(circuit: &Circuit, me: &str, now: Timestamp, policy: &Policy) -> Option<Circuit> {
    (circuit.mode == Mode::Automatic && circuit.held_by(me)).then(|| {
        let open = Phase::Open { retry_at: later(now, policy.open_ms) };
        circuit.change(now, Mode::Automatic, open, Reason::ProbeFailed)
    })
}

/// A prober ends before it knows: whoever comes next goes on.
#[must_use]
pub fn given_back(circuit: &Circuit, me: &str) -> Option<Circuit> {
    match &circuit.phase {
        Phase::HalfOpen { lease: Some(lease), successes } if lease.owner == me => {
            Some(circuit.probing(None, *successes))
        }
        _ => None,
    }
}

/// Of a provider's own circuit, after another tenant's opened: opens when they are enough.
#[must_use]
pub fn troubled(circuit: &Circuit, now: Timestamp, policy: &Policy) -> Option<Circuit> {
    let open = circuit.troubled.len();
    (circuit.mode == Mode::Automatic && circuit.phase == Phase::Closed && open >= policy.tenants_open).then(|| {
        let retry_at = later(now, policy.open_ms);
        circuit.change(now, Mode::Automatic, Phase::Open { retry_at }, Reason::Tenants { open })
    })
}

/// An operator's word. Forcing what is forced already changes nothing; back to automatic begins closed and uncounted.
#[must_use]
pub fn forced(circuit: &Circuit, mode: Mode, by: &str, now: Timestamp, policy: &Policy) -> Option<Circuit> {
    let phase = match mode {
        Mode::ForcedOpen => Phase::Open { retry_at: later(now, policy.open_ms) },
        Mode::ForcedClosed | Mode::Automatic => Phase::Closed,
    };
    (circuit.mode != mode).then(|| circuit.change(now, mode, phase, Reason::Operator { by: by.to_owned() }))
}
