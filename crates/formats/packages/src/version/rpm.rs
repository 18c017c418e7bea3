//! The order of rpm's versions: `[epoch:]version[-release]` (rpm-version(7)).

use std::cmp::Ordering;

/// Orders two versions as `rpm` does. A missing epoch is 0; a missing release is not compared.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    let releases = match (left.release, right.release) {
        (Some(left), Some(right)) => part(left, right),
        _ => Ordering::Equal,
    };
    part(left.epoch, right.epoch)
        .then_with(|| part(left.version, right.version))
        .then(releases)
}

struct Parts<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let is_epoch = |epoch: &str| epoch.bytes().all(|byte| byte.is_ascii_digit());
        let (epoch, rest) = match text.split_once(':') {
            Some(("", rest)) => ("0", rest),
            Some((epoch, rest)) if is_epoch(epoch) => (epoch, rest),
            _ => ("0", text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        Self {
            epoch,
            version,
            release,
        }
    }
}

/// Orders two parts: runs of digits as numbers, runs of letters as texts, anything else only separates; `~` sorts before
/// everything, `^` after the end and before everything else.
pub fn part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    let is_kept = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^');
    'parts: loop {
        left = skip(left, |byte| !is_kept(byte));
        right = skip(right, |byte| !is_kept(byte));
        // `~` is older than anything, also than the end; `^` is newer than the end alone.
        for (mark, than_the_end) in [(b'~', Ordering::Less), (b'^', Ordering::Greater)] {
            match (left.first() == Some(&mark), right.first() == Some(&mark)) {
                (true, true) => {
                    (left, right) = (&left[1..], &right[1..]);
                    continue 'parts;
                }
                (true, false) if right.is_empty() => return than_the_end,
                (false, true) if left.is_empty() => return than_the_end.reverse(),
                (true, false) => return Ordering::Less,
                (false, true) => return Ordering::Greater,
                (false, false) => {}
            }
        }
        match (left.first(), right.first()) {
            (Some(first), Some(_)) => {
                let is_number = first.is_ascii_digit();
                let of_kind = |byte: &u8| {
                    if is_number {
                        byte.is_ascii_digit()
                    } else {
                        byte.is_ascii_alphabetic()
                    }
                };
                let (ours, left_rest) = split(left, of_kind);
                let (theirs, right_rest) = split(right, of_kind);
                if theirs.is_empty() {
                    // Numbers are newer than letters.
                    return if is_number {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    };
                }
                let order = if is_number {
                    super::number(ours, theirs)
                } else {
                    ours.cmp(theirs)
                };
                if order != Ordering::Equal {
                    return order;
                }
                (left, right) = (left_rest, right_rest);
            }
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
        }
    }
}

fn skip(bytes: &[u8], unwanted: impl Fn(&u8) -> bool) -> &[u8] {
    split(bytes, unwanted).1
}

fn split(bytes: &[u8], wanted: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| wanted(byte)).count())
}
