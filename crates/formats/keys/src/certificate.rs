//! X.509 certificates with the fields and extensions that sprig's have.

use crate::der::{self, BITS, INTEGER, OBJECT, OCTETS, SEQUENCE, SET, UTF8, all, tagged};
use crate::key::Key;
use crate::{KeyError, fault};
use aws_lc_rs::rand::SecureRandom;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::IpAddr;

/// A certificate and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority<'a> {
    /// It signs itself, and may sign others.
    Own,
    /// It signs itself.
    Itself,
    /// A certificate and its key, PEM.
    Other(&'a str, &'a str),
}

/// What a certificate shall say.
#[derive(Debug, Clone)]
pub struct CertificateRequest<'a> {
    /// The common name.
    pub name: &'a str,
    /// Addresses it is for.
    pub addresses: &'a [String],
    /// Names it is for.
    pub names: &'a [String],
    /// How long it is valid.
    pub days: i64,
    /// From when on, in seconds since 1970.
    pub now_s: i64,
    /// Who signs it.
    pub authority: Authority<'a>,
    /// PEM of its key; a new one if there is none.
    pub key: Option<&'a str>,
}

const DAY_S: i64 = 86_400;
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SUBJECT_KEY: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY: &[u8] = &[0x55, 0x1d, 0x23];
const PURPOSES: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
const TRUE: &[u8] = &[1, 1, 0xff];

/// Makes a certificate.
///
/// # Errors
/// The key or the authority cannot be read, an address is none, or there are no random bits.
pub fn certificate(
    request: &CertificateRequest<'_>,
    random: &dyn SecureRandom,
) -> Result<Certified, KeyError> {
    let key = match request.key {
        Some(pem) => {
            Key::read(pem).map_err(|error| fault(format!("parsing private key: {error}")))?
        }
        None => Key::new()?,
    };
    let subject = subject(request.name);
    let public = key.public()?;
    let own_id = identifier(&public);
    let (issuer, signer, issuer_id) = match request.authority {
        Authority::Own | Authority::Itself => (subject.clone(), None, None),
        Authority::Other(certificate, key) => {
            let (issuer, id) = read_authority(certificate)?;
            let key = Key::read(key);
            let key = key.map_err(|error| fault(format!("error parsing private key: {error}")))?;
            (issuer, Some(key), id)
        }
    };
    let signer = signer.as_ref().unwrap_or(&key);
    let mut serial = [0; 16];
    random
        .fill(&mut serial)
        .map_err(|_| fault("there are no random bits"))?;
    // Positive, and without bytes that do not count.
    serial[0] = serial[0] & 0x7f | 0x40;
    let until = request
        .now_s
        .saturating_add(request.days.saturating_mul(DAY_S));
    let validity = all(SEQUENCE, &[&instant(request.now_s), &instant(until)]);
    let extensions = extensions(request, &own_id, issuer_id.as_deref())?;
    let body = all(
        SEQUENCE,
        &[
            &tagged(0xa0, &tagged(INTEGER, &[2])),
            &tagged(INTEGER, &serial),
            &signer.algorithm(),
            &issuer,
            &validity,
            &subject,
            &public,
            &tagged(0xa3, &tagged(SEQUENCE, &extensions)),
        ],
    );
    let signature = [&[0], signer.sign(&body, random)?.as_slice()].concat();
    let whole = all(
        SEQUENCE,
        &[&body, &signer.algorithm(), &tagged(BITS, &signature)],
    );
    Ok(Certified {
        certificate: der::to_pem("CERTIFICATE", &whole),
        key: key.pem().to_owned(),
    })
}

/// `buildCustomCert`: a certificate and a key that are given, each in base64 of PEM.
///
/// # Errors
/// One of them cannot be read.
pub fn custom(certificate: &str, key: &str) -> Result<Certified, KeyError> {
    let decoded = |text: &str, words: &str| {
        let bytes = STANDARD.decode(text).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| fault(words))
    };
    let certificate = decoded(certificate, "unable to decode base64 certificate")?;
    let key = decoded(key, "unable to decode base64 private key")?;
    read_authority(&certificate)?;
    Key::read(&key).map_err(|error| fault(format!("error parsing private key: {error}")))?;
    Ok(Certified { certificate, key })
}

fn subject(name: &str) -> Vec<u8> {
    if name.is_empty() {
        return tagged(SEQUENCE, &[]);
    }
    let pair = all(
        SEQUENCE,
        &[&tagged(OBJECT, COMMON_NAME), &tagged(UTF8, name.as_bytes())],
    );
    tagged(SEQUENCE, &tagged(SET, &pair))
}

/// What names a public key: the SHA-1 of its bits, less than half of a SHA-256 would be as good.
fn identifier(public: &[u8]) -> Vec<u8> {
    let bits = der::cut(public).and_then(|(_, inner, _, _)| {
        let (_, _, _, rest) = der::cut(inner)?;
        let (_, bits, _, _) = der::cut(rest)?;
        bits.get(1..)
    });
    let digest = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    let digest = aws_lc_rs::digest::digest(digest, bits.unwrap_or(public));
    digest.as_ref().to_vec()
}

/// The subject of a certificate, and what names its key.
fn read_authority(pem: &str) -> Result<(Vec<u8>, Option<Vec<u8>>), KeyError> {
    let (_, bytes) = der::from_pem(pem).map_err(|_| fault("unable to decode certificate"))?;
    let read = || {
        let (_, whole, _, _) = der::cut(&bytes)?;
        let (_, mut rest, _, _) = der::cut(whole)?;
        // Version, serial number, algorithm, issuer, validity.
        for _ in 0..5 {
            (_, _, _, rest) = der::cut(rest)?;
        }
        let (tag, _, subject, rest) = der::cut(rest)?;
        let known = rest
            .windows(SUBJECT_KEY.len())
            .position(|at| at == SUBJECT_KEY);
        let id = known.and_then(|at| {
            let (_, inner, _, _) = der::cut(&rest[at + SUBJECT_KEY.len()..])?;
            let (_, id, _, _) = der::cut(inner)?;
            Some(id.to_vec())
        });
        (tag == SEQUENCE).then(|| (subject.to_vec(), id))
    };
    read().ok_or_else(|| fault("error parsing certificate: it is no X.509"))
}

fn extensions(
    request: &CertificateRequest<'_>,
    own: &[u8],
    issuer: Option<&[u8]>,
) -> Result<Vec<u8>, KeyError> {
    let extension = |name: &[u8], critical: &[u8], value: &[u8]| {
        let parts: [&[u8]; 3] = [&tagged(OBJECT, name), critical, &tagged(OCTETS, value)];
        all(SEQUENCE, &parts)
    };
    let is_authority = request.authority == Authority::Own;
    // Digital signature and key encipherment; for an authority also the signing of certificates.
    let usage: [u8; 2] = if is_authority { [2, 0xa4] } else { [5, 0xa0] };
    let purposes = [tagged(OBJECT, SERVER), tagged(OBJECT, CLIENT)].concat();
    let constraints: &[u8] = if is_authority { TRUE } else { &[] };
    let mut out = [
        extension(KEY_USAGE, TRUE, &tagged(BITS, &usage)),
        extension(PURPOSES, &[], &tagged(SEQUENCE, &purposes)),
        extension(CONSTRAINTS, TRUE, &tagged(SEQUENCE, constraints)),
    ]
    .concat();
    if is_authority {
        out.extend(extension(SUBJECT_KEY, &[], &tagged(OCTETS, own)));
    }
    if let Some(issuer) = issuer {
        let id = tagged(SEQUENCE, &tagged(0x80, issuer));
        out.extend(extension(AUTHORITY_KEY, &[], &id));
    }
    let mut names: Vec<u8> = Vec::new();
    for name in request.names {
        names.extend(tagged(0x82, name.as_bytes()));
    }
    for address in request.addresses {
        let read = address.parse::<IpAddr>();
        let read = read.map_err(|_| fault(format!("error parsing ip: {address}")))?;
        names.extend(match read {
            IpAddr::V4(four) => tagged(0x87, &four.octets()),
            IpAddr::V6(six) => tagged(0x87, &six.octets()),
        });
    }
    if !names.is_empty() {
        out.extend(extension(NAMES, &[], &tagged(SEQUENCE, &names)));
    }
    Ok(out)
}

/// An instant as certificates write it: two digits of the year up to 2049, four from then on.
fn instant(seconds: i64) -> Vec<u8> {
    let (days, second) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
    let (year, month, day) = civil(days);
    let clock = format!(
        "{month:02}{day:02}{:02}{:02}{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if (1950..2050).contains(&year) {
        return tagged(0x17, format!("{:02}{clock}", year % 100).as_bytes());
    }
    tagged(0x18, format!("{year:04}{clock}").as_bytes())
}

/// Year, month and day of a number of days since 1970 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let part = (5 * of_year + 2) / 153;
    let day = of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests;
