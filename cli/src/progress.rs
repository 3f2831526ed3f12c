//! The view while a run is waited for: on a terminal the steps with spinners, elsewhere one line per change. Both on
//! stderr, because the result goes to stdout.

use crate::{
    answers::{SagaState, StepRun, Summary},
    figures::{counted, duration, plain},
    output,
    steps::story,
    tables::{Tone, tone},
};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{collections::BTreeMap, time::Duration};

const SPIN: Duration = Duration::from_millis(100);

pub struct Watch {
    live: Option<MultiProgress>,
    bars: Vec<(String, ProgressBar)>,
    /// What was last told about the run and each step.
    told: BTreeMap<String, String>,
}

impl Watch {
    pub fn new() -> Self {
        Self { live: output::interactive().then(MultiProgress::new), bars: Vec::new(), told: BTreeMap::new() }
    }

    /// Shows what is new. Without a saga's history (only platform keys may read it) the run's current step has to do.
    pub fn see(&mut self, summary: &Summary, saga: Option<&SagaState>) {
        match saga {
            Some(saga) => {
                for run in &saga.steps {
                    self.step(run);
                }
            }
            None => self.current_step(summary),
        }
        if self.live.is_none() {
            self.tell(
                "run",
                &summary.status,
                &format!("run {}: {}", plain(&summary.reconciliation_id), plain(&summary.status)),
            );
        }
    }

    /// A message among the steps.
    pub fn note(&self, text: &str) {
        match &self.live {
            Some(live) => live.suspend(|| output::note(text)),
            None => output::note(text),
        }
    }

    pub fn end(&self) {
        for (_, bar) in &self.bars {
            if !bar.is_finished() {
                bar.finish_and_clear();
            }
        }
    }

    fn step(&mut self, run: &StepRun) {
        let name = plain(&run.step);
        let words = story(run);
        let status = plain(&run.status);
        if self.live.is_some() {
            let bar = self.bar(&name);
            bar.set_message(if words.is_empty() { status.clone() } else { words });
            if status != "running" && !bar.is_finished() {
                finish(&bar, &status);
            }
        } else {
            let suffix = if words.is_empty() { String::new() } else { format!(" ({words})") };
            // A running step's counters move all the time; only its tries are news.
            let (key, suffix) = if status == "running" {
                let tries =
                    if run.tries > 1 { format!(" ({})", counted(run.tries, "try", "tries")) } else { String::new() };
                (format!("{status}{tries}"), tries)
            } else {
                (status.clone(), suffix)
            };
            self.tell(&format!("step {name}"), &key, &format!("{name}: {status}{suffix}"));
        }
    }

    fn current_step(&mut self, summary: &Summary) {
        let current = summary.current_step.as_deref().filter(|_| !summary.ended()).map(plain);
        if self.live.is_some() {
            let moved_on: Vec<_> = self
                .bars
                .iter()
                .filter(|(name, bar)| Some(name) != current.as_ref() && !bar.is_finished())
                .map(|(_, bar)| bar.clone())
                .collect();
            for bar in moved_on {
                bar.set_message(duration(u64::try_from(bar.elapsed().as_millis()).unwrap_or(u64::MAX)));
                // Whether the last one worked is the run's status.
                finish(&bar, if summary.status == "failed" { "failed" } else { "succeeded" });
            }
            if let Some(name) = current {
                self.bar(&name).set_message("running");
            }
        } else if let Some(name) = current {
            self.tell("step", &name, &format!("{name}: running"));
        }
    }

    fn bar(&mut self, name: &str) -> ProgressBar {
        if let Some((_, bar)) = self.bars.iter().find(|(known, _)| known == name) {
            return bar.clone();
        }
        let bar = ProgressBar::new_spinner();
        if let Some(live) = &self.live {
            let bar = live.add(bar);
            bar.set_style(style("  {spinner:.yellow} {prefix:<22} {elapsed:>4}  {msg}"));
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(SPIN);
            self.bars.push((name.to_owned(), bar.clone()));
            return bar;
        }
        bar
    }

    fn tell(&mut self, about: &str, key: &str, line: &str) {
        if self.told.get(about).is_some_and(|known| known == key) {
            return;
        }
        self.told.insert(about.to_owned(), key.to_owned());
        self.note(line);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn finish(bar: &ProgressBar, status: &str) {
    // The terminal in question is stderr; indicatif leaves the colours out where they are unwanted.
    let sign = match tone(status) {
        Tone::Good => "✔",
        Tone::Bad => "✘",
        _ => "●",
    };
    let colour = if tone(status) == Tone::Bad { "red" } else { "green" };
    bar.set_style(style(&format!("  {{spinner:.{colour}}} {{prefix:<22}}       {{msg}}")).tick_strings(&[sign, sign]));
    bar.disable_steady_tick();
    if tone(status) == Tone::Bad {
        let message = bar.message();
        bar.set_message(if message == status { message } else { format!("{status}, {message}") });
    }
    bar.abandon();
}
