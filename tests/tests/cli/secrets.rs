use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use refloat_rig::run;
use refloat_rig::server::ServerOptions;
use refloat_tests::probe::{ask, push_image};
use refloat_tests::site::{Account, Site, Wire};

use crate::said::{Said, typed};

const CANARY: &str = "canary-Zq81-of-the-credential";

/// Whatever is done with secrets, none of them is ever seen again: not in an output, the log, the metrics, or in plain
/// in the data folder.
#[test]
fn secrets_are_never_seen_again() -> Result<()> {
    let environment = vec![("REFLOAT_LOG".to_owned(), "trace".to_owned())];
    let site = Site::start_with(
        Wire::Http,
        ServerOptions {
            environment,
            ..ServerOptions::default()
        },
    )?;
    let admin = site.admin()?;
    let mut seen = String::new();
    let alice = site.user("alice", &[("pull,push", "alice/**")])?;
    let robot = site.robot("rower", &[("pull", "alice/**")])?;
    let made = typed(&site, &alice, &["token", "create", "-o", "json"])?
        .ended(0)?
        .json()?;
    let token = made["token"].as_str().context("no token")?.to_owned();
    push_image(&mut site.client(&alice)?, "alice/boat", "1", 1)?;
    ensure!(site.client(&robot)?.pull("alice/boat", "1")?.is_some());

    let document = "apiVersion: refloat/v1\nkind: Credential\nname: hub\nfor: docker.io\nusername: robot\npassword: { env: HUB }\n";
    let file = site.folder().join("credential.yaml");
    fs::write(&file, document)?;
    let mut apply = site.refloat(&admin)?;
    seen += &Said::by(apply.env("HUB", CANARY).args(["apply", "-f"]).arg(&file))?
        .ended(0)?
        .all();
    // What fails must not repeat the secret either.
    let wrong = Account {
        name: "alice".to_owned(),
        secret: format!("{}-wrong", alice.secret),
    };
    seen += &typed(&site, &wrong, &["repo", "list"])?.all();
    seen += &Said::by(apply.env("HUB", CANARY).arg("--bogus"))?.all();
    for verb in [
        vec!["user", "list"],
        vec!["robot", "list"],
        vec!["grant", "list"],
        vec!["token", "list"],
        vec!["events"],
        vec!["get", "Credential"],
        vec!["get", "Credential", "hub"],
        vec!["whoami"],
        vec!["audit", "verify"],
    ] {
        for form in ["table", "json", "yaml"] {
            seen += &typed(&site, &admin, &[&verb[..], &["-o", form]].concat())?.all();
            seen += &typed(&site, &alice, &[&verb[..], &["-o", form]].concat())?.all();
        }
    }
    seen += &ask(&mut site.anonymous()?, "GET", "/metrics")?.text();
    seen += &ask(&mut site.client(&admin)?, "GET", "/api/v1/events")?.text();
    let login = site.stranger()?;
    let mut login = login;
    login.args([
        "login",
        &site.reach().authority,
        "-u",
        "alice",
        "--password-stdin",
    ]);
    let output = run::checked_with_input(&mut login, alice.secret.as_bytes())?;
    seen += &String::from_utf8_lossy(&[output.stdout, output.stderr].concat());
    seen += &site.server().log();

    let secrets = [
        ("a password", alice.secret.as_str()),
        ("the administrator's password", admin.secret.as_str()),
        ("a robot's token", robot.secret.as_str()),
        ("a user's token", token.as_str()),
        ("a credential", CANARY),
    ];
    for (what, secret) in secrets {
        ensure!(!seen.contains(secret), "{what} was shown");
        for path in files(site.server().data())? {
            if path
                .file_name()
                .is_some_and(|name| name == "admin-password")
            {
                continue;
            }
            let bytes = fs::read(&path)?;
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            ensure!(!found, "{what} lies in {}", path.display());
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}
