//! The figures of a run, as text for people and as a table for `docs/`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::checker::{Findings, Grace};
use super::ground::Floor;
use crate::ledger::Counts;

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What the server stood on.
    pub floor: Floor,
    /// Whether the server collected meanwhile.
    pub grace: Grace,
    /// Sudden ends.
    pub kills: u32,
    /// What became of the operations.
    pub counts: Counts,
    /// What the checks found.
    pub findings: Findings,
    /// Each start after a sudden end, until `/readyz`.
    pub ready: Vec<Duration>,
    /// The whole run.
    pub took: Duration,
    /// Data folder and ledger, if anything was found.
    pub kept: Option<PathBuf>,
    /// The end of the server's log, if anything was found.
    pub log: String,
}

impl Report {
    /// True if nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_clean()
    }

    /// The median and the longest time to readiness.
    pub fn ready_median_max(&self) -> (Duration, Duration) {
        let mut sorted = self.ready.clone();
        sorted.sort();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        (median, sorted.last().copied().unwrap_or_default())
    }

    /// What a person reads at the end.
    pub fn text(&self) -> String {
        let (median, max) = self.ready_median_max();
        let Counts {
            acknowledged,
            refused,
            unknown,
        } = self.counts;
        let Findings {
            checked,
            collected,
            lost,
            half_visible,
            wrong,
        } = &self.findings;
        let collected = match self.grace {
            Grace::Long => String::new(),
            Grace::Short => format!(" ({collected} times collected)"),
        };
        let mut text = format!(
            "{} kills, {acknowledged} operations acknowledged ({refused} refused, {unknown} unknown), {checked} facts checked{collected}, \
             {} lost, {} half visible, {} wrong; ready again after {} ms (median), {} ms (longest); seed {}",
            self.kills,
            lost.len(),
            half_visible.len(),
            wrong.len(),
            median.as_millis(),
            max.as_millis(),
            self.seed,
        );
        if let Some(kept) = &self.kept {
            let _ = write!(
                text,
                "\n{}\nkept: {}\nthe server said:\n{}",
                self.findings.text(),
                kept.display(),
                self.log
            );
        }
        text
    }

    /// The head of the table whose rows are [`Report::row`].
    pub fn head() -> &'static str {
        "| data folder | kills | acknowledged | unknown outcome | facts checked | lost | half visible | wrong | ready, median | ready, longest | seed |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n"
    }

    /// One row of Markdown.
    pub fn row(&self) -> String {
        let (median, max) = self.ready_median_max();
        let floor = match self.floor {
            Floor::Plain => "SQLite and files",
            Floor::Forgetful => "SQLite and files, unsynced writes dropped",
            Floor::FailingFsync => "SQLite and files, a failing fsync in each round",
            Floor::Postgres => "PostgreSQL and files",
        };
        let collecting = match self.grace {
            Grace::Long => "",
            Grace::Short => ", what nothing uses collected after a second",
        };
        format!(
            "| {floor}{collecting} | {} | {} | {} | {} | {} | {} | {} | {} ms | {} ms | {} |\n",
            self.kills,
            self.counts.acknowledged,
            self.counts.unknown,
            self.findings.checked,
            self.findings.lost.len(),
            self.findings.half_visible.len(),
            self.findings.wrong.len(),
            median.as_millis(),
            max.as_millis(),
            self.seed,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_fits_the_head() {
        let report = Report {
            ready: vec![
                Duration::from_millis(3),
                Duration::from_millis(9),
                Duration::from_millis(4),
            ],
            ..Report::default()
        };
        let columns = Report::head()
            .lines()
            .next()
            .map(|line| line.matches('|').count());
        assert_eq!(Some(report.row().matches('|').count()), columns);
        assert!(report.row().contains("| 4 ms | 9 ms |"), "{}", report.row());
    }
}
