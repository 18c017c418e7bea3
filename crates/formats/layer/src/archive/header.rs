//! The fixed block in front of every member (POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's variants).

use super::BLOCK;

/// What the block says, before extensions.
pub(super) struct Raw {
    pub path: Vec<u8>,
    pub link: Vec<u8>,
    pub kind: u8,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub size: u64,
    pub device: (u32, u32),
}

impl Raw {
    pub fn parse(block: &[u8; BLOCK]) -> Result<Self, String> {
        check_sum(block)?;
        let kind = block[156];
        let is_ustar = &block[257..263] == b"ustar\0";
        let mut path = text(&block[..100]);
        if is_ustar {
            let prefix = text(&block[345..500]);
            if !prefix.is_empty() {
                path = [prefix.as_slice(), b"/", path.as_slice()].concat();
            }
        }
        let mode = number(&block[100..108])? & 0o7777;
        let has_device = matches!(kind, b'3' | b'4');
        let device = if has_device {
            (device(&block[329..337])?, device(&block[337..345])?)
        } else {
            (0, 0)
        };
        Ok(Self {
            path,
            link: text(&block[157..257]),
            kind,
            mode: u32::try_from(mode).map_err(|_| "a mode out of range")?,
            uid: number(&block[108..116])?,
            gid: number(&block[116..124])?,
            size: number(&block[124..136])?,
            device,
        })
    }
}

fn check_sum(block: &[u8; BLOCK]) -> Result<(), String> {
    let told = number(&block[148..156])?;
    let mut unsigned: u64 = 8 * u64::from(b' ');
    let mut signed: i64 = 8 * i64::from(b' ');
    for (at, byte) in block.iter().enumerate() {
        if !(148..156).contains(&at) {
            unsigned += u64::from(*byte);
            signed += i64::from(byte.cast_signed());
        }
    }
    if told == unsigned || i64::try_from(told) == Ok(signed) {
        Ok(())
    } else {
        Err("a header whose checksum is wrong".into())
    }
}

fn text(field: &[u8]) -> Vec<u8> {
    field
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
        .to_vec()
}

fn device(field: &[u8]) -> Result<u32, String> {
    u32::try_from(number(field)?).map_err(|_| "a device number out of range".into())
}

/// Octal digits, or a big-endian number marked by the first bit.
fn number(field: &[u8]) -> Result<u64, String> {
    if field[0] & 0x80 != 0 {
        if field[0] & 0x40 != 0 {
            return Err("a negative number".into());
        }
        let mut value: u64 = u64::from(field[0] & 0x3f);
        for byte in &field[1..] {
            if value >> 56 != 0 {
                return Err("a number out of range".into());
            }
            value = value << 8 | u64::from(*byte);
        }
        return Ok(value);
    }
    let is_filler = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field
        .iter()
        .position(|byte| !is_filler(byte))
        .unwrap_or(field.len());
    let digits = &field[start..];
    let end = digits.iter().position(is_filler).unwrap_or(digits.len());
    let mut value = 0_u64;
    for byte in &digits[..end] {
        if !(b'0'..=b'7').contains(byte) || value >> 61 != 0 {
            return Err("a number that is not octal".into());
        }
        value = value << 3 | u64::from(byte - b'0');
    }
    if digits[end..].iter().all(is_filler) {
        Ok(value)
    } else {
        Err("a number that is not octal".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"0000644\0"), Ok(0o644));
        assert_eq!(number(b"   644 \0"), Ok(0o644));
        assert_eq!(number(&[0; 8]), Ok(0));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 1, 0]), Ok(256));
        for bad in [
            b"00008\0\0\0",
            b"1 1\0\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert!(number(bad).is_err());
        }
    }
}
