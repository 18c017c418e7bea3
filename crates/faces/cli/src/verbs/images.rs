//! `rebase`, `compare`, `inspect`: the binary does the work, here it is told.

mod progress;

use crate::Local;
use crate::alone::{Alone, RebaseEnd};
use crate::arguments::{CompareArguments, InspectArguments, RebaseArguments};
use crate::error::{CliError, EXIT_POLICY};
use crate::humane;
use crate::output::{Answer, View, table};
use crate::settings::Settings;
use crate::verbs::text;
use serde_json::{Value, json};

/// Reasons that are shown without `--explain`.
const REASONS_SHOWN: usize = 3;
/// Paths that are shown of each kind of difference.
const PATHS_SHOWN: usize = 50;

pub(super) fn alone(settings: &Settings) -> Alone {
    Alone {
        server: settings.host(),
        watch: progress::watch(settings),
    }
}

pub(super) fn rebase(
    arguments: RebaseArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let explain = arguments.explain;
    let rebased = (local.rebase)(arguments, &alone(settings))?;
    let mut json = rebased.json;
    let lines = rebase_lines(&json, rebased.end, explain);
    let changed = matches!(rebased.end, RebaseEnd::Written | RebaseEnd::Planned);
    json["changed"] = Value::Bool(changed);
    json["dry_run"] = Value::Bool(rebased.end == RebaseEnd::Planned);
    let brief = json["result"].as_str().map(str::to_owned);
    let mut answer = Answer::read(json, View::Lines(lines)).with_brief(brief.into_iter().collect());
    if rebased.end == RebaseEnd::Refused {
        answer.exit = EXIT_POLICY;
    } else {
        answer.changed = Some(changed);
    }
    Ok(answer)
}

fn rebase_lines(json: &Value, end: RebaseEnd, explain: bool) -> Vec<String> {
    let found_by = match text(json, "found_by").as_str() {
        "" => String::new(),
        word => format!(" (found by {word})"),
    };
    let mut lines = vec![
        format!("image     {}", text(json, "image")),
        format!("old base  {}{found_by}", text(json, "old_base")),
        format!("new base  {}", text(json, "new_base")),
        format!("verdict   {}", text(json, "verdict")),
    ];
    lines.push(match end {
        RebaseEnd::Unchanged => {
            "result    the image stands on this base already: nothing to do".to_owned()
        }
        RebaseEnd::Refused => {
            "result    refused, nothing was written; rebuild the image, or look at the reasons"
                .to_owned()
        }
        RebaseEnd::Planned => "result    would be written (dry run)".to_owned(),
        RebaseEnd::Written => format!("result    {}", text(json, "result")),
        RebaseEnd::AsBefore => format!("result    {} (as before)", text(json, "result")),
    });
    let reasons = reasons(json);
    let shown = if explain {
        reasons.len()
    } else {
        REASONS_SHOWN.min(reasons.len())
    };
    if shown > 0 {
        lines.push(String::new());
        let headings = ["VERDICT", "CODE", "PATH", "OLD", "NEW", "WHY"];
        lines.extend(
            table(&headings, &reasons[..shown])
                .lines()
                .map(str::to_owned),
        );
        if shown < reasons.len() {
            lines.push(format!(
                "{} more; --explain shows all",
                reasons.len() - shown
            ));
        }
    }
    lines.extend(packages(json, explain));
    lines
}

/// One row per reason, heaviest first over all platforms.
fn reasons(json: &Value) -> Vec<Vec<String>> {
    let weight = |verdict: &str| match verdict {
        "blocked" => 0,
        "unsafe" => 1,
        "test" => 2,
        _ => 3,
    };
    let mut rows: Vec<(u8, Vec<String>)> = Vec::new();
    let platforms = json["platforms"].as_array().map_or(0, Vec::len);
    for platform in json["platforms"].as_array().into_iter().flatten() {
        let name = text(platform, "platform");
        for reason in platform["reasons"].as_array().into_iter().flatten() {
            let verdict = text(reason, "verdict");
            let mut detail = text(reason, "detail");
            if platforms > 1 {
                detail = format!("{name}: {detail}");
            }
            let row = vec![
                verdict.clone(),
                text(reason, "code"),
                text(reason, "path"),
                shortened(&text(reason, "old")),
                shortened(&text(reason, "new")),
                detail,
            ];
            rows.push((weight(&verdict), row));
        }
    }
    rows.sort_by_key(|(weight, _)| *weight);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// Digests and long values, as far as people compare them.
fn shortened(value: &str) -> String {
    if value.chars().count() <= 40 {
        return value.to_owned();
    }
    let start: String = value.chars().take(37).collect();
    format!("{start}..")
}

fn packages(json: &Value, all: bool) -> Vec<String> {
    let list = json["packages"].as_array().cloned().unwrap_or_default();
    if list.is_empty() {
        return Vec::new();
    }
    if !all {
        let count = match list.len() {
            1 => "1 package changes".to_owned(),
            count => format!("{count} packages change"),
        };
        return vec![String::new(), format!("{count}; --explain lists them")];
    }
    let rows: Vec<Vec<String>> = list
        .iter()
        .map(|change| {
            let version = |key: &str| match text(change, key).as_str() {
                "" => "-".to_owned(),
                version => version.to_owned(),
            };
            vec![text(change, "name"), version("old"), version("new")]
        })
        .collect();
    let mut lines = vec![String::new()];
    lines.extend(
        table(&["PACKAGE", "OLD", "NEW"], &rows)
            .lines()
            .map(str::to_owned),
    );
    lines
}

pub(super) fn compare(
    arguments: CompareArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let json = (local.compare)(arguments, &alone(settings))?;
    let lines = compare_lines(&json);
    let brief = if json["same_files"] == json!(true) {
        "same"
    } else {
        "different"
    };
    Ok(Answer::read(json, View::Lines(lines)).with_brief(vec![brief.to_owned()]))
}

fn compare_lines(json: &Value) -> Vec<String> {
    let mut lines = vec![match json["same_files"].as_bool() {
        Some(true) => "files     the same".to_owned(),
        _ => "files     different".to_owned(),
    }];
    let files = &json["files"];
    for (mark, key) in [("+", "added"), ("-", "removed")] {
        let paths = files[key].as_array().cloned().unwrap_or_default();
        let shown = paths.iter().take(PATHS_SHOWN).filter_map(Value::as_str);
        lines.extend(shown.map(|path| format!("  {mark} {path}")));
        lines.extend(more(paths.len()));
    }
    let changed = files["changed"].as_array().cloned().unwrap_or_default();
    let shown = changed.iter().take(PATHS_SHOWN);
    lines
        .extend(shown.map(|entry| format!("  ~ {}  {}", text(entry, "path"), text(entry, "what"))));
    lines.extend(more(changed.len()));
    let config = json["config"].as_array().cloned().unwrap_or_default();
    lines.push(format!("config    {}", sameness(config.len())));
    for entry in &config {
        lines.push(format!(
            "  {}: {} -> {}",
            text(entry, "field"),
            entry["old"],
            entry["new"]
        ));
    }
    let changes = json["packages"].as_array().map_or(0, Vec::len);
    lines.push(format!("packages  {}", sameness(changes)));
    lines.extend(packages(json, true).into_iter().skip(1));
    lines
}

fn more(count: usize) -> Option<String> {
    (count > PATHS_SHOWN).then(|| format!("  {} more; -o json lists all", count - PATHS_SHOWN))
}

fn sameness(differences: usize) -> String {
    match differences {
        0 => "the same".to_owned(),
        count => format!("{count} differ"),
    }
}

pub(super) fn inspect(
    arguments: InspectArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let json = (local.inspect)(arguments, &alone(settings))?;
    let brief = vec![text(&json, "digest")];
    let lines = inspect_lines(&json);
    Ok(Answer::read(json, View::Lines(lines)).with_brief(brief))
}

fn inspect_lines(json: &Value) -> Vec<String> {
    let mut lines = vec![
        format!("image     {}", text(json, "image")),
        format!("digest    {}", text(json, "digest")),
    ];
    for platform in json["platforms"].as_array().into_iter().flatten() {
        let size = humane::size(platform["size"].as_u64().unwrap_or_default());
        lines.push(String::new());
        lines.push(format!("platform  {} ({size})", text(platform, "platform")));
        let base = &platform["base"];
        lines.push(match base["reference"].as_str() {
            Some(reference) => format!(
                "base      {reference} (found by {})",
                text(base, "found_by")
            ),
            None => "base      not found; name one with --base".to_owned(),
        });
        let count = platform["packages"].as_array().map_or(0, Vec::len);
        lines.push(format!("packages  {count}"));
        let layers = platform["layers"].as_array().into_iter().flatten();
        let rows: Vec<Vec<String>> = layers.map(layer_row).collect();
        let headings = ["LAYER", "SIZE", "FILES", "FROM", "MADE BY"];
        lines.extend(table(&headings, &rows).lines().map(str::to_owned));
    }
    lines
}

fn layer_row(layer: &Value) -> Vec<String> {
    let digest: String = text(layer, "diff_id").chars().take(19).collect();
    vec![
        digest,
        humane::size(layer["size"].as_u64().unwrap_or_default()),
        text(layer, "files"),
        text(layer, "from"),
        shortened(&text(layer, "created_by")),
    ]
}
