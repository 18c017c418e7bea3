//! What needs randomness, keys or certificates: asked of the oracle.

use super::convert::integer;
use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::exec::{Failure, Machine, Outcome};
use crate::objects::Certificate;
use crate::oracle::{Alphabet, Answer, CertificateOf, Question, Signer};
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
    fixed("genCA", &[TEXT, INT], |machine, args| {
        certificate(machine, "genCA", args)
    }),
    fixed("genCAWithKey", &[TEXT, INT, TEXT], |machine, args| {
        certificate(machine, "genCAWithKey", args)
    }),
    fixed(
        "genSelfSignedCert",
        &[TEXT, ANY, ANY, INT],
        |machine, args| certificate(machine, "genSelfSignedCert", args),
    ),
    fixed(
        "genSelfSignedCertWithKey",
        &[TEXT, ANY, ANY, INT, TEXT],
        |machine, args| certificate(machine, "genSelfSignedCertWithKey", args),
    ),
    fixed(
        "genSignedCert",
        &[TEXT, ANY, ANY, INT, ANY],
        |machine, args| certificate(machine, "genSignedCert", args),
    ),
    fixed(
        "genSignedCertWithKey",
        &[TEXT, ANY, ANY, INT, ANY, TEXT],
        |machine, args| certificate(machine, "genSignedCertWithKey", args),
    ),
    fixed("buildCustomCert", &[TEXT, TEXT], |machine, args| {
        certificate(machine, "buildCustomCert", args)
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
        Some(Answer::Refused(words)) => Err(Failure::Message(words)),
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

/// The arguments in the order in which sprig has them: name, addresses, names, days, signer, key.
fn certificate(machine: &mut Machine<'_, '_>, function: &'static str, args: &[Value]) -> Outcome {
    let at = |index: usize| args.get(index).and_then(Value::as_str);
    let first = at(0).unwrap_or_default();
    let days = |index: usize| args.get(index).map_or(0, integer);
    let is_authority = function.starts_with("genCA");
    let signer = match args.get(4) {
        Some(Value::Object(object)) => Rc::clone(object).as_any().downcast::<Certificate>().ok(),
        _ => None,
    };
    let mut wanted = CertificateOf {
        name: first,
        addresses: Vec::new(),
        names: Vec::new(),
        days: days(if is_authority { 1 } else { 3 }),
        signer: Signer::Itself,
        certificate: "",
        key: None,
    };
    if function == "buildCustomCert" {
        (wanted.signer, wanted.certificate, wanted.key) = (Signer::Given, first, at(1));
    } else if is_authority {
        (wanted.signer, wanted.key) = (Signer::Own, at(2));
    } else {
        let words = "error parsing ip: ";
        wanted.addresses = texts(args.get(1), words)?;
        wanted.names = texts(args.get(2), "error processing alternate dns name: ")?;
        if function.starts_with("genSelf") {
            wanted.key = at(4);
        } else {
            let other = signer.as_deref().ok_or_else(|| {
                Failure::message("the certificate of the signer is what genCA gives")
            })?;
            wanted.signer = Signer::Other { key: &other.key };
            wanted.certificate = &other.certificate;
            wanted.key = at(5);
        }
    }
    ask(
        machine,
        function,
        &Question::Certificate { function, wanted },
    )
}

/// A list of texts; nil is empty.
fn texts(value: Option<&Value>, words: &str) -> Result<Vec<String>, Failure> {
    let Some(Value::List(list)) = value else {
        return Ok(Vec::new());
    };
    let text = |item: &Value| match item {
        Value::String(text) => Ok(text.to_string()),
        other => Err(Failure::Message(format!(
            "{words}{} is not a string",
            crate::format::display(other)
        ))),
    };
    list.iter().map(text).collect()
}
