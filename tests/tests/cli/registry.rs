use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use refloat_tests::probe::push_image;
use refloat_tests::site::{Site, Wire};
use serde_json::Value;

use crate::said::{json, typed};

/// More than any event takes to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(20);

/// Repositories and tags: listed, set, moved, taken away, and moved back.
#[test]
fn tags_are_moved_and_moved_back() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update,delete", "alice/**")])?;
    let bob = site.user("bobby", &[("pull", "bobby/**")])?;
    let mut client = site.client(&alice)?;
    let first = push_image(&mut client, "alice/boat", "1", 1)?;
    let second = push_image(&mut client, "alice/boat", "2", 2)?;
    let at = |client: &mut refloat_tests::client::Client, tag: &str| -> Result<Option<String>> {
        Ok(client
            .manifest("alice/boat", tag)?
            .map(|served| served.digest))
    };

    ensure!(
        json(&site, &alice, &["repo", "list"])?
            .to_string()
            .contains("alice/boat")
    );
    ensure!(
        !typed(&site, &bob, &["repo", "list"])?
            .ended(0)?
            .all()
            .contains("alice"),
        "bob sees her repository"
    );
    typed(&site, &bob, &["tags", "alice/boat"])?.refused(4, "alice/boat")?;
    typed(&site, &bob, &["tags", "alice/none"])?.refused(4, "alice/none")?;

    typed(&site, &alice, &["tag", "alice/boat:1", "stable"])?.ended(0)?;
    ensure!(at(&mut client, "stable")?.as_deref() == Some(first.digest()));
    let again = json(&site, &alice, &["tag", "alice/boat:1", "stable"])?;
    ensure!(again["changed"] == false, "{again}");
    typed(
        &site,
        &alice,
        &["tag", "alice/boat:1", "stable", "--detailed-exitcode"],
    )?
    .ended(5)?;
    typed(
        &site,
        &alice,
        &["tag", &format!("alice/boat@{}", second.digest()), "stable"],
    )?
    .ended(0)?;
    ensure!(at(&mut client, "stable")?.as_deref() == Some(second.digest()));
    let full = format!("{}/alice/boat", site.reach().authority);
    let tags = json(&site, &alice, &["tags", &full])?.to_string();
    ensure!(
        ["\"1\"", "\"2\"", "\"stable\""]
            .iter()
            .all(|tag| tags.contains(tag)),
        "{tags}"
    );

    let history = json(&site, &alice, &["tag-history", "alice/boat:stable"])?.to_string();
    let (newer, older) = (history.find(second.digest()), history.find(first.digest()));
    ensure!(
        newer.is_some() && newer < older,
        "not both, the newest first: {history}"
    );
    let me = json(&site, &alice, &["whoami"])?;
    let id = me["id"].as_str().unwrap_or("alice").to_owned();
    ensure!(history.contains(&id), "it does not say who: {history}");
    typed(&site, &alice, &["tag-undo", "alice/boat:stable"])?.ended(0)?;
    ensure!(
        at(&mut client, "stable")?.as_deref() == Some(first.digest()),
        "undone to something else"
    );
    typed(&site, &alice, &["untag", "alice/boat:stable"])?.ended(0)?;
    ensure!(at(&mut client, "stable")?.is_none());
    typed(&site, &alice, &["untag", "alice/boat:stable"])?.refused(4, "stable")?;
    typed(&site, &alice, &["tag-undo", "alice/boat:stable"])?.ended(0)?;
    ensure!(
        at(&mut client, "stable")?.as_deref() == Some(first.digest()),
        "a deleted tag comes back by an undo"
    );
    typed(&site, &alice, &["tag", "alice/boat:absent", "x"])?.refused(4, "absent")?;
    typed(&site, &alice, &["tag", "alice/boat:1", "not a tag"])?
        .ended(2)
        .or_else(|_| {
            typed(&site, &alice, &["tag", "alice/boat:1", "not a tag"])?.refused(1, "not a tag")
        })?;
    Ok(())
}

/// The log, filtered, from a cursor, and as it grows.
#[test]
fn events_are_read_and_followed() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let alice = site.user("alice", &[("pull,push,update,delete", "alice/**")])?;
    let mut client = site.client(&alice)?;
    let image = push_image(&mut client, "alice/boat", "1", 1)?;
    let all = typed(&site, &admin, &["events", "-o", "json"])?.ended(0)?;
    ensure!(
        all.out.contains("tag.moved") && all.out.contains("access.granted"),
        "{}",
        all.out
    );
    let tags = typed(&site, &admin, &["events", "--type", "tag.*", "-o", "json"])?.ended(0)?;
    ensure!(
        tags.out.contains("tag.moved") && tags.out.contains(image.digest()),
        "{}",
        tags.out
    );
    ensure!(
        !tags.out.contains("access.granted"),
        "the filter lets more through: {}",
        tags.out
    );

    let mut follow = site.refloat(&admin)?;
    follow
        .args(["events", "--follow", "--type", "tag.*", "--output", "json"])
        .stdout(Stdio::piped());
    let mut child = follow.spawn()?;
    let lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let outcome = followed(&receiver, &mut client);
    child.kill()?;
    child.wait()?;
    let _ended = reader.join();
    outcome
}

/// One line of JSON per event, also for what happens while it runs.
fn followed(
    lines: &mpsc::Receiver<String>,
    client: &mut refloat_tests::client::Client,
) -> Result<()> {
    let next = || -> Result<Value> {
        let line = lines
            .recv_timeout(ARRIVAL_MAX)
            .context("no event arrived")?;
        serde_json::from_str(&line).with_context(|| format!("not one line of JSON: {line}"))
    };
    let known = next()?.to_string();
    ensure!(known.contains("tag.moved"), "{known}");
    let later = push_image(client, "alice/boat", "later", 7)?;
    let fresh = next()?.to_string();
    ensure!(
        fresh.contains("later") && fresh.contains(later.digest()),
        "{fresh}"
    );
    Ok(())
}
