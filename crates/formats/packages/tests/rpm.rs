//! rpm's databases as rpm 4.18 and Berkeley DB 5.3 really write them, and their ruins.

use refloat_packages::package::{PackageKind, read};
use refloat_packages::rpm::{RpmError, parse, summary};
use std::io::Read as _;

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(packed);
    reader.read_to_end(&mut bytes).expect("gzip");
    bytes
}

/// Three packages by `rpm --justdb`; the header of `big` takes 16 overflow pages. Other tables were dropped.
fn sqlite() -> Vec<u8> {
    unpacked(include_bytes!("data/rpmdb.sqlite.gz"))
}

/// The same headers by `db5.3_load`, hashed.
fn berkeley() -> Vec<u8> {
    unpacked(include_bytes!("data/Packages.gz"))
}

const EXPECTED: [(&str, &str, &str); 3] = [
    ("big", "2-1", "noarch"),
    ("openssl-libs", "1:3.0.7-16.el9_2", "x86_64"),
    ("zlib", "1.2.11-40.el9", "x86_64"),
];

#[track_caller]
fn holds_all(database: &[u8]) {
    let packages = parse(database).expect("a database");
    let told: Vec<_> = packages
        .iter()
        .map(|it| {
            (
                it.name.as_str(),
                it.version.as_str(),
                it.architecture.as_str(),
            )
        })
        .collect();
    assert_eq!(told, EXPECTED);
    let short = summary(database).expect("a summary");
    assert_eq!(read(PackageKind::Rpm, &short), Ok(packages));
    assert!(short.len() < 200);
}

#[test]
fn sqlite_and_berkeley_agree() {
    holds_all(&sqlite());
    holds_all(&berkeley());
}

/// Debian's rpm cannot write ndb, so that the container is made here, after rpm's `rpmpkg.c`.
#[test]
#[expect(
    clippy::cast_possible_truncation,
    reason = "a database of a few hundred bytes"
)]
fn ndb() {
    let header = |name: &str, version: &str| {
        let tags = [
            (1000_u32, name),
            (1001, version),
            (1002, "1"),
            (1022, "noarch"),
        ];
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, text) in tags {
            for number in [tag, 6, store.len() as u32, 1] {
                index.extend(number.to_be_bytes());
            }
            store.extend(text.as_bytes());
            store.push(0);
        }
        let mut header = (tags.len() as u32).to_be_bytes().to_vec();
        header.extend((store.len() as u32).to_be_bytes());
        header.extend(index);
        header.extend(store);
        header
    };
    let mut slots = b"RpmP\0\0\0\0\x01\0\0\0\x01\0\0\0\x03\0\0\0".to_vec();
    slots.resize(32, 0);
    let mut blobs = Vec::new();
    for (number, blob) in [header("musl", "1.2"), header("bash", "5")]
        .iter()
        .enumerate()
    {
        let at = (4096 + blobs.len()) / 16;
        for field in [
            u32::from_le_bytes(*b"Slot"),
            number as u32 + 1,
            at as u32,
            0,
        ] {
            slots.extend(field.to_le_bytes());
        }
        for field in [
            u32::from_le_bytes(*b"BlbS"),
            number as u32 + 1,
            1,
            blob.len() as u32,
        ] {
            blobs.extend(field.to_le_bytes());
        }
        blobs.extend(blob);
        blobs.resize(blobs.len().next_multiple_of(16), 0);
    }
    while slots.len() < 4096 {
        slots.extend(b"Slot\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    slots.extend(blobs);
    let packages = parse(&slots).expect("a database");
    let told: Vec<_> = packages
        .iter()
        .map(|it| format!("{} {}", it.name, it.version))
        .collect();
    assert_eq!(told, ["bash 5-1", "musl 1.2-1"]);
}

#[test]
fn ruins_are_errors() {
    assert_eq!(parse(b""), Err(RpmError::Unknown));
    assert_eq!(parse(b"garbage"), Err(RpmError::Unknown));
    for database in [sqlite(), berkeley()] {
        for length in [30, 4096, 5000, database.len() - 4096] {
            assert!(parse(&database[..length]).is_err(), "cut at {length}");
        }
    }
    // A page that names itself: an end comes by the count of pages.
    let mut looped = sqlite();
    looped[4096] = 5;
    looped[4099..4101].fill(0);
    looped[4104..4108].copy_from_slice(&2_u32.to_be_bytes());
    assert!(parse(&looped).is_err());
}

/// Many slots that name one blob of 8 MiB: as much memory as there are slots, if they were believed.
#[test]
fn values_that_lie_in_each_other_are_refused() {
    const BLOB_BYTES: u32 = 8 * 1024 * 1024;
    let mut file = b"RpmP\0\0\0\0\x01\0\0\0\x10\0\0\0\x02\0\0\0".to_vec();
    file.resize(32, 0);
    while file.len() < 16 * 4096 {
        file.extend(b"Slot\x01\0\0\0\0\x10\0\0\0\0\0\0");
    }
    file.extend(b"BlbS\x01\0\0\0\x01\0\0\0");
    file.extend(BLOB_BYTES.to_le_bytes());
    file.resize(file.len() + BLOB_BYTES as usize, 0);
    let refused = parse(&file);
    assert_eq!(
        refused,
        Err(RpmError::Damaged("values that lie in each other"))
    );
}
