//! The version of a `Chart.yaml`: one line.

use super::find::{ValuesPath, find};
use super::splice::{Plan, Splice, SpliceKind, apply};
use super::tree::{Kind, read};
use super::{BumpError, Bumped, scalar};
use granit_parser::ScalarStyle;
use std::convert::Infallible;
use std::str::FromStr;

/// How the version is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionChange {
    /// `1.4.2` becomes `1.4.3`, `1.4.2-rc.1` becomes `1.4.2`.
    Patch,
    /// `1.4.2` becomes `1.5.0`.
    Minor,
    /// `1.4.2` becomes `2.0.0`.
    Major,
    /// This one.
    Exact(String),
}

impl FromStr for VersionChange {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "patch" => Self::Patch,
            "minor" => Self::Minor,
            "major" => Self::Major,
            other => Self::Exact(other.to_owned()),
        })
    }
}

/// Changes the one line `version:` of a `Chart.yaml`.
///
/// # Errors
/// [`BumpError`] if there is none, if it stands twice, or if it is no version.
pub fn bump_version(chart: &str, change: &VersionChange) -> Result<Bumped, BumpError> {
    line(chart, "version", |old| next(old, change))
}

/// Changes the one line `appVersion:` of a `Chart.yaml` to this text.
///
/// # Errors
/// [`BumpError`] if there is none, if it stands twice, or if it is no text.
pub fn bump_app_version(chart: &str, version: &str) -> Result<Bumped, BumpError> {
    line(chart, "appVersion", |_| Ok(version.to_owned()))
}

fn line(
    chart: &str,
    key: &str,
    next: impl Fn(&str) -> Result<String, String>,
) -> Result<Bumped, BumpError> {
    let document = read(chart)?;
    let path = ValuesPath::of_key(key);
    let place = find(&document, &path)?;
    let form = |reason: String| BumpError::Form {
        path: key.to_owned(),
        line: place.node.line,
        reason,
    };
    let Kind::Scalar { text: old, style } = &place.node.kind else {
        return Err(form("is no text".to_owned()));
    };
    let new = next(old).map_err(form)?;
    let mut plan = Plan::new(path.clone());
    if new != *old {
        let block = || form("is a block of lines; write it on one line".to_owned());
        let text = if *style == ScalarStyle::Plain && plain_version(&new) {
            new.clone()
        } else {
            scalar::write(&new, *style).ok_or_else(block)?
        };
        if chart[place.node.span.clone()].contains('\n') {
            return Err(block());
        }
        plan.splices.push(Splice {
            range: place.node.span.clone(),
            text,
            line: place.node.line,
            kind: SpliceKind::Within,
            path,
            old: Some(old.clone()),
            new,
            document: 0,
            within: None,
        });
    }
    apply(chart, &plan)
}

/// A version of three numbers is never read as a number.
fn plain_version(text: &str) -> bool {
    text.matches('.').count() >= 2 && !text.contains([':', '#', ' '])
}

fn next(old: &str, change: &VersionChange) -> Result<String, String> {
    if let VersionChange::Exact(version) = change {
        parts(version).map_err(|()| {
            format!(
                "cannot become `{version}`, which is no semantic version; write MAJOR.MINOR.PATCH"
            )
        })?;
        return Ok(version.clone());
    }
    let (prefix, [major, minor, patch], rest) = parts(old).map_err(|()| {
        format!("is `{old}`, which is no semantic version; write MAJOR.MINOR.PATCH")
    })?;
    let pre_release = rest.starts_with('-');
    Ok(match change {
        VersionChange::Patch if pre_release => format!("{prefix}{major}.{minor}.{patch}"),
        VersionChange::Minor => format!("{prefix}{major}.{}.0", minor + 1),
        VersionChange::Major => format!("{prefix}{}.0.0", major + 1),
        VersionChange::Patch | VersionChange::Exact(_) => {
            format!("{prefix}{major}.{minor}.{}", patch + 1)
        }
    })
}

/// `v`, the three numbers, and what follows them.
fn parts(version: &str) -> Result<(&str, [u64; 3], &str), ()> {
    let body = version.strip_prefix('v').unwrap_or(version);
    let prefix = &version[..version.len() - body.len()];
    let end = body.find(['-', '+']).unwrap_or(body.len());
    let (numbers, rest) = body.split_at(end);
    let plain = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = digits && (text.len() == 1 || !text.starts_with('0'));
        if fits {
            text.parse::<u64>().map_err(|_| ())
        } else {
            Err(())
        }
    };
    let numbers: Vec<u64> = numbers.split('.').map(plain).collect::<Result<_, _>>()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-+.".contains(&byte);
    if rest.len() == 1 || !rest.bytes().all(allowed) {
        return Err(());
    }
    match numbers.as_slice() {
        [major, minor, patch] => Ok((prefix, [*major, *minor, *patch], rest)),
        _ => Err(()),
    }
}
