//! The files, and records made of them as `settler match` makes them.

use domain::{
    Currency, Money, Timestamp,
    record::{Kind, Precision, Record, Side},
    records::{Orders, Records},
    time::Window,
};
use matching::{Memory, RunInput};
use std::{collections::HashMap, error::Error, path::Path};

pub const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Clone)]
pub struct Row {
    pub day: i64,
    pub amount_minor: i64,
    pub currency: Currency,
    pub memo: String,
}

/// Both sides, and which rows belong together by position.
#[derive(Debug, Clone, Default)]
pub struct Data {
    pub source: Vec<Row>,
    pub target: Vec<Row>,
    pub truth: Vec<(usize, usize)>,
}

impl Data {
    pub fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let (source, sources) = side(&folder.join("origin.csv"))?;
        let (target, targets) = side(&folder.join("destination.csv"))?;
        let mut truth = Vec::new();
        for line in csv::Reader::from_path(folder.join("truth.csv"))?.records() {
            let line = line?;
            let place = |ids: &HashMap<String, usize>, at: usize| {
                let id = line.get(at).unwrap_or_default();
                ids.get(id).copied().ok_or_else(|| format!("`{id}` of the truth is in no file"))
            };
            truth.push((place(&sources, 0)?, place(&targets, 1)?));
        }
        Ok(Self { source, target, truth })
    }

    /// The truth in ids.
    pub fn labels(&self) -> Vec<(String, String)> {
        self.truth.iter().map(|(source, target)| (id(Side::Source, *source), id(Side::Target, *target))).collect()
    }

    pub fn input(&self) -> Result<RunInput, Box<dyn Error>> {
        let records = |rows: &[Row], side: Side| -> Records {
            rows.iter().enumerate().map(|(at, row)| record(side, at, row)).collect()
        };
        let days = || self.source.iter().chain(&self.target).map(|row| row.day);
        let (first, last) = (days().min().unwrap_or(0), days().max().unwrap_or(0));
        Ok(RunInput {
            source: records(&self.source, Side::Source),
            target: records(&self.target, Side::Target),
            orders: Orders::default(),
            window: Window {
                from: Timestamp::from_millis(first * DAY_MS),
                to: Timestamp::from_millis((last + 1) * DAY_MS),
            },
            as_of: Timestamp::from_millis((last + 100) * DAY_MS),
            memory: Memory::default(),
        })
    }
}

/// Ids tell nothing: the order in which ties are broken must not help.
fn id(side: Side, at: usize) -> String {
    let scattered = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
    format!("{}{scattered:016x}", if side == Side::Source { 'o' } else { 'd' })
}

/// Rows, and their places by id.
type Rows = (Vec<Row>, HashMap<String, usize>);

fn side(path: &Path) -> Result<Rows, Box<dyn Error>> {
    let mut rows = Vec::new();
    let mut ids = HashMap::new();
    for line in csv::Reader::from_path(path)?.records() {
        let line = line?;
        let field = |at: usize| line.get(at).unwrap_or_default();
        let currency = Currency::parse(field(3))?;
        ids.insert(field(0).to_owned(), rows.len());
        rows.push(Row {
            day: Timestamp::parse(&format!("{}T00:00:00Z", field(1)))?.millis() / DAY_MS,
            amount_minor: currency.minor_units(field(2))?,
            currency,
            memo: field(4).to_owned(),
        });
    }
    Ok((rows, ids))
}

fn record(side: Side, at: usize, row: &Row) -> Record {
    Record {
        precision: Precision::Day,
        memo: Some(row.memo.clone()),
        ..Record::plain(
            side,
            if side == Side::Source { Kind::Sale } else { Kind::Charge },
            id(side, at),
            Money { amount_minor: row.amount_minor, currency: row.currency },
            Timestamp::from_millis(row.day * DAY_MS),
        )
    }
}
