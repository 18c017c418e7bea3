use std::fs;

use anyhow::{Context, Result, ensure};
use refloat_rig::server::ServerOptions;
use refloat_tests::probe::{ask, push_image};
use refloat_tests::site::{Site, Wire};

use crate::said::{Said, json, typed};

/// What nothing uses goes and what is used stays; the dry run only says so.
#[test]
fn gc_takes_what_nothing_uses() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let alice = site.user("alice", &[("pull,push,update,delete", "alice/**")])?;
    let mut client = site.client(&alice)?;
    let kept = push_image(&mut client, "alice/boat", "1", 1)?;
    let gone = push_image(&mut client, "alice/boat", "2", 2)?;
    client.delete_manifest("alice/boat", gone.digest())?;
    typed(&site, &alice, &["gc"])?.refused(4, "")?;
    typed(&site, &admin, &["gc", "--dry-run"])?.ended(0)?;
    ensure!(
        ask(
            &mut client,
            "GET",
            &format!("/v2/alice/boat/blobs/{}", gone.layer.digest)
        )?
        .status
            == 200,
        "a dry run took it"
    );
    let said = json(&site, &admin, &["gc"])?;
    ensure!(said.is_object(), "{said}");
    ensure!(
        client.pull("alice/boat", "1")?.as_deref() == Some(kept.digest()),
        "it took what is used"
    );
    Ok(())
}

/// An altered byte of a blob is found and named, and the exit code says so.
#[test]
fn scrub_names_the_damaged_blob() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let alice = site.user("alice", &[("pull,push", "alice/**")])?;
    let mut client = site.client(&alice)?;
    // Too large to lie in a row.
    let blob = refloat_tests::content::Content::new(5, 300_000).blob();
    client.push_blob("alice/boat", &blob.digest, &blob.bytes)?;
    typed(&site, &admin, &["scrub"])?.ended(0)?;
    alter(site.server().data(), &blob.bytes).context("no file has the bytes of the blob")?;
    let said = typed(&site, &admin, &["scrub", "-o", "json"])?.ended(1)?;
    ensure!(said.json()?["damaged"] == 1, "{}", said.out);
    let events = typed(
        &site,
        &admin,
        &["events", "--type", "audit.*", "-o", "json"],
    )?
    .ended(0)?;
    ensure!(
        events.out.contains(&blob.digest),
        "nothing names the blob: {}",
        events.out
    );
    let served = client.blob("alice/boat", &blob.digest);
    ensure!(
        !matches!(served, Ok(Some(_))),
        "the damaged blob was served whole"
    );
    Ok(())
}

/// Flips a bit in the file that holds `bytes`.
fn alter(folder: &std::path::Path, bytes: &[u8]) -> Option<()> {
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if alter(&path, bytes).is_some() {
                return Some(());
            }
        } else if fs::read(&path).is_ok_and(|found| found == bytes) {
            let mut altered = bytes.to_vec();
            altered[200_000] ^= 1;
            return fs::write(&path, altered).ok();
        }
    }
    None
}

/// A backup of the running server, restored into a new folder, is the same registry.
#[test]
fn backup_and_restore_into_a_new_folder() -> Result<()> {
    let mut site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let alice = site.user("alice", &[("pull,push,update,delete", "alice/**")])?;
    let robot = site.robot("rower", &[("pull", "alice/**")])?;
    let mut client = site.client(&alice)?;
    let image = push_image(&mut client, "alice/boat", "1", 1)?;
    let large = refloat_tests::content::Content::new(5, 300_000).blob();
    client.push_blob("alice/boat", &large.digest, &large.bytes)?;
    typed(&site, &alice, &["backup"])?.refused(4, "")?;
    typed(&site, &admin, &["backup", "first"])?.ended(0)?;
    // What comes after the backup is not in it.
    push_image(&mut client, "alice/boat", "2", 2)?;

    let backup = site.server().data().join("backups/first");
    ensure!(backup.is_dir(), "there is no {}", backup.display());
    let key = site.server().data().join("master-key");
    ensure!(
        !holds(&backup, &fs::read(&key)?),
        "the master key is in the backup"
    );
    let restored = site.folder().join("restored");
    let restore = |to: &std::path::Path| -> Result<Said> {
        let mut command = site.stranger()?;
        Said::by(command.arg("restore").arg(&backup).arg("--data").arg(to))
    };
    restore(&restored)?.ended(0)?;
    restore(&restored)?.refused(1, "restored")?;
    fs::copy(&key, restored.join("master-key"))?;
    site.server_mut().stop()?;

    let second = Site::start_with(
        Wire::Http,
        ServerOptions {
            data: Some(restored),
            ..ServerOptions::default()
        },
    )?;
    let mut client = second.client(&alice)?;
    ensure!(
        client.pull("alice/boat", "1")?.as_deref() == Some(image.digest()),
        "the image is not in the copy"
    );
    ensure!(
        client.blob("alice/boat", &large.digest)?.is_some(),
        "the large blob is not in the copy"
    );
    ensure!(
        client.tags("alice/boat")? == Some(vec!["1".to_owned()]),
        "more or less than was backed up"
    );
    ensure!(
        second.client(&robot)?.pull("alice/boat", "1")?.is_some(),
        "the robot's token is not in the copy"
    );
    let verify = Said::by(second.refloat(&admin)?.args(["audit", "verify"]))?.ended(0)?;
    let events = Said::by(
        second
            .refloat(&admin)?
            .args(["events", "--type", "audit.*"]),
    )?
    .ended(0)?;
    ensure!(
        events.out.contains("audit.restored"),
        "the log does not say so: {} {}",
        verify.out,
        events.out
    );
    Ok(())
}

/// A backup that was altered is refused before anything is taken.
#[test]
fn restore_refuses_an_altered_backup() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let alice = site.user("alice", &[("pull,push", "alice/**")])?;
    let blob = refloat_tests::content::Content::new(5, 300_000).blob();
    site.client(&alice)?
        .push_blob("alice/boat", &blob.digest, &blob.bytes)?;
    typed(&site, &admin, &["backup", "first"])?.ended(0)?;
    let backup = site.server().data().join("backups/first");
    alter(&backup, &blob.bytes).context("the blob is not in the backup")?;
    let to = site.folder().join("restored");
    let said = Said::by(
        site.stranger()?
            .arg("restore")
            .arg(&backup)
            .arg("--data")
            .arg(&to),
    )?;
    ensure!(said.code == Some(1), "{said:?}");
    ensure!(
        !to.exists() || fs::read_dir(&to)?.next().is_none(),
        "something was taken all the same"
    );
    Ok(())
}

/// Whether any file below `folder` holds these bytes.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return holds(&path, bytes);
        }
        fs::read(&path).is_ok_and(|found| found.windows(bytes.len()).any(|window| window == bytes))
    })
}
