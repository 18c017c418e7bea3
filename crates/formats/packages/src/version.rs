//! The order of package versions. Here Debian's, apk's and rpm's in modules of their own. Debian's: `[epoch:]upstream[-revision]` (Debian Policy 5.6.12, deb-version(7)).

use std::cmp::Ordering;

pub mod apk;
pub mod rpm;

/// Orders two versions as `dpkg --compare-versions` does. Any text is a version here: letters sort before other
/// characters, `~` before everything, even the end.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    number(left.epoch, right.epoch)
        .then_with(|| text(left.upstream.as_bytes(), right.upstream.as_bytes()))
        .then_with(|| text(left.revision.as_bytes(), right.revision.as_bytes()))
}

struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Parts<'a> {
    fn of(version: &'a str) -> Self {
        let version = version.trim();
        let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self {
            epoch: epoch.as_bytes(),
            upstream,
            revision,
        }
    }
}

/// The rank of a character outside a run of digits. The end of the text ranks as a digit does: 0.
fn rank(byte: Option<&u8>) -> u32 {
    match byte {
        None => 1,
        Some(b'~') => 0,
        Some(byte) if byte.is_ascii_digit() => 1,
        Some(byte) if byte.is_ascii_alphabetic() => u32::from(*byte) + 1,
        Some(byte) => u32::from(*byte) + 257,
    }
}

fn text(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        loop {
            let is_over = |side: &[u8]| side.first().is_none_or(u8::is_ascii_digit);
            if is_over(left) && is_over(right) {
                break;
            }
            let order = rank(left.first()).cmp(&rank(right.first()));
            if order != Ordering::Equal {
                return order;
            }
            left = left.get(1..).unwrap_or_default();
            right = right.get(1..).unwrap_or_default();
        }
        let (left_digits, left_rest) = digits(left);
        let (right_digits, right_rest) = digits(right);
        let order = number(left_digits, right_digits);
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn digits(from: &[u8]) -> (&[u8], &[u8]) {
    let length = from.iter().take_while(|byte| byte.is_ascii_digit()).count();
    from.split_at(length)
}

/// Orders digits as numbers of any length.
fn number(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &'_ [u8]| {
        let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
        digits[zeros..].to_vec()
    };
    let (left, right) = (significant(left), significant(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(&right))
}

#[cfg(test)]
mod tests;
