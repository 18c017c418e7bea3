use super::*;

const KEYRING: &str = include_str!("data/keyring.asc");
const PROVENANCES: [(&str, &str); 3] = [
    ("rsa2048", include_str!("data/rsa2048.prov")),
    ("ed25519", include_str!("data/ed25519.prov")),
    ("nistp256", include_str!("data/nistp256.prov")),
];
const NAME: &str = "a-1.0.0.tgz";
/// 2030, after the keys were made.
const NOW_SECONDS: u64 = 1_900_000_000;

fn check(archive: &str, name: &str, provenance: &str) -> Result<Verification, ProvenanceError> {
    let keyring = Keyring::parse(KEYRING.as_bytes()).expect("it is well");
    verify(
        archive.as_bytes(),
        name,
        provenance.as_bytes(),
        &keyring,
        NOW_SECONDS,
    )
}

#[test]
fn what_gpg_signed_is_verified() {
    for (key, provenance) in PROVENANCES {
        let found = check("chart", NAME, provenance).expect("it is well");
        assert_eq!(
            found.identities,
            [format!("{key} Keeper <{key}@example.com>")]
        );
        assert_eq!(found.fingerprint.len(), 40);
        assert!(found.hash.starts_with("sha256:"));
    }
}

#[test]
fn white_space_at_the_ends_of_lines_is_not_signed() {
    let (_, provenance) = PROVENANCES[1];
    let spaced = provenance.replace("name: a\n", "name: a  \n");
    assert!(check("chart", NAME, &spaced).is_ok());
}

#[test]
fn what_was_changed_is_refused() {
    for (_, provenance) in PROVENANCES {
        let other_text = provenance.replace("name: a", "name: b");
        assert!(matches!(
            check("chart", NAME, &other_text),
            Err(ProvenanceError::Invalid(_))
        ));
        assert!(matches!(
            check("other", NAME, provenance),
            Err(ProvenanceError::OtherHash { .. })
        ));
        assert!(matches!(
            check("chart", "b.tgz", provenance),
            Err(ProvenanceError::OtherFile(_))
        ));
        let keyring = Keyring::default();
        let unknown = verify(b"chart", NAME, provenance.as_bytes(), &keyring, NOW_SECONDS);
        assert_eq!(unknown, Err(ProvenanceError::UnknownKey));
    }
    assert_eq!(
        check("chart", NAME, "text"),
        Err(ProvenanceError::NoSignature)
    );
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_error_and_no_panic() {
    let keyring = armor::unarmored(KEYRING).expect("it is well");
    for end in 0..keyring.len().min(700) {
        let _ = Keyring::parse(&keyring[..end]);
    }
    for at in 0..keyring.len().min(700) {
        let mut damaged = keyring.clone();
        damaged[at] ^= 0x55;
        let _ = Keyring::parse(&damaged);
    }
    let (_, provenance) = PROVENANCES[1];
    let at = provenance.find("BEGIN PGP SIGNATURE").expect("it is well") + 24;
    for at in at..provenance.len() {
        let mut damaged = provenance.as_bytes().to_vec();
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        let keyring = Keyring::parse(&keyring).expect("it is well");
        let _ = verify(b"chart", NAME, &damaged, &keyring, NOW_SECONDS);
    }
}

const SECRETS: &str = include_str!("data/secret.asc");

#[test]
fn what_is_signed_here_is_verified_here() {
    let files = [(
        "Chart.yaml".to_owned(),
        b"apiVersion: v2\nname: a\nversion: 1.0.0\ndescription: \"- a\"\n".to_vec(),
    )];
    let chart = crate::load(files.into()).expect("a chart");
    let secrets = SecretKeyring::parse(SECRETS.as_bytes()).expect("secret keys");
    let public = Keyring::parse(SECRETS.as_bytes()).expect("their public parts");
    let random = aws_lc_rs::rand::SystemRandom::new();
    let signer = |key, passphrase| Signer {
        keyring: &secrets,
        key,
        passphrase,
        random: &random,
    };
    for key in ["rsa2048", "ed25519", "nistp256"] {
        let signer = signer(key, Some(b"open sesame".as_slice()));
        let proof = sign(&chart, b"chart", NAME, &signer, NOW_SECONDS).expect("a signature");
        let found = verify(b"chart", NAME, proof.as_bytes(), &public, NOW_SECONDS);
        let found = found.expect("it is well");
        assert!(found.identities[0].contains(key), "{found:?}");
    }
    let refused = |key, passphrase| {
        let signed = sign(
            &chart,
            b"chart",
            NAME,
            &signer(key, passphrase),
            NOW_SECONDS,
        );
        signed.expect_err("it is refused").to_string()
    };
    assert!(refused("rsa2048", None).contains("--passphrase-file"));
    assert!(refused("rsa2048", Some(b"wrong".as_slice())).contains("does not open"));
    assert!(refused("nobody", None).contains("no secret key"));
    assert!(refused("example.com", None).contains("more than one"));
}
