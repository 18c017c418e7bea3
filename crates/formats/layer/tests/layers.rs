//! Layers as builders and attackers write them.

use std::io::{Read, Write};

use proptest::prelude::*;
use refloat_layer::{Compression, Facts, Kind, LayerError, LayerIndex, OddityKind, index};
use refloat_oci::Digest;

fn builder() -> tar::Builder<Vec<u8>> {
    tar::Builder::new(Vec::new())
}

fn file(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    builder
        .append_data(&mut header, path, content)
        .expect("a member");
}

/// A member whose name is written as it is, whatever it is.
fn raw(builder: &mut tar::Builder<Vec<u8>>, path: &[u8], kind: u8, size: u64, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    builder.append(&header, content).expect("a member");
}

fn finished(builder: tar::Builder<Vec<u8>>) -> Vec<u8> {
    builder.into_inner().expect("an archive")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn sample() -> Vec<u8> {
    let mut builder = builder();
    file(&mut builder, "./etc/os-release", b"ID=debian\n");
    file(&mut builder, "usr/bin/run", b"#!/usr/bin/env python3\n");
    let long = format!("usr/{}/x", "long/".repeat(60));
    file(&mut builder, &long, b"long");
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder
        .append_link(&mut header, "usr/bin/link", "../lib/".repeat(30))
        .expect("a link");
    builder
        .append_pax_extensions([("SCHILY.xattr.security.capability", b"\x01\0\n=x".as_slice())])
        .expect("records");
    file(&mut builder, "usr/bin/ping", b"ping");
    file(&mut builder, "usr/share/.wh.gone", b"");
    file(&mut builder, "srv/.wh..wh..opq", b"");
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Link);
    header.set_mode(0o644);
    header.set_size(0);
    builder
        .append_link(&mut header, "usr/bin/pong", "./usr/bin/ping")
        .expect("a link");
    finished(builder)
}

#[test]
fn everything_is_found_in_every_compression() {
    let plain = sample();
    let mut two_frames = zstd(&plain[..1000]);
    // A table of contents, as zstd:chunked has it, between the frames.
    two_frames.extend_from_slice(b"\x50\x2a\x4d\x18\x03\0\0\0abc");
    two_frames.extend(zstd(&plain[1000..]));
    let mut two_members = gzip(&plain[..1000]);
    two_members.extend(gzip(&plain[1000..]));
    let expected =
        index(plain.as_slice(), "application/vnd.oci.image.layer.v1.tar").expect("a layer");
    assert_eq!(expected.diff_id, Digest::sha256(&plain));
    assert_eq!(expected.size_bytes, plain.len() as u64);
    for (bytes, compression) in [
        (gzip(&plain), Compression::Gzip),
        (two_members, Compression::Gzip),
        (zstd(&plain), Compression::Zstd),
        (two_frames, Compression::Zstd),
    ] {
        let mut found = index(bytes.as_slice(), "").expect("a layer");
        assert_eq!(found.compression, compression);
        found.compression = expected.compression;
        assert_eq!(found, expected);
    }
    assert_eq!(expected.kept["etc/os-release"], b"ID=debian\n");
    assert_eq!(expected.whiteouts, ["usr/share/gone"]);
    assert_eq!(expected.opaques, ["srv"]);
    let run = expected.entry("usr/bin/run").expect("a script");
    assert!(
        matches!(&run.kind, Kind::File { facts: Facts::Script(shebang), .. } if shebang.through_env() == Some("python3"))
    );
    let ping = expected.entry("usr/bin/ping").expect("a file");
    assert_eq!(ping.xattrs["security.capability"], b"\x01\0\n=x");
    let pong = expected.entry("usr/bin/pong").expect("a hard link");
    assert_eq!(
        (&pong.kind, pong.hardlink.as_deref()),
        (&ping.kind, Some("usr/bin/ping"))
    );
    assert!(
        matches!(&expected.entry("usr/bin/link").expect("a link").kind, Kind::Symlink(to) if to.len() == 210)
    );
    assert_eq!(expected.oddities, []);
}

#[test]
fn empty_layers() {
    let nothing = index(&b""[..], "").expect("nothing");
    assert_eq!(nothing.entries, []);
    // The one that docker writes for instructions without files.
    let zeros = [0_u8; 1024];
    let empty = index(
        gzip(&zeros).as_slice(),
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    )
    .expect("empty");
    assert_eq!(
        empty.diff_id.to_string(),
        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    );
}

#[test]
fn truncated_and_damaged_layers_are_errors() {
    let plain = sample();
    for packed in [gzip(&plain), zstd(&plain)] {
        for length in [1, 5, packed.len() / 2, packed.len() - 1] {
            let result = index(&packed[..length], "");
            assert!(result.is_err(), "{length} of {} bytes", packed.len());
        }
    }
    // In the middle of a member.
    assert!(matches!(index(&plain[..700], ""), Err(LayerError::Read(_))));
    let mut broken = plain.clone();
    broken[0] ^= 1;
    assert!(matches!(
        index(broken.as_slice(), ""),
        Err(LayerError::Archive { .. })
    ));
    let mut damaged = gzip(&plain);
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    assert!(matches!(
        index(damaged.as_slice(), ""),
        Err(LayerError::Read(_))
    ));
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    for media_type in [
        "application/vnd.oci.image.layer.v1.tar+encrypted",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ] {
        assert!(matches!(
            index(&b""[..], media_type),
            Err(LayerError::MediaType(_))
        ));
    }
    let one = |path: &[u8], kind: u8| {
        let mut builder = builder();
        raw(&mut builder, path, kind, 0, b"");
        index(finished(builder).as_slice(), "")
    };
    assert!(matches!(
        one(b"../etc/passwd", b'0'),
        Err(LayerError::Path(_))
    ));
    assert!(matches!(one(b"a/../../b", b'5'), Err(LayerError::Path(_))));
    assert!(matches!(one(b"a/.wh...", b'0'), Err(LayerError::Path(_))));
    assert!(matches!(one(b"a/.wh.", b'0'), Err(LayerError::Path(_))));
    for kind in [b'S', b'M', b'V', b'7', b'Z'] {
        assert!(
            matches!(one(b"a", kind), Err(LayerError::Archive { .. })),
            "{}",
            char::from(kind)
        );
    }
    // AUFS' own bookkeeping means nothing.
    assert_eq!(
        one(b".wh..wh.plnk/12.3", b'0').expect("a layer").entries,
        []
    );
    assert_eq!(one(b".wh..wh.aufs", b'0').expect("a layer").entries, []);
}

#[test]
fn lengths_that_lie_cost_nothing() {
    // A long name of 8 GiB, a file of 8 GiB, records that claim to be longer than they are.
    for kind in [b'L', b'x', b'0'] {
        let mut builder = builder();
        raw(&mut builder, b"a", kind, 0o77_777_777_777, b"");
        assert!(index(finished(builder).as_slice(), "").is_err());
    }
    // A bomb: 1 GiB of zeros in a megabyte.
    let mut header = tar::Header::new_ustar();
    header.set_path("zeros").expect("a name");
    header.set_size(1 << 30);
    header.set_cksum();
    let zeros = std::io::repeat(0).take(1 << 30);
    let stream = std::io::Cursor::new(header.as_bytes().to_vec()).chain(zeros);
    let mut encoder = flate2::read::GzEncoder::new(stream, flate2::Compression::best());
    let mut packed = Vec::new();
    encoder.read_to_end(&mut packed).expect("memory");
    assert!(
        matches!(index(packed.as_slice(), ""), Err(LayerError::Limit { .. })),
        "{} bytes",
        packed.len()
    );
}

#[test]
fn attributes_of_all_entries_have_one_cap() {
    let value = vec![b'x'; 60_000];
    let mut builder = builder();
    for number in 0..1000 {
        let records = [("SCHILY.xattr.user.x", value.as_slice())];
        builder.append_pax_extensions(records).expect("records");
        file(&mut builder, &format!("f{number}"), b"");
    }
    let refused = index(finished(builder).as_slice(), "");
    assert!(
        matches!(refused, Err(LayerError::Limit { .. })),
        "{:?}",
        refused.err()
    );
}

#[test]
fn what_runtimes_read_in_two_ways_is_told() {
    let odd = |fill: &dyn Fn(&mut tar::Builder<Vec<u8>>)| {
        let mut builder = builder();
        fill(&mut builder);
        let found = index(finished(builder).as_slice(), "").expect("a layer");
        found
            .oddities
            .iter()
            .map(|oddity| oddity.kind)
            .collect::<Vec<_>>()
    };
    let written_and_hidden = odd(&|builder| {
        file(builder, "a/x", b"1");
        file(builder, ".wh.a", b"");
    });
    assert_eq!(written_and_hidden, [OddityKind::HiddenAndWritten]);
    let two_kinds = odd(&|builder| {
        file(builder, "a", b"1");
        raw(builder, b"a", b'5', 0, b"");
    });
    assert_eq!(two_kinds, [OddityKind::TwoKinds]);
    let below_a_file = odd(&|builder| {
        file(builder, "a", b"1");
        file(builder, "a/b", b"1");
    });
    assert_eq!(below_a_file, [OddityKind::ParentNotDirectory]);
    // Twice the same kind: the last one counts, everywhere.
    let twice = odd(&|builder| {
        file(builder, "a", b"1");
        file(builder, "./a", b"2");
    });
    assert_eq!(twice, []);
}

#[test]
fn packed_indexes_of_others_are_refused() {
    let found = index(sample().as_slice(), "").expect("a layer");
    let packed = found.to_bytes();
    assert_eq!(LayerIndex::from_bytes(&packed).as_ref(), Ok(&found));
    for at in [0, 3, 10, packed.len() / 2, packed.len() - 1] {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x55;
        assert!(LayerIndex::from_bytes(&damaged).is_err(), "byte {at}");
    }
    for length in 0..packed.len() {
        assert!(LayerIndex::from_bytes(&packed[..length]).is_err());
    }
}

proptest! {
    /// The tar crate as a second reader: the same paths, kinds and sizes.
    #[test]
    fn the_second_reader_agrees(names in prop::collection::vec("[a-c]{1,3}(/[a-z]{1,120}){0,3}", 0..20), sizes in prop::collection::vec(0_usize..2000, 20)) {
        let mut builder = builder();
        for (name, size) in names.iter().zip(&sizes) {
            file(&mut builder, name, &vec![b'x'; *size]);
        }
        let bytes = finished(builder);
        let ours = index(bytes.as_slice(), "").expect("a layer");
        let mut theirs = std::collections::BTreeMap::new();
        for entry in tar::Archive::new(bytes.as_slice()).entries().expect("an archive") {
            let entry = entry.expect("a member");
            theirs.insert(entry.path().expect("a path").to_string_lossy().into_owned(), entry.size());
        }
        let ours: std::collections::BTreeMap<String, u64> = ours.entries.iter().map(|entry| {
            let size = if let Kind::File { size, .. } = entry.kind { size } else { u64::MAX };
            (entry.path.clone(), size)
        }).collect();
        prop_assert_eq!(ours, theirs);
    }

    /// Whatever is flipped or cut, it ends without a panic.
    #[test]
    fn ruins_end(flips in prop::collection::vec((0_usize..20_000, any::<u8>()), 1..8), cut in 0_usize..20_000) {
        let mut bytes = sample();
        for (at, value) in flips {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        bytes.truncate(cut.max(1).min(bytes.len()));
        let _ = index(bytes.as_slice(), "");
        let _ = index(gzip(&bytes).as_slice(), "");
    }
}
