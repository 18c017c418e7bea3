use anyhow::{Context, Result, ensure};
use refloat_rig::run;
use refloat_tests::probe::{ask, push_image};
use refloat_tests::site::{Account, Site, Wire};

use crate::said::{json, typed};

/// Users, robots and grants come, are listed, act, and go.
#[test]
fn users_robots_and_grants() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let alice = site.user("alice", &[("pull,push", "alice/**")])?;
    let robot = site.robot("rower", &[("pull", "alice/**")])?;
    push_image(&mut site.client(&alice)?, "alice/boat", "1", 1)?;
    ensure!(
        site.client(&robot)?.pull("alice/boat", "1")?.is_some(),
        "the robot cannot pull"
    );

    for (verb, name) in [("user", "alice"), ("robot", "rower")] {
        let listed = json(&site, &admin, &[verb, "list"])?.to_string();
        ensure!(listed.contains(name), "{verb} list: {listed}");
        typed(&site, &admin, &[verb, "list"])?.ended(0)?;
        // A name is taken once, by either kind.
        let again = run::captured(site.refloat(&admin)?.args(["robot", "create", name]))?;
        ensure!(again.status.code() == Some(1), "{name} was created twice");
    }
    let grants = json(&site, &admin, &["grant", "list"])?.to_string();
    ensure!(
        grants.contains("alice/**") && grants.contains("rower"),
        "{grants}"
    );
    // Alice is no administrator.
    typed(&site, &alice, &["user", "list"])?.refused(4, "")?;
    typed(&site, &alice, &["grant", "alice", "pull", "**"])?.refused(4, "")?;
    typed(&site, &admin, &["grant", "nobody", "pull", "**"])?.refused(4, "nobody")?;
    typed(&site, &admin, &["grant", "alice", "fly", "**"])?
        .refused(2, "fly")
        .or_else(|_| typed(&site, &admin, &["grant", "alice", "fly", "**"])?.refused(1, "fly"))?;

    let repeated = json(&site, &admin, &["grant", "rower", "pull", "alice/**"])?;
    ensure!(repeated["changed"] == false, "{repeated}");
    typed(
        &site,
        &admin,
        &["grant", "rower", "pull", "alice/**", "--detailed-exitcode"],
    )?
    .ended(5)?;
    typed(&site, &admin, &["revoke", "rower", "pull", "alice/**"])?.ended(0)?;
    ensure!(
        ask(&mut site.client(&robot)?, "GET", "/v2/alice/boat/tags/list")?.status == 404,
        "revoked in vain"
    );
    typed(&site, &admin, &["robot", "delete", "rower"])?.ended(0)?;
    ensure!(
        ask(&mut site.client(&robot)?, "GET", "/v2/")?.status == 401,
        "deleted in vain"
    );
    typed(&site, &admin, &["robot", "delete", "rower"])?.refused(4, "rower")?;
    typed(&site, &admin, &["user", "delete", "alice"])?.ended(0)?;
    ensure!(
        ask(&mut site.client(&alice)?, "GET", "/v2/")?.status == 401,
        "deleted in vain"
    );
    Ok(())
}

/// A robot that expires is refused afterwards; one with a past or silly lifetime is not made.
#[test]
fn robots_expire() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let made = json(
        &site,
        &admin,
        &["robot", "create", "mayfly", "--expires", "1s"],
    )?;
    let token = made["token"].as_str().context("no token")?.to_owned();
    let mayfly = Account {
        name: "mayfly".to_owned(),
        secret: token,
    };
    refloat_rig::wait::until(
        "the end of the robot",
        std::time::Duration::from_secs(20),
        || Ok((ask(&mut site.client(&mayfly)?, "GET", "/v2/")?.status == 401).then_some(())),
    )?;
    typed(
        &site,
        &admin,
        &["robot", "create", "moth", "--expires", "soon"],
    )?
    .ended(2)?;
    Ok(())
}

/// A token acts for its owner, no further than its scope, until it is revoked.
#[test]
fn tokens_are_narrow_and_revocable() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull,push,update", "alice/**")])?;
    push_image(&mut site.client(&alice)?, "alice/boat", "1", 1)?;
    push_image(&mut site.client(&alice)?, "alice/hull", "1", 2)?;
    let made = json(
        &site,
        &alice,
        &[
            "token",
            "create",
            "--label",
            "laptop",
            "--scope",
            "pull=alice/boat",
        ],
    )?;
    let token = made["token"]
        .as_str()
        .with_context(|| format!("no token in {made}"))?
        .to_owned();
    let id = made["id"]
        .as_str()
        .with_context(|| format!("no id in {made}"))?
        .to_owned();
    let narrow = Account {
        name: "alice".to_owned(),
        secret: token.clone(),
    };
    let mut client = site.client(&narrow)?;
    ensure!(
        client.pull("alice/boat", "1")?.is_some(),
        "it does not open what it is for"
    );
    ensure!(
        ask(&mut client, "GET", "/v2/alice/hull/tags/list")?.status == 404,
        "it opens more"
    );
    ensure!(
        client
            .begin("alice/boat")
            .is_err_and(|fault| fault.status() == Some(403)),
        "it may push"
    );
    ensure!(
        typed(&site, &narrow, &["token", "create"])?.code != Some(0),
        "it makes wider tokens"
    );

    let listed = json(&site, &alice, &["token", "list"])?.to_string();
    ensure!(
        listed.contains(&id) && listed.contains("laptop") && !listed.contains(&token),
        "{listed}"
    );
    let bob = site.user("bobby", &[])?;
    typed(&site, &bob, &["token", "revoke", &id])?.refused(4, &id)?;
    ensure!(
        client.pull("alice/boat", "1")?.is_some(),
        "a stranger revoked it"
    );
    typed(&site, &alice, &["token", "revoke", &id])?.ended(0)?;
    ensure!(
        ask(&mut client, "GET", "/v2/alice/boat/tags/list")?.status == 401,
        "revoked in vain"
    );
    Ok(())
}

/// A changed password counts at once, and the old one no longer.
#[test]
fn passwords_change() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let alice = site.user("alice", &[("pull", "alice/**")])?;
    ensure!(ask(&mut site.client(&alice)?, "GET", "/v2/")?.status == 200);
    let fresh = Account {
        name: "alice".to_owned(),
        secret: "another-long-password".to_owned(),
    };
    let mut change = site.refloat(&alice)?;
    run::checked_with_input(
        change.args(["user", "passwd", "--password-stdin"]),
        fresh.secret.as_bytes(),
    )?;
    ensure!(
        ask(&mut site.client(&alice)?, "GET", "/v2/")?.status == 401,
        "the old password still opens"
    );
    ensure!(
        ask(&mut site.client(&fresh)?, "GET", "/v2/")?.status == 200,
        "the new one does not"
    );
    Ok(())
}
