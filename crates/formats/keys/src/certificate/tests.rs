//! Certificates against a second opinion, where there is one.

use super::*;
use crate::private_key;
use aws_lc_rs::rand::SystemRandom;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn request<'a>(authority: Authority<'a>, names: &'a [String]) -> CertificateRequest<'a> {
    CertificateRequest {
        name: "a.example",
        addresses: &[],
        names,
        days: 3650,
        now_s: 1_700_000_000,
        authority,
        key: None,
    }
}

/// What openssl reads in a certificate; none where it is missing.
fn told(pem: &str) -> Option<String> {
    let mut child = Command::new("openssl")
        .args(["x509", "-noout", "-text"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(pem.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "openssl refuses\n{pem}");
    String::from_utf8(output.stdout).ok()
}

#[test]
fn an_authority_signs_others() -> Result<(), KeyError> {
    // Of another name: what is named as its signer is taken for its own.
    let wanted = CertificateRequest {
        name: "authority",
        ..request(Authority::Own, &[])
    };
    let authority = certificate(&wanted, &SystemRandom::new())?;
    let names = ["a.example".to_owned(), "*.a.example".to_owned()];
    let signer = Authority::Other(&authority.certificate, &authority.key);
    let addresses = ["10.0.0.1".to_owned(), "::1".to_owned()];
    let wanted = CertificateRequest {
        addresses: &addresses,
        ..request(signer, &names)
    };
    let signed = certificate(&wanted, &SystemRandom::new())?;
    assert!(signed.key.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let Some(text) = told(&signed.certificate) else {
        return Ok(());
    };
    for part in [
        "CA:FALSE",
        "DNS:*.a.example",
        "IP Address:10.0.0.1",
        "Digital Signature, Key Encipherment",
        "Not Before: Nov 14 22:13:20 2023 GMT",
        "Not After : Nov 11 22:13:20 2033 GMT",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(told(&authority.certificate).is_some_and(|text| text.contains("CA:TRUE")));
    let folder = std::env::temp_dir().join(format!("refloat-keys-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| fault(error.to_string()))?;
    let (ca, leaf) = (folder.join("ca.pem"), folder.join("leaf.pem"));
    for (path, text) in [(&ca, &authority.certificate), (&leaf, &signed.certificate)] {
        std::fs::write(path, text).map_err(|error| fault(error.to_string()))?;
    }
    let verified = Command::new("openssl")
        .args(["verify", "-CAfile"])
        .args([&ca, &leaf])
        .output();
    assert!(verified.is_ok_and(|output| output.status.success()));
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

#[test]
fn keys_of_every_kind_sign_certificates() -> Result<(), KeyError> {
    for kind in ["ecdsa", "ed25519"] {
        let key = private_key(kind)?;
        let wanted = CertificateRequest {
            key: Some(&key),
            ..request(Authority::Itself, &[])
        };
        let made = certificate(&wanted, &SystemRandom::new())?;
        assert_eq!(made.key, key);
        told(&made.certificate);
        let (certificate, key) = (STANDARD.encode(&made.certificate), STANDARD.encode(&key));
        assert_eq!(custom(&certificate, &key)?, made);
    }
    assert_eq!(private_key("none")?, "Unknown type none");
    assert!(Key::read("nothing").is_err());
    Ok(())
}

#[test]
fn days_become_dates() {
    assert_eq!(civil(0), (1970, 1, 1));
    assert_eq!(civil(19_675), (2023, 11, 14));
    assert_eq!(civil(11_016), (2000, 2, 29));
    assert_eq!(instant(2_524_608_000)[0], 0x18);
}
