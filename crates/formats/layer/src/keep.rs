//! Which files' contents are kept: the few whose text is judged.

use crate::path::{name, parent};
use refloat_packages::package::database_at;

/// True if the content of a file at this path is kept.
pub(crate) fn is_kept(path: &str) -> bool {
    if database_at(path).is_some() {
        return true;
    }
    match path {
        "etc/passwd" | "etc/group" | "etc/os-release" | "usr/lib/os-release" | "etc/ld.so.conf"
        | "etc/debian_version" | "etc/alpine-release" => return true,
        _ => {}
    }
    let directory = parent(path).unwrap_or_default();
    let name = name(path);
    match directory {
        "etc" => name.starts_with("ld-musl-") && has_suffix(name, "path"),
        "etc/ld.so.conf.d" => has_suffix(name, "conf"),
        "var/lib/dpkg/info" => has_suffix(name, "list"),
        _ => {
            name == "pyvenv.cfg"
                || name.ends_with(".runtimeconfig.json")
                || name == "release" && is_java(directory)
        }
    }
}

fn has_suffix(name: &str, suffix: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == suffix)
}

/// A folder that may be a JDK's: its file `release` says which.
fn is_java(directory: &str) -> bool {
    ["java", "jdk", "jre", "jvm"]
        .iter()
        .any(|word| directory.contains(word))
}
