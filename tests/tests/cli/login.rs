use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, ensure};
use refloat_rig::run;
use refloat_tests::site::{Site, Wire};
use serde_json::Value;

use crate::said::Said;

/// `login` checks the credentials, keeps them where docker does, and every later verb uses them.
#[test]
fn login_is_kept_where_docker_keeps_it() -> Result<()> {
    for wire in [Wire::Http, Wire::Tls] {
        let site = Site::start(wire)?;
        let alice = site.user("alice", &[("pull,push", "alice/**")])?;
        let registry = &site.reach().authority;
        let config = site.folder().join("home/.docker/config.json");
        fs::create_dir_all(site.folder().join("home/.docker"))?;
        // Somebody else's settings stay.
        fs::write(
            &config,
            r#"{"auths":{"elsewhere.example":{"auth":"eDp5"}},"detachKeys":"ctrl-e,e"}"#,
        )?;

        let mut wrong = site.stranger()?;
        wrong.args(["login", registry, "-u", "alice", "-p", "wrong", "--quiet"]);
        Said::by(&mut wrong)?.refused(4, registry)?;
        ensure!(
            !fs::read_to_string(&config)?.contains(registry.as_str()),
            "wrong credentials were kept"
        );

        let mut login = site.stranger()?;
        login.args(["login", registry, "-u", "alice", "--password-stdin"]);
        let output = run::checked_with_input(&mut login, format!("{}\n", alice.secret).as_bytes())?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        ensure!(!said.contains(&alice.secret), "the password was printed");
        let kept: Value = serde_json::from_slice(&fs::read(&config)?)?;
        ensure!(kept["auths"][registry]["auth"].is_string(), "{kept}");
        ensure!(
            kept["auths"]["elsewhere.example"]["auth"] == "eDp5"
                && kept["detachKeys"] == "ctrl-e,e",
            "{kept}"
        );
        let mode = fs::metadata(&config)?.permissions().mode();
        ensure!(mode & 0o777 == 0o600, "others may read it: {mode:o}");

        let me = Said::by(site.stranger()?.args(["whoami"]))?.ended(0)?;
        ensure!(me.out.contains("alice"), "{me:?}");
        Said::by(site.stranger()?.args(["logout", registry]))?.ended(0)?;
        ensure!(
            !fs::read_to_string(&config)?.contains(registry.as_str()),
            "it was not forgotten"
        );
        ensure!(
            fs::read_to_string(&config)?.contains("elsewhere.example"),
            "too much was forgotten"
        );
    }
    Ok(())
}

/// A server whose certificate nobody vouches for is not told the password.
#[test]
fn login_refuses_an_unknown_authority() -> Result<()> {
    let site = Site::start(Wire::Tls)?;
    let alice = site.user("alice", &[])?;
    let mut login = site.stranger()?;
    login.env_remove("SSL_CERT_FILE").args([
        "login",
        &site.reach().authority,
        "-u",
        "alice",
        "--quiet",
        "-p",
        &alice.secret,
    ]);
    let said = Said::by(&mut login)?.refused(1, &site.reach().authority)?;
    ensure!(
        said.err.to_lowercase().contains("certificate"),
        "{}",
        said.err
    );
    Ok(())
}
