//! The Debian base of the demo, as it stood before its security updates and with them, from the machine's own package sources.

use super::stage::Stage;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// Debian packages that the demo needs, with the program each brings.
const NEEDED: [(&str, &str); 3] = [
    ("mmdebstrap", "mmdebstrap"),
    ("buildah", "buildah"),
    ("git", "git"),
];
/// The release whose base is made.
const SUITE: &str = "bookworm";
/// Where Debian's package sources are written down.
const SOURCES: &str = "/etc/apt/sources.list.d/debian.sources";
/// The same in the old form.
const SOURCES_LIST: &str = "/etc/apt/sources.list";

/// Installs what is missing where that is allowed, and says which.
pub(super) fn install(stage: &Stage) -> Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(_, program)| !is_there(program))
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        stage.say("mmdebstrap, buildah and git are there.");
        return Ok(());
    }
    let missing = missing.join(" ");
    if !rustix::process::geteuid().is_root() || !is_there("apt-get") {
        bail!(
            "the demo needs the programs of the Debian packages {missing}; install them, or run it as root on Debian"
        );
    }
    stage.say(&format!("Missing here, and installed now: {missing}"));
    stage.run(&format!(
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {missing} > install.log 2>&1"
    ))?;
    Ok(())
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Lines of package sources: of the release as it was made, and of its updates.
pub(super) struct Mirror {
    main: String,
    security: String,
}

impl Mirror {
    /// The mirror that this machine uses itself.
    pub(super) fn of_this_machine() -> Result<Self> {
        let text = [SOURCES, SOURCES_LIST]
            .iter()
            .filter_map(|path| std::fs::read_to_string(Path::new(path)).ok())
            .collect::<Vec<_>>()
            .join("\n\n");
        let addresses = addresses(&text);
        let main = addresses
            .iter()
            .find(|address| !address.contains("security"))
            .context("no Debian mirror is written in /etc/apt; the demo makes its base from one")?;
        let security = addresses
            .iter()
            .find(|address| address.contains("security"))
            .with_context(|| {
                format!("no security archive is written in /etc/apt beside {main}; the demo's update comes from it")
            })?;
        Ok(Self {
            main: main.clone(),
            security: security.clone(),
        })
    }

    /// The lines for the base before the updates.
    pub(super) fn before(&self) -> String {
        format!("'deb {} {SUITE} main'", self.main)
    }

    /// The lines for the base with the updates.
    pub(super) fn after(&self) -> String {
        format!(
            "{} 'deb {} {SUITE}-security main' 'deb {} {SUITE}-updates main'",
            self.before(),
            self.security,
            self.main
        )
    }
}

/// Addresses of Debian archives in both forms of source lists, in their order.
fn addresses(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    let words = lines.filter_map(|line| {
        if let Some(addresses) = line.strip_prefix("URIs:") {
            return addresses.split_whitespace().next();
        }
        line.strip_prefix("deb ")?
            .split_whitespace()
            .find(|word| word.contains("://"))
    });
    words
        .filter(|address| address.contains("debian"))
        .map(str::to_owned)
        .collect()
}

/// Makes a base and pushes it as `REGISTRY/library/debian:12`.
pub(super) fn publish(stage: &Stage, name: &str, lines: &str, upstream: &str) -> Result<()> {
    stage.run(&format!(
        "mmdebstrap --quiet --variant=minbase --format=tar {SUITE} {name}.tar {lines}"
    ))?;
    push(stage, name, upstream)
}

/// Pushes a base that is made.
fn push(stage: &Stage, name: &str, upstream: &str) -> Result<()> {
    stage.write(
        &format!("base/{name}.Dockerfile"),
        &format!(
            "FROM scratch\nADD {name}.tar /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nCMD [\"sh\"]\n"
        ),
    )?;
    stage.run(&format!(
        "buildah build --quiet --isolation chroot --file base/{name}.Dockerfile --tag {upstream}/library/debian:12 . > /dev/null"
    ))?;
    stage.run(&format!(
        "buildah push --quiet --tls-verify=false {upstream}/library/debian:12"
    ))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn both_forms_of_sources_are_read() {
        let text = "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm\n\n\
                    deb [signed-by=/x] http://b.example/debian-security bookworm-security main\n\
                    # deb http://c.example/debian x main\n";
        assert_eq!(
            addresses(text),
            [
                "http://a.example/debian",
                "http://b.example/debian-security"
            ]
        );
    }
}
