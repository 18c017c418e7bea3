//! The Debian base of the demo, as it stood before its security updates and with them, from the machine's own package sources.

use super::stage::Stage;
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;

/// The release whose base is made.
const SUITE: &str = "bookworm";
/// The time that the bases bear.
pub(super) const EPOCH: &str = "1767225600";
/// As in Debian's slim images: no fsync of each file, no documentation.
const LEANER: &str = "--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
     --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*'";
/// With a store of its own, so that nothing stays in this machine's.
const BUILDAH: &str = "buildah --root $PWD/storage --runroot $PWD/storage/run";
/// Where Debian's package sources are written down.
const SOURCES: &str = "/etc/apt/sources.list.d/debian.sources";
/// The same in the old form.
const SOURCES_LIST: &str = "/etc/apt/sources.list";

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

/// Where the two bases come from.
pub(super) enum Debian {
    /// Made from packages.
    Packages(Mirror),
    /// Dated tags of a registry: before, after.
    Tags([String; 2]),
}

/// One of the two bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Before the security updates.
    Before,
    /// With them.
    After,
}

/// Pushes a base as `REGISTRY/library/debian:12`.
///
/// Where it is made, the time is pinned: the same packages make the same digest.
pub(super) fn publish(
    stage: &Stage,
    debian: &Debian,
    moment: Moment,
    upstream: &str,
) -> Result<()> {
    let image = format!("{upstream}/library/debian:12");
    match (debian, moment) {
        (Debian::Packages(mirror), Moment::Before) => {
            build(stage, "before", &mirror.before(), &image)?;
        }
        (Debian::Packages(mirror), Moment::After) => {
            build(stage, "after", &mirror.after(), &image)?;
        }
        (Debian::Tags([tag, _]), Moment::Before) | (Debian::Tags([_, tag]), Moment::After) => {
            let plain = if is_local(tag) {
                "--tls-verify=false "
            } else {
                ""
            };
            stage.run(&format!("{BUILDAH} pull --quiet {plain}{tag}"))?;
            stage.run(&format!("{BUILDAH} tag {tag} {image}"))?;
        }
    }
    stage.run(&format!(
        "{BUILDAH} push --quiet --tls-verify=false {image}"
    ))?;
    Ok(())
}

fn build(stage: &Stage, name: &str, lines: &str, image: &str) -> Result<()> {
    make_tar(stage, name, lines)?;
    stage.write(
        &format!("base/{name}.Dockerfile"),
        &format!(
            "FROM scratch\nADD {name}.tar /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nCMD [\"sh\"]\n"
        ),
    )?;
    stage.run(&format!(
        "{BUILDAH} build --quiet --isolation chroot --timestamp {EPOCH} --file base/{name}.Dockerfile --tag {image} . > build.log"
    ))?;
    Ok(())
}

/// Makes the files of a base, as `NAME.tar`.
pub(super) fn make_tar(stage: &Stage, name: &str, lines: &str) -> Result<()> {
    stage
        .run(&format!(
            "SOURCE_DATE_EPOCH={EPOCH} mmdebstrap --quiet --variant=minbase --format=tar {LEANER} {SUITE} {name}.tar {lines}"
        ))
        .with_context(|| {
            format!(
                "no Debian base could be made; mmdebstrap says why above. It fetches its packages from {lines}: \
                 they must be reachable from here"
            )
        })?;
    Ok(())
}

/// Whether a reference names this machine, where registries speak plain HTTP.
fn is_local(reference: &str) -> bool {
    reference.starts_with("127.") || reference.starts_with("localhost")
}

/// The first and the last of the dated tags of the suite's slim images, `bookworm-20240110-slim`.
///
/// # Errors
/// If there are not two.
pub(super) fn dated(repository: &str, tags: &[String]) -> Result<[String; 2]> {
    let mut dated: Vec<&String> = tags
        .iter()
        .filter(|tag| {
            let date = tag
                .strip_prefix(SUITE)
                .and_then(|rest| rest.strip_prefix('-')?.strip_suffix("-slim"));
            date.is_some_and(|date| date.len() == 8 && date.bytes().all(|one| one.is_ascii_digit()))
        })
        .collect();
    dated.sort();
    let (Some(first), Some(last)) = (dated.first(), dated.last()) else {
        bail!("{repository} has no tag like {SUITE}-20240110-slim");
    };
    ensure!(
        first != last,
        "{repository} has one dated tag only, {first}; the demo needs an earlier and a later one"
    );
    Ok([first, last].map(|tag| format!("{repository}:{tag}")))
}

#[cfg(test)]
mod tests {
    use super::{addresses, dated};

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

    #[test]
    fn the_earliest_and_the_latest_date_are_taken() {
        let tags = [
            "bookworm",
            "bookworm-20240110-slim",
            "bookworm-20251103-slim",
            "bookworm-20240513-slim",
            "bookworm-20260101",
            "trixie-20260101-slim",
            "bookworm-backports-slim",
        ];
        let tags = tags.map(str::to_owned);
        assert_eq!(
            dated("r.example/debian", &tags).ok(),
            Some([
                "r.example/debian:bookworm-20240110-slim".to_owned(),
                "r.example/debian:bookworm-20251103-slim".to_owned()
            ])
        );
        let error = dated("r.example/debian", &tags[..2]).map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("one dated tag only")));
    }
}
