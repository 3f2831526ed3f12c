//! `settler usage` and `settler error-hotspots`.

use super::Context;
use crate::{
    answers::{DailyUsage, Hotspot},
    args::{ErrorHotspots, Paging, Usage},
    exit::Result,
    figures::{count, duration, instant},
    tables::{Column, Screen, table},
};

pub async fn daily(context: &Context, days: &Usage) -> Result<()> {
    let query = [("from", days.from.as_deref()), ("to", days.to.as_deref())];
    let all = Paging { limit: u64::MAX, all: true };
    context.list(&["v1", "usage"], &query, &all, "usage", |days, _| usage_table(context.screen, days)).await
}

fn usage_table(screen: Screen, days: &[DailyUsage]) -> String {
    let columns = [
        ("Day (UTC)", Column::Text),
        ("Runs", Column::Figure),
        ("Completed", Column::Figure),
        ("Failed", Column::Figure),
        ("Records", Column::Figure),
        ("Matched", Column::Figure),
        ("Time", Column::Figure),
    ];
    let row = |name: &str, day: &DailyUsage| {
        vec![
            name.to_owned(),
            count(day.reconciliations),
            count(day.successes),
            count(day.failures),
            count(day.records),
            count(day.matches),
            duration(day.duration_ms),
        ]
    };
    let mut rows: Vec<_> = days.iter().map(|day| row(&day.day, day)).collect();
    let sum = days.iter().fold(DailyUsage::default(), |sum, day| DailyUsage {
        day: String::new(),
        reconciliations: sum.reconciliations + day.reconciliations,
        records: sum.records + day.records,
        matches: sum.matches + day.matches,
        successes: sum.successes + day.successes,
        failures: sum.failures + day.failures,
        duration_ms: sum.duration_ms + day.duration_ms,
    });
    if days.len() > 1 {
        rows.push(row("Total", &sum));
    }
    table(screen, &columns, rows)
}

pub async fn hotspots(context: &Context, filter: &ErrorHotspots) -> Result<()> {
    let query = [("job_id", filter.job.as_deref()), ("reconciliation_id", filter.reconciliation.as_deref())];
    context
        .list(&["v1", "error-hotspots"], &query, &filter.paging, "errors", |spots, _| {
            hotspot_table(context.screen, spots)
        })
        .await
}

fn hotspot_table(screen: Screen, spots: &[Hotspot]) -> String {
    let columns = [
        ("Count", Column::Figure),
        ("Error", Column::Text),
        ("Step", Column::Text),
        ("Run", Column::Text),
        ("Job", Column::Text),
        ("First seen (UTC)", Column::Text),
        ("Last seen (UTC)", Column::Text),
        ("The last one said", Column::Sentence),
    ];
    let mut spots: Vec<&Hotspot> = spots.iter().collect();
    spots.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| other.last_seen.cmp(&one.last_seen)));
    let row = |spot: &Hotspot| {
        vec![
            count(spot.count),
            spot.error_type.clone(),
            spot.step.clone(),
            spot.reconciliation_id.clone(),
            spot.job_id.clone().unwrap_or_else(|| "–".to_owned()),
            instant(&spot.first_seen),
            instant(&spot.last_seen),
            spot.last_message.clone(),
        ]
    };
    table(screen, &columns, spots.into_iter().map(row).collect())
}
