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
    let folder = tempfile::tempdir().expect("the store works");
    let store = ClientStore::new(folder.path().join("store"));
    (folder, store)
}

fn only_blob(store: &ClientStore) -> PathBuf {
    let mut entries = fs::read_dir(store.folder().join("blobs/sha256")).expect("the store works");
    entries
        .next()
        .expect("the store works")
        .expect("the store works")
        .path()
}

#[test]
fn what_is_kept_is_found_by_name_and_word() {
    let (_folder, store) = store();
    assert!(store.named("host/shop:1.0.0").is_none() && store.search("").is_empty());
    let digest = store.put_blob(b"chart").expect("the store works");
    let shop = kept("host/shop:1.0.0", digest, &["Sails"]);
    store.put_name(&shop).expect("the store works");
    assert_eq!(store.named("host/shop:1.0.0"), Some(shop.clone()));
    assert_eq!(store.blob(&digest).as_deref(), Some(&b"chart"[..]));
    assert_eq!(store.search("sail"), std::slice::from_ref(&shop));
    assert_eq!(store.search("SHOP"), [shop]);
    assert!(store.search("boat").is_empty());
}

#[test]
fn a_damaged_blob_is_removed_and_can_be_kept_again() {
    let (_folder, store) = store();
    let digest = store.put_blob(b"chart").expect("the store works");
    let path = only_blob(&store);
    fs::write(&path, b"chars").expect("the store works");
    assert_eq!(store.blob(&digest), None);
    assert!(!path.exists());
    store.put_blob(b"chart").expect("the store works");
    assert!(store.blob(&digest).is_some());
}

#[test]
fn a_damaged_name_is_absent() {
    let (_folder, store) = store();
    let digest = store.put_blob(b"chart").expect("the store works");
    store
        .put_name(&kept("a", digest, &[]))
        .expect("the store works");
    let path = store.name_path("a");
    for damage in ["", "{", "[]", r#"{"name":"b","content":"sha256:00"}"#] {
        fs::write(&path, damage).expect("the store works");
        assert_eq!(store.named("a"), None, "{damage}");
        assert!(store.search("").is_empty());
    }
    // A file that was put under another name's hash.
    fs::write(&path, kept("b", digest, &[]).to_json().to_string()).expect("the store works");
    assert_eq!(store.named("a"), None);
}

#[test]
fn room_is_made_by_what_was_not_used_for_longest() {
    let (_folder, store) = store();
    let store = store.with_room(25);
    let old = store.put_blob(&[1; 10]).expect("the store works");
    let path = only_blob(&store);
    let file = fs::File::options()
        .write(true)
        .open(path)
        .expect("the store works");
    file.set_modified(SystemTime::UNIX_EPOCH)
        .expect("the store works");
    let used = store.put_blob(&[2; 10]).expect("the store works");
    let new = store.put_blob(&[3; 10]).expect("the store works");
    assert!(store.blob(&old).is_none());
    assert!(store.blob(&used).is_some() && store.blob(&new).is_some());
}

#[test]
fn drafts_that_nobody_writes_go() {
    let (_folder, store) = store();
    store.put_blob(b"a").expect("the store works");
    let folder = only_blob(&store)
        .parent()
        .expect("the store works")
        .to_owned();
    let (old, fresh) = (folder.join(".draft-1-0"), folder.join(".draft-2-0"));
    fs::write(&old, b"half").expect("the store works");
    fs::write(&fresh, b"half").expect("the store works");
    let file = fs::File::options()
        .write(true)
        .open(&old)
        .expect("the store works");
    file.set_modified(SystemTime::UNIX_EPOCH)
        .expect("the store works");
    store.put_blob(b"b").expect("the store works");
    assert!(!old.exists() && fresh.exists());
}
