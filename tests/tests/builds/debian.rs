//! Real pairs: Debian bases before and after their security updates, and images on them that copy, or run pip, node, java, apt.
//!
//! It takes minutes and runs with `--full` and in CI only. What each verdict has to be is argued where it is expected.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use refloat_rig::{Tool, require, run, tools};
use serde_json::Value;

use crate::workshop::Workshop;

/// What the languages need.
const LANGUAGES: &str = "python3-pip,python3-setuptools,nodejs,openjdk-17-jre-headless";

fn can_run() -> Result<bool> {
    if !tools::is_ci() && std::env::var_os("REFLOAT_FULL").is_none() {
        let why = "skipped: real Debian pairs: it takes minutes: set REFLOAT_FULL=1";
        writeln!(std::io::stderr(), "{why}")?;
        return Ok(false);
    }
    require(&[Tool::Mmdebstrap, Tool::Buildah, Tool::Busybox])
}

/// The archives that this machine uses itself: of the release, and of its security updates.
fn archives() -> Result<(String, String)> {
    let files = [
        "/etc/apt/sources.list.d/debian.sources",
        "/etc/apt/sources.list",
    ];
    let text: String = files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| {
            text.lines()
                .map(|line| format!("{line}\n"))
                .collect::<Vec<_>>()
        })
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let mut words = text
        .split_whitespace()
        .filter(|word| word.contains("://") && word.contains("debian"));
    let main = words.clone().find(|word| !word.contains("security"));
    let security = words.find(|word| word.contains("security"));
    let main = main.context("no Debian archive is written in /etc/apt")?;
    let security = security.context("no security archive is written in /etc/apt")?;
    Ok((main.to_owned(), security.to_owned()))
}

/// Makes a base of these packages and pushes it as `team/NAME:1`; the reference by digest.
fn base(workshop: &Workshop, name: &str, packages: &str, sources: &[String]) -> Result<String> {
    let folder = workshop.site.folder().join(format!("base-{name}"));
    fs::create_dir_all(&folder)?;
    let mut command = Command::new(Tool::Mmdebstrap.path()?);
    command
        .args([
            "--quiet",
            "--variant=minbase",
            "--format=tar",
            "--dpkgopt=force-unsafe-io",
        ])
        // Manuals stay: Java's packages want the folder.
        .arg("--dpkgopt=path-exclude=/usr/share/doc/*")
        .arg(format!("--include={packages}"))
        .args(["bookworm", "root.tar"])
        .args(sources)
        .env("SOURCE_DATE_EPOCH", "1767225600")
        .current_dir(&folder);
    run::checked(&mut command)?;
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    fs::write(
        folder.join("Dockerfile"),
        format!("FROM scratch\nADD root.tar /\nENV PATH={path}\nCMD [\"sh\"]\n"),
    )?;
    let tag = workshop.site.reach().reference(&format!("team/{name}:1"));
    let built = workshop.json(&["build", &folder.to_string_lossy(), "-t", &tag])?;
    fs::remove_file(folder.join("root.tar"))?;
    let digest = built["digest"].as_str().context("no digest")?;
    Ok(format!("{}@{digest}", tag.trim_end_matches(":1")))
}

fn child(workshop: &Workshop, base: &str, name: &str, lines: &str) -> Result<String> {
    let folder = workshop.site.folder().join(name);
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("Dockerfile"),
        format!("FROM {}\n{lines}\n", workshop.site.reach().reference(base)),
    )?;
    fs::copy(Tool::Busybox.path()?, folder.join("busybox"))?;
    let package = folder.join("package");
    fs::create_dir_all(package.join("tool"))?;
    fs::write(
        package.join("setup.py"),
        "from setuptools import setup\nsetup(name='tool', version='1', packages=['tool'])\n",
    )?;
    fs::write(
        package.join("tool/__init__.py"),
        "import ssl, json\nprint(json.dumps(ssl.OPENSSL_VERSION))\n",
    )?;
    fs::create_dir_all(folder.join("node_modules/tool"))?;
    fs::write(
        folder.join("node_modules/tool/index.js"),
        "module.exports = require('crypto').createHash('sha256').update('x').digest('hex');\n",
    )?;
    fs::write(folder.join("main.js"), "console.log(require('tool'));\n")?;
    fs::write(folder.join("app.jar"), jar())?;
    Ok(folder.to_string_lossy().into_owned())
}

/// A class `App` whose `main` does nothing, for Java 8 and newer, as it stands in a jar.
fn class() -> Vec<u8> {
    let mut bytes = b"\xca\xfe\xba\xbe\0\0\0\x34\0\x0a".to_vec();
    let name = |bytes: &mut Vec<u8>, text: &str| {
        bytes.push(1);
        bytes.extend_from_slice(
            &u16::try_from(text.len())
                .expect("a short name")
                .to_be_bytes(),
        );
        bytes.extend_from_slice(text.as_bytes());
    };
    name(&mut bytes, "App"); // 1
    bytes.extend_from_slice(&[7, 0, 1]); // 2
    name(&mut bytes, "java/lang/Object"); // 3
    bytes.extend_from_slice(&[7, 0, 3]); // 4
    name(&mut bytes, "main"); // 5
    name(&mut bytes, "([Ljava/lang/String;)V"); // 6
    name(&mut bytes, "Code"); // 7
    name(&mut bytes, "SourceFile"); // 8
    name(&mut bytes, "App.java"); // 9
    // public super class 2 extends 4, no interfaces, no fields, one method: public static main, its code `return`.
    bytes.extend_from_slice(&[0, 0x21, 0, 2, 0, 4, 0, 0, 0, 0, 0, 1]);
    bytes.extend_from_slice(&[
        0, 9, 0, 5, 0, 6, 0, 1, 0, 7, 0, 0, 0, 13, 0, 0, 0, 1, 0, 0, 0, 1, 0xb1, 0, 0, 0, 0,
    ]);
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

/// The class in a zip without compression.
fn jar() -> Vec<u8> {
    let (name, content) = (b"App.class", class());
    let mut crc = !0_u32;
    for byte in &content {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let size = u32::try_from(content.len())
        .expect("a small class")
        .to_le_bytes();
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x28];
    common.extend_from_slice(&(!crc).to_le_bytes());
    common.extend_from_slice(&size);
    common.extend_from_slice(&size);
    common.extend_from_slice(&[9, 0, 0, 0]);
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend_from_slice(&common);
    zip.extend_from_slice(name);
    zip.extend_from_slice(&content);
    let at = u32::try_from(zip.len()).expect("a small zip");
    let mut directory = b"PK\x01\x02\x14\0".to_vec();
    directory.extend_from_slice(&common);
    directory.extend_from_slice(&[0; 14]);
    directory.extend_from_slice(name);
    zip.extend_from_slice(&directory);
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend_from_slice(&u32::try_from(directory.len()).expect("small").to_le_bytes());
    zip.extend_from_slice(&at.to_le_bytes());
    zip.extend_from_slice(&[0, 0]);
    zip
}

struct Pair {
    name: &'static str,
    old: String,
    new: String,
}

fn pair(workshop: &Workshop, name: &'static str, packages: &str) -> Result<Pair> {
    let (main, security) = archives()?;
    let before = vec![format!("deb {main} bookworm main")];
    let mut after = before.clone();
    after.push(format!("deb {security} bookworm-security main"));
    after.push(format!("deb {main} bookworm-updates main"));
    let old = base(workshop, name, packages, &before)?;
    let new = base(workshop, name, packages, &after)?;
    Ok(Pair { name, old, new })
}

/// Calibrates one image on a pair; its entry of the report.
fn tried(workshop: &Workshop, pair: &Pair, name: &str, lines: &str, test: &str) -> Result<Value> {
    let folder = child(workshop, &format!("team/{}:1", pair.name), name, lines)?;
    let to = workshop.site.reach().reference("calibrate");
    let json = workshop.json(&[
        "calibrate",
        &folder,
        "--old-base",
        &pair.old,
        "--onto",
        &pair.new,
        "--to",
        &to,
        "--test",
        test,
    ])?;
    fs::remove_dir_all(Path::new(&folder))?;
    ensure!(json["counts"]["false-safe"] == 0, "{json:#}");
    let sample = json["samples"][0].clone();
    ensure!(sample.is_object(), "{json:#}");
    Ok(sample)
}

fn has_code(sample: &Value, code: &str) -> bool {
    let codes = sample["codes"].as_array().into_iter().flatten();
    codes.into_iter().any(|found| found == code)
}

#[test]
fn real_debian_pairs_are_judged_as_argued() -> Result<()> {
    if !can_run()? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let plain = pair(&workshop, "debian", "ca-certificates")?;

    // A static program beside a patched base: nothing of the base is read, written or hidden.
    let sample = tried(
        &workshop,
        &plain,
        "copies",
        "COPY busybox /app/busybox",
        "/app/busybox true",
    )?;
    ensure!(
        sample["verdict"] == "proven" && sample["outcome"] == "right",
        "{sample:#}"
    );
    ensure!(sample["tests"]["rebased"] == true, "{sample:#}");

    // apt rewrites dpkg's status: a rebase would hide the base's new versions from every scanner.
    let lines = "RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends tree";
    let sample = tried(&workshop, &plain, "apt", lines, "tree --version")?;
    ensure!(
        sample["verdict"] == "unsafe" && has_code(&sample, "H2"),
        "{sample:#}"
    );

    Ok(())
}

/// With languages the bases have half a gigabyte: only where `REFLOAT_PAIRS` asks for it.
#[test]
fn real_debian_pairs_with_languages_are_judged_as_argued() -> Result<()> {
    if std::env::var_os("REFLOAT_PAIRS").is_none() {
        let why =
            "skipped: real Debian pairs with languages: a quarter of an hour: set REFLOAT_PAIRS=1";
        writeln!(std::io::stderr(), "{why}")?;
        return Ok(());
    }
    if !require(&[Tool::Mmdebstrap, Tool::Buildah, Tool::Busybox])? {
        return Ok(());
    }
    let workshop = Workshop::open()?;
    let languages = pair(&workshop, "languages", LANGUAGES)?;
    // pip, node: commands ran on the old base, and the runtime was patched within its line; a test has to run.
    let lines = "COPY package /src\nRUN pip install --quiet --no-index --no-build-isolation --no-deps --break-system-packages /src";
    let sample = tried(
        &workshop,
        &languages,
        "pip",
        lines,
        "python3 -m tool.__init__",
    )?;
    ensure!(
        sample["verdict"] == "test" && sample["tests"]["rebased"] == true,
        "{sample:#}"
    );

    let lines = "WORKDIR /app\nCOPY node_modules /app/node_modules\nCOPY main.js /app/\nRUN node main.js > built";
    let sample = tried(&workshop, &languages, "node", lines, "node /app/main.js")?;
    ensure!(
        sample["verdict"] == "test" && sample["tests"]["rebased"] == true,
        "{sample:#}"
    );

    // A jar of plain classes for an older Java: only the machine below it was patched.
    let lines = "COPY app.jar /app/app.jar\nCMD [\"java\", \"-cp\", \"/app/app.jar\", \"App\"]";
    let sample = tried(
        &workshop,
        &languages,
        "java",
        lines,
        "java -cp /app/app.jar App",
    )?;
    let verdict = sample["verdict"].as_str().unwrap_or_default();
    ensure!(["proven", "test"].contains(&verdict), "{sample:#}");
    ensure!(
        sample["tests"]["rebased"] == true && sample["outcome"] == "right",
        "{sample:#}"
    );
    Ok(())
}
