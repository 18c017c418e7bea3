//! Paths that differ between two builds of the same thing and mean nothing: logs, caches, what only holds times or
//! names of the machine that built. A directory itself is compared, its contents are not.

/// Directories whose contents are left out, with the reason.
pub(crate) const FOLDERS: &[(&str, &str)] = &[
    ("var/log", "logs"),
    (
        "var/cache",
        "caches, ldconfig's aux-cache and apt's archives among them",
    ),
    ("var/lib/apt/lists", "package lists of the day of the build"),
    ("var/lib/apt/periodic", "when apt ran"),
    ("tmp", "temporary files"),
    ("var/tmp", "temporary files"),
    ("run", "state of running programs"),
    ("root/.cache", "caches"),
    ("proc", "what a builder mounts"),
    ("sys", "what a builder mounts"),
    ("dev", "what a builder mounts"),
];

/// Files that are left out, with the reason.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("etc/machine-id", "the building machine's identity"),
    ("var/lib/dbus/machine-id", "the building machine's identity"),
    ("etc/hostname", "written by the builder"),
    ("etc/hosts", "written by the builder"),
    ("etc/resolv.conf", "written by the builder"),
    ("etc/mtab", "written by the builder"),
    ("var/lib/dpkg/lock", "a lock"),
    ("var/lib/dpkg/lock-frontend", "a lock"),
    ("var/lib/dpkg/triggers/Lock", "a lock"),
    ("var/lib/systemd/random-seed", "random"),
    ("root/.wget-hsts", "times of downloads"),
];

/// Files whose older copy is kept beside them: `status-old`, `passwd-`.
const BACKUPS: [&str; 9] = [
    "var/lib/dpkg/status-old",
    "var/lib/dpkg/available-old",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/statoverride-old",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/subuid-",
];

/// Whether a path is left out.
pub(crate) fn is_ignored(path: &str) -> bool {
    let inside = |folder: &str| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    FOLDERS.iter().any(|(folder, _)| inside(folder))
        || FILES.iter().any(|(file, _)| *file == path)
        || BACKUPS.contains(&path)
        || path == "etc/subgid-"
        || is_byte_code(path)
}

/// Python's byte code holds the time of its source.
fn is_byte_code(path: &str) -> bool {
    let in_cache = path.contains("/__pycache__/");
    in_cache && path.rsplit_once('.').is_some_and(|(_, end)| end == "pyc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_go_and_folders_stay() {
        for (path, ignored) in [
            ("var/log", false),
            ("var/log/dpkg.log", true),
            ("var/logs/x", false),
            ("var/cache/ldconfig/aux-cache", true),
            ("etc/machine-id", true),
            ("etc/passwd-", true),
            ("etc/passwd", false),
            (
                "usr/lib/python3/dist-packages/__pycache__/six.cpython-311.pyc",
                true,
            ),
            ("var/lib/dpkg/status", false),
        ] {
            assert_eq!(is_ignored(path), ignored, "{path}");
        }
        let reasons = FOLDERS.iter().chain(FILES).map(|(_, reason)| reason);
        assert!(reasons.into_iter().all(|reason| !reason.is_empty()));
    }
}
