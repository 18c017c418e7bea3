//! How a dependency stands, in helm's words (helm, pkg/action/dependency.go).

use crate::chart::Chart;
use crate::metadata::Dependency;
use crate::version;
use refloat_template::versions::{Constraint, Version};

/// An archive below `charts/` that is named after a dependency.
#[derive(Debug, Clone)]
pub struct Found {
    /// The version in its file's name.
    pub version: String,
    /// What it holds; `None` if that is no chart.
    pub chart: Option<Chart>,
}

/// How a dependency stands: `ok`, `unpacked`, `missing`, `wrong version`, `invalid version`, `corrupt`, `misnamed`,
/// `too many matches`. `archives` are those named `NAME-*.tgz`, `parent` is the chart with all that lies below it.
pub fn status(wanted: &Dependency, archives: &[Found], parent: &Chart) -> &'static str {
    let strict: Vec<&Found> = match archives {
        [one] => vec![one],
        many => {
            let strict = many.iter();
            strict
                .filter(|found| version::is_strict(&found.version))
                .collect()
        }
    };
    match strict.as_slice() {
        [] => {}
        [one] => return of_archive(wanted, one),
        _ => return "too many matches",
    }
    let mut below = parent.dependencies.iter().rev();
    let Some(chart) = below.find(|chart| chart.name() == wanted.name) else {
        return "missing";
    };
    of_version(wanted, chart).unwrap_or("unpacked")
}

fn of_archive(wanted: &Dependency, found: &Found) -> &'static str {
    match &found.chart {
        None => "corrupt",
        Some(chart) if chart.name() != wanted.name => "misnamed",
        Some(chart) => of_version(wanted, chart).unwrap_or("ok"),
    }
}

/// What is wrong with the version there is.
fn of_version(wanted: &Dependency, chart: &Chart) -> Option<&'static str> {
    let there = &chart.metadata.version;
    if *there == wanted.version {
        return None;
    }
    match (Constraint::parse(&wanted.version), Version::parse(there)) {
        (Ok(range), Ok(version)) if range.holds(&version) => None,
        (Ok(_), Ok(_)) => Some("wrong version"),
        _ => Some("invalid version"),
    }
}
