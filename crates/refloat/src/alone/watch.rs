//! `watch`: the watcher alone. References are asked by HEAD; what was seen is kept in a file; each change is one line of JSON.

use super::places::AlonePlaces;
use super::run;
use refloat_cli::arguments::WatchArguments;
use refloat_cli::error::CliError;
use refloat_images::walk;
use refloat_oci::{Digest, RegistryHost, TagOrDigest};
use refloat_ports::Place;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What was seen, by reference as it was typed.
#[derive(Default, Serialize, Deserialize)]
struct State {
    seen: BTreeMap<String, Seen>,
    /// Everything before this has been seen.
    verified_until: Option<String>,
}

/// What a reference named.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    digest: Option<Digest>,
    /// The configuration of each platform, which names its layers by their content.
    platforms: BTreeMap<String, String>,
}

/// What one look found.
struct Look {
    changes: Vec<Value>,
    missing: Vec<String>,
}

/// `watch`
pub(crate) fn watch(
    arguments: WatchArguments,
    server: Option<&RegistryHost>,
) -> Result<(), CliError> {
    let every = refloat_cli::span(&arguments.every)?;
    let server = server.cloned();
    run(async move {
        let places = AlonePlaces::new(server)?;
        let mut state = read(&arguments.state)?;
        loop {
            let look = look(&arguments, &places, &mut state).await?;
            // Told first: who is killed in between tells it twice, never not at all.
            for change in &look.changes {
                tell(&arguments, change)?;
            }
            write(&arguments.state, &state)?;
            for missing in &look.missing {
                let _ = writeln!(std::io::stderr(), "refloat: no answer: {missing}");
            }
            if arguments.once {
                return match look.missing.first() {
                    None => Ok(()),
                    Some(missing) => Err(CliError::failed(
                        "unreachable",
                        format!("no answer: {missing}"),
                        "what answered is kept; look again later",
                    )),
                };
            }
            tokio::time::sleep(every.max(Duration::from_secs(1))).await;
        }
    })
}

async fn look(
    arguments: &WatchArguments,
    places: &AlonePlaces,
    state: &mut State,
) -> Result<Look, CliError> {
    let began = jiff::Timestamp::now().to_string();
    let (mut changes, mut missing) = (Vec::new(), Vec::new());
    let (mut answered, mut absent) = (0, 0);
    let mut observed = String::new();
    for written in &arguments.references {
        let opened = places.named(written).await?;
        match ask(&opened.place, state.seen.get(written)).await {
            Err(error) => missing.push(format!("{written}: {error}")),
            Ok(seen) => {
                let digest = seen
                    .digest
                    .map_or("absent".to_owned(), |digest| digest.to_string());
                let line = format!("{written} {digest}\n");
                observed.push_str(&line);
                match seen.digest {
                    Some(_) => answered += 1,
                    None => absent += 1,
                }
                let before = state.seen.insert(written.clone(), seen.clone());
                changes.extend(before.and_then(|before| change(written, &before, &seen)));
            }
        }
    }
    if missing.is_empty() {
        state.verified_until = Some(began.clone());
    }
    let names: String = arguments
        .references
        .iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|name| format!("{name}\n"))
        .collect();
    let receipt = json!({
        "started_at": began,
        "expected": arguments.references.len(),
        "expected_hash": Digest::sha256(names.as_bytes()),
        "observed_hash": Digest::sha256(observed.as_bytes()),
        "answered": answered,
        "absent": absent,
        "missing": missing,
        "verified_until": state.verified_until,
    });
    for change in &mut changes {
        change["receipt"] = receipt.clone();
    }
    Ok(Look { changes, missing })
}

/// What a reference names now; the images are read only if that is new.
async fn ask(place: &Place, before: Option<&Seen>) -> Result<Seen, String> {
    let target = place
        .target
        .clone()
        .ok_or_else(|| "it names no tag".to_owned())?;
    let found = place.images.resolve(&place.repository, &target).await;
    let Some(found) = found.map_err(|error| error.to_string())? else {
        return Ok(Seen {
            digest: None,
            platforms: BTreeMap::new(),
        });
    };
    if let Some(before) = before.filter(|before| before.digest == Some(found.digest)) {
        return Ok(before.clone());
    }
    let pinned = Place {
        target: Some(TagOrDigest::Digest(found.digest)),
        ..place.clone()
    };
    let tree = walk(&pinned).await.map_err(|error| error.to_string())?;
    let platforms = tree.platforms.iter().map(|image| {
        let config = image.document["config"]["digest"]
            .as_str()
            .unwrap_or_default();
        (image.platform.to_string(), config.to_owned())
    });
    Ok(Seen {
        digest: Some(found.digest),
        platforms: platforms.collect(),
    })
}

/// A change as it is told; `None` if nothing changed.
fn change(written: &str, before: &Seen, now: &Seen) -> Option<Value> {
    let (from, to) = (before.digest, now.digest);
    if from == to {
        return None;
    }
    let names: BTreeSet<&String> = before
        .platforms
        .keys()
        .chain(now.platforms.keys())
        .collect();
    let moved: Vec<&String> = names
        .into_iter()
        .filter(|name| before.platforms.get(*name) != now.platforms.get(*name))
        .collect();
    let kind = match (from, to) {
        (None, _) => "base.found",
        (Some(_), None) => "base.lost",
        (Some(_), Some(_)) if moved.is_empty() => "base.rewrapped",
        (Some(_), Some(_)) => "base.moved",
    };
    Some(json!({ "type": kind, "reference": written, "from": from, "to": to, "platforms": moved }))
}

fn tell(arguments: &WatchArguments, change: &Value) -> Result<(), CliError> {
    let line = format!("{change}\n");
    let mut out = std::io::stdout().lock();
    if out
        .write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        return Err(CliError::failed("failed", "standard output is closed", ""));
    }
    let Some(command) = &arguments.exec else {
        return Ok(());
    };
    let failed = |error: std::io::Error| {
        CliError::failed("failed", format!("`{command}`: {error}"), "check --exec")
    };
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // A command that does not read is none the worse.
        let _ = input.write_all(line.as_bytes());
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        let _ = writeln!(std::io::stderr(), "refloat: `{command}`: {status}");
    }
    Ok(())
}

fn read(path: &Path) -> Result<State, CliError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(unusable(path, &error.to_string())),
    };
    serde_json::from_str(&text).map_err(|error| unusable(path, &error.to_string()))
}

/// A whole new file in the place of the old one: a crash leaves one of them.
fn write(path: &Path, state: &State) -> Result<(), CliError> {
    let text =
        serde_json::to_string_pretty(state).map_err(|error| unusable(path, &error.to_string()))?;
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, why: &str) -> CliError {
    CliError::failed(
        "failed",
        format!("{}: {why}", path.display()),
        "choose another file with --state",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(digest: Option<&[u8]>, config: &str) -> Seen {
        Seen {
            digest: digest.map(Digest::sha256),
            platforms: [("linux/amd64".to_owned(), config.to_owned())].into(),
        }
    }

    #[test]
    fn what_is_told() {
        let (one, two) = (seen(Some(b"1"), "a"), seen(Some(b"2"), "b"));
        let wrapped = seen(Some(b"3"), "a");
        let gone = seen(None, "a");
        let kind = |before, now| change("x", before, now).map(|told| told["type"].clone());
        assert_eq!(kind(&one, &one), None);
        assert_eq!(kind(&one, &two), Some(json!("base.moved")));
        assert_eq!(kind(&one, &wrapped), Some(json!("base.rewrapped")));
        assert_eq!(kind(&one, &gone), Some(json!("base.lost")));
        assert_eq!(kind(&gone, &one), Some(json!("base.found")));
    }
}
