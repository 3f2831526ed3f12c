//! What must hold of every saga, tried on its definition: each step fails before its effect and after it, loses its
//! answer, runs out of time, is repeated, is undone twice; the process dies at every line of the ledger. Afterwards the
//! world equals the expected one. A saga gets all of it by implementing [`UnderTest`] and calling [`hold`].

use async_trait::async_trait;
use domain::{
    Aggregate, ErrorName,
    saga::{SagaOf, SagaRunOf, SagaStep, StepStatus, Subject, Undo, forward_fence},
    status::Status,
};
use saga::{LedgerOf, Plan, PlanInput, ReportedFailure, StepError, StepInput, Undoes};
use std::{collections::BTreeMap, fmt::Write, sync::Arc};
use testkit::{Fault, survives};

/// As often as the state machine tries a step or an undo.
const TRIES: usize = 4;

#[async_trait]
pub trait UnderTest: Clone + Send + Sync + 'static {
    type Subject: Subject;

    /// A saga that has begun and done nothing, without faults.
    async fn fresh() -> Self;
    /// The same, with a fault at one append from here on.
    fn with_fault(&self, position: usize, fault: Fault) -> Self;
    fn appends(&self) -> usize;
    fn ledger(&self) -> LedgerOf<Self::Subject>;
    fn input(&self) -> StepInput;
    fn undoes(&self) -> Arc<dyn Undoes<Self::Subject>>;
    /// One call of the step, as the machine makes it.
    async fn forward(&self, step: Step<Self>) -> Result<(), StepError>;
    /// What people see, and whatever else is not in the ledger.
    async fn visible(&self) -> BTreeMap<String, String>;
}

type Step<W> = <<W as UnderTest>::Subject as Subject>::Step;

/// What goes wrong with one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// It begins, does nothing, and is reported as failed.
    FailsBefore,
    /// It does all of it and is reported as failed: its outcome is unknown to the machine.
    FailsAfter,
    /// Its answer is lost once: the machine calls it again.
    LosesItsAnswer,
    /// It is called twice in a row.
    IsRepeated,
}

const TROUBLES: [Trouble; 4] =
    [Trouble::FailsBefore, Trouble::FailsAfter, Trouble::LosesItsAnswer, Trouble::IsRepeated];

fn reported(step: &str) -> ReportedFailure {
    ReportedFailure { step: step.to_owned(), error: "States.Timeout".to_owned(), cause: String::new() }
}

/// Calls until it goes well or has failed as often as it is tried; a crash counts as a failure.
async fn tried<T, F>(call: impl Fn() -> F) -> Result<T, StepError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StepError>> + Send + 'static,
{
    let mut last = StepError::new(ErrorName::StepCrashed, "it was never called");
    for _ in 0..TRIES {
        match survives(call()).await {
            Some(Ok(done)) => return Ok(done),
            Some(Err(error)) if error.name != ErrorName::Transient => return Err(error),
            Some(Err(error)) => last = error,
            None => last = StepError::new(ErrorName::StepCrashed, "the process died"),
        }
    }
    Err(last)
}

async fn step<W: UnderTest>(world: &W, step: Step<W>) -> Result<(), StepError> {
    tried(|| {
        let world = world.clone();
        async move { world.forward(step).await }
    })
    .await
}

/// The machine: forward until something fails, then backward until nothing is left. Each undo is called twice.
async fn drive<W: UnderTest>(world: &W, trouble: Option<(Step<W>, Trouble)>) -> Status {
    for each in Step::<W>::all() {
        let here = trouble.filter(|(at, _)| at == each).map(|(_, trouble)| trouble);
        let failed = match here {
            Some(Trouble::FailsBefore) => {
                let (ledger, input) = (world.ledger(), world.input());
                let ended = ledger.saga(&input).await.unwrap().is_some_and(|saga| saga.status.has_ended());
                if !ended {
                    ledger.begin(&input, *each, &forward_fence(input.attempt)).await.unwrap();
                }
                true
            }
            Some(Trouble::FailsAfter) => {
                step(world, *each).await.unwrap();
                true
            }
            Some(Trouble::LosesItsAnswer | Trouble::IsRepeated) => {
                step(world, *each).await.unwrap();
                step(world, *each).await.is_err()
            }
            None => step(world, *each).await.is_err(),
        };
        if failed {
            let status = back(world, each.as_str()).await;
            // Only the answer of the last step was lost: what spreads the word of it is still to do.
            if status != Status::Completed {
                return status;
            }
        }
    }
    Status::Completed
}

async fn back<W: UnderTest>(world: &W, failed: &str) -> Status {
    let how = PlanInput { failure: Some(reported(failed)), undo: None };
    loop {
        let plan = tried(|| {
            let (ledger, input, how) = (world.ledger(), world.input(), how.clone());
            async move { ledger.plan_undo(&input, &how).await }
        });
        match plan.await {
            Ok(Plan::Ended { outcome }) => return outcome,
            Ok(Plan::Stuck { step }) => panic!("stuck at {step}"),
            Ok(Plan::Undo { step }) => {
                let step = Step::<W>::parse(&step).unwrap();
                for _ in 0..2 {
                    tried(|| {
                        let (ledger, input, undoes) = (world.ledger(), world.input(), world.undoes());
                        async move { ledger.undo(&input, step, undoes.as_ref()).await }
                    })
                    .await
                    .unwrap();
                }
            }
            // The attempt had completed, and only the answer was lost.
            Err(error) if error.name == ErrorName::Superseded => return Status::Completed,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn ledger_of<W: UnderTest>(world: &W) -> SagaRunOf<Step<W>> {
    world.ledger().saga(&world.input()).await.unwrap().unwrap()
}

async fn version<W: UnderTest>(world: &W) -> u64 {
    let ledger = world.ledger();
    ledger.store.head(&ledger.stream(&world.input())).await.unwrap().map_or(0, |head| head.version)
}

/// After the end nobody who comes late can do anything, and the undo was in order.
async fn settled<W: UnderTest>(world: &W, status: Status, what: &str) {
    if status == Status::Completed {
        // What goes forward only has still to be done where the machine lost its answer.
        let saga = ledger_of(world).await;
        let done = |step: Step<W>| saga.step(step).is_some_and(|run| run.status == StepStatus::Succeeded);
        for left in Step::<W>::all().iter().copied().filter(|step| !done(*step)) {
            world.forward(left).await.unwrap();
        }
    }
    let saga = ledger_of(world).await;
    assert_eq!(saga.status, status, "{what}: {saga:?}");
    let (before, seen) = (version(world).await, world.visible().await);
    for late in Step::<W>::all() {
        if let Err(error) = world.forward(*late).await {
            assert_eq!(error.name, ErrorName::Superseded, "{what}: {late:?} comes late");
        }
    }
    if status != Status::Completed {
        assert!(saga.to_undo().is_empty(), "{what}: {saga:?}");
        assert_eq!(world.visible().await, seen, "{what}: a late result after the undo is refused");
        let undone: Vec<_> = undone_in_order(world).await;
        let mut newest_first = undone.clone();
        newest_first.sort_by(|one, other| other.cmp(one));
        assert_eq!(undone, newest_first, "{what}");
    }
    if status == Status::Completed {
        assert_eq!(version(world).await, before, "{what}: repeating everything writes nothing");
    }
}

/// Steps as their undo was finished.
async fn undone_in_order<W: UnderTest>(world: &W) -> Vec<Step<W>> {
    let ledger = world.ledger();
    let commits = ledger.store.load(&ledger.stream(&world.input()), 0).await.unwrap();
    let events = commits.into_iter().flat_map(|commit| commit.events);
    let undone = events.filter(|event| event.event_type == "UndoFinished");
    undone.map(|event| Step::<W>::parse(event.data["step"].as_str().unwrap()).unwrap()).collect()
}

/// Everything that must hold of the saga of `W`.
pub async fn hold<W: UnderTest>() {
    let nothing = W::fresh().await.visible().await;
    let clean = W::fresh().await;
    assert_eq!(drive(&clean, None).await, Status::Completed);
    let everything = clean.visible().await;
    settled(&clean, Status::Completed, "undisturbed").await;
    assert_ne!(everything, nothing, "a saga that does nothing shows nothing");

    for step in Step::<W>::all() {
        for trouble in TROUBLES {
            let (world, what) = (W::fresh().await, format!("{} {trouble:?}", step.as_str()));
            let status = drive(&world, Some((*step, trouble))).await;
            let failed = status != Status::Completed;
            let expected = if failed { &nothing } else { &everything };
            assert_eq!(&world.visible().await, expected, "{what}");
            let fails = matches!(trouble, Trouble::FailsBefore | Trouble::FailsAfter);
            assert!(fails || !failed, "{what}: nothing was wrong in the end");
            assert!(!fails || failed || step.undo() == Undo::ForwardOnly, "{what}: a failure was swallowed");
            settled(&world, status, &what).await;
        }
    }
    crashes::<W>(None, &everything).await;
    let last = Step::<W>::all().iter().rev().find(|step| step.undo() == Undo::Event).unwrap();
    crashes::<W>(Some((*last, Trouble::FailsAfter)), &nothing).await;
}

/// Dies, or finds the store busy, at every line that a run writes, and recovers.
async fn crashes<W: UnderTest>(trouble: Option<(Step<W>, Trouble)>, expected: &BTreeMap<String, String>) {
    let clean = W::fresh().await.with_fault(usize::MAX, Fault::Busy);
    let status = drive(&clean, trouble).await;
    let total = clean.appends();
    assert!(total >= Step::<W>::all().len(), "{total} lines");
    for fault in [Fault::Busy, Fault::VersionConflict, Fault::LostAnswer, Fault::CrashBefore, Fault::CrashAfter] {
        for position in 0..total {
            let (world, what) =
                (W::fresh().await.with_fault(position, fault), format!("{fault:?} at {position} of {trouble:?}"));
            let ended = match trouble {
                // What is reported as failed here writes by itself, so it is the machine that is disturbed.
                Some(_) => drive(&world, trouble).await,
                None => drive(&world, None).await,
            };
            assert_eq!(ended, status, "{what}");
            assert_eq!(&world.visible().await, expected, "{what}");
            settled(&world, status, &what).await;
        }
    }
}

/// A run's fate as a tree: what was done, what failed, what was undone.
pub async fn fate<W: UnderTest>(world: &W) -> String {
    let saga = ledger_of(world).await;
    let mut tree = format!("{} {}\n", Step::<W>::SAGA, saga.status.as_str());
    for (index, run) in saga.steps.iter().enumerate() {
        let branch = if index + 1 == saga.steps.len() { "└─" } else { "├─" };
        let word = match run.status {
            StepStatus::Succeeded | StepStatus::Reused => "done",
            StepStatus::Undone => "undone",
            StepStatus::UndoSkipped => "left behind",
            StepStatus::UndoFailed => "stuck",
            StepStatus::Failed => "failed",
            StepStatus::Running | StepStatus::Waiting | StepStatus::Undoing => "under way",
        };
        let why = run.failure.as_ref().map(|failure| format!(" ({})", failure.name)).unwrap_or_default();
        let _ = writeln!(tree, "{branch} {} {word}{why}", run.step.as_str());
    }
    tree
}

/// The fate of a run that fails at each step, one tree after the other.
pub async fn fates<W: UnderTest>() -> String {
    let mut trees = String::new();
    for step in Step::<W>::all() {
        let world = W::fresh().await;
        drive(&world, Some((*step, Trouble::FailsBefore))).await;
        let _ = writeln!(trees, "# {} fails\n{}", step.as_str(), fate(&world).await);
    }
    trees
}

/// The ledger's stream type does not depend on the saga.
#[test]
fn every_ledger_is_a_saga_stream() {
    assert_eq!(<SagaOf<domain::saga::Step> as Aggregate>::TYPE, "saga");
}
