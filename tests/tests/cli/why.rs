use anyhow::{Result, ensure};
use refloat_tests::probe::push_image;
use refloat_tests::site::{Site, Wire};

use crate::said::{json, typed};

/// A tag that a person pushed was pushed by that person; who may not pull learns nothing.
#[test]
fn a_push_is_its_own_cause() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push", "alice/**")])?;
    let stranger = site.user("stranger", &[])?;
    push_image(&mut site.client(&alice)?, "alice/boat", "1", 1)?;

    let causes = json(&site, &alice, &["why", "alice/boat:1"])?;
    ensure!(causes[0]["type"] == "tag.moved", "{causes}");
    ensure!(causes[0]["actor"] == "alice", "{causes}");
    ensure!(causes[0]["subject"]["name"] == "alice/boat:1", "{causes}");
    ensure!(causes[0]["causes"] == serde_json::json!([]), "{causes}");
    let digest = causes[0]["subject"]["digest"].as_str().unwrap_or_default();

    let pushed = json(&site, &alice, &["why", digest])?;
    ensure!(pushed[0]["type"] == "manifest.pushed", "{pushed}");
    let reached = json(&site, &alice, &["why", "--from", digest])?;
    ensure!(reached[0]["subject"]["digest"] == digest, "{reached}");

    typed(&site, &stranger, &["why", "alice/boat:1"])?.refused(4, "alice/boat:1")?;
    typed(&site, &stranger, &["why", digest])?.refused(4, digest)?;
    typed(&site, &alice, &["why", "alice/nothing:1"])?.refused(4, "alice/nothing:1")?;
    typed(&site, &alice, &["why", "release/nothing"])?.refused(4, "release/nothing")?;
    typed(&site, &alice, &["why"])?.ended(2).map(drop)
}
