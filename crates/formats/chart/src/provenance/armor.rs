//! ASCII armor and signed texts (RFC 4880, sections 6 and 7).

const BEGIN_TEXT: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// A text and its signature.
pub(super) struct Signed {
    /// The text, lines ending in a newline.
    pub(super) text: String,
    /// The bytes that are signed: without white space at the ends of lines, which are CR LF, none behind the last.
    pub(super) canonical: Vec<u8>,
    /// The signature's packets.
    pub(super) signature: Vec<u8>,
}

/// Takes a signed text apart; `None` if it is none.
pub(super) fn signed(text: &str) -> Option<Signed> {
    let mut lines = text.lines();
    lines.find(|line| line.trim_end() == BEGIN_TEXT)?;
    // Headers end at an empty line.
    lines.find(|line| line.trim().is_empty())?;
    let mut body = Vec::new();
    loop {
        let line = lines.next()?;
        if line.trim_end() == BEGIN_SIGNATURE {
            break;
        }
        body.push(line.strip_prefix("- ").unwrap_or(line));
    }
    let canonical: Vec<&str> = body
        .iter()
        .map(|line| line.trim_end_matches([' ', '\t', '\r']))
        .collect();
    let rest: Vec<&str> = lines.collect();
    Some(Signed {
        text: body.iter().map(|line| format!("{line}\n")).collect(),
        canonical: canonical.join("\r\n").into_bytes(),
        signature: content(&rest)?,
    })
}

/// The packets of an armored key, or of whatever stands behind the first armor head; `None` if there is none.
pub(super) fn unarmored(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.lines();
    lines.find(|line| line.starts_with("-----BEGIN PGP "))?;
    content(&lines.collect::<Vec<_>>())
}

/// Lines behind a head: headers, an empty line, base64, a checksum, which base64's own strictness and the signature make
/// needless, and a foot.
fn content(lines: &[&str]) -> Option<Vec<u8>> {
    let start = lines.iter().position(|line| line.trim().is_empty())?;
    let mut packed = String::new();
    for line in &lines[start + 1..] {
        let line = line.trim();
        if line.starts_with("-----END PGP ") {
            return decode(&packed);
        }
        if !line.starts_with('=') {
            packed.push_str(line);
        }
    }
    None
}

/// Base64 with padding (RFC 4648, section 4).
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// Packets in armor (RFC 4880, section 6.2).
pub(super) fn armored(what: &str, bytes: &[u8]) -> String {
    let text = encode(bytes);
    let lines = text.as_bytes().chunks(64);
    let lines = lines.map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!(
        "-----BEGIN PGP {what}-----\n\n{}={}\n-----END PGP {what}-----\n",
        lines.collect::<String>(),
        encode(&checksum(bytes).to_be_bytes()[1..])
    )
}

fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .zip([16, 8, 0])
            .fold(0, |bits, (byte, shift)| bits | usize::from(*byte) << shift);
        for place in 0..4 {
            if place <= three.len() {
                text.push(char::from(LETTERS[bits >> (18 - 6 * place) & 63]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// CRC-24.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00b7_04ce, |sum, byte| {
        let sum = sum ^ u32::from(*byte) << 16;
        (0..8).fold(sum, |sum: u32, _| {
            let next = sum << 1;
            if next & 0x0100_0000 == 0 {
                next
            } else {
                next ^ 0x0186_4cfb
            }
        })
    })
}
