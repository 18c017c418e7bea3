//! What needs randomness, keys or certificates: asked of the oracle.

use super::convert::integer;
use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::exec::{Failure, Machine, Outcome};
use crate::objects::Certificate;
use crate::oracle::{Alphabet, Answer, Question};
use crate::value::Value;
use std::rc::Rc;

const TEXT: Type = Type::String;
const INT: Type = Type::Int;
const ANY: Type = Type::Any;

pub(super) const TABLE: &[Function] = &[
    fixed("randAlphaNum", &[INT], |machine, args| {
        text(machine, args, Alphabet::AlphaNumeric)
    }),
    fixed("randAlpha", &[INT], |machine, args| {
        text(machine, args, Alphabet::Alphabetic)
    }),
    fixed("randAscii", &[INT], |machine, args| {
        text(machine, args, Alphabet::Ascii)
    }),
    fixed("randNumeric", &[INT], |machine, args| {
        text(machine, args, Alphabet::Numeric)
    }),
    fixed("randBytes", &[INT], |machine, args| {
        let count = count(machine, args)?;
        ask(machine, "randBytes", &Question::RandomBytes { count })
    }),
    fixed("randInt", &[INT, INT], |machine, args| {
        let (least, below) = (integer(&args[0]), integer(&args[1]));
        if below <= least {
            return Err(Failure::message("invalid argument to Intn"));
        }
        ask(
            machine,
            "randInt",
            &Question::RandomInteger { least, below },
        )
    }),
    fixed("uuidv4", &[], |machine, _| {
        ask(machine, "uuidv4", &Question::Uuid)
    }),
    fixed("shuffle", &[TEXT], |machine, args| {
        ask(machine, "shuffle", &Question::Shuffle(str_at(args, 0)))
    }),
    fixed("bcrypt", &[TEXT], |machine, args| {
        ask(machine, "bcrypt", &Question::Bcrypt(str_at(args, 0)))
    }),
    fixed("htpasswd", &[TEXT, TEXT], |machine, args| {
        let (user, password) = (str_at(args, 0), str_at(args, 1));
        if user.contains(':') {
            return Ok(Value::text(format!("invalid username: {user}")));
        }
        ask(machine, "htpasswd", &Question::Htpasswd { user, password })
    }),
    fixed("genPrivateKey", &[TEXT], |machine, args| {
        ask(
            machine,
            "genPrivateKey",
            &Question::PrivateKey(str_at(args, 0)),
        )
    }),
    fixed("genCA", &[TEXT, INT], |machine, _| {
        certificate(machine, "genCA")
    }),
    fixed("genCAWithKey", &[TEXT, INT, TEXT], |machine, _| {
        certificate(machine, "genCAWithKey")
    }),
    fixed("genSelfSignedCert", &[TEXT, ANY, ANY, INT], |machine, _| {
        certificate(machine, "genSelfSignedCert")
    }),
    fixed(
        "genSelfSignedCertWithKey",
        &[TEXT, ANY, ANY, INT, TEXT],
        |machine, _| certificate(machine, "genSelfSignedCertWithKey"),
    ),
    fixed(
        "genSignedCert",
        &[TEXT, ANY, ANY, INT, ANY],
        |machine, _| certificate(machine, "genSignedCert"),
    ),
    fixed(
        "genSignedCertWithKey",
        &[TEXT, ANY, ANY, INT, ANY, TEXT],
        |machine, _| certificate(machine, "genSignedCertWithKey"),
    ),
    fixed("buildCustomCert", &[TEXT, TEXT], |machine, _| {
        certificate(machine, "buildCustomCert")
    }),
];

/// What a function is told, as a value.
pub(super) fn ask(machine: &mut Machine<'_, '_>, name: &str, question: &Question<'_>) -> Outcome {
    match machine.context.oracle.ask(question) {
        Some(Answer::Text(text)) => {
            machine.charge(text.len())?;
            Ok(Value::text(text))
        }
        Some(Answer::Integer(number)) => Ok(Value::Int(number)),
        Some(Answer::Instant(instant)) => Ok(super::dates::value(instant)),
        Some(Answer::Certificate { certificate, key }) => {
            Ok(Value::Object(Rc::new(Certificate { certificate, key })))
        }
        None => Err(Failure::Unsupported(name.to_owned())),
    }
}

fn count(machine: &mut Machine<'_, '_>, args: &[Value]) -> Result<usize, Failure> {
    let count = usize::try_from(integer(&args[0])).unwrap_or(0);
    machine.charge(count)?;
    Ok(count)
}

fn text(machine: &mut Machine<'_, '_>, args: &[Value], alphabet: Alphabet) -> Outcome {
    let name = match alphabet {
        Alphabet::AlphaNumeric => "randAlphaNum",
        Alphabet::Alphabetic => "randAlpha",
        Alphabet::Ascii => "randAscii",
        Alphabet::Numeric => "randNumeric",
    };
    let count = count(machine, args)?;
    ask(machine, name, &Question::RandomText { alphabet, count })
}

fn certificate(machine: &mut Machine<'_, '_>, function: &'static str) -> Outcome {
    ask(machine, function, &Question::Certificate { function })
}
