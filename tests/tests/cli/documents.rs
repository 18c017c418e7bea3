use std::fs;

use anyhow::{Result, ensure};
use refloat_rig::run;
use refloat_tests::client::Client;
use refloat_tests::probe::{ask, push_image};
use refloat_tests::site::{Site, Wire};

use crate::said::{Said, json, typed};

const DOCUMENTS: &str = r#"apiVersion: refloat/v1
kind: Project
name: payments
prefixes: [payments]
members: { alice: push }
---
apiVersion: refloat/v1
kind: Credential
name: hub
for: docker.io
username: robot
password: { env: HUB_TOKEN }
---
apiVersion: refloat/v1
kind: RepositoryPolicy
match: "open/**"
immutable_tags: ["v*", "!v0*"]
anonymous_pull: true
quarantine: off
"#;

/// Documents are applied, are the same the second time, are shown without their secrets, and go.
#[test]
fn documents_are_applied_shown_and_deleted() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let alice = site.user("alice", &[("pull,push,update", "open/**")])?;
    let file = site.folder().join("all.yaml");
    fs::write(&file, DOCUMENTS)?;
    let apply = |detailed: &[&str]| -> Result<Said> {
        let mut command = site.refloat(&admin)?;
        command
            .env("HUB_TOKEN", "canary-of-the-hub")
            .args(["apply", "-o", "json", "-f"])
            .arg(&file)
            .args(detailed);
        Said::by(&mut command)
    };
    ensure!(apply(&[])?.ended(0)?.json()?["changed"] == true);
    ensure!(
        apply(&[])?.ended(0)?.json()?["changed"] == false,
        "the same documents changed something"
    );
    apply(&["--detailed-exitcode"])?.ended(5)?;

    for (kind, name) in [
        ("Project", "payments"),
        ("Credential", "hub"),
        ("RepositoryPolicy", "open/**"),
    ] {
        let shown = json(&site, &admin, &["get", kind, name])?.to_string();
        ensure!(
            shown.contains(name) && !shown.contains("canary-of-the-hub"),
            "{shown}"
        );
        let listed = typed(&site, &admin, &["get", kind])?.ended(0)?;
        ensure!(listed.out.contains(name), "{}", listed.out);
        typed(&site, &admin, &["get", kind, "absent"])?.refused(4, "absent")?;
    }
    // What `get` prints can be applied again, but for the secret, which nobody sees again.
    let printed = typed(
        &site,
        &admin,
        &["get", "RepositoryPolicy", "open/**", "-o", "yaml"],
    )?
    .ended(0)?
    .out;
    let again = run::checked_with_input(
        site.refloat(&admin)?
            .args(["apply", "-o", "json", "-f", "-"]),
        printed.as_bytes(),
    )?;
    ensure!(
        String::from_utf8_lossy(&again.stdout).contains("\"changed\": false"),
        "{printed}"
    );

    // A member of the project by the document, and of nothing else.
    let mut client = site.client(&alice)?;
    push_image(&mut client, "payments/app", "1", 1)?;
    ensure!(
        client.begin("elsewhere/app").is_err(),
        "a member of payments pushes elsewhere"
    );
    policy_counts_at_once(&site, &mut client)?;

    typed(&site, &admin, &["delete", "Credential", "hub"])?.ended(0)?;
    typed(&site, &admin, &["delete", "Credential", "hub"])?.refused(4, "hub")?;
    typed(&site, &admin, &["delete", "RepositoryPolicy", "open/**"])?.ended(0)?;
    ensure!(
        ask(&mut site.anonymous()?, "GET", "/v2/open/boat/tags/list")?.status == 401,
        "open without a policy"
    );
    typed(&site, &alice, &["tag", "open/boat:other", "v1"])?.ended(0)?;
    Ok(())
}

/// Anonymous pull, also of repositories that were there before; immutable tags, less those that are left out.
fn policy_counts_at_once(site: &Site, alice: &mut Client) -> Result<()> {
    push_image(alice, "open/boat", "v1", 1)?;
    push_image(alice, "open/boat", "v0", 1)?;
    let other = push_image(alice, "open/boat", "other", 2)?;
    let mut nobody = site.anonymous()?;
    ensure!(
        nobody.pull("open/boat", "v1")?.is_some(),
        "anonymous cannot pull"
    );
    ensure!(
        nobody
            .begin("open/boat")
            .is_err_and(|fault| fault.status() == Some(401)),
        "anonymous may push"
    );
    ensure!(
        alice
            .put_manifest("open/boat", "v1", &other.manifest)
            .is_err(),
        "an immutable tag moved"
    );
    alice.put_manifest("open/boat", "v0", &other.manifest)?;
    let account = refloat_tests::site::Account {
        name: "alice".into(),
        secret: "the-password-of-alice-x7Qz".into(),
    };
    typed(site, &account, &["tag", "open/boat:other", "v1"])?
        .refused(3, "v1")
        .map(drop)
}

/// What is not built or not known is refused by line, and nothing of the file is applied.
#[test]
fn documents_that_cannot_be_are_refused_by_line() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    let head = "apiVersion: refloat/v1\n";
    for (what, text, named) in [
        (
            "an unsupported key",
            format!(
                "{head}kind: RepositoryPolicy\nmatch: \"a/**\"\nretention: {{ keep_last: 3 }}\n"
            ),
            ":4:",
        ),
        (
            "quarantine that is not built",
            format!("{head}kind: RepositoryPolicy\nmatch: \"a/**\"\nquarantine: enforce\n"),
            ":4:",
        ),
        (
            "channels",
            format!(
                "{head}kind: RepositoryPolicy\nchannels: {{ stable: {{}} }}\nmatch: \"a/**\"\n"
            ),
            ":3:",
        ),
        (
            "an unknown key",
            format!("{head}kind: Project\nname: x\nprefixs: [x]\n"),
            ":4:",
        ),
        (
            "an unbuilt kind",
            format!("{head}kind: Subscription\nname: hub\nto: https://example.com\n"),
            "Subscription",
        ),
        (
            "an unknown kind",
            format!("{head}kind: Boat\nname: x\n"),
            "Boat",
        ),
        (
            "another version",
            "apiVersion: refloat/v9\nkind: Project\nname: x\n".to_owned(),
            "refloat/v9",
        ),
        (
            "no name",
            format!("{head}kind: Project\nprefixes: [x]\n"),
            "name",
        ),
        (
            "no pattern",
            format!("{head}kind: RepositoryPolicy\nmatch: \"a//b\"\n"),
            "a//b",
        ),
        (
            "a duplicate key",
            format!("{head}kind: Project\nname: x\nname: y\n"),
            "name",
        ),
        ("no YAML", format!("{head}kind: [Project\n"), "line"),
        (
            "a second document that fails",
            format!(
                "{head}kind: Project\nname: first\n---\n{head}kind: Project\nname: x\nbogus: 1\n"
            ),
            ":8:",
        ),
    ] {
        let file = site.folder().join("wrong.yaml");
        fs::write(&file, text)?;
        let mut command = site.refloat(&admin)?;
        let said = Said::by(command.args(["apply", "-f"]).arg(&file))?;
        ensure!(matches!(said.code, Some(1 | 2)), "{what}: {said:?}");
        ensure!(
            said.err.contains(named),
            "{what}: {named} is not named: {}",
            said.err
        );
        ensure!(
            said.err.lines().count() == 2,
            "{what}: not two lines: {}",
            said.err
        );
    }
    let projects = json(&site, &admin, &["get", "Project"])?.to_string();
    ensure!(
        !projects.contains("first"),
        "a part of a file was applied: {projects}"
    );
    Ok(())
}
