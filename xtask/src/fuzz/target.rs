//! The readers, and the real inputs from which their cases are made.

use anyhow::{Context, Result};
use refloat_dockerfile::{Options, Platform};
use refloat_layer::LayerIndex;
use refloat_packages::package::{PackageKind, read};
use refloat_packages::{Elf, elf, rpm};
use std::io::{Read, Write};

/// A reader.
#[derive(Clone)]
pub(super) struct Target {
    pub name: &'static str,
    pub seeds: Vec<Vec<u8>>,
    /// Pieces that mean something to it.
    pub words: &'static [&'static [u8]],
    /// Puts checksums right: most cases would end at them.
    pub mend: fn(&mut [u8]),
    /// True if the input could be read.
    pub read: fn(&[u8]) -> bool,
}

const LAYER_WORDS: &[&[u8]] = &[
    b".wh.",
    b".wh..wh..opq",
    b"../",
    b"/",
    b"\0",
    b"17 path=a/b/c/d/e\n",
    b"99999999999 path=x\n",
    b"35 SCHILY.xattr.user.x=y\n",
    b"\x80\xff\xff\xff\xff\xff\xff\xff",
];
const DOCKERFILE_WORDS: &[&[u8]] = &[
    b"\nFROM ",
    b" AS ",
    b"\nARG ",
    b"${X:-",
    b"${X/",
    b"}",
    b"$",
    b"\\\n",
    b"\\",
    b"\nRUN <<EOF\n",
    b"EOF\n",
    b"<<-'E' <<\"F\"\n",
    b"# escape=`\n",
    b"# syntax=",
    b"\nCOPY --from=",
    b"\nRUN --mount=type=bind,from=",
    b"\nONBUILD ",
    b"--platform=$BUILDPLATFORM ",
    b"@sha256:",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\"",
    b"'",
    b"[\"",
];

/// All of them.
pub(super) fn all() -> Result<Vec<Target>> {
    let programs = programs()?;
    Ok(vec![
        Target {
            name: "tar",
            seeds: layers(&programs)?,
            words: LAYER_WORDS,
            mend: mend_headers,
            read: layer,
        },
        Target {
            name: "tar-gzip",
            seeds: layers(&programs)?
                .iter()
                .map(|layer| packed(layer))
                .collect::<Result<_>>()?,
            words: &[],
            mend: |_| {},
            read: layer,
        },
        Target {
            name: "elf",
            seeds: programs,
            words: &[],
            mend: |bytes| keep_magic(bytes, elf::MAGIC),
            read: program,
        },
        Target {
            name: "packages",
            seeds: databases()?,
            words: &[
                b"\nPackage: ",
                b"\nVersion: ",
                b"\nP:",
                b"\nV:",
                b"\n\n",
                b"Slot",
                b"BlbS",
            ],
            mend: |_| {},
            read: database,
        },
        Target {
            name: "dockerfile",
            seeds: dockerfiles(),
            words: DOCKERFILE_WORDS,
            mend: |_| {},
            read: dockerfile,
        },
    ])
}

fn layer(bytes: &[u8]) -> bool {
    let Ok(index) = refloat_layer::index(bytes, "") else {
        return false;
    };
    let again = LayerIndex::from_bytes(&index.to_bytes());
    assert_eq!(again.as_ref(), Ok(&index), "packing loses something");
    true
}

fn program(bytes: &[u8]) -> bool {
    let marks = elf::marks_in(bytes, elf::MARK_WORDS.into_iter()).len();
    Elf::parse(bytes).is_ok_and(|elf| {
        let symbols = elf.symbols.unwrap_or_default();
        assert!(
            symbols.exports.is_sorted(),
            "exports are looked up by halves"
        );
        assert!(symbols.is_kept_by(&symbols));
        marks < 1000
    })
}

fn database(bytes: &[u8]) -> bool {
    let kinds = [PackageKind::Deb, PackageKind::Apk, PackageKind::Rpm];
    let mut is_read = false;
    for kind in kinds {
        let Ok(packages) = read(kind, bytes) else {
            continue;
        };
        is_read = true;
        for pair in packages.windows(2) {
            let (left, right) = (&pair[0].version, &pair[1].version);
            assert_eq!(
                kind.compare(left, right),
                kind.compare(right, left).reverse()
            );
        }
    }
    if let Ok(summary) = rpm::summary(bytes) {
        assert!(
            read(PackageKind::Rpm, &summary).is_ok(),
            "a summary is read"
        );
    }
    is_read
}

fn dockerfile(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let platform = "linux/amd64"
        .parse()
        .unwrap_or_else(|_| Platform::of_this_machine());
    let _ = refloat_dockerfile::docker_only(&text);
    refloat_dockerfile::edges(&text, &Options::for_platform(platform)).is_ok()
}

/// Programs and libraries of this machine, small enough for many cases.
fn programs() -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for at in [
        "/bin/true",
        "/lib/x86_64-linux-gnu/libz.so.1",
        "/usr/bin/env",
        "/lib64/ld-linux-x86-64.so.2",
    ] {
        found.extend(std::fs::read(at).ok());
    }
    if found.is_empty() {
        let own = std::env::current_exe().context("cannot find this program")?;
        found.push(std::fs::read(own).context("cannot read this program")?);
    }
    Ok(found)
}

fn layers(programs: &[Vec<u8>]) -> Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    let long = format!("a/{}/file", "long".repeat(40));
    for program in programs.iter().take(2) {
        let mut layer = tar::Builder::new(Vec::new());
        let mut put = |path: &str, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o755);
            header.set_size(content.len() as u64);
            layer.append_data(&mut header, path, content)
        };
        put("usr/bin/tool", &program[..program.len().min(40_000)])?;
        put(
            "app/start",
            b"#!/usr/bin/env -S python3 -u\nprint('/opt/java-17/bin/java')\n",
        )?;
        put("etc/passwd", b"root:x:0:0::/root:/bin/sh\n")?;
        put("lib/apk/db/installed", b"P:musl\nV:1.2.4-r2\n\n")?;
        put("app/.wh.gone", b"")?;
        put("var/lib/rpm/rpmdb.sqlite", &unpacked(SQLITE)?)?;
        put(&long, b"x")?;
        put("app/app.jar", JAR)?;
        layer.append_pax_extensions([(
            "SCHILY.xattr.security.capability",
            b"\x01\0\0\x02".as_slice(),
        )])?;
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Link);
        header.set_size(0);
        layer.append_link(&mut header, "usr/bin/other", "usr/bin/tool")?;
        header.set_entry_type(tar::EntryType::Symlink);
        layer.append_link(&mut header, "bin", "usr/bin")?;
        seeds.push(layer.into_inner()?);
    }
    Ok(seeds)
}

/// An archive with one stored class file.
const JAR: &[u8] = b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\x08\0\0\0\x07\0\0\0a.class\xca\xfe\xba\xbe\0\0\0\x3d\
PK\x01\x02\x0a\0\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0\x08\0\0\0\x08\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a.class\
PK\x05\x06\0\0\0\0\x01\0\x01\0\x35\0\0\0\x2d\0\0\0\0\0";
const SQLITE: &[u8] = include_bytes!("../../../crates/formats/packages/tests/data/rpmdb.sqlite.gz");
const BERKELEY: &[u8] = include_bytes!("../../../crates/formats/packages/tests/data/Packages.gz");

fn databases() -> Result<Vec<Vec<u8>>> {
    let dpkg = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.3-4\nProvides: b\n\n\
        Package: c\nVersion: 1~rc1\nDescription: x\n more\n";
    let apk = "C:Q1=\nP:musl\nV:1.2.4-r2\nA:x86_64\np:so:libc=1\nF:lib\nR:ld\n\nP:a\nV:1_rc2\n\n";
    Ok(vec![
        unpacked(SQLITE)?,
        unpacked(BERKELEY)?,
        ndb(),
        dpkg.as_bytes().to_vec(),
        apk.as_bytes().to_vec(),
    ])
}

/// rpm's own container with one package: a page of slots, a blob.
fn ndb() -> Vec<u8> {
    let texts: [(u32, &[u8]); 4] = [
        (1000, b"a\0"),
        (1001, b"1\0"),
        (1002, b"2\0"),
        (1022, b"noarch\0"),
    ];
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, text) in texts {
        let at = u32::try_from(store.len()).unwrap_or_default();
        index.extend(
            [tag, 6, at, 1]
                .iter()
                .flat_map(|number| number.to_be_bytes()),
        );
        store.extend(text);
    }
    let counts = [texts.len(), store.len()]
        .map(|count| u32::try_from(count).unwrap_or_default().to_be_bytes());
    let header = [counts.concat(), index, store].concat();
    let mut file = b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0".to_vec();
    file.resize(32, 0);
    file.extend(b"Slot\x01\0\0\0\0\x01\0\0\0\0\0\0");
    while file.len() < 4096 {
        file.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    file.extend(b"BlbS\x01\0\0\0\x01\0\0\0");
    file.extend(
        u32::try_from(header.len())
            .unwrap_or_default()
            .to_le_bytes(),
    );
    file.extend(header);
    file
}

fn dockerfiles() -> Vec<Vec<u8>> {
    let texts = [
        "# syntax=docker/dockerfile:1\nARG V=1.22\nFROM --platform=$BUILDPLATFORM golang:${V:-1} AS build\nWORKDIR /src\n\
         RUN --mount=type=cache,target=/c --mount=from=tools:1,source=/x,target=/y go build \\\n  # comment\n  -o /app .\n\n\
         FROM scratch\nCOPY --from=build /app /app\nCOPY --from=0 /etc/ssl /etc/ssl\nENTRYPOINT [\"/app\"]\n",
        "# escape=`\nFROM alpine:3.18@sha256:0000000000000000000000000000000000000000000000000000000000000000\n\
         RUN <<EOF cat <<-'B'\nFROM not\nEOF\n\tx\n\tB\nONBUILD COPY --from=other /a /b\nADD https://example.org/x.git#v1 /x\n",
        "ARG A=a\nARG B=${A}b\nARG C=${B/ab/c}${B%b}${B##*a}\nFROM $C:${D:?no}\nHEALTHCHECK CMD [\"x\"]\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn unpacked(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out)?;
    Ok(out)
}

fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

fn keep_magic(bytes: &mut [u8], magic: &[u8]) {
    for (place, byte) in bytes.iter_mut().zip(magic) {
        *place = *byte;
    }
}

/// Puts the checksums of what looks like headers of an archive right.
fn mend_headers(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512) {
        if &block[257..262] != b"ustar" {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
