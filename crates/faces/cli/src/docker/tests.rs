use super::*;

fn host(text: &str) -> RegistryHost {
    text.parse().expect("a host")
}

#[test]
fn keeps_what_is_not_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    std::fs::write(
        &path,
        r#"{"proxies":{"default":{}},"auths":{"a.b":{"auth":"dTpw"}}}"#,
    )
    .expect("written");
    let mut config = Config::read(&path).expect("read");
    let before = config.get(&host("a.b")).expect("read");
    assert_eq!(
        before,
        Some(Credential::Password {
            username: "u".to_owned(),
            password: Hidden::new("p")
        })
    );
    config
        .store(&host("127.0.0.1:5000"), "alice", &Hidden::new("x:y"))
        .expect("stored");
    let mut again = Config::read(&path).expect("read");
    let found = again.get(&host("127.0.0.1:5000")).expect("read");
    assert_eq!(
        found,
        Some(Credential::Password {
            username: "alice".to_owned(),
            password: Hidden::new("x:y")
        })
    );
    assert!(again.json.contains_key("proxies"));
    assert!(again.erase(&host("127.0.0.1:5000")).expect("erased"));
    assert!(!again.erase(&host("127.0.0.1:5000")).expect("erased"));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&path).expect("metadata").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn secrets_are_not_printed() {
    let credential = Credential::Password {
        username: "u".to_owned(),
        password: Hidden::new("swordfish"),
    };
    assert!(!format!("{credential:?}").contains("swordfish"));
}

#[test]
fn a_missing_helper_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    std::fs::write(&path, r#"{"credsStore":"refloat-no-such"}"#).expect("written");
    let error = Config::read(&path)
        .expect("read")
        .get(&host("a.b"))
        .expect_err("no helper");
    assert!(
        error.message.contains("docker-credential-refloat-no-such"),
        "{}",
        error.message
    );
}
