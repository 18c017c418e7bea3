//! The guard is tried on a small stand-in program: the real server has tests of its own.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// Speaks the part of the server's start that the guard relies on.
const STAND_IN: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=$2; shift;;
    --config) config=$2; shift;;
    --listen) listen=$2; shift;;
  esac
  shift
done
[ "$REFLOAT_FAIL" = "" ] || { echo "cannot: $REFLOAT_FAIL" >&2; exit 7; }
mkdir -p "$data"
[ -e "$data/admin-password" ] || echo secret-$$ > "$data/admin-password"
cat "$config"
trap 'exit 0' TERM
echo "listening on http://$listen/"
while :; do sleep 0.01; done
"#;

fn stand_in(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("refloat");
    fs::write(&path, STAND_IN)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

#[test]
fn a_restart_keeps_port_and_data() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = stand_in(folder.path())?;
    let listen = Some("127.0.0.1:4711".to_owned());
    let database = Some("postgres://somewhere".to_owned());
    let mut server = Server::start_program(
        &program,
        ServerOptions {
            database,
            listen,
            ..Default::default()
        },
    )?;
    assert_eq!(server.url(), "http://127.0.0.1:4711");
    assert_eq!(server.authority(), "127.0.0.1:4711");
    assert!(
        server
            .log()
            .contains(r#""database": "postgres://somewhere""#),
        "{}",
        server.log()
    );
    let password = server.admin_password()?;
    server.kill()?;
    assert!(!server.is_running());
    server.restart()?;
    assert_eq!(server.url(), "http://127.0.0.1:4711");
    assert_eq!(server.admin_password()?, password);
    server.stop()
}

#[test]
fn a_start_that_fails_says_what_the_program_said() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = stand_in(folder.path())?;
    let mut server = Server::start_program(&program, ServerOptions::default())?;
    server.kill()?;
    server.set_environment(vec![("REFLOAT_FAIL".to_owned(), "area.step".to_owned())]);
    let error = server.restart().err().map(|error| format!("{error:#}"));
    assert!(error.is_some_and(|error| error.contains("cannot: area.step")));
    Ok(())
}

#[test]
fn the_checkout_is_found_from_any_folder_within() -> Result<()> {
    let root = super::checkout()?;
    assert!(root.join("xtask").is_dir());
    assert_eq!(super::workspace_around(&root), Some(root.clone()));
    assert_eq!(
        super::workspace_around(&root.join("rig/src/server")),
        Some(root)
    );
    let outside = tempfile::tempdir()?;
    assert_eq!(super::workspace_around(outside.path()), None);
    Ok(())
}
