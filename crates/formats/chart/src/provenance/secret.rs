//! The secret part of a key packet (RFC 4880, sections 3.7 and 5.5.3): opened by its passphrase, and RSA's numbers as aws-lc
//! takes them.

use super::ProvenanceError;
use super::packets::{cut, integer, number};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm as Cipher, DecryptingKey, DecryptionContext,
    UnboundCipherKey,
};
use aws_lc_rs::digest::{self, Algorithm as Hash};
use aws_lc_rs::iv::FixedLength;

const IV_BYTES: usize = 16;
const SALT_BYTES: usize = 8;
const SHA1_BYTES: usize = 20;

/// The numbers, opened and checked.
pub(super) fn numbers(
    secret: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<Vec<u8>, ProvenanceError> {
    let [usage, rest @ ..] = secret else {
        return Err(cut());
    };
    match usage {
        0 => {
            let length = rest.len().checked_sub(2).ok_or_else(cut)?;
            Ok(rest[..length].to_vec())
        }
        254 | 255 => {
            let opened = opened(rest, passphrase)?;
            let sum_bytes = if *usage == 254 { SHA1_BYTES } else { 2 };
            let length = opened.len().checked_sub(sum_bytes).ok_or_else(cut)?;
            let (numbers, sum) = opened.split_at(length);
            let fits = if *usage == 254 {
                digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, numbers).as_ref() == sum
            } else {
                let total: usize = numbers.iter().map(|byte| usize::from(*byte)).sum();
                total & 0xffff == number(sum)
            };
            if fits {
                Ok(numbers.to_vec())
            } else {
                Err(ProvenanceError::Key(
                    "the passphrase does not open the key".to_owned(),
                ))
            }
        }
        other => Err(ProvenanceError::Unsupported(format!(
            "a secret key that is protected in way {other}; sign with gpg"
        ))),
    }
}

fn opened(rest: &[u8], passphrase: Option<&[u8]>) -> Result<Vec<u8>, ProvenanceError> {
    let passphrase = passphrase.ok_or_else(|| {
        ProvenanceError::Key("the key has a passphrase; give it by --passphrase-file".to_owned())
    })?;
    let [cipher_id, kind, hash_id, rest @ ..] = rest else {
        return Err(cut());
    };
    let (cipher, width): (&'static Cipher, usize) = match cipher_id {
        7 => (&AES_128, 16),
        8 => (&AES_192, 24),
        9 => (&AES_256, 32),
        other => {
            return Err(ProvenanceError::Unsupported(format!(
                "a secret key under cipher {other}; sign with gpg"
            )));
        }
    };
    let (salt, octets, rest): (&[u8], usize, &[u8]) = match kind {
        0 => (&[], 0, rest),
        1 => {
            let salt = rest.get(..SALT_BYTES).ok_or_else(cut)?;
            (salt, 0, &rest[SALT_BYTES..])
        }
        3 => {
            let salt = rest.get(..SALT_BYTES).ok_or_else(cut)?;
            let count = usize::from(*rest.get(SALT_BYTES).ok_or_else(cut)?);
            (
                salt,
                (16 + (count & 15)) << ((count >> 4) + 6),
                &rest[SALT_BYTES + 1..],
            )
        }
        // GnuPG's own: the secret lies on a card or was left out.
        _ => {
            return Err(ProvenanceError::Key(
                "the keyring does not hold the secret part of this key".to_owned(),
            ));
        }
    };
    let key = derived(hash(*hash_id)?, salt, passphrase, octets, width);
    let (iv, sealed) = rest.split_at_checked(IV_BYTES).ok_or_else(cut)?;
    let unusable = |_| ProvenanceError::Key("the key cannot be decrypted".to_owned());
    let key = UnboundCipherKey::new(cipher, &key).map_err(unusable)?;
    let key = DecryptingKey::cfb128(key).map_err(unusable)?;
    let iv = <[u8; IV_BYTES]>::try_from(iv).map_err(|_| cut())?;
    let mut bytes = sealed.to_vec();
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    let length = key.decrypt(&mut bytes, context).map_err(unusable)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn hash(id: u8) -> Result<&'static Hash, ProvenanceError> {
    match id {
        2 => Ok(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        8 => Ok(&digest::SHA256),
        9 => Ok(&digest::SHA384),
        10 => Ok(&digest::SHA512),
        other => Err(ProvenanceError::Unsupported(format!(
            "a passphrase by hash {other}; sign with gpg"
        ))),
    }
}

/// A key out of a passphrase: hashed again and again, with as many zeros before it as blocks are needed.
fn derived(
    hash: &'static Hash,
    salt: &[u8],
    passphrase: &[u8],
    octets: usize,
    width: usize,
) -> Vec<u8> {
    let once = [salt, passphrase].concat();
    let octets = octets.max(once.len());
    let mut key = Vec::new();
    let mut zeros = 0;
    while key.len() < width {
        let mut context = digest::Context::new(hash);
        context.update(&vec![0; zeros]);
        let mut left = octets;
        while left > 0 && !once.is_empty() {
            let part = left.min(once.len());
            context.update(&once[..part]);
            left -= part;
        }
        key.extend(context.finish().as_ref());
        zeros += 1;
    }
    key.truncate(width);
    key
}

/// PKCS #1's RSAPrivateKey. OpenPGP keeps the inverse of p modulo q, so q stands first here.
pub(super) fn rsa_der(
    modulus: &[u8],
    exponent: &[u8],
    secret: &[u8],
) -> Result<Vec<u8>, ProvenanceError> {
    let (d, rest) = integer(secret)?;
    let (p, rest) = integer(rest)?;
    let (q, rest) = integer(rest)?;
    let (inverse, _) = integer(rest)?;
    let numbers = [
        &[][..],
        modulus,
        exponent,
        d,
        q,
        p,
        &remainder(d, &less_one(q)),
        &remainder(d, &less_one(p)),
        inverse,
    ];
    let mut body = Vec::new();
    for number in numbers {
        body.extend(der_integer(number));
    }
    Ok(der(0x30, &body))
}

fn der_integer(value: &[u8]) -> Vec<u8> {
    let start = value.iter().position(|byte| *byte != 0);
    let value = &value[start.unwrap_or(value.len())..];
    let mut bytes = Vec::with_capacity(value.len() + 1);
    if value.first().is_none_or(|byte| byte & 0x80 != 0) {
        bytes.push(0);
    }
    bytes.extend(value);
    der(2, &bytes)
}

fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_be_bytes();
    let start = length.iter().position(|byte| *byte != 0);
    let length = &length[start.unwrap_or(length.len() - 1)..];
    let mut bytes = vec![tag];
    if body.len() >= 128 {
        bytes.push(0x80 | u8::try_from(length.len()).unwrap_or(0));
    }
    bytes.extend(length);
    bytes.extend(body);
    bytes
}

/// An odd number less one.
fn less_one(value: &[u8]) -> Vec<u8> {
    let mut less = value.to_vec();
    if let Some(last) = less.last_mut() {
        *last &= 0xfe;
    }
    less
}

/// The remainder of a division, bit by bit: two of them per signature.
fn remainder(value: &[u8], by: &[u8]) -> Vec<u8> {
    let width = by.len() + 1;
    let by = padded(by, width);
    let mut left = vec![0_u8; width];
    for bit in value
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1))
    {
        let mut carry = bit;
        for byte in left.iter_mut().rev() {
            let next = *byte >> 7;
            *byte = *byte << 1 | carry;
            carry = next;
        }
        if left >= by {
            let mut borrow = false;
            for (byte, less) in left.iter_mut().zip(&by).rev() {
                let (once, first) = byte.overflowing_sub(*less);
                let (twice, second) = once.overflowing_sub(u8::from(borrow));
                (*byte, borrow) = (twice, first || second);
            }
        }
    }
    left
}

/// Numbers lose leading zeros on the way.
pub(super) fn padded(value: &[u8], width: usize) -> Vec<u8> {
    let missing = width.saturating_sub(value.len());
    [vec![0; missing].as_slice(), value].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_of_long_numbers() {
        let number = |value: u128| value.to_be_bytes().to_vec();
        for (value, by) in [(100, 7), (u128::MAX, 0xffff_fff1), (12_345, 12_345), (5, 9)] {
            let found = remainder(&number(value), &number(by));
            assert_eq!(padded(&found[1..], 16), number(value % by), "{value} {by}");
        }
    }
}
