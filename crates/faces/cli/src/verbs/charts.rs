//! Charts: `template`, `show`, `lint`, `dependency`, `bump`, `package`, `push`, `pull`, `verify`, `search`. The rules are refloat-chart's; here files are read and
//! written, and registries asked through [`Local`].

mod check;
mod dependency;
mod edit;
mod environments;
mod explain;
mod kubernetes;
mod lint;
mod oracle;
mod places;
mod provenance;
mod registry;
mod release;
mod repositories;
mod search;
mod secrets;
mod sign;
mod source;
mod template;
mod values;

pub(super) use check::values;
pub(super) use dependency::dependency;
pub(super) use edit::bump;
pub(super) use explain::explain;
pub(super) use lint::lint;
pub use places::{ChartPlaces, Freshness, PulledChart, PushedChart, Reach, RepositoryLogin};
pub(super) use provenance::verify;
pub(super) use registry::{package, pull, push};
pub use release::{Newness, ReleaseQuestion};
pub(super) use release::{history, install, list, release, status, upgrade};
pub(super) use search::search;
use template::release_name;
pub(super) use template::template;

use crate::Local;
use crate::arguments::{ShowArguments, ShowVerb};
use crate::error::CliError;
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_chart::Chart;
use serde_json::{Value, json};

/// Text that is printed as it is.
fn verbatim(json: Value, text: &str) -> Answer {
    if text.is_empty() {
        return Answer::read(json, View::Lines(Vec::new()));
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines = text.split('\n').map(str::to_owned).collect();
    Answer::read(json, View::Lines(lines))
}

pub(super) fn show(
    verb: &ShowVerb,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let load = |arguments: &ShowArguments| {
        let wish = source::Wish::of(&arguments.source);
        source::chart(&arguments.chart, &wish, settings, local)
    };
    let (chart, text) = match verb {
        ShowVerb::Chart(arguments) => {
            let chart = load(arguments)?;
            let text = format!("{}\n", chart.metadata.to_yaml());
            (chart, text)
        }
        ShowVerb::Values(arguments) => {
            let chart = load(arguments)?;
            let text = values_text(&chart);
            (chart, text)
        }
        ShowVerb::Readme(arguments) => {
            let chart = load(arguments)?;
            let text = readme(&chart).unwrap_or_default();
            (chart, text)
        }
        ShowVerb::Crds(arguments) => {
            let chart = load(arguments)?;
            let text = crds_text(&chart);
            (chart, text)
        }
        ShowVerb::All(arguments) => {
            let chart = load(arguments)?;
            let text = all_text(&chart);
            (chart, text)
        }
    };
    let values = chart.values().map_err(|error| source::wrong(&error))?;
    let json = json!({
        "chart": refloat_chart::values::to_json(&chart.metadata.to_value()),
        "values": refloat_chart::values::to_json(&values.into()),
        "text": text,
    });
    Ok(verbatim(json, &text))
}

fn values_text(chart: &Chart) -> String {
    let values = chart.values_file.as_deref();
    values.map_or_else(String::new, |bytes| {
        format!("{}\n", String::from_utf8_lossy(bytes))
    })
}

fn all_text(chart: &Chart) -> String {
    let mut text = format!("{}\n", chart.metadata.to_yaml());
    text += "---\n";
    text += &values_text(chart);
    if let Some(readme) = readme(chart) {
        text.push_str(&["---\n", &*readme].concat());
    }
    text + &crds_text(chart)
}

fn readme(chart: &Chart) -> Option<String> {
    let names = ["readme.md", "readme.txt", "readme"];
    let is_it = |name: &str| names.contains(&name.to_ascii_lowercase().as_str());
    let file = chart.files.iter().find(|file| is_it(&file.name))?;
    Some(format!("{}\n", file.text()))
}

fn crds_text(chart: &Chart) -> String {
    let mut text = String::new();
    for crd in chart.crds() {
        let separator = if crd.file.data.starts_with(b"---") {
            ""
        } else {
            "---\n"
        };
        text.push_str(&[separator, &*crd.file.text(), "\n"].concat());
    }
    text
}
