//! H17, H18: lines of language runtimes, and what the app binds to them.

use super::frameworks::{self, Asks};
use crate::case::{Case, describe};
use crate::config::{get, variables};
use crate::tree::{Content, Tree};
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Facts, Java, Kind, path};
use refloat_packages::Package;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Lines by language: `python` -> `3.11`.
pub(crate) type Lines = BTreeMap<&'static str, BTreeSet<String>>;

/// Variables by which official images tell their runtime's version, and how many numbers make a line.
const VARIABLES: [(&str, &str, usize); 10] = [
    ("PYTHON_VERSION", "python", 2),
    ("NODE_VERSION", "node", 1),
    ("RUBY_VERSION", "ruby", 2),
    ("PHP_VERSION", "php", 2),
    ("JAVA_VERSION", "java", 1),
    ("PERL_VERSION", "perl", 2),
    ("OTP_VERSION", "erlang", 1),
    ("DOTNET_VERSION", "dotnet", 2),
    ("ASPNET_VERSION", "dotnet", 2),
    ("ELIXIR_VERSION", "elixir", 2),
];
/// Packages that are a runtime.
const PACKAGES: [(&str, &str, usize); 5] = [
    ("nodejs", "node", 1),
    ("python3", "python", 2),
    ("ruby", "ruby", 2),
    ("perl-base", "perl", 2),
    ("php", "php", 2),
];

/// H17 (and the Java part of H18).
pub(super) fn runtimes(case: &mut Case<'_>) {
    let (old, new) = &case.delta.lines;
    let mut reasons = Vec::new();
    for (language, evidence) in uses(case) {
        let none = BTreeSet::new();
        let (before, after) = (
            old.get(language).unwrap_or(&none),
            new.get(language).unwrap_or(&none),
        );
        let lost: Vec<&String> = before.difference(after).collect();
        let code = if matches!(language, "java" | "dotnet") {
            Code::H18
        } else {
            Code::H17
        };
        let list =
            |lines: &BTreeSet<String>| Some(lines.iter().cloned().collect::<Vec<_>>().join(", "));
        let (path, layer) = evidence;
        let asks = match language {
            "java" => frameworks::java(case),
            "dotnet" => frameworks::dotnet(case),
            _ => Asks::Unknown,
        };
        if let Asks::Unmet(reason) = asks {
            reasons.push(reason);
            continue;
        }
        let is_gone = after.is_empty();
        if let (Asks::Met { .. }, false, false) = (&asks, is_gone, lost.is_empty()) {
            let detail = format!(
                "the base's {language} went to another line; it runs what the image was compiled for"
            );
            reasons.push(
                Reason::new(code, Tier::Test, detail)
                    .at(&path)
                    .layer(layer)
                    .values(list(before), list(after)),
            );
        } else if !lost.is_empty() {
            let detail = format!(
                "the base's {language} went to another line, and the image is bound to the old one"
            );
            reasons.push(
                Reason::new(code, Tier::Unsafe, detail)
                    .at(&path)
                    .layer(layer)
                    .values(list(before), list(after)),
            );
        } else if matches!(asks, Asks::Met { is_all: true }) && !before.is_empty() {
            // The same Java, and nothing but classes that it runs.
        } else if let Some(touched) = touched(case, language) {
            let detail = format!(
                "the base's {language} changed within its line ({touched}), and the image runs on it"
            );
            let values = (
                describe(case.delta.old.get(&touched)),
                describe(case.delta.new.get(&touched)),
            );
            reasons.push(
                Reason::new(code, Tier::Test, detail)
                    .at(&path)
                    .layer(layer)
                    .values(values.0, values.1),
            );
        }
    }
    reasons.extend(packed(case));
    case.extend(reasons);
}

/// Archives whose contents may be bound to the base: native parts, class versions.
fn packed(case: &Case<'_>) -> Option<Reason> {
    let changed = case.delta.changed_libraries.first()?;
    let own = case.owned().find(|own| {
        let is_packed = matches!(
            own.entry.kind,
            Kind::File {
                facts: Facts::Packed
                    | Facts::Java(
                        Java {
                            is_whole: false,
                            ..
                        } | Java {
                            has_natives: true,
                            ..
                        }
                    ),
                ..
            }
        );
        let suffix = path::name(own.path).rsplit('.').next().unwrap_or_default();
        is_packed
            && matches!(
                suffix,
                "jar"
                    | "war"
                    | "ear"
                    | "whl"
                    | "zip"
                    | "egg"
                    | "pyz"
                    | "phar"
                    | "nupkg"
                    | "dll"
                    | "exe"
            )
    })?;
    let detail = format!("what this archive holds is not seen, and {changed} changed");
    let values = (
        describe(case.delta.old.get(changed)),
        describe(case.delta.new.get(changed)),
    );
    Some(
        Reason::new(Code::H18, Tier::Test, detail)
            .at(own.path)
            .layer(own.layer.clone())
            .values(values.0, values.1),
    )
}

/// H18: paths that variables name.
pub(super) fn variables_of(config: &Value) -> Vec<(String, String)> {
    variables(config.get("config").unwrap_or(&Value::Null))
}

/// Paths in variables that were there and would not be.
pub(super) fn variables_paths(case: &Case<'_>) -> Vec<Reason> {
    let old = variables_of(&case.app.config);
    let mut reasons = Vec::new();
    for (key, value) in variables_of(&case.merged) {
        let was = get(&old, &key).unwrap_or_default();
        let is_there_now = |element: &str| case.new.resolve(element).is_some();
        for (at, element) in value.split(':').enumerate() {
            if !element.starts_with('/') || element.len() < 2 || is_there_now(element) {
                continue;
            }
            let before = was.split(':').nth(at).unwrap_or_default();
            if case.old.resolve(element).is_none()
                && (before == element || case.old.resolve(before).is_none())
            {
                continue;
            }
            let is_runtime = key.contains("JAVA") || key.contains("DOTNET") || key.contains("HOME");
            let code = if is_runtime { Code::H18 } else { Code::H8 };
            let detail =
                format!("the variable {key} names {element}, which the new base does not have");
            reasons.push(
                Reason::new(code, Tier::Unsafe, detail)
                    .at(&format!("config.Env.{key}"))
                    .values(Some(was.to_owned()), Some(value.clone())),
            );
        }
    }
    reasons
}

/// See [`variables_paths`].
pub(super) fn variables_checked(case: &mut Case<'_>) {
    let reasons = variables_paths(case);
    case.extend(reasons);
}

/// Languages that the app runs on.
pub(super) fn used(case: &Case<'_>) -> BTreeSet<&'static str> {
    uses(case).into_keys().collect()
}

/// Languages that the app runs on, each with a file that shows it and its layer.
fn uses(case: &Case<'_>) -> BTreeMap<&'static str, (String, Option<String>)> {
    let mut found: BTreeMap<&'static str, (String, Option<String>)> = BTreeMap::new();
    for own in case.owned() {
        if own.entry.kind == Kind::Directory {
            continue;
        }
        let by_shebang = match &own.entry.kind {
            Kind::File {
                facts: Facts::Script(shebang),
                ..
            } => interpreter(path::name(
                shebang.through_env().unwrap_or(&shebang.interpreter),
            )),
            _ => None,
        };
        if let Some(language) = by_shebang.or_else(|| bound_to(own.path)) {
            found
                .entry(language)
                .or_insert_with(|| (own.path.to_owned(), Some(own.layer.clone())));
        }
    }
    for field in ["Entrypoint", "Cmd"] {
        let words = case
            .merged_config(field)
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for word in words.flat_map(str::split_whitespace) {
            let file = case.new.resolve(word).unwrap_or_else(|| word.to_owned());
            if let Some(language) =
                interpreter(path::name(word)).or_else(|| interpreter(path::name(&file)))
            {
                found
                    .entry(language)
                    .or_insert_with(|| (format!("config.{field}"), None));
            }
        }
    }
    found
}

fn interpreter(name: &str) -> Option<&'static str> {
    let stem =
        name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    Some(match stem {
        "python" | "pypy" | "pip" | "gunicorn" | "uvicorn" | "flask" | "django-admin" => "python",
        "node" | "nodejs" | "npm" | "npx" | "yarn" => "node",
        "ruby" | "bundle" | "rails" | "puma" | "rackup" => "ruby",
        "php" | "php-fpm" => "php",
        "perl" => "perl",
        "java" => "java",
        "dotnet" => "dotnet",
        "erl" | "escript" | "elixir" | "mix" => "erlang",
        _ => return None,
    })
}

fn bound_to(at: &str) -> Option<&'static str> {
    let name = path::name(at);
    let has = |part: &str| at.contains(part);
    if has("/site-packages/") || has("/dist-packages/") || name == "pyvenv.cfg" {
        return Some("python");
    }
    // A compiled module for one Python, wherever it lies (PEP 3149).
    if name.contains(".cpython-3") || name.ends_with(".abi3.so") {
        return Some("python");
    }
    if has("node_modules/") {
        return Some("node");
    }
    if has("lib/php/") {
        return Some("php");
    }
    if has("/gems/") {
        return Some("ruby");
    }
    Some(match name.rsplit_once('.')?.1 {
        "py" | "pyc" | "pyx" => "python",
        "js" | "mjs" | "cjs" | "node" => "node",
        "rb" => "ruby",
        "php" => "php",
        "pl" | "pm" => "perl",
        "jar" | "war" | "class" | "ear" => "java",
        "dll" => "dotnet",
        "beam" => "erlang",
        _ => return None,
    })
}

/// The language whose module a path of the base is.
pub(super) fn module_of(at: &str) -> Option<&'static str> {
    let has = |part: &str| at.contains(part);
    let name = path::name(at);
    if has("/site-packages/") || has("/dist-packages/") || has("lib/python3") {
        return Some("python");
    }
    if has("lib/node_modules/") {
        return Some("node");
    }
    if has("/ruby/") {
        return Some("ruby");
    }
    if has("/perl5/") || has("/perl/") || has("/perl-base/") {
        return Some("perl");
    }
    if has("/php/") {
        return Some("php");
    }
    if has("/shared/Microsoft.") {
        return Some("dotnet");
    }
    (has("/jvm/") && name.rsplit('.').next() == Some("jar")).then_some("java")
}

/// A path of the runtime itself that differs between the bases.
fn touched(case: &Case<'_>, language: &str) -> Option<String> {
    let is_of = |at: &str| {
        let by_name =
            super::scope::is_program_place(at) && interpreter(path::name(at)) == Some(language);
        let parts: &[&str] = match language {
            "python" => &["lib/python3", "libpython3"],
            "node" => &["lib/node_modules/", "include/node/", "libnode.so"],
            "ruby" => &["/ruby/", "libruby"],
            "php" => &["lib/php", "etc/php/"],
            "perl" => &["/perl5/", "/perl/", "/perl-base/", "libperl"],
            "java" => &["/jvm/", "opt/java/"],
            "dotnet" => &["/dotnet/"],
            _ => &["/erlang/"],
        };
        by_name || parts.iter().any(|part| at.contains(part))
    };
    case.delta
        .changes
        .keys()
        .find(|at| is_of(at) && !super::scope::is_idle(at) && super::scope::database(at).is_none())
        .cloned()
}

/// The lines of a base, by its directories, variables and packages.
pub(crate) fn lines(tree: &Tree, config: &Value, packages: &[Package]) -> Lines {
    let mut found = Lines::new();
    for (at, ..) in tree.iter() {
        if let Some((language, line)) = line_of(at) {
            found.entry(language).or_default().insert(line);
        }
    }
    for (key, language, numbers) in VARIABLES {
        if let Some(version) = get(&variables_of(config), key) {
            let line = if language == "java" {
                java_line(version)
            } else {
                numbers_of(version, numbers)
            };
            found.entry(language).or_default().insert(line);
        }
    }
    for (at, ..) in tree.iter().filter(|(at, ..)| path::name(at) == "release") {
        // A JDK's file `release`: JAVA_VERSION="21.0.1".
        if let Content::Known(bytes) = tree.content(at) {
            let text = String::from_utf8_lossy(bytes);
            let version = text
                .lines()
                .find_map(|line| line.strip_prefix("JAVA_VERSION="));
            if let Some(version) = version {
                found.entry("java").or_default().insert(java_line(version));
            }
        }
    }
    for (name, language, numbers) in PACKAGES {
        if let Some(package) = packages.iter().find(|package| package.name == name) {
            found
                .entry(language)
                .or_default()
                .insert(numbers_of(&package.version, numbers));
        }
    }
    found
}

/// The line that a directory of a runtime stands for.
fn line_of(at: &str) -> Option<(&'static str, String)> {
    let (directory, name) = at.rsplit_once('/')?;
    let folder = path::name(directory);
    let first = name.bytes().next()?;
    if folder == "lib"
        && let Some(version) = name.strip_prefix("python3.")
    {
        return version
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| ("python", format!("3.{version}")));
    }
    if folder == "jvm" {
        let digits: String = name
            .chars()
            .skip_while(|it| !it.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect();
        return (!digits.is_empty()).then_some(("java", digits));
    }
    if folder == "erlang"
        && let Some(version) = name.strip_prefix("erts-")
    {
        return Some(("erlang", format!("erts {}", numbers_of(version, 1))));
    }
    if folder == "extensions"
        && let Some((_, api)) = name.rsplit_once("zts-")
    {
        return Some(("php", format!("api {api}")));
    }
    if !first.is_ascii_digit() || !name.contains('.') && folder != "php" {
        return None;
    }
    match folder {
        "gems" if directory.ends_with("ruby/gems") => Some(("ruby", numbers_of(name, 2))),
        "perl" | "perl5" => Some(("perl", numbers_of(name, 2))),
        "php" if name.len() == 8 => Some(("php", format!("api {name}"))),
        "Microsoft.NETCore.App" => Some(("dotnet", numbers_of(name, 2))),
        _ => None,
    }
}

/// The line of a Java version: 8 of `1.8.0_392` and `jdk8u392-b08`, 21 of `jdk-21.0.1+12`.
fn java_line(version: &str) -> String {
    let mut numbers = version
        .split(|character: char| !character.is_ascii_digit())
        .filter(|number| !number.is_empty());
    let first = numbers.next().unwrap_or_default();
    let line = if first == "1" {
        numbers.next().unwrap_or(first)
    } else {
        first
    };
    line.to_owned()
}

/// The first numbers of a version: (`v18.19.0`, 1) is `18`.
fn numbers_of(version: &str, count: usize) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    version
        .trim_start_matches(|character: char| !character.is_ascii_digit())
        .split(['.', '-', '+', '~', '_'])
        .take(count)
        .collect::<Vec<_>>()
        .join(".")
}
