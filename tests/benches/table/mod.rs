//! Figures as a Markdown table, readable on a terminal and in `docs/BENCHMARKS.md`. Integers only.

use std::time::Duration;

/// Columns after the first are figures and stand to the right.
pub fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(column, name)| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).fold(width(name), usize::max)
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().enumerate().map(|(column, width)| {
        if column == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width.saturating_sub(1))) }
    });
    let mut text = line(header.to_vec());
    text.push_str(&format!("| {} |\n", rule.collect::<Vec<_>>().join(" | ")));
    text.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    text
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// `12.34` milliseconds.
pub fn millis(of: Duration) -> String {
    ratio(of.as_micros(), 1_000)
}

/// `a / b` with two decimals, rounded down; `–` for a division by nothing.
pub fn ratio(a: u128, b: u128) -> String {
    match (a * 100).checked_div(b) {
        Some(hundredths) => format!("{}.{:02}", hundredths / 100, hundredths % 100),
        None => "–".to_owned(),
    }
}

/// The middle one of an odd number of measurements.
pub fn median(of: &mut [Duration]) -> Option<Duration> {
    of.sort_unstable();
    of.get(of.len() / 2).copied()
}

/// A figure in KiB of this process or another, such as `VmHWM`, out of Linux's `/proc`; none elsewhere.
pub fn memory_kib(process: &str, field: &str) -> Option<u128> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// KiB as MiB; `–` where the system does not tell.
pub fn mebibytes(kib: Option<u128>) -> String {
    kib.map_or_else(|| "–".to_owned(), |kib| ratio(kib, 1_024))
}
