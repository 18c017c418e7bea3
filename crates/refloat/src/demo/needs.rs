//! The programs that the demo runs: what is missing is installed where that is allowed, and always named.

use super::stage::Stage;
use anyhow::{Result, bail};

/// Debian packages that the demo needs, with the program each brings.
const NEEDED: [(&str, &str); 3] = [
    ("mmdebstrap", "mmdebstrap"),
    ("buildah", "buildah"),
    ("git", "git"),
];

/// Which Debian packages are missing.
pub(super) fn missing() -> Vec<&'static str> {
    let missing = NEEDED.iter().filter(|(_, program)| !is_there(program));
    missing.map(|(package, _)| *package).collect()
}

/// Whether packages can be installed here.
pub(super) fn can_install() -> bool {
    rustix::process::geteuid().is_root() && is_there("apt-get")
}

/// Refuses early what would fail late, before anything is made.
pub(super) fn check() -> Result<()> {
    let missing = missing();
    if missing.is_empty() || can_install() {
        return Ok(());
    }
    let names = missing.join(" ");
    bail!(
        "the demo needs the programs of the Debian packages {names}, and may not install them; \
         `apt-get install --no-install-recommends {names}` as root does, or run the demo as root on Debian"
    );
}

/// Installs what is missing, and says which.
pub(super) fn install(stage: &Stage) -> Result<()> {
    let missing = missing().join(" ");
    if missing.is_empty() {
        stage.say("mmdebstrap, buildah and git are there.");
        return Ok(());
    }
    stage.say(&format!("Missing here, and installed now: {missing}"));
    let line = format!(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {missing} > install.log 2>&1"
    );
    stage.run(&line).map(drop).map_err(|error| {
        let log = std::fs::read_to_string(stage.folder().join("install.log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(3).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        error.context(format!(
            "the Debian packages {missing} could not be installed; apt-get says: {}",
            last.join(" / ")
        ))
    })
}

/// Whether a program is on the PATH.
pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
