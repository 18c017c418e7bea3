use super::*;
use refloat_core::Timestamp;
use refloat_oci::Digest;

const KEY: &str = "blb_01arz3ndektsv4rrffq69g5fav";

/// A backup of two files, listed as they are.
fn backup(folder: &Path) -> PathBuf {
    let backup = folder.join("backup");
    fs::create_dir_all(backup.join("blobs/av")).expect("folders");
    let files = [
        (DATABASE_FILE.to_owned(), "rows"),
        (format!("blobs/av/{KEY}"), "bytes"),
    ];
    let files = files.map(|(path, text)| {
        fs::write(backup.join(&path), text).expect("a file");
        Entry {
            path,
            size: text.len() as u64,
            digest: Digest::sha256(text.as_bytes()),
        }
    });
    write(
        &backup,
        &Manifest {
            format: FORMAT.to_owned(),
            created_at: Timestamp::default(),
            files: files.into(),
        },
    );
    backup
}

fn write(backup: &Path, manifest: &Manifest) {
    fs::write(
        backup.join(MANIFEST_FILE),
        serde_json::to_vec(manifest).expect("JSON"),
    )
    .expect("a manifest");
}

#[test]
fn restores_into_an_empty_or_absent_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let backup = backup(folder.path());
    let data = folder.path().join("data");
    assert_eq!(
        restore(&backup, &data).expect("restored"),
        Restored { files: 2, bytes: 9 }
    );
    assert_eq!(
        fs::read_to_string(data.join(format!("blobs/av/{KEY}"))).expect("a file"),
        "bytes"
    );
    let again = restore(&backup, &data).expect_err("not empty");
    assert!(matches!(again, RestoreError::NotEmpty(_)), "{again}");
    let with_key = folder.path().join("with-key");
    fs::create_dir(&with_key).expect("a folder");
    fs::write(with_key.join(KEY_FILE), "key").expect("a key");
    restore(&backup, &with_key).expect("restored");
    assert_eq!(
        fs::read_to_string(with_key.join(KEY_FILE)).expect("a key"),
        "key"
    );
}

#[test]
fn damage_is_named_and_nothing_is_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let backup = backup(folder.path());
    let data = folder.path().join("data");
    fs::write(backup.join(format!("blobs/av/{KEY}")), "bytez").expect("a file");
    let error = restore(&backup, &data).expect_err("damaged");
    assert!(error.to_string().contains(KEY), "{error}");
    fs::remove_file(backup.join(format!("blobs/av/{KEY}"))).expect("removed");
    assert!(restore(&backup, &data).is_err());
    assert!(!data.exists());
}

#[test]
fn paths_lead_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [
        "../x",
        "/etc/passwd",
        "blobs/../refloat.db",
        "blobs/av/x",
        "blobs/../blb_01arz3ndektsv4rrffq69g5fav",
        "master-key",
    ] {
        assert!(!is_expected(path), "{path}");
    }
    assert!(is_expected(&format!("blobs/av/{KEY}")));
    let error = restore(folder.path(), &folder.path().join("data")).expect_err("no manifest");
    assert!(matches!(error, RestoreError::NoBackup { .. }), "{error}");
}
