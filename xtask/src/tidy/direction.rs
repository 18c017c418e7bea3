//! Uses go in one direction through the house.

use std::path::Path;

use super::Violation;
use super::sources::Crate;

/// A room, told by the folder a crate stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Fail points: below everything.
    Fail,
    /// Bytes and meaning.
    Formats,
    /// Decisions.
    Core,
    /// Traits towards the outside.
    Ports,
    /// Rows.
    Store,
    /// Use cases.
    Flow,
    /// What implements the ports.
    Outside,
    /// The plumbing that all HTTP faces share.
    Http,
    /// What people and programs talk to.
    Faces,
    /// The client's face, which works without a server.
    Cli,
    /// The binary.
    Binary,
}

/// Databases are spoken to in one room.
const SQL: [&str; 3] = ["rusqlite", "tokio-postgres", "deadpool-postgres"];

impl Room {
    /// The room of a path below `crates/`; none elsewhere.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let mut parts = path.iter().filter_map(|part| part.to_str());
        if parts.next() != Some("crates") {
            return None;
        }
        match (parts.next()?, parts.next()) {
            ("fail", _) => Some(Self::Fail),
            ("formats", _) => Some(Self::Formats),
            ("core", _) => Some(Self::Core),
            ("ports", _) => Some(Self::Ports),
            ("store", _) => Some(Self::Store),
            ("flow", _) => Some(Self::Flow),
            ("outside", _) => Some(Self::Outside),
            ("faces", Some("http")) => Some(Self::Http),
            ("faces", Some("cli")) => Some(Self::Cli),
            ("faces", _) => Some(Self::Faces),
            ("refloat", _) => Some(Self::Binary),
            _ => None,
        }
    }

    /// True where there is no clock, no randomness and no I/O.
    pub(super) fn is_pure(self) -> bool {
        matches!(self, Self::Formats | Self::Core)
    }

    /// The rooms it may use.
    fn may_use(self) -> &'static [Self] {
        use Room as R;
        match self {
            R::Fail => &[],
            R::Formats | R::Cli => &[R::Formats],
            R::Core => &[R::Formats, R::Core],
            R::Ports => &[R::Formats, R::Core, R::Ports],
            R::Store => &[R::Formats, R::Core, R::Ports, R::Store, R::Fail],
            R::Flow => &[R::Formats, R::Core, R::Ports, R::Store, R::Flow, R::Fail],
            R::Outside => &[R::Formats, R::Core, R::Ports, R::Fail],
            R::Http => &[R::Formats, R::Core, R::Flow],
            R::Faces => &[R::Formats, R::Core, R::Flow, R::Http],
            R::Binary => &[
                R::Fail,
                R::Formats,
                R::Core,
                R::Ports,
                R::Store,
                R::Flow,
                R::Outside,
                R::Http,
                R::Faces,
                R::Cli,
            ],
        }
    }
}

/// Every use that goes against the direction.
pub(super) fn check(crates: &[Crate]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for user in crates {
        let Some(room) = Room::of(&user.path) else {
            let message = format!(
                "{} stands in no room of the house: move it, or teach tidy/direction.rs the room",
                user.name
            );
            violations.push(Violation::new(&user.manifest.path, 1, message));
            continue;
        };
        for used in &user.uses {
            let wrong = wrong_sql(room, used).or_else(|| wrong_room(crates, user, room, used));
            if let Some(message) = wrong {
                let line = line_of(&user.manifest.text, used);
                violations.push(Violation::new(&user.manifest.path, line, message));
            }
        }
    }
    violations
}

fn wrong_sql(room: Room, used: &str) -> Option<String> {
    let wrong = SQL.contains(&used) && room != Room::Store;
    wrong.then(|| format!("{used} is spoken by the store only: ask the store for what you need"))
}

fn wrong_room(crates: &[Crate], krate: &Crate, room: Room, used: &str) -> Option<String> {
    let other = crates.iter().find(|other| other.name == used)?;
    let target = Room::of(&other.path)?;
    if room.may_use().contains(&target) {
        return None;
    }
    Some(format!(
        "{} ({room:?}) must not use {used} ({target:?}): it may use {:?}; hand it in from \
         the binary, or move the code to where it may be used",
        krate.name,
        room.may_use(),
    ))
}

/// The line of a manifest that names `package`.
pub(super) fn line_of(manifest: &str, package: &str) -> usize {
    let names = |line: &str| {
        let rest = line.trim_start().strip_prefix(package);
        rest.is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    manifest
        .lines()
        .position(names)
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::sources::Text;
    use super::*;

    fn a_crate(path: &str, uses: &[&str]) -> Crate {
        let lines = uses.iter().map(|used| format!("{used}.workspace = true\n"));
        Crate {
            name: format!("refloat-{}", path.rsplit('/').next().unwrap_or(path)),
            path: PathBuf::from(path),
            manifest: Text {
                path: PathBuf::from(path).join("Cargo.toml"),
                text: format!("[dependencies]\n{}", lines.collect::<String>()),
            },
            uses: uses.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn each_forbidden_use_is_found_at_its_line() {
        let house = [
            a_crate("crates/formats/oci", &["serde"]),
            a_crate("crates/core", &["refloat-oci"]),
            a_crate("crates/ports", &["refloat-core", "refloat-store"]),
            a_crate("crates/store/rows", &["refloat-core", "rusqlite"]),
            a_crate("crates/store", &["refloat-rows", "refloat-core"]),
            a_crate("crates/flow", &["refloat-store", "rusqlite"]),
            a_crate("crates/outside/files", &["refloat-ports", "refloat-flow"]),
            a_crate("crates/faces/http", &["refloat-flow"]),
            a_crate(
                "crates/faces/api",
                &["refloat-http", "refloat-flow", "refloat-ports"],
            ),
            a_crate("crates/faces/cli", &["refloat-oci", "refloat-core"]),
            a_crate(
                "crates/refloat",
                &["refloat-api", "refloat-store", "refloat-files"],
            ),
            a_crate("crates/attic", &[]),
        ];
        let found: Vec<String> = check(&house)
            .iter()
            .map(|violation| format!("{}:{}", violation.file.display(), violation.line))
            .collect();
        assert_eq!(
            found,
            [
                "crates/ports/Cargo.toml:3",
                "crates/flow/Cargo.toml:3",
                "crates/outside/files/Cargo.toml:3",
                "crates/faces/api/Cargo.toml:4",
                "crates/faces/cli/Cargo.toml:3",
                "crates/attic/Cargo.toml:1",
            ]
        );
    }
}
