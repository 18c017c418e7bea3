//! Answers to what templates ask about keys.

use crate::{
    Authority, CertificateRequest, Certified, KeyError, bcrypt_hash, certificate, custom,
    private_key,
};
use aws_lc_rs::rand::SecureRandom;
use refloat_template::oracle::{CertificateOf, Signer};
use refloat_template::{Answer, Question};

/// The answer to a question about keys, certificates or hashes of passwords; none to any other. `now_s` is in seconds
/// since 1970.
pub fn answer(question: &Question<'_>, now_s: i64, random: &dyn SecureRandom) -> Option<Answer> {
    let made = match question {
        Question::Bcrypt(password) => bcrypt_hash(password, random).map(Answer::Text),
        Question::Htpasswd { user, password } => {
            bcrypt_hash(password, random).map(|hash| Answer::Text(format!("{user}:{hash}")))
        }
        Question::PrivateKey(kind) => private_key(kind).map(Answer::Text),
        Question::Certificate { wanted, .. } => certified(wanted, now_s, random).map(|made| {
            let Certified { certificate, key } = made;
            Answer::Certificate { certificate, key }
        }),
        Question::Now
        | Question::RandomText { .. }
        | Question::RandomBytes { .. }
        | Question::RandomInteger { .. }
        | Question::Uuid
        | Question::Shuffle(_) => return None,
    };
    Some(made.unwrap_or_else(|error| Answer::Refused(error.to_string())))
}

fn certified(
    wanted: &CertificateOf<'_>,
    now_s: i64,
    random: &dyn SecureRandom,
) -> Result<Certified, KeyError> {
    let authority = match wanted.signer {
        Signer::Given => return custom(wanted.certificate, wanted.key.unwrap_or_default()),
        Signer::Own => Authority::Own,
        Signer::Itself => Authority::Itself,
        Signer::Other { key } => Authority::Other(wanted.certificate, key),
    };
    let request = CertificateRequest {
        name: wanted.name,
        addresses: &wanted.addresses,
        names: &wanted.names,
        days: wanted.days,
        now_s,
        authority,
        key: wanted.key,
    };
    certificate(&request, random)
}
