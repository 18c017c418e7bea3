//! H18: Java's class versions and .NET's frameworks: what the app was compiled for, against what the bases run.

use super::languages::Lines;
use crate::case::{Case, Own};
use crate::config::{get, variables};
use crate::tree::{Content, Tree};
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Facts, Java, Kind, path};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A class file's `major_version` less the Java that it is for (JVM specification, table 4.1-A).
const JAVA_OFFSET: u16 = 44;

/// What the app's own files ask of a runtime.
pub(super) enum Asks {
    /// Nothing can be said.
    Unknown,
    /// The new base does not have it.
    Unmet(Reason),
    /// The new base has it; `is_all`: and nothing else is bound to the runtime.
    Met {
        /// Every file that runs on it was understood.
        is_all: bool,
    },
}

/// Java.
pub(super) fn java(case: &Case<'_>) -> Asks {
    let highest = |lines: &Lines| {
        let lines = lines.get("java").into_iter().flatten();
        lines.filter_map(|line| line.parse::<u16>().ok()).max()
    };
    let (Some(before), Some(after)) = (highest(&case.delta.lines.0), highest(&case.delta.lines.1))
    else {
        return Asks::Unknown;
    };
    let mut is_all = true;
    let mut seen = false;
    for own in case.owned() {
        let Some(java) = java_of(&own) else {
            is_all &= !is_bound_to_java(&own);
            continue;
        };
        seen = true;
        is_all &= java.is_whole && !java.has_natives && java.class_major > 0;
        let wanted = java.class_major.saturating_sub(JAVA_OFFSET);
        if wanted > after {
            let tier = if wanted > before {
                Tier::Test
            } else {
                Tier::Unsafe
            };
            let detail = format!(
                "compiled for Java {wanted} (class version {}), which the new base does not run",
                java.class_major
            );
            let told = |line: u16| Some(format!("Java {line}"));
            return Asks::Unmet(
                Reason::new(Code::H18, tier, detail)
                    .at(own.path)
                    .layer(own.layer.clone())
                    .values(told(before), told(after)),
            );
        }
    }
    if seen {
        Asks::Met { is_all }
    } else {
        Asks::Unknown
    }
}

fn java_of<'o>(own: &Own<'o>) -> Option<&'o Java> {
    match &own.entry.kind {
        Kind::File {
            facts: Facts::Java(java),
            ..
        } => Some(java),
        _ => None,
    }
}

/// Files that one exact JVM made or that it loads.
fn is_bound_to_java(own: &Own<'_>) -> bool {
    let name = path::name(own.path);
    let suffix = name.rsplit('.').next().unwrap_or_default();
    matches!(
        suffix,
        "jsa" | "jar" | "war" | "ear" | "class" | "so" | "jmod"
    ) || name == "modules"
}

/// .NET: each `runtimeconfig.json` names frameworks and how far it may roll forward (.NET documentation, "Select the
/// .NET version to use").
pub(super) fn dotnet(case: &Case<'_>) -> Asks {
    let (old, new) = (frameworks(&case.old), frameworks(&case.new));
    let policy_of = |config: &Value| {
        let variables = variables(config.get("config").unwrap_or(&Value::Null));
        get(&variables, "DOTNET_ROLL_FORWARD").map(str::to_owned)
    };
    let forced = policy_of(&case.merged);
    let mut seen = false;
    for own in case.owned() {
        if !own.path.ends_with(".runtimeconfig.json") {
            continue;
        }
        let Content::Known(bytes) = case.new.content(own.path) else {
            return Asks::Unknown;
        };
        let Some(needs) = needs(bytes) else {
            return Asks::Unknown;
        };
        seen = true;
        for need in needs {
            let roll = forced.as_deref().unwrap_or(&need.roll);
            let has = |all: &BTreeMap<String, BTreeSet<Version>>| {
                let versions = all.get(&need.name).into_iter().flatten();
                versions
                    .into_iter()
                    .any(|have| suits(roll, need.version, *have))
            };
            if has(&new) {
                continue;
            }
            let told = |all: &BTreeMap<String, BTreeSet<Version>>| {
                let list = all.get(&need.name).into_iter().flatten();
                let list: Vec<String> = list.map(words).collect();
                Some(format!("{} {}", need.name, list.join(", ")))
            };
            let (tier, whose) = if has(&old) {
                (Tier::Unsafe, "the new base does not have")
            } else {
                (Tier::Test, "neither base has")
            };
            let detail = format!(
                "it needs {} {} (roll forward: {roll}), which {whose}",
                need.name,
                words(&need.version)
            );
            return Asks::Unmet(
                Reason::new(Code::H18, tier, detail)
                    .at(own.path)
                    .layer(own.layer.clone())
                    .values(told(&old), told(&new)),
            );
        }
    }
    if seen {
        Asks::Met { is_all: false }
    } else {
        Asks::Unknown
    }
}

type Version = (u32, u32, u32);

struct Need {
    name: String,
    version: Version,
    roll: String,
}

fn words(version: &Version) -> String {
    format!("{}.{}.{}", version.0, version.1, version.2)
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split(['-', '+']).next()?.split('.').map(str::parse);
    let mut part = || parts.next()?.ok();
    Some((part()?, part()?, part()?))
}

/// The frameworks of a file; none if it is none, or says nothing that can be judged.
fn needs(bytes: &[u8]) -> Option<Vec<Need>> {
    let whole: Value = serde_json::from_slice(bytes).ok()?;
    let options = whole.get("runtimeOptions")?;
    if options.get("includedFrameworks").is_some() {
        // It brings its own.
        return Some(Vec::new());
    }
    let roll = options
        .get("rollForward")
        .map_or(Some("Minor"), Value::as_str)?;
    let several = options.get("frameworks").and_then(Value::as_array);
    let all = several
        .into_iter()
        .flatten()
        .chain(options.get("framework"));
    let needs: Option<Vec<Need>> = all
        .map(|framework| {
            Some(Need {
                name: framework.get("name")?.as_str()?.to_owned(),
                version: version(framework.get("version")?.as_str()?)?,
                roll: framework
                    .get("rollForward")
                    .map_or(Some(roll), Value::as_str)?
                    .to_owned(),
            })
        })
        .collect();
    needs.filter(|needs| !needs.is_empty())
}

/// `rollForward` of a `runtimeconfig.json`.
fn suits(roll: &str, wanted: Version, have: Version) -> bool {
    let is_line = have.0 == wanted.0;
    match roll.to_ascii_lowercase().as_str() {
        "disable" => have == wanted,
        "latestpatch" => is_line && have.1 == wanted.1 && have.2 >= wanted.2,
        "minor" | "latestminor" => is_line && have >= wanted,
        "major" | "latestmajor" => have >= wanted,
        _ => false,
    }
}

/// Versions of the shared frameworks: `shared/NAME/VERSION`.
fn frameworks(tree: &Tree) -> BTreeMap<String, BTreeSet<Version>> {
    let mut found: BTreeMap<String, BTreeSet<Version>> = BTreeMap::new();
    for (at, ..) in tree.iter() {
        let mut segments = at.split('/').skip_while(|segment| *segment != "shared");
        if let (Some(_), Some(name), Some(text)) =
            (segments.next(), segments.next(), segments.next())
            && name.starts_with("Microsoft.")
            && let Some(version) = version(text)
        {
            found.entry(name.to_owned()).or_default().insert(version);
        }
    }
    found
}
