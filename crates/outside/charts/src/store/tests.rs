use super::*;

fn kept(name: &str, content: Digest, words: &[&str]) -> Kept {
    Kept {
        name: name.to_owned(),
        manifest: None,
        content,
        provenance: None,
        chart: Some(KeptChart {
            name: "shop".to_owned(),
            version: "1.0.0".to_owned(),
            keywords: words.iter().map(|word| (*word).to_owned()).collect(),
            ..KeptChart::default()
        }),
    }
}

fn store() -> (tempfile::TempDir, ClientStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = ClientStore::new(folder.path().join("store"));
    (folder, store)
}

fn only_blob(store: &ClientStore) -> PathBuf {
    let mut entries = fs::read_dir(store.folder().join("blobs/sha256")).unwrap();
    entries.next().unwrap().unwrap().path()
}

#[test]
fn what_is_kept_is_found_by_name_and_word() {
    let (_folder, store) = store();
    assert!(store.named("host/shop:1.0.0").is_none() && store.search("").is_empty());
    let digest = store.put_blob(b"chart").unwrap();
    let shop = kept("host/shop:1.0.0", digest, &["Sails"]);
    store.put_name(&shop).unwrap();
    assert_eq!(store.named("host/shop:1.0.0"), Some(shop.clone()));
    assert_eq!(store.blob(&digest).as_deref(), Some(&b"chart"[..]));
    assert_eq!(store.search("sail"), [shop.clone()]);
    assert_eq!(store.search("SHOP"), [shop]);
    assert!(store.search("boat").is_empty());
}

#[test]
fn a_damaged_blob_is_removed_and_can_be_kept_again() {
    let (_folder, store) = store();
    let digest = store.put_blob(b"chart").unwrap();
    let path = only_blob(&store);
    fs::write(&path, b"chars").unwrap();
    assert_eq!(store.blob(&digest), None);
    assert!(!path.exists());
    store.put_blob(b"chart").unwrap();
    assert!(store.blob(&digest).is_some());
}

#[test]
fn a_damaged_name_is_absent() {
    let (_folder, store) = store();
    let digest = store.put_blob(b"chart").unwrap();
    store.put_name(&kept("a", digest, &[])).unwrap();
    let path = store.name_path("a");
    for damage in ["", "{", "[]", r#"{"name":"b","content":"sha256:00"}"#] {
        fs::write(&path, damage).unwrap();
        assert_eq!(store.named("a"), None, "{damage}");
        assert!(store.search("").is_empty());
    }
    // A file that was put under another name's hash.
    fs::write(&path, kept("b", digest, &[]).to_json().to_string()).unwrap();
    assert_eq!(store.named("a"), None);
}

#[test]
fn room_is_made_by_what_was_not_used_for_longest() {
    let (_folder, store) = store();
    let store = store.with_room(25);
    let old = store.put_blob(&[1; 10]).unwrap();
    let path = only_blob(&store);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let used = store.put_blob(&[2; 10]).unwrap();
    let new = store.put_blob(&[3; 10]).unwrap();
    assert!(store.blob(&old).is_none());
    assert!(store.blob(&used).is_some() && store.blob(&new).is_some());
}

#[test]
fn drafts_that_nobody_writes_go() {
    let (_folder, store) = store();
    store.put_blob(b"a").unwrap();
    let folder = only_blob(&store).parent().unwrap().to_owned();
    let (old, fresh) = (folder.join(".draft-1-0"), folder.join(".draft-2-0"));
    fs::write(&old, b"half").unwrap();
    fs::write(&fresh, b"half").unwrap();
    let file = fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    store.put_blob(b"b").unwrap();
    assert!(!old.exists() && fresh.exists());
}
