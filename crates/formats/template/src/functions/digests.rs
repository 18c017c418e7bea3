//! Checksums.

use aws_lc_rs::digest::{self, Algorithm};

use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::format;
use crate::raw;
use crate::value::Value;

const TEXT: Type = Type::String;

pub(super) const TABLE: &[Function] = &[
    fixed("sha1sum", &[TEXT], |_, args| {
        Ok(sum(&digest::SHA1_FOR_LEGACY_USE_ONLY, str_at(args, 0)))
    }),
    fixed("sha256sum", &[TEXT], |_, args| {
        Ok(sum(&digest::SHA256, str_at(args, 0)))
    }),
    fixed("sha512sum", &[TEXT], |_, args| {
        Ok(sum(&digest::SHA512, str_at(args, 0)))
    }),
    fixed("adler32sum", &[TEXT], |_, args| {
        Ok(Value::text(
            adler32(&raw::bytes(str_at(args, 0))).to_string(),
        ))
    }),
];

fn sum(algorithm: &'static Algorithm, text: &str) -> Value {
    let digest = digest::digest(algorithm, &raw::bytes(text));
    let mut out = String::with_capacity(2 * digest.as_ref().len());
    for byte in digest.as_ref() {
        format::append(&mut out, format_args!("{byte:02x}"));
    }
    Value::text(out)
}

/// RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}
