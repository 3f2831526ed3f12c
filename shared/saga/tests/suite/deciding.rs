//! People decide about a run that the steps have completed: what is taken, what is left, and that it adds up.

use crate::{
    accounts::Account,
    records::{charge, page, paid, sale, sold},
    world::{CALLS, World, id, tenant},
};
use application::{Caller, Choice, CommandError, DecidedMatch, DecisionService, ReviewException};
use domain::{
    ErrorName, Timestamp,
    decision::ReviewState,
    matches::{OrderState, match_id},
    ports::Blobs,
    reconciliation::{Reconciliation, Run},
    record::{Record, Side},
    summary::{RunSummary, SideTotals},
};

const MATCHED: [&str; 2] = ["gid://shopify/OrderTransaction/1", "ch_1AbCdEfGhIjKlMn"];
const ALONE: [&str; 2] = ["gid://shopify/OrderTransaction/2", "ch_9AbCdEfGhIjKlMn"];
const BY_CHEQUE: &str = "gid://shopify/OrderTransaction/3";
const SUGGESTED: [&str; 2] = ["gid://shopify/OrderTransaction/4", "ch_4AbCdEfGhIjKlMn"];

/// The small month, and two movements of one amount hours apart: a suggestion.
async fn completed() -> World {
    let world = World::plain().await;
    let late = Record {
        occurred_at: Timestamp::parse("2026-01-10T17:00:00Z").unwrap(),
        ..charge("ch_4AbCdEfGhIjKlMn", 3_300)
    };
    let (mut sales, mut charges) = (sold(), paid());
    sales.push(page(vec![sale(4, "#1004", 3_300, "elsewhere-4")]));
    charges.push(page(vec![late]));
    let world = World {
        shop: Account::new(Side::Source, sales, &world.clock),
        stripe: Account::new(Side::Target, charges, &world.clock),
        ..world
    };
    for call in CALLS {
        world.call(call).await.unwrap();
    }
    let figures = figures(&world.run().await);
    assert_eq!((figures.source.matched, figures.source.suggested, figures.source.unmatched), (1, 1, 1));
    world
}

fn caller() -> Caller {
    Caller { tenant: tenant(), key_id: "key_ann".into() }
}

fn id_of(pair: [&str; 2]) -> String {
    match_id(&[pair[0]], &[pair[1]])
}

fn confirm(pair: [&str; 2]) -> Choice {
    Choice::Confirm { match_id: id_of(pair) }
}

fn reject(pair: [&str; 2]) -> Choice {
    Choice::Reject { match_id: id_of(pair) }
}

fn break_up(pair: [&str; 2]) -> Choice {
    Choice::Break { match_id: id_of(pair) }
}

fn make(sources: &[&str], targets: &[&str]) -> Choice {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    Choice::Make { source_ids: owned(sources), target_ids: owned(targets) }
}

fn service(world: &World) -> DecisionService {
    DecisionService::new(world.store.clone(), world.blobs.clone(), world.clock.clone(), world.ids.clone())
}

/// Decides, and decides again: the second time changes nothing.
async fn decide(world: &World, choice: &Choice) -> Result<DecidedMatch, CommandError> {
    let decided = service(world).decide(&caller(), &id(), choice, "because", None).await?;
    let again = service(world).decide(&caller(), &id(), choice, "because", None).await?;
    assert_eq!(again, decided, "{choice:?} twice");
    adds_up(&world.run().await);
    Ok(decided)
}

async fn refused(world: &World, choice: &Choice) -> String {
    let before = world.written();
    let error = service(world).decide(&caller(), &id(), choice, "because", None).await.unwrap_err();
    assert_eq!(world.written(), before, "{choice:?}");
    match error {
        CommandError::Declined(decline) => format!("{} {}", decline.name.code(), decline.message),
        CommandError::Fields(errors) => format!("{} {}", errors[0].pointer, errors[0].code),
        other => panic!("{other:?}"),
    }
}

fn figures(run: &Run) -> RunSummary {
    run.published.as_ref().unwrap().summary.clone()
}

/// Every side and currency: in scope = matched + suggested + unmatched, and the differences are those of the matches.
fn adds_up(run: &Run) {
    let figures = figures(run);
    assert_eq!((figures.source.in_scope(), figures.target.in_scope()), (3, 3));
    for totals in &figures.totals {
        for (side, in_scope) in [(&totals.source, 6_800), (&totals.target, 12_077)] {
            let SideTotals { in_scope_minor, matched_minor, suggested_minor, unmatched_minor, .. } = *side;
            assert_eq!((in_scope_minor, matched_minor + suggested_minor + unmatched_minor), (in_scope, in_scope));
        }
        assert_eq!(totals.target.matched_minor - totals.source.matched_minor, totals.difference.sum(), "{totals:?}");
    }
}

#[tokio::test]
async fn a_suggestion_is_confirmed_once() {
    let world = completed().await;
    let decided = decide(&world, &confirm(SUGGESTED)).await.unwrap();
    assert_eq!((decided.status.as_str(), &decided.match_id), ("confirmed", &id_of(SUGGESTED)));
    let run = world.run().await;
    let figures = figures(&run);
    assert_eq!((figures.source.matched, figures.source.suggested, figures.accuracy_bp), (2, 0, Some(6_666)));
    assert_eq!(run.decisions.orders["gid://shopify/Order/4"].state, OrderState::Paid);
    assert!(refused(&world, &reject(SUGGESTED)).await.starts_with("conflict"));
    assert!(refused(&world, &make(&[SUGGESTED[0]], &[ALONE[1]])).await.contains("taken by match"));
    // Broken again it is not suggested once more: its records are open.
    decide(&world, &break_up(SUGGESTED)).await.unwrap();
    let run = world.run().await;
    assert_eq!((run.decisions.left.len(), run.decisions.standing.len()), (2, 0));
    assert_eq!(run.decisions.orders["gid://shopify/Order/4"].state, OrderState::Unpaid);
    assert!(refused(&world, &confirm(SUGGESTED)).await.contains("was rejected"));
    let events = world.run_events().await;
    assert_eq!(
        events.iter().rev().map(|(name, _)| name.as_str()).take(2).collect::<Vec<_>>(),
        ["MatchBroken", "SuggestionConfirmed"]
    );
    assert_eq!(events.last().unwrap().1["reason"], "because");
}

/// Rows of the report as of now: class, source, target and rule or reason.
async fn reported(world: &World) -> Vec<String> {
    let loaded = event_store::load::<Reconciliation>(&world.stored, &tenant(), id().as_str()).await.unwrap();
    let run = loaded.state.unwrap();
    let (published, as_of) = (run.published.unwrap(), (&run.decisions, loaded.version));
    let (tenant, id) = (tenant(), id());
    let file = saga::report_file(world.blobs.as_ref(), (&tenant, &id), &published, as_of, "csv").await.unwrap();
    let key = format!("reports/acme/jan/a1/v{}.csv", loaded.version);
    assert_eq!(file, saga::ReportFile { key: key.clone(), includes_decisions: true });
    let text = String::from_utf8(world.blobs.get(&key).await.unwrap()).unwrap();
    let mut rows: Vec<String> = csv::Reader::from_reader(text.as_bytes())
        .records()
        .map(|row| {
            let row = row.unwrap();
            let short = |column: usize| row[column].rsplit('/').next().unwrap_or_default().to_owned();
            format!("{} {} {} {}{}", &row[0], short(2), short(3), &row[9], &row[11])
        })
        .collect();
    rows.sort_unstable();
    rows
}

#[tokio::test]
async fn the_report_follows_decisions() {
    let world = completed().await;
    decide(&world, &confirm(SUGGESTED)).await.unwrap();
    decide(&world, &break_up(MATCHED)).await.unwrap();
    let rows = reported(&world).await;
    assert_eq!(
        rows,
        [
            "excluded 3  gateway_out_of_scope",
            "matched 4 ch_4AbCdEfGhIjKlMn suggest_amount@1",
            "unmatched  ch_1AbCdEfGhIjKlMn match_broken",
            "unmatched  ch_9AbCdEfGhIjKlMn missing_source",
            "unmatched 1  match_broken",
            "unmatched 2  missing_target",
        ],
        "every record once, as the lists show it"
    );
    // Asked for again it is the file that was written; after a further decision it is another one.
    assert_eq!(reported(&world).await, rows);
    decide(&world, &make(&[MATCHED[0]], &[MATCHED[1]])).await.unwrap();
    assert!(reported(&world).await.contains(&"matched 1 ch_1AbCdEfGhIjKlMn manual@1".to_owned()));
}

#[tokio::test]
async fn a_rejected_suggestion_leaves_both_records_open() {
    let world = completed().await;
    decide(&world, &reject(SUGGESTED)).await.unwrap();
    let run = world.run().await;
    let left: Vec<_> = run.decisions.left.iter().map(|left| (left.record_id.as_str(), left.reason.as_str())).collect();
    assert_eq!(left, SUGGESTED.map(|record| (record, "suggestion_rejected")));
    assert_eq!((figures(&run).source.unmatched, figures(&run).target.unmatched), (2, 2));
    assert!(refused(&world, &confirm(SUGGESTED)).await.starts_with("conflict"));
    decide(&world, &make(&[SUGGESTED[0]], &[SUGGESTED[1]])).await.unwrap();
    let run = world.run().await;
    assert!(run.decisions.left.is_empty());
    assert_eq!(run.decisions.standing[0].1.found.rule, "manual@1");
}

#[tokio::test]
async fn a_match_is_broken_and_made_anew() {
    let world = completed().await;
    decide(&world, &break_up(MATCHED)).await.unwrap();
    let order = |run: &Run| run.decisions.orders["gid://shopify/Order/1"].clone();
    let run = world.run().await;
    assert_eq!(
        (order(&run).state, order(&run).matched_minor, figures(&run).source.matched),
        (OrderState::Unpaid, 0, 0)
    );
    decide(&world, &make(&[MATCHED[0]], &[MATCHED[1]])).await.unwrap();
    let run = world.run().await;
    assert_eq!(
        (order(&run).state, order(&run).matched_minor, figures(&run).source.matched),
        (OrderState::Paid, 1_000, 1)
    );
    // One against many, with amounts that differ.
    decide(&world, &reject(SUGGESTED)).await.unwrap();
    let group = make(&[ALONE[0], SUGGESTED[0]], &[ALONE[1], SUGGESTED[1]]);
    decide(&world, &group).await.unwrap();
    let found = world.run().await.decisions.standing.last().unwrap().1.found.clone();
    assert_eq!((found.amount_minor, found.difference.unexplained, found.confidence_bp), (5_800, 5_277, 9_999));
}

#[tokio::test]
async fn what_cannot_be_matched_is_refused_with_the_reason() {
    let world = completed().await;
    for (choice, why) in [
        (make(&[MATCHED[0]], &[ALONE[1]]), "conflict record gid://shopify/OrderTransaction/1 is taken by match"),
        (make(&[SUGGESTED[0]], &[ALONE[1]]), "reject it first"),
        (make(&[BY_CHEQUE], &[ALONE[1]]), "out of scope"),
        (make(&["nothing"], &[ALONE[1]]), "/source_ids/0 unknown_record"),
        (make(&[ALONE[0]], &[ALONE[0]]), "/target_ids/0 unknown_record"),
        (make(&[ALONE[0], ALONE[0]], &[ALONE[1]]), "/source_ids/1 doubled_record"),
        (confirm(ALONE), "not_found"),
        (confirm(MATCHED), "not_found"),
        (break_up(ALONE), "not_found"),
        (break_up(SUGGESTED), "not_found"),
    ] {
        let refusal = refused(&world, &choice).await;
        assert!(refusal.contains(why), "{choice:?}: {refusal}");
    }
    let stranger = Caller { tenant: domain::TenantId::parse("other").unwrap(), key_id: "k".into() };
    let foreign = service(&world).decide(&stranger, &id(), &confirm(SUGGESTED), "x", None).await;
    assert!(matches!(foreign, Err(CommandError::Declined(decline)) if decline.name == ErrorName::NotFound));
}

#[tokio::test]
async fn a_run_that_is_not_completed_is_not_decided_about() {
    let world = World::after(&CALLS[..5]).await;
    assert!(refused(&world, &confirm(SUGGESTED)).await.contains("only a completed one"));
}

#[tokio::test]
async fn staged_data_that_is_gone_is_said() {
    let world = completed().await;
    let staged = world.run().await.orders.unwrap().reference;
    assert!(world.blobs.lose(&staged));
    assert!(refused(&world, &confirm(SUGGESTED)).await.contains("staged records of this run are gone"));
}

#[tokio::test]
async fn exceptions_are_looked_at() {
    let world = completed().await;
    let wanted = |record: &str, state, note: &str| ReviewException {
        record_id: record.into(),
        state,
        assignee: Some("ann".into()),
        note: note.into(),
    };
    let review = async |wanted: &ReviewException| service(&world).review(&caller(), &id(), wanted, None).await;
    let accepted = wanted(ALONE[0], ReviewState::Accepted, "paid in cash");
    let first = review(&accepted).await.unwrap();
    assert_eq!(review(&accepted).await.unwrap(), first, "twice is once");
    let off = review(&wanted(ALONE[0], ReviewState::WrittenOff, "too old")).await.unwrap();
    assert_eq!(off.version, first.version + 1);
    let run = world.run().await;
    assert_eq!(run.decisions.review(Side::Source, ALONE[0]).unwrap().note, "too old");
    assert_eq!(figures(&run).source.unmatched, 1, "it stays unmatched");
    for (record, name) in [
        (MATCHED[0], ErrorName::Conflict),
        (SUGGESTED[1], ErrorName::Conflict),
        (BY_CHEQUE, ErrorName::Conflict),
        ("nothing", ErrorName::NotFound),
    ] {
        let refusal = review(&wanted(record, ReviewState::Open, "?")).await;
        assert!(
            matches!(refusal, Err(CommandError::Declined(ref decline)) if decline.name == name),
            "{record}: {refusal:?}"
        );
    }
}

/// Whatever is decided in whatever order, the figures add up and no record is held twice.
#[tokio::test]
async fn any_sequence_of_decisions_adds_up() {
    let choices = [
        confirm(SUGGESTED),
        reject(SUGGESTED),
        break_up(SUGGESTED),
        break_up(MATCHED),
        make(&[MATCHED[0]], &[MATCHED[1]]),
        make(&[SUGGESTED[0]], &[SUGGESTED[1]]),
        make(&[ALONE[0]], &[ALONE[1]]),
        break_up(ALONE),
        make(&[ALONE[0], MATCHED[0]], &[ALONE[1]]),
        make(&[SUGGESTED[0]], &[ALONE[1], SUGGESTED[1]]),
        Choice::Break { match_id: match_id(&[ALONE[0], MATCHED[0]], &[ALONE[1]]) },
    ];
    let (mut carried_out, mut state) = (0, 7_u64);
    for _ in 0..12 {
        let world = completed().await;
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let choice = &choices[usize::try_from(state >> 33).unwrap() % choices.len()];
            match service(&world).decide(&caller(), &id(), choice, "x", None).await {
                Ok(_) => carried_out += 1,
                Err(CommandError::Declined(_)) => {}
                Err(error) => panic!("{choice:?}: {error:?}"),
            }
            let run = world.run().await;
            adds_up(&run);
            let held: Vec<_> =
                run.decisions.standing.iter().flat_map(|(_, one)| domain::decision::members(&one.found)).collect();
            assert_eq!(held.len(), run.decisions.held().len(), "a record is held twice: {held:?}");
            assert!(run.decisions.left_keys().is_disjoint(&run.decisions.held()), "left and held");
        }
    }
    assert!(carried_out > 60, "{carried_out}");
}
