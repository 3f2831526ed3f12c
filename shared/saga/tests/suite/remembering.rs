//! What a run knows of earlier ones of its job: partners across the edge of their days, and what people decided.

use crate::{
    accounts::Account,
    records::{charge, page, sale},
    world::{World, tenant},
};
use application::{Caller, Choice, DecisionService, ReviewException};
use domain::{
    ReconciliationId, Timestamp,
    decision::ReviewState,
    job_runs::JobRuns,
    matches::{Exception, Match, match_id},
    record::{Record, Side},
};
use event_store::load;

const JANUARY: (&str, &str) = ("2026-01-01", "2026-01-31");
const FEBRUARY: (&str, &str) = ("2026-02-01", "2026-02-28");

fn at(instant: &str, record: Record) -> Record {
    Record { occurred_at: Timestamp::parse(instant).unwrap(), ..record }
}

/// The same shop and account whenever they are read.
async fn world(sales: Vec<Record>, charges: Vec<Record>) -> World {
    let world = World::plain().await;
    World {
        shop: Account::new(Side::Source, vec![page(sales)], &world.clock),
        stripe: Account::new(Side::Target, vec![page(charges)], &world.clock),
        ..world
    }
}

fn gid(number: u32) -> String {
    format!("gid://shopify/OrderTransaction/{number}")
}

/// `rule: source = target`, and `id: reason`, of a run's matches and exceptions.
async fn result(world: &World, run: &str) -> Vec<String> {
    let events = world.events("matches", &format!("{run}-a1")).await;
    let short = |id: &String| id.rsplit('/').next().unwrap_or_default().to_owned();
    let line = |(event, data): &(String, serde_json::Value)| match event.as_str() {
        "RecordUnmatched" => {
            let open: Exception = serde_json::from_value(data.clone()).unwrap();
            format!("{}: {}", short(&open.record_id), open.reason)
        }
        _ => {
            let found: Match = serde_json::from_value(data.clone()).unwrap();
            let rule = found.rule.split('@').next().unwrap_or_default().to_owned();
            format!("{rule}: {} = {}", short(&found.source_ids[0]), short(&found.target_ids[0]))
        }
    };
    events.iter().map(line).collect()
}

fn service(world: &World) -> DecisionService {
    DecisionService::new(world.store.clone(), world.blobs.clone(), world.clock.clone(), world.ids.clone())
}

async fn decide(world: &World, run: &str, choice: Choice) {
    let caller = Caller { tenant: tenant(), key_id: "key_ann".into() };
    world.clock.advance_ms(1_000);
    let run = ReconciliationId::parse(run).unwrap();
    service(world).decide(&caller, &run, &choice, "because", None).await.unwrap();
}

/// A sale of New Year's Eve's kind: sold on the last day of January, paid on the first of February, one of two alike.
fn over_the_edge() -> (Vec<Record>, Vec<Record>) {
    let sold = at("2026-01-31T23:50:00Z", sale(1, "#1001", 1_000, "ch_1AbCdEfGhIjKlMn"));
    let paid = at("2026-02-01T00:10:00Z", charge("ch_1AbCdEfGhIjKlMn", 1_000));
    (vec![sold], vec![paid])
}

#[tokio::test]
async fn what_january_matched_across_its_edge_is_reserved_in_february() {
    let (sales, charges) = over_the_edge();
    let world = world(sales.clone(), charges.clone()).await;
    world.completes("january", JANUARY).await;
    assert_eq!(result(&world, "january").await, ["strong_id: 1 = ch_1AbCdEfGhIjKlMn"]);
    // In February another sale claims the same charge.
    let claims = at("2026-02-01T00:05:00Z", sale(2, "#1002", 1_000, "ch_1AbCdEfGhIjKlMn"));
    world.shop.holds(vec![page(vec![sales[0].clone(), claims])]);
    world.completes("february", FEBRUARY).await;
    assert_eq!(
        result(&world, "february").await,
        ["reserved: 1 = ch_1AbCdEfGhIjKlMn", "2: missing_target"],
        "the charge is January's sale's"
    );
    let noted = load::<JobRuns>(&world.stored, &tenant(), "shop").await.unwrap().state;
    assert_eq!(noted.runs.iter().map(|run| run.crossing.is_some()).collect::<Vec<_>>(), [true, true]);
}

#[tokio::test]
async fn a_partner_that_february_does_not_read_keeps_the_charge_from_others() {
    let (sales, charges) = over_the_edge();
    let world = world(sales, charges).await;
    world.completes("january", JANUARY).await;
    let claims = at("2026-02-01T00:05:00Z", sale(2, "#1002", 1_000, "ch_1AbCdEfGhIjKlMn"));
    world.shop.holds(vec![page(vec![claims])]);
    world.completes("february", FEBRUARY).await;
    assert_eq!(result(&world, "february").await, ["2: missing_target", "ch_1AbCdEfGhIjKlMn: outside_window"]);
}

#[tokio::test]
async fn a_later_run_over_the_same_days_supersedes_the_earlier_one() {
    let (sales, charges) = over_the_edge();
    let world = world(sales.clone(), charges).await;
    world.completes("january", JANUARY).await;
    // The charge was another one: read again, January has no partner across the edge.
    world.stripe.holds(vec![page(vec![at("2026-01-20T12:00:00Z", charge("ch_1AbCdEfGhIjKlMn", 1_000))])]);
    world.completes("again", JANUARY).await;
    assert_eq!(result(&world, "again").await, ["strong_id: 1 = ch_1AbCdEfGhIjKlMn"]);
    let noted = load::<JobRuns>(&world.stored, &tenant(), "shop").await.unwrap().state;
    let standing: Vec<_> =
        noted.standing().into_iter().map(|run| (run.reconciliation_id.as_str(), run.crossing.is_some())).collect();
    assert_eq!(standing, [("again", false)]);
    // What only the superseded run has matched across the edge is free for February.
    world.shop.holds(vec![page(vec![at("2026-02-01T00:05:00Z", sale(2, "#1002", 1_000, "ch_1AbCdEfGhIjKlMn"))])]);
    world.stripe.holds(vec![page(vec![at("2026-02-01T00:10:00Z", charge("ch_1AbCdEfGhIjKlMn", 1_000))])]);
    world.completes("february", FEBRUARY).await;
    assert_eq!(result(&world, "february").await, ["strong_id: 2 = ch_1AbCdEfGhIjKlMn"]);
}

#[tokio::test]
async fn decisions_carry_over_and_the_last_word_counts() {
    // Hours apart and alike in nothing but the amount: a suggestion.
    let sales = vec![at("2026-01-10T12:00:00Z", sale(4, "#1004", 3_300, "elsewhere-4"))];
    let charges = vec![at("2026-01-10T17:00:00Z", charge("ch_4AbCdEfGhIjKlMn", 3_300))];
    let world = world(sales, charges).await;
    let id = match_id(&[gid(4)], &["ch_4AbCdEfGhIjKlMn".to_owned()]);
    world.completes("first", JANUARY).await;
    assert_eq!(result(&world, "first").await, ["suggest_amount: 4 = ch_4AbCdEfGhIjKlMn"]);

    decide(&world, "first", Choice::Confirm { match_id: id.clone() }).await;
    world.completes("second", JANUARY).await;
    assert_eq!(result(&world, "second").await, ["confirmed: 4 = ch_4AbCdEfGhIjKlMn"]);

    decide(&world, "second", Choice::Break { match_id: id.clone() }).await;
    world.completes("third", JANUARY).await;
    assert_eq!(result(&world, "third").await, ["4: missing_target", "ch_4AbCdEfGhIjKlMn: missing_source"]);

    let make = Choice::Make { source_ids: vec![gid(4)], target_ids: vec!["ch_4AbCdEfGhIjKlMn".into()] };
    decide(&world, "third", make).await;
    // Another period that reads the same records knows it too.
    world.completes("quarter", ("2026-01-10", "2026-04-10")).await;
    assert_eq!(result(&world, "quarter").await, ["manual: 4 = ch_4AbCdEfGhIjKlMn"]);
    // One that does not read them has nothing to remember.
    world.shop.holds(vec![page(Vec::new())]);
    world.stripe.holds(vec![page(Vec::new())]);
    world.completes("autumn", ("2026-10-01", "2026-10-31")).await;
    assert!(result(&world, "autumn").await.is_empty());
}

#[tokio::test]
async fn what_people_think_of_an_exception_is_known_in_the_next_run() {
    let sales = vec![at("2026-01-10T12:00:00Z", sale(2, "#1002", 2_500, "ch_2AbCdEfGhIjKlMn"))];
    let world = world(sales, Vec::new()).await;
    world.completes("first", JANUARY).await;
    let caller = Caller { tenant: tenant(), key_id: "key_ann".into() };
    let wanted = ReviewException {
        record_id: gid(2),
        state: ReviewState::WrittenOff,
        assignee: Some("bo".into()),
        note: "below our limit".into(),
    };
    let first = ReconciliationId::parse("first").unwrap();
    service(&world).review(&caller, &first, &wanted, None).await.unwrap();
    world.completes("second", JANUARY).await;
    let events = world.events("matches", "second-a1").await;
    assert_eq!(events[0].1["review"]["state"], "written_off");
    assert_eq!(events[0].1["review"]["note"], "below our limit");
}
