//! Regular expressions. Each is compiled once in a rendering.

use regex::Regex;

use super::convert::integer;
use super::language::made;
use super::strings::{PART_BYTES, str_at};
use super::{Function, Type, fixed};
use crate::exec::{Failure, Machine, Outcome};
use crate::expressions;
use crate::value::{List, ListKind, Str, Value};

const TEXT: Type = Type::String;
const INT: Type = Type::Int;

pub(super) const TABLE: &[Function] = &[
    fixed("regexMatch", &[TEXT, TEXT], |machine, args| {
        let found = compiled(machine, args).map(|regex| regex.is_match(str_at(args, 1)));
        Ok(Value::Bool(found.unwrap_or(false)))
    }),
    fixed("mustRegexMatch", &[TEXT, TEXT], |machine, args| {
        Ok(Value::Bool(must(machine, args)?.is_match(str_at(args, 1))))
    }),
    fixed("regexFind", &[TEXT, TEXT], |machine, args| {
        Ok(find(args, &panics(machine, args)?))
    }),
    fixed("mustRegexFind", &[TEXT, TEXT], |machine, args| {
        Ok(find(args, &must(machine, args)?))
    }),
    fixed("regexFindAll", &[TEXT, TEXT, INT], |machine, args| {
        let regex = panics(machine, args)?;
        find_all(machine, args, &regex)
    }),
    fixed("mustRegexFindAll", &[TEXT, TEXT, INT], |machine, args| {
        let regex = must(machine, args)?;
        find_all(machine, args, &regex)
    }),
    fixed("regexReplaceAll", &[TEXT, TEXT, TEXT], |machine, args| {
        let regex = panics(machine, args)?;
        replace(machine, args, &regex)
    }),
    fixed(
        "mustRegexReplaceAll",
        &[TEXT, TEXT, TEXT],
        |machine, args| {
            let regex = must(machine, args)?;
            replace(machine, args, &regex)
        },
    ),
    fixed(
        "regexReplaceAllLiteral",
        &[TEXT, TEXT, TEXT],
        |machine, args| {
            let regex = panics(machine, args)?;
            replace_literal(machine, args, &regex)
        },
    ),
    fixed(
        "mustRegexReplaceAllLiteral",
        &[TEXT, TEXT, TEXT],
        |machine, args| {
            let regex = must(machine, args)?;
            replace_literal(machine, args, &regex)
        },
    ),
    fixed("regexSplit", &[TEXT, TEXT, INT], |machine, args| {
        let regex = panics(machine, args)?;
        split(machine, args, &regex)
    }),
    fixed("mustRegexSplit", &[TEXT, TEXT, INT], |machine, args| {
        let regex = must(machine, args)?;
        split(machine, args, &regex)
    }),
    fixed("regexQuoteMeta", &[TEXT], |_, args| {
        Ok(Value::text(expressions::quote_meta(str_at(args, 0))))
    }),
];

fn compiled(machine: &mut Machine<'_, '_>, args: &[Value]) -> Result<Regex, String> {
    let text = str_at(args, 0);
    if let Some(known) = machine.context.expressions.get(text) {
        return Ok(known.clone());
    }
    let regex = expressions::compile(text)?;
    machine
        .context
        .expressions
        .insert(Str::from(text), regex.clone());
    Ok(regex)
}

fn must(machine: &mut Machine<'_, '_>, args: &[Value]) -> Result<Regex, Failure> {
    compiled(machine, args).map_err(Failure::Message)
}

/// The functions without `must` panic, which says the expression once more.
fn panics(machine: &mut Machine<'_, '_>, args: &[Value]) -> Result<Regex, Failure> {
    compiled(machine, args).map_err(|error| {
        let text = str_at(args, 0);
        Failure::Message(format!("regexp: Compile(`{text}`): {error}"))
    })
}

fn find(args: &[Value], regex: &Regex) -> Value {
    let found = regex.find(str_at(args, 1));
    Value::from(found.map_or("", |found| found.as_str()))
}

fn find_all(machine: &mut Machine<'_, '_>, args: &[Value], regex: &Regex) -> Outcome {
    let limit = usize::try_from(integer(&args[2])).unwrap_or(usize::MAX);
    let mut all = Vec::new();
    for found in regex.find_iter(str_at(args, 1)).take(limit) {
        machine.hold(PART_BYTES)?;
        all.push(Value::from(found.as_str()));
    }
    Ok(Value::List(List::found(ListKind::Strings, all)))
}

fn replace(machine: &mut Machine<'_, '_>, args: &[Value], regex: &Regex) -> Outcome {
    made(
        machine,
        regex
            .replace_all(str_at(args, 1), str_at(args, 2))
            .into_owned(),
    )
}

fn replace_literal(machine: &mut Machine<'_, '_>, args: &[Value], regex: &Regex) -> Outcome {
    let with = regex::NoExpand(str_at(args, 2));
    made(
        machine,
        regex.replace_all(str_at(args, 1), with).into_owned(),
    )
}

/// Go's `Regexp.Split`.
fn split(machine: &mut Machine<'_, '_>, args: &[Value], regex: &Regex) -> Outcome {
    let (text, count) = (str_at(args, 1), integer(&args[2]));
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    if limit == 0 {
        return Ok(Value::List(List::nil(ListKind::Strings)));
    }
    if text.is_empty() && !regex.as_str().is_empty() {
        return Ok(Value::List(List::of_texts([""])));
    }
    let mut parts = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in regex.find_iter(text).take(limit) {
        if parts.len() + 1 == limit {
            break;
        }
        machine.hold(PART_BYTES)?;
        end = found.start();
        if found.end() != 0 {
            parts.push(&text[begin..end]);
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(&text[begin..]);
    }
    Ok(Value::List(List::of_texts(parts)))
}
