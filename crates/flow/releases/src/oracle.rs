//! What templates may ask of the server: the time, and random bits.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use refloat_core::Timestamp;
use refloat_template::oracle::Alphabet;
use refloat_template::{Answer, Instant, Oracle, Question};

/// The time of the database, and this machine's random source.
pub(crate) struct ServerOracle {
    now: Timestamp,
}

impl ServerOracle {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self { now }
    }
}

impl Oracle for ServerOracle {
    fn ask(&self, question: &Question<'_>) -> Option<Answer> {
        match question {
            Question::Now => {
                let micros = self.now.micros();
                let nanoseconds = micros.rem_euclid(1_000_000) * 1000;
                Some(Answer::Instant(Instant {
                    seconds: micros.div_euclid(1_000_000),
                    nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
                }))
            }
            Question::RandomText { alphabet, count } => {
                let letters = letters(*alphabet);
                let text: Option<String> = (0..*count).map(|_| pick(&letters)).collect();
                text.map(Answer::Text)
            }
            Question::RandomBytes { count } => {
                let mut bytes = vec![0; *count];
                rand::fill(&mut bytes).ok()?;
                Some(Answer::Text(STANDARD.encode(bytes)))
            }
            Question::RandomInteger { least, below } => {
                let width = u64::try_from(below.checked_sub(*least)?).ok()?;
                let offset = number()?.checked_rem(width)?;
                Some(Answer::Integer(least + i64::try_from(offset).ok()?))
            }
            // A template that wants these fails with the function's name: nothing half right is made up.
            Question::Uuid | Question::Shuffle(_) => None,
            Question::Bcrypt(_)
            | Question::Htpasswd { .. }
            | Question::PrivateKey(_)
            | Question::Certificate { .. } => {
                let now = self.now.micros().div_euclid(1_000_000);
                refloat_keys::answer(question, now, &rand::SystemRandom::new())
            }
        }
    }
}

fn letters(alphabet: Alphabet) -> Vec<char> {
    let all = (' '..='~').filter(|letter| match alphabet {
        Alphabet::AlphaNumeric => letter.is_ascii_alphanumeric(),
        Alphabet::Alphabetic => letter.is_ascii_alphabetic(),
        Alphabet::Ascii => true,
        Alphabet::Numeric => letter.is_ascii_digit(),
    });
    all.collect()
}

fn number() -> Option<u64> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).ok()?;
    Some(u64::from_ne_bytes(bytes))
}

fn pick(letters: &[char]) -> Option<char> {
    let count = u64::try_from(letters.len()).ok()?;
    let place = number()?.checked_rem(count)?;
    letters.get(usize::try_from(place).ok()?).copied()
}
