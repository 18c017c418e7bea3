//! What templates may ask of this machine: the time and random bits.

use aws_lc_rs::rand;
use refloat_template::oracle::Alphabet;
use refloat_template::{Answer, Instant, Oracle, Question};

/// This machine's clock and random source.
pub(super) struct System;

impl Oracle for System {
    fn ask(&self, question: &Question<'_>) -> Option<Answer> {
        match question {
            Question::Now => {
                let now = jiff::Timestamp::now();
                Some(Answer::Instant(Instant {
                    seconds: now.as_second(),
                    nanoseconds: u32::try_from(now.subsec_nanosecond()).unwrap_or(0),
                }))
            }
            Question::RandomText { alphabet, count } => {
                let letters = letters(*alphabet);
                let text: Option<String> = (0..*count).map(|_| pick(&letters)).collect();
                text.map(Answer::Text)
            }
            Question::RandomBytes { count } => {
                use base64::Engine as _;
                let mut bytes = vec![0; *count];
                rand::fill(&mut bytes).ok()?;
                Some(Answer::Text(
                    base64::engine::general_purpose::STANDARD.encode(bytes),
                ))
            }
            Question::RandomInteger { least, below } => {
                let width = u64::try_from(below.checked_sub(*least)?).ok()?;
                let offset = i64::try_from(number()?.checked_rem(width)?).ok()?;
                Some(Answer::Integer(least + offset))
            }
            Question::Uuid => uuid().map(Answer::Text),
            Question::Shuffle(text) => shuffle(text).map(Answer::Text),
            Question::Bcrypt(_)
            | Question::Htpasswd { .. }
            | Question::PrivateKey(_)
            | Question::Certificate { .. } => {
                let now = jiff::Timestamp::now().as_second();
                refloat_keys::answer(question, now, &rand::SystemRandom::new())
            }
        }
    }
}

fn letters(alphabet: Alphabet) -> Vec<char> {
    let upper = 'A'..='Z';
    let lower = 'a'..='z';
    let digits = '0'..='9';
    match alphabet {
        Alphabet::AlphaNumeric => upper.chain(lower).chain(digits).collect(),
        Alphabet::Alphabetic => upper.chain(lower).collect(),
        Alphabet::Ascii => (' '..='~').collect(),
        Alphabet::Numeric => digits.collect(),
    }
}

fn number() -> Option<u64> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

fn below(count: usize) -> Option<usize> {
    let count = u64::try_from(count).ok()?;
    usize::try_from(number()?.checked_rem(count)?).ok()
}

fn pick(letters: &[char]) -> Option<char> {
    letters.get(below(letters.len())?).copied()
}

fn shuffle(text: &str) -> Option<String> {
    let mut letters: Vec<char> = text.chars().collect();
    for last in (1..letters.len()).rev() {
        letters.swap(last, below(last + 1)?);
    }
    Some(letters.into_iter().collect())
}

/// RFC 9562, version 4.
fn uuid() -> Option<String> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).ok()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = |part: &[u8]| {
        part.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let parts = [
        &bytes[..4],
        &bytes[4..6],
        &bytes[6..8],
        &bytes[8..10],
        &bytes[10..],
    ];
    Some(parts.map(hex).join("-"))
}
