//! The rules alone, under any sequence of calls, waits and operators, by several invocations that share one circuit.

use domain::Timestamp;
use proptest::prelude::*;
use resilience::breaker::{Circuit, CircuitKey, Counts, Mode, Phase, Policy, Window, decide, decide::Admission};

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Act {
    Pass(i64),
    /// An invocation asks, and if it may, its call ends so.
    Call(usize, End),
    /// It asks, and is not heard of any more.
    Die(usize),
    GiveBack(usize),
    Force(Mode),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Well,
    Badly,
    Throttled(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0..NAMES.len();
    let end = prop_oneof![3 => Just(End::Well), 4 => Just(End::Badly), 1 => (1..200_i64).prop_map(End::Throttled)];
    let mode = prop_oneof![Just(Mode::Automatic), Just(Mode::ForcedOpen), Just(Mode::ForcedClosed)];
    let act = prop_oneof![
        4 => (1..70_000_i64).prop_map(Act::Pass),
        12 => (who.clone(), end).prop_map(|(who, end)| Act::Call(who, end)),
        1 => who.clone().prop_map(Act::Die),
        1 => who.prop_map(Act::GiveBack),
        1 => mode.prop_map(Act::Force),
    ];
    proptest::collection::vec(act, 1..120)
}

struct World {
    circuit: Circuit,
    now: Timestamp,
    policy: Policy,
}

impl World {
    fn take(&mut self, next: Option<Circuit>) {
        if let Some(next) = next {
            assert_eq!(next.epoch, self.circuit.epoch + 1, "every change is one epoch");
            self.circuit = next;
        }
    }

    /// Whether the call may go out; a probe is written down.
    fn admit(&mut self, me: &str) -> bool {
        let before = self.circuit.clone();
        let admission = decide::admit(&before, me, self.now, &self.policy);
        match (&before.mode, &before.phase) {
            (Mode::ForcedClosed, _) => assert_eq!(admission, Admission::Go),
            (Mode::ForcedOpen, _) => assert!(matches!(admission, Admission::Refuse { .. })),
            (Mode::Automatic, Phase::Closed) => assert_eq!(admission, Admission::Go),
            (Mode::Automatic, Phase::Open { retry_at }) if self.now < *retry_at => {
                assert_eq!(admission, Admission::Refuse { retry_at: *retry_at });
            }
            (Mode::Automatic, Phase::HalfOpen { lease: Some(lease), .. })
                if self.now < lease.until && lease.owner != me =>
            {
                assert_eq!(admission, Admission::Refuse { retry_at: lease.until }, "one prober at a time");
            }
            _ => assert!(!matches!(admission, Admission::Refuse { .. })),
        }
        match admission {
            Admission::Go => true,
            Admission::Refuse { retry_at } => {
                assert!(retry_at > self.now);
                false
            }
            Admission::Probe(next) => {
                self.take(Some(*next));
                assert!(self.circuit.held_by(me));
                assert_eq!(
                    decide::admit(&self.circuit, me, self.now, &self.policy),
                    Admission::Go,
                    "asking again is the same"
                );
                true
            }
        }
    }

    fn end(&mut self, me: &str, end: End) {
        let before = self.circuit.clone();
        let failed = u64::from(matches!(end, End::Badly));
        self.count(Counts { calls: 1, failures: failed });
        match end {
            End::Well => self.take(decide::probe_succeeded(&before, me, self.now, &self.policy)),
            End::Badly => {
                self.take(decide::probe_failed(&before, me, self.now, &self.policy));
                let counted = decide::counted(&self.circuit, self.now, &self.policy);
                let counts = self.circuit.counts(self.now, &self.policy);
                let due = counts.calls >= 5 && counts.failures * 2 >= counts.calls;
                let closed = self.circuit.mode == Mode::Automatic && self.circuit.phase == Phase::Closed;
                assert_eq!(counted.is_some(), due && closed);
                self.take(counted);
            }
            End::Throttled(seconds) => {
                let until = Timestamp::from_millis(self.now.millis() + seconds * 1_000);
                self.take(decide::throttled(&before, until, self.now));
                assert_eq!(decide::throttled(&self.circuit, until, self.now), None, "again is the same");
            }
        }
        if before.mode != Mode::Automatic {
            assert_eq!(self.circuit.phase, before.phase, "calls do not move what an operator has set");
        }
        if self.circuit.phase == Phase::Closed && before.phase != Phase::Closed {
            let Phase::HalfOpen { successes, .. } = before.phase else { panic!("{before:?} closed by itself") };
            assert_eq!(successes + 1, self.policy.probe_successes);
            assert_eq!(self.circuit.counts(self.now, &self.policy), Counts::default());
        }
    }

    fn count(&mut self, counts: Counts) {
        // The table's own arithmetic is shown by the suites of the stores; here one bucket per slot is enough.
        let slot = Window::slot(self.now, &self.policy);
        match self.circuit.window.0.iter_mut().find(|bucket| bucket.slot == slot) {
            Some(bucket) => {
                bucket.counts.calls += counts.calls;
                bucket.counts.failures += counts.failures;
            }
            None => self.circuit.window.0.push(resilience::breaker::Bucket { slot, counts }),
        }
    }
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_happens(acts in acts()) {
        let mut world = World {
            circuit: Circuit::new(CircuitKey::parse("stripe.acme").unwrap()),
            now: Timestamp::from_millis(1_772_366_400_000),
            policy: Policy::default(),
        };
        for act in acts {
            match act {
                Act::Pass(ms) => world.now = Timestamp::from_millis(world.now.millis() + ms),
                Act::Call(who, end) => {
                    if world.admit(NAMES[who]) {
                        world.end(NAMES[who], end);
                    }
                }
                Act::Die(who) => {
                    world.admit(NAMES[who]);
                }
                Act::GiveBack(who) => {
                    let next = decide::given_back(&world.circuit, NAMES[who]);
                    world.take(next);
                    prop_assert!(!world.circuit.held_by(NAMES[who]));
                }
                Act::Force(mode) => {
                    let next = decide::forced(&world.circuit, mode, "key", world.now, &world.policy);
                    world.take(next);
                    prop_assert_eq!(world.circuit.mode, mode);
                    prop_assert_eq!(decide::forced(&world.circuit, mode, "key", world.now, &world.policy), None);
                }
            }
            prop_assert!(world.circuit.history.len() <= 20);
            prop_assert!(world.circuit.history.is_sorted_by_key(|transition| transition.epoch));
        }
        // Whatever happened: left alone for long enough, an automatic circuit lets somebody try.
        if world.circuit.mode == Mode::Automatic {
            world.now = Timestamp::from_millis(world.now.millis() + 200_000);
            prop_assert!(world.admit("later"));
        }
    }
}
