//! Base64 and base32.

use super::language::made;
use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::exec::{Machine, Outcome};
use crate::value::Value;
use crate::{json, raw};

const TEXT: Type = Type::String;

pub(super) const TABLE: &[Function] =
    &[
        fixed("b64enc", &[TEXT], |machine, args| {
            made(machine, json::base64(&raw::bytes(str_at(args, 0))))
        }),
        fixed("b64dec", &[TEXT], |machine, args| match json::base64_bytes(
            str_at(args, 0).as_bytes(),
        ) {
            Ok(bytes) => text(machine, bytes),
            Err(at) => Ok(Value::text(format!(
                "illegal base64 data at input byte {at}"
            ))),
        }),
        fixed("b32enc", &[TEXT], |machine, args| {
            made(machine, base32(&raw::bytes(str_at(args, 0))))
        }),
        fixed("b32dec", &[TEXT], |machine, args| {
            if let Some(bytes) = from_base32(str_at(args, 0)) {
                return text(machine, bytes);
            }
            let bare = str_at(args, 0).replace(['\n', '\r'], "");
            let at = bad_place(&bare, is_base32, 8);
            Ok(Value::text(format!(
                "illegal base32 data at input byte {at}"
            )))
        }),
    ];

fn text(machine: &mut Machine<'_, '_>, bytes: Vec<u8>) -> Outcome {
    made(machine, raw::text(bytes))
}

/// Where Go says that decoding of base64 failed.
pub(super) fn bad_base64(text: &str) -> usize {
    json::base64_bytes(text.as_bytes()).err().unwrap_or(0)
}

const fn is_base32(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'2'..=b'7')
}

/// Where Go says that decoding failed.
fn bad_place(text: &str, is_digit: fn(u8) -> bool, group: usize) -> usize {
    let bytes = text.as_bytes();
    let digits = bytes
        .iter()
        .take_while(|byte| is_digit(**byte) || matches!(byte, b'\n' | b'\r'))
        .count();
    if digits == bytes.len() {
        bytes.len() / group * group
    } else {
        digits
    }
}

const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut bits = [0_u8; 8];
        bits[3..3 + chunk.len()].copy_from_slice(chunk);
        let number = u64::from_be_bytes(bits);
        let digits = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            if index < digits {
                let digit = usize::try_from(number >> (35 - 5 * index) & 31).unwrap_or(0);
                out.push(char::from(BASE_32[digit]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let bare: Vec<u8> = text
        .bytes()
        .filter(|b| !matches!(b, b'\n' | b'\r'))
        .collect();
    if !bare.len().is_multiple_of(8) {
        return None;
    }
    let mut out = Vec::with_capacity(bare.len() / 8 * 5);
    let chunks = bare.len() / 8;
    for (index, chunk) in bare.chunks(8).enumerate() {
        let digits = chunk.iter().take_while(|byte| **byte != b'=').count();
        let size = match digits {
            8 => 5,
            7 | 5 | 4 | 2 if index + 1 == chunks => digits * 5 / 8,
            _ => return None,
        };
        if chunk[digits..].iter().any(|byte| *byte != b'=') {
            return None;
        }
        let mut number = 0_u64;
        for byte in &chunk[..digits] {
            let digit = BASE_32.iter().position(|known| known == byte)?;
            number = number << 5 | u64::try_from(digit).ok()?;
        }
        number <<= 5 * (8 - digits);
        out.extend_from_slice(&number.to_be_bytes()[3..3 + size]);
    }
    Some(out)
}
