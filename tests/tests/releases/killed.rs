//! The server dies at every durable step of a release: the next one goes on, and each thing is done once.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::shop::{CHART, FOLDERS, LONG, Shop, environments};

const POINTS: [&str; 8] = [
    "release.begun",
    "release.chart_stored",
    "release.chart_published",
    "release.change_made",
    "release.started",
    "release.applied",
    "release.recorded",
    "release.ended",
];

#[test]
fn each_step_is_done_once_wherever_the_server_dies() -> Result<()> {
    let mut shop = Shop::open()?;
    shop.release(CHART, FOLDERS)?;
    shop.deployed("1.0.0")?;
    for (number, point) in (1_u64..).zip(POINTS) {
        let armed = vec![("REFLOAT_FAIL".to_owned(), format!("{point}=kill"))];
        shop.site.server_mut().set_environment(armed);
        shop.site.server_mut().stop()?;
        shop.site.server_mut().restart()?;
        let seed = 100 + number;
        let unique = format!("build-{seed}");
        shop.image("apps/web", &unique, seed)?;
        let tag = ["tag", &format!("apps/web:{unique}"), "1"];
        // The answer may be lost with the server.
        let _ = refloat_rig::run::captured(&mut shop.refloat(&tag)?);
        shop.site.server_mut().wait_for_exit(LONG)?;
        shop.site.server_mut().set_environment(Vec::new());
        shop.site.server_mut().restart()?;
        shop.ok(&tag)?;
        let status = shop.deployed(&format!("1.0.{number}"))?;
        for (name, newest) in environments(&status) {
            ensure!(
                newest["revision"] == number + 1,
                "{point}: {name}: {newest}"
            );
        }
        let values = shop.stored_values(&format!("1.0.{number}"))?;
        ensure!(
            values.contains(&format!("build-{seed}")),
            "{point}: {values}"
        );
    }
    let made = shop.json(&["events", "--type", "change.made"])?;
    let made: Vec<Value> = made["items"].as_array().cloned().unwrap_or_default();
    ensure!(
        made.len() == POINTS.len() + 1,
        "{} changes were made",
        made.len()
    );
    Ok(())
}
