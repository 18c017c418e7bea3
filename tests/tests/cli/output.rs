use anyhow::{Result, ensure};
use refloat_tests::probe::push_image;
use refloat_tests::site::{Site, Wire};
use serde_json::Value;

use crate::said::{Said, typed};

/// Every list speaks table, JSON and YAML; only a terminal gets colours.
#[test]
fn lists_in_every_form() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    site.user("alice", &[("pull,push", "alice/**")])?;
    push_image(&mut site.client(&admin)?, "alice/boat", "1", 1)?;
    for verb in [
        vec!["repo", "list"],
        vec!["tags", "alice/boat"],
        vec!["tag-history", "alice/boat:1"],
        vec!["user", "list"],
        vec!["robot", "list"],
        vec!["grant", "list"],
        vec!["token", "list"],
        vec!["events"],
        vec!["get", "Project"],
        vec!["whoami"],
        vec!["capabilities"],
    ] {
        let table = typed(&site, &admin, &verb)?.ended(0)?;
        ensure!(
            serde_json::from_str::<Value>(&table.out).is_err() || table.out.trim().is_empty(),
            "{}: {}",
            table.typed,
            table.out
        );
        let json = typed(&site, &admin, &[&verb[..], &["-o", "json"]].concat())?.ended(0)?;
        json.json()?;
        let yaml = typed(&site, &admin, &[&verb[..], &["--output", "yaml"]].concat())?.ended(0)?;
        ensure!(!yaml.out.trim().is_empty(), "{}", yaml.typed);
        let plain = Said::by(
            site.refloat(&admin)?
                .env("NO_COLOR", "1")
                .env("CLICOLOR_FORCE", "1")
                .args(&verb),
        )?
        .ended(0)?;
        for said in [&table, &json, &yaml, &plain] {
            ensure!(
                !said.all().contains('\u{1b}'),
                "{} is coloured: {:?}",
                said.typed,
                said.out
            );
        }
        let quiet = typed(&site, &admin, &[&verb[..], &["--quiet"]].concat())?.ended(0)?;
        ensure!(quiet.err.is_empty(), "{}: {}", quiet.typed, quiet.err);
    }
    let names = typed(&site, &admin, &["repo", "list", "--quiet"])?.ended(0)?;
    ensure!(names.out == "alice/boat\n", "{:?}", names.out);
    Ok(())
}

/// The exit code says what kind of wrong it was, and JSON names it by a stable code.
#[test]
fn errors_have_two_lines_a_code_and_an_exit() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    typed(&site, &admin, &["tags", "no/such"])?.refused(4, "no/such")?;
    typed(&site, &admin, &["tags", "no/such", "--no-color"])?.refused(4, "no/such")?;
    let json = typed(&site, &admin, &["tags", "no/such", "-o", "json"])?.ended(4)?;
    let error: Value = serde_json::from_str(&json.err)?;
    ensure!(
        error["error"]["code"].is_string() && error["error"]["message"].is_string(),
        "{error}"
    );
    ensure!(error["error"].get("detail").is_some(), "{error}");
    for wrong in [
        vec!["--bogus"],
        vec!["tags"],
        vec!["repo", "list", "-o", "xml"],
        vec!["tags", "UPPER/CASE"],
    ] {
        typed(&site, &admin, &wrong)?.ended(2)?;
    }
    let mut nowhere = site.refloat(&admin)?;
    nowhere.env("REFLOAT_SERVER", "http://127.0.0.1:1");
    Said::by(nowhere.args(["repo", "list"]))?.refused(1, "127.0.0.1:1")?;
    let mut unnamed = site.refloat(&admin)?;
    unnamed.env_remove("REFLOAT_SERVER");
    let said = Said::by(unnamed.args(["tags", "apps/web"]))?;
    ensure!(
        matches!(said.code, Some(1 | 2)) && said.err.contains("server"),
        "{said:?}"
    );
    let anonymous = Said::by(site.stranger()?.args(["user", "list"]))?;
    ensure!(
        anonymous.code == Some(4) && anonymous.err.contains("login"),
        "{anonymous:?}"
    );
    Ok(())
}

/// A verb of the design that is not built says so and fails; it is never accepted and ignored.
#[test]
fn verbs_that_are_not_built_say_so() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    let admin = site.admin()?;
    for verb in [
        "approve",
        "channel",
        "copy",
        "deliveries",
        "diff",
        "hold",
        "import",
        "migrate-storage",
        "promote",
        "quarantine",
        "regions",
        "reject",
        "report",
        "rollback",
        "set-image",
        "subscription",
        "test",
        "unhold",
        "uninstall",
    ] {
        let said = typed(&site, &admin, &[verb])?.refused(1, verb)?;
        ensure!(said.err.contains("unsupported"), "{}", said.err);
        typed(&site, &admin, &[verb, "some", "--flag", "of=it"])?.ended(1)?;
    }
    typed(&site, &admin, &["sail"])?.ended(2)?;
    Ok(())
}

/// Help has examples, and completions and man pages come without a server.
#[test]
fn help_completions_and_man_pages() -> Result<()> {
    let site = Site::start(Wire::Http)?;
    for verb in [
        vec!["--help"],
        vec!["grant", "--help"],
        vec!["apply", "--help"],
        vec!["serve", "--help"],
        vec!["login", "--help"],
    ] {
        let said = Said::by(site.stranger()?.args(&verb))?.ended(0)?;
        ensure!(said.out.contains("Example"), "{}: {}", said.typed, said.out);
    }
    let version = Said::by(site.stranger()?.arg("--version"))?.ended(0)?;
    ensure!(version.out.starts_with("refloat "), "{}", version.out);
    for shell in ["bash", "zsh", "fish"] {
        let said = Said::by(site.stranger()?.args(["completions", shell]))?.ended(0)?;
        ensure!(said.out.contains("tag-history"), "{}", said.typed);
    }
    let folder = site.folder().join("man");
    Said::by(site.stranger()?.arg("man").arg(&folder))?.ended(0)?;
    ensure!(folder.join("refloat.1").exists());
    Ok(())
}
