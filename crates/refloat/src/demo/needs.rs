//! The programs that the demo runs: what is missing is installed where that is allowed, and always named.

use super::stage::Stage;
use anyhow::{Result, bail};

/// Debian packages that the demo needs, with the program each brings.
const NEEDED: [(&str, &str); 3] = [
    (DEBOOTSTRAP, "mmdebstrap"),
    (BUILDER, "buildah"),
    ("git", "git"),
];
const DEBOOTSTRAP: &str = "mmdebstrap";
const BUILDER: &str = "buildah";

/// What can be played with the programs that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// Everything.
    Whole,
    /// Everything, on bases that a registry has.
    Dated,
    /// A rebase alone.
    RebaseOnly,
}

/// Which Debian packages are missing for this; without bases to make, mmdebstrap is none of them.
fn missing(bases: Means) -> Vec<&'static str> {
    let needed = NEEDED
        .iter()
        .filter(|(package, _)| bases == Means::Whole || *package != DEBOOTSTRAP);
    let missing = needed.filter(|(_, program)| !is_there(program));
    missing.map(|(package, _)| *package).collect()
}

/// Whether packages can be installed here.
fn can_install() -> bool {
    rustix::process::geteuid().is_root() && is_there("apt-get")
}

/// Refuses early what would fail late: nothing can be played with what is here or may be installed.
pub(super) fn check(wanted: Means) -> Result<()> {
    if can_install() {
        return Ok(());
    }
    means(wanted).map(drop)
}

/// What can be played with what is here.
fn means(wanted: Means) -> Result<Means> {
    let missing = missing(wanted);
    if missing.is_empty() {
        return Ok(wanted);
    }
    if missing == [DEBOOTSTRAP] {
        return Ok(Means::Dated);
    }
    if wanted == Means::Whole && !missing.contains(&DEBOOTSTRAP) {
        return Ok(Means::RebaseOnly);
    }
    let names = missing.join(" ");
    bail!(
        "the demo needs the programs of the Debian packages {names}, and may not install them; \
         `apt-get install --no-install-recommends {names}` as root does, or run the demo as root on Debian"
    );
}

/// Installs what is missing, where that is allowed, and says which; what stays away is named with what is left out for it.
pub(super) fn install(stage: &Stage, wanted: Means) -> Result<Means> {
    let names = missing(wanted).join(" ");
    if names.is_empty() {
        stage.say("What it needs is there.");
        return Ok(wanted);
    }
    let refused = if can_install() {
        install_packages(stage, &names).err()
    } else {
        None
    };
    let means = match (means(wanted), refused) {
        (Ok(means), _) => means,
        (Err(_), Some(refused)) => return Err(refused),
        (Err(error), None) => return Err(error),
    };
    let left_out = match means {
        _ if means == wanted => return Ok(means),
        Means::RebaseOnly => "Nothing can be built, so this shows a rebase alone",
        Means::Dated | Means::Whole => "The bases are dated images of a registry",
    };
    stage.say(&format!(
        "Missing here, and not installed: {names}. {left_out};\n\
         `apt-get install --no-install-recommends {names}` as root brings the whole."
    ));
    Ok(means)
}

fn install_packages(stage: &Stage, names: &str) -> Result<()> {
    stage.say(&format!("Missing here, and installed now: {names}"));
    let line = format!(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {names} > install.log 2>&1"
    );
    stage.run(&line).map(drop).map_err(|error| {
        let log = std::fs::read_to_string(stage.folder().join("install.log")).unwrap_or_default();
        let last: Vec<_> = log.lines().rev().take(3).collect();
        let last: Vec<_> = last.into_iter().rev().collect();
        error.context(format!(
            "the Debian packages {names} could not be installed; apt-get says: {}",
            last.join(" / ")
        ))
    })
}

/// Whether a program is on the PATH.
pub(super) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
