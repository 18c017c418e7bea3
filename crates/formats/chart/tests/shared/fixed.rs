//! What is random or depends on the clock, with the answers under which the outputs to compare with were made.

use refloat_template::oracle::Alphabet;
use refloat_template::{Answer, Instant, Oracle, Question};

/// The fixed answers under which the expected outputs were made.
pub struct Fixed;

impl Oracle for Fixed {
    fn ask(&self, question: &Question<'_>) -> Option<Answer> {
        Some(match question {
            Question::Now => Answer::Instant(Instant {
                seconds: 1_700_000_000,
                nanoseconds: 0,
            }),
            Question::RandomText {
                alphabet: Alphabet::Numeric,
                count,
            } => Answer::Text("1".repeat(*count)),
            Question::RandomText { count, .. } | Question::RandomBytes { count } => {
                Answer::Text("x".repeat(*count))
            }
            Question::RandomInteger { least, .. } => Answer::Integer(*least),
            Question::Uuid => Answer::Text("00000000-0000-4000-8000-000000000000".to_owned()),
            Question::Shuffle(text) => Answer::Text((*text).to_owned()),
            Question::Bcrypt(_) => Answer::Text("BC".to_owned()),
            Question::Htpasswd { user, .. } => Answer::Text(format!("{user}:HT")),
            Question::PrivateKey(_) => Answer::Text("PK".to_owned()),
            Question::Certificate { .. } => Answer::Certificate {
                certificate: "CERT".to_owned(),
                key: "KEY".to_owned(),
            },
        })
    }
}
