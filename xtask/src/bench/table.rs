//! The tables, as markdown that reads well on a terminal too.

use crate::bench::load::{Figures, Measure};
use std::fmt::Write as _;

/// One table: a row for each measure and server, medians over the rounds with their range.
pub fn render(
    measures: &[Measure],
    names: &[&str],
    figures: &[Vec<Vec<Figures>>],
    hashing_s_per_gib: f64,
) -> String {
    let mut text = String::from(
        "| measure | server | rate | range | p99 ms | server CPU | against refloat |\n|---|---|---|---|---|---|---|\n",
    );
    for (measure, row) in measures.iter().zip(figures) {
        let own = median(&row[0], |figures| figures.rate);
        for (name, rounds) in names.iter().zip(row) {
            let rate = median(rounds, |figures| figures.rate);
            let (low, high) = range(rounds, |figures| figures.rate);
            let _ = writeln!(
                text,
                "| {} | {name} | {rate:.0} {} | {low:.0}-{high:.0} | {:.2} | {:.2} {} | {} |",
                measure.name(),
                measure.unit(),
                median(rounds, |figures| figures.p99_ms),
                median(rounds, |figures| figures.cost),
                measure.cost_unit(),
                if *name == names[0] {
                    "-".to_owned()
                } else {
                    format!("refloat has {:.1}x the rate", own / rate)
                },
            );
        }
    }
    let _ = writeln!(
        text,
        "\nSHA-256 alone, one core of the same machine: {hashing_s_per_gib:.2} s per GiB."
    );
    text
}

fn sorted(rounds: &[Figures], read: impl Fn(&Figures) -> f64) -> Vec<f64> {
    let mut values: Vec<_> = rounds.iter().map(read).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(rounds: &[Figures], read: impl Fn(&Figures) -> f64) -> f64 {
    let values = sorted(rounds, read);
    values[values.len() / 2]
}

fn range(rounds: &[Figures], read: impl Fn(&Figures) -> f64) -> (f64, f64) {
    let values = sorted(rounds, read);
    (values[0], values[values.len() - 1])
}
