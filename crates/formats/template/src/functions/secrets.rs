//! Secrets that follow from what is given: `derivePassword`, `encryptAES`, `decryptAES` (sprig's `crypto.go`).

use super::convert::integer;
use super::language::made;
use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::exec::{Failure, Machine, Outcome};
use crate::json;
use crate::oracle::{Answer, Question};
use crate::value::Value;
use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptionContext, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::{FixedLength, IV_LEN_128_BIT};
use aws_lc_rs::{hmac, pbkdf2};
use std::num::NonZeroU32;

mod scrypt;

const TEXT: Type = Type::String;
const BLOCK: usize = IV_LEN_128_BIT;

pub(super) const TABLE: &[Function] = &[
    fixed(
        "derivePassword",
        &[Type::Int, TEXT, TEXT, TEXT, TEXT],
        derive_password,
    ),
    fixed("encryptAES", &[TEXT, TEXT], encrypt),
    fixed("decryptAES", &[TEXT, TEXT], decrypt),
];

/// A password is the first 32 bytes of a key.
fn cipher_key(password: &str) -> Result<UnboundCipherKey, Failure> {
    let mut key = [0; 32];
    for (to, from) in key.iter_mut().zip(password.bytes()) {
        *to = from;
    }
    UnboundCipherKey::new(&AES_256, &key).map_err(|_| Failure::message("the key is refused"))
}

fn encrypt(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let (password, text) = (str_at(args, 0), str_at(args, 1));
    if text.is_empty() {
        return Ok(Value::from(""));
    }
    let unsupported = || Failure::Unsupported("encryptAES".to_owned());
    let asked = machine
        .context
        .oracle
        .ask(&Question::RandomBytes { count: BLOCK });
    let Some(Answer::Text(random)) = asked else {
        return Err(unsupported());
    };
    let random = json::from_base64(&random).ok_or_else(unsupported)?;
    let start: [u8; BLOCK] = random.as_slice().try_into().map_err(|_| unsupported())?;
    let failed = |_| Failure::message("the text cannot be encrypted");
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(cipher_key(password)?).map_err(failed)?;
    let mut out = text.as_bytes().to_vec();
    let context = EncryptionContext::Iv128(FixedLength::from(start));
    key.less_safe_encrypt(&mut out, context).map_err(failed)?;
    made(machine, json::base64(&[&start, out.as_slice()].concat()))
}

fn decrypt(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let (password, text) = (str_at(args, 0), str_at(args, 1));
    if text.is_empty() {
        return Ok(Value::from(""));
    }
    let Some(bytes) = json::from_base64(text) else {
        let at = super::encoding::bad_base64(text);
        return Err(Failure::Message(format!(
            "illegal base64 data at input byte {at}"
        )));
    };
    // Go's slices and block modes panic, which text/template turns into these words.
    let Some((start, body)) = bytes.split_first_chunk::<BLOCK>() else {
        return Err(Failure::Message(format!(
            "runtime error: slice bounds out of range [:16] with capacity {}",
            bytes.len()
        )));
    };
    if body.len() % BLOCK != 0 {
        return Err(Failure::message("crypto/cipher: input not full blocks"));
    }
    let failed = |_| Failure::message("the text cannot be decrypted");
    let key = DecryptingKey::cbc(cipher_key(password)?).map_err(failed)?;
    let mut out = body.to_vec();
    let context = DecryptionContext::Iv128(FixedLength::from(*start));
    let plain = key.decrypt(&mut out, context).map_err(failed)?;
    let padding = plain.last().copied().map(usize::from);
    let kept = padding.and_then(|padding| plain.len().checked_sub(padding));
    let Some(kept) = kept else {
        return Err(Failure::message("runtime error: index out of range [-1]"));
    };
    match std::str::from_utf8(&plain[..kept]) {
        Ok(text) => made(machine, text.to_owned()),
        Err(_) => Err(Failure::Unsupported(
            "decrypting to bytes that are no UTF-8".to_owned(),
        )),
    }
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// Shapes of passwords: a letter of a shape stands for the letters of a class.
const SHAPES: [(&str, &[&str]); 6] = [
    ("maximum", &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"]),
    (
        "long",
        &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
    ),
    ("medium", &["CvcnoCvc", "CvcCvcno"]),
    ("short", &["Cvcn"]),
    ("basic", &["aaanaaan", "aannaaan", "aaannaaa"]),
    ("pin", &["nnnn"]),
];

const fn class(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The master password algorithm.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the table of functions gives the shape"
)]
fn derive_password(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let counter = u32::try_from(integer(&args[0])).unwrap_or(0);
    let (kind, password) = (str_at(args, 1), str_at(args, 2));
    let (user, site) = (str_at(args, 3), str_at(args, 4));
    let Some((_, shapes)) = SHAPES.iter().find(|(known, _)| *known == kind) else {
        return Ok(Value::text(format!("cannot find password template {kind}")));
    };
    // It takes tens of milliseconds: as much as some millions of steps.
    machine.context.steps = machine.context.steps.saturating_add(scrypt::STEPS);
    let length = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
    let salt = [SEED, &length(user), user.as_bytes()].concat();
    let key = scrypt::key(password.as_bytes(), &salt);
    let message = [SEED, &length(site), site.as_bytes(), &counter.to_be_bytes()].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &message);
    let seed = tag.as_ref();
    let shape = shapes[usize::from(seed[0]) % shapes.len()];
    let letters = shape.bytes().zip(&seed[1..]).map(|(letter, seed)| {
        let class = class(letter);
        char::from(class[usize::from(*seed) % class.len()])
    });
    Ok(Value::text(letters.collect::<String>()))
}

/// PBKDF2 with HMAC-SHA-256 and one round.
fn stretched(password: &[u8], salt: &[u8], out: &mut [u8]) {
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        NonZeroU32::MIN,
        salt,
        password,
        out,
    );
}
