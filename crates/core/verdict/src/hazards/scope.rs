//! Which places mean what.

use refloat_layer::path::{is_below, name, parent};

/// Nothing that runs reads these: documentation, translations, caches, logs, and files that runtimes mount over.
const IDLE: [&str; 17] = [
    "usr/share/doc",
    "usr/share/doc-base",
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/local/share/doc",
    "usr/local/share/man",
    "var/cache",
    "var/log",
    "var/tmp",
    "tmp",
    "run",
    "var/lib/apt/lists",
    "var/run",
    "root/.cache",
];
/// Files at the root of etc that runtimes mount over.
const MOUNTED: [&str; 5] = [
    "etc/hostname",
    "etc/hosts",
    "etc/resolv.conf",
    "etc/mtab",
    ".dockerenv",
];

/// True where neither presence nor content matters to what runs.
pub(super) fn is_idle(path: &str) -> bool {
    MOUNTED.contains(&path)
        || IDLE
            .iter()
            .any(|place| is_below(path, place) || path == *place)
}

/// The package database that a path belongs to.
pub(super) fn database(path: &str) -> Option<&'static str> {
    const PLACES: [(&str, &str); 9] = [
        ("var/lib/dpkg", "dpkg"),
        ("lib/apk/db", "apk"),
        ("usr/lib/apk/db", "apk"),
        ("etc/apk/world", "apk"),
        ("var/lib/rpm", "rpm"),
        ("usr/lib/sysimage/rpm", "rpm"),
        ("usr/share/rpm", "rpm"),
        ("var/lib/pacman/local", "pacman"),
        ("var/lib/chisel", "chisel"),
    ];
    if matches!(name(path), "lock" | "lock-frontend" | "Lock" | ".rpm.lock") {
        return None;
    }
    PLACES
        .iter()
        .find(|(place, _)| path == *place || is_below(path, place))
        .map(|(_, manager)| *manager)
}

/// The places of a package manager's database.
pub(super) fn database_places(manager: &str) -> &'static [&'static str] {
    match manager {
        "dpkg" => &["var/lib/dpkg"],
        "apk" => &["lib/apk", "usr/lib/apk", "etc/apk"],
        "rpm" => &["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"],
        "pacman" => &["var/lib/pacman"],
        _ => &["var/lib/chisel"],
    }
}

/// distroless keeps a file per package: other packages' files do not matter.
pub(super) fn is_single_package(path: &str) -> bool {
    is_below(path, "var/lib/dpkg/status.d")
}

/// True for files that hold users and groups.
pub(super) fn is_users(path: &str) -> bool {
    let Some(name) = path.strip_prefix("etc/") else {
        return false;
    };
    matches!(
        name.trim_end_matches('-'),
        "passwd" | "group" | "shadow" | "gshadow" | "subuid" | "subgid"
    )
}

/// Whether a changed path is an input of a derived file, and what the derived file is. `None`: not derived.
pub(super) fn derived(path: &str) -> Option<Derived> {
    let is = |inputs: Inputs, what: &'static str| Some(Derived { inputs, what });
    let file = name(path);
    if path == "etc/ld.so.cache" {
        return is(Inputs::Libraries, "the loader's cache");
    }
    if path == "etc/ssl/certs"
        || is_below(path, "etc/ssl/certs")
        || path.contains("etc/ca-certificates/extracted")
    {
        return is(
            Inputs::Below(vec![
                "usr/share/ca-certificates",
                "usr/local/share/ca-certificates",
                "etc/ca-certificates.conf",
                "etc/ca-certificates",
                "etc/ssl/certs",
                "etc/ssl/cert.pem",
            ]),
            "the list of trusted authorities: one that the base no longer trusts would survive",
        );
    }
    if is_bundle(path) {
        return is(
            Inputs::Below(vec![
                "usr/share/ca-certificates",
                "usr/local/share/ca-certificates",
                "etc/ca-certificates.conf",
                "etc/ca-certificates",
                "etc/ssl",
                "etc/pki",
                "usr/share/pki",
            ]),
            "the list of trusted authorities under another name",
        );
    }
    if is_below(path, "etc/pki/ca-trust/extracted")
        || is_below(path, "etc/pki/tls/certs")
        || is_below(path, "etc/pki/java")
    {
        return is(
            Inputs::Below(vec!["usr/share/pki", "etc/pki"]),
            "the list of trusted authorities",
        );
    }
    if is_below(path, "etc/alternatives") {
        return is(
            Inputs::Below(vec!["var/lib/dpkg/alternatives", "etc/alternatives"]),
            "a choice between the base's programs",
        );
    }
    if is_below(path, "boot") && (file.starts_with("initrd") || file.starts_with("initramfs")) {
        return is(
            Inputs::Below(vec![
                "lib/modules",
                "usr/lib/modules",
                "etc/initramfs-tools",
            ]),
            "the first file system of a boot",
        );
    }
    if let Some(source) = python_source(path) {
        return is(Inputs::File(source), "compiled from the base's source");
    }
    derived_by_name(file, parent(path).unwrap_or_default())
}

/// Other names under which systems keep the joined list of authorities.
fn is_bundle(path: &str) -> bool {
    let is_name = matches!(
        name(path),
        "cert.pem"
            | "ca-bundle.crt"
            | "ca-bundle.pem"
            | "ca-certificates.crt"
            | "ca-bundle.trust.crt"
            | "tls-ca-bundle.pem"
    );
    let places = [
        "etc/ssl",
        "etc/pki/tls",
        "usr/lib/ssl",
        "usr/local/ssl",
        "usr/local/etc/ssl",
        "var/lib/ca-certificates",
    ];
    is_name && places.iter().any(|place| is_below(path, place))
}

/// The same, for names that mean it in any directory.
fn derived_by_name(file: &str, directory: &str) -> Option<Derived> {
    let is = |inputs: Inputs, what: &'static str| Some(Derived { inputs, what });
    let above = || parent(directory).unwrap_or_default().to_owned();
    match file {
        "gschemas.compiled"
        | "mime.cache"
        | "mimeinfo.cache"
        | "icon-theme.cache"
        | "gconv-modules.cache"
        | "immodules.cache"
        | "giomodule.cache"
        | "magic.mgc"
        | "fonts.dir"
        | "fonts.scale" => is(
            Inputs::Folder(directory.to_owned()),
            "a cache of its folder",
        ),
        "loaders.cache" => is(
            Inputs::Folder(directory.to_owned()),
            "a cache of image loaders",
        ),
        "locale-archive" => is(
            Inputs::Below(vec!["usr/share/i18n", "usr/lib/locale"]),
            "compiled locales",
        ),
        "cacerts" => is(
            Inputs::Below(vec![
                "usr/share/ca-certificates",
                "etc/ssl/certs",
                "etc/ca-certificates.conf",
                "usr/lib/jvm",
                "opt/java",
            ]),
            "Java's list of trusted authorities",
        ),
        _ if file.starts_with("classes") && file.rsplit('.').next() == Some("jsa") => {
            is(Inputs::Folder(above()), "bound to one exact Java machine")
        }
        _ => None,
    }
}

/// A derived file.
pub(super) struct Derived {
    pub inputs: Inputs,
    pub what: &'static str,
}

/// What it is made from.
pub(super) enum Inputs {
    /// Everything below these, or these themselves.
    Below(Vec<&'static str>),
    /// Everything in the folder.
    Folder(String),
    /// One file.
    File(String),
    /// Shared libraries and the loader's paths.
    Libraries,
}

fn python_source(path: &str) -> Option<String> {
    let directory = parent(path)?;
    let folder = directory.strip_suffix("/__pycache__")?;
    let module = name(path).strip_suffix(".pyc")?.split('.').next()?;
    Some(format!("{folder}/{module}.py"))
}

/// Directories in which each file counts by being there: adding one changes what a program does.
pub(super) fn is_drop_in(path: &str) -> bool {
    let directory = parent(path).unwrap_or_default();
    let folder = name(directory);
    let file = name(path);
    let is_list = folder.rsplit('.').next() == Some("d") && folder.len() > 2
        || matches!(
            folder,
            "conf.d"
                | "profile.d"
                | "sites-enabled"
                | "conf-enabled"
                | "mods-enabled"
                | "docker-entrypoint.d"
                | "docker-entrypoint-initdb.d"
                | "ld.so.conf.d"
                | "autoload"
                | "plugins"
        );
    let is_python_hook = file.rsplit('.').next() == Some("pth")
        || matches!(file, "sitecustomize.py" | "usercustomize.py");
    let is_preload = path == "etc/ld.so.preload";
    is_python_hook || is_preload || (is_list && !is_own_business(path))
}

/// Folders named `.d` that only the package manager or the boot reads.
fn is_own_business(path: &str) -> bool {
    [
        "etc/rc",
        "etc/apt",
        "var/lib",
        "usr/share",
        "etc/init.d",
        "etc/kernel",
        "etc/dpkg",
        "etc/update-motd.d",
        "usr/lib/tmpfiles.d",
        "usr/lib/sysusers.d",
        "usr/lib/udev",
        "lib/udev",
        "etc/logrotate.d",
        "usr/lib/sysctl.d",
    ]
    .iter()
    .any(|beginning| path.starts_with(beginning))
}

/// True for files in directories of programs.
pub(super) fn is_program_place(path: &str) -> bool {
    let directory = parent(path).unwrap_or_default();
    matches!(name(directory), "bin" | "sbin" | "games" | "libexec")
}
