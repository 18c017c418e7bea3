//! Lists. None is ever changed: each function gives a new one.

use super::convert::integer;
use super::defaults::is_empty;
use super::{Function, Type, fixed, open};
use crate::exec::{Failure, Machine, Outcome};
use crate::format::kind_name;
use crate::value::{List, ListKind, Shape, Value, deep};

const ANY: Type = Type::Any;

pub(super) const TABLE: &[Function] = &[
    open("list", &[], ANY, list),
    open("tuple", &[], ANY, list),
    fixed("append", &[ANY, ANY], push),
    fixed("push", &[ANY, ANY], push),
    fixed("mustAppend", &[ANY, ANY], push),
    fixed("mustPush", &[ANY, ANY], push),
    fixed("prepend", &[ANY, ANY], prepend),
    fixed("mustPrepend", &[ANY, ANY], prepend),
    fixed("first", &[ANY], |_, args| {
        end(args, "first", <[Value]>::first)
    }),
    fixed("mustFirst", &[ANY], |_, args| {
        end(args, "first", <[Value]>::first)
    }),
    fixed("last", &[ANY], |_, args| end(args, "last", <[Value]>::last)),
    fixed("mustLast", &[ANY], |_, args| {
        end(args, "last", <[Value]>::last)
    }),
    fixed("rest", &[ANY], |machine, args| {
        part(machine, args, "rest", |all| all.get(1..))
    }),
    fixed("mustRest", &[ANY], |machine, args| {
        part(machine, args, "rest", |all| all.get(1..))
    }),
    fixed("initial", &[ANY], |machine, args| {
        part(machine, args, "initial", but_last)
    }),
    fixed("mustInitial", &[ANY], |machine, args| {
        part(machine, args, "initial", but_last)
    }),
    fixed("reverse", &[ANY], reverse),
    fixed("mustReverse", &[ANY], reverse),
    fixed("compact", &[ANY], compact),
    fixed("mustCompact", &[ANY], compact),
    fixed("uniq", &[ANY], unique),
    fixed("mustUniq", &[ANY], unique),
    open("without", &[ANY], ANY, without),
    open("mustWithout", &[ANY], ANY, without),
    fixed("has", &[ANY, ANY], has),
    fixed("mustHas", &[ANY, ANY], has),
    open("slice", &[ANY], ANY, slice),
    open("mustSlice", &[ANY], ANY, slice),
    open("concat", &[], ANY, concat),
    fixed("chunk", &[Type::Int, ANY], chunk),
    fixed("mustChunk", &[Type::Int, ANY], chunk),
    fixed("sortAlpha", &[ANY], |machine, args| {
        let all = sort(&args[0]);
        machine.hold_all(&all)?;
        Ok(all)
    }),
];

/// The elements of a slice of any type; none for what is no slice.
pub(super) fn items(value: &Value) -> Option<List> {
    match value {
        Value::List(list) => Some(list.clone()),
        Value::Bytes(bytes) => {
            let items = bytes.iter().map(|byte| Value::Uint64((*byte).into()));
            Some(List::new(ListKind::Any, items.collect()))
        }
        Value::Object(object) => match object.shape() {
            Shape::List(list) => Some(list),
            Shape::Struct | Shape::Map(_) | Shape::Int(_) => None,
        },
        _ => None,
    }
}

/// The elements, or Go's words: reflecting on nil is a fault of its own.
fn elements(value: &Value, words: &str) -> Result<List, Failure> {
    if let Some(items) = items(value) {
        return Ok(items);
    }
    if value.is_nil() {
        return Err(Failure::message(
            "runtime error: invalid memory address or nil pointer dereference",
        ));
    }
    Err(Failure::Message(format!("{words} {}", kind_name(value))))
}

/// What a list of so many elements takes.
pub(super) const fn weight(count: usize) -> usize {
    deep::COLLECTION_BYTES + count.saturating_mul(deep::ITEM_BYTES)
}

/// Counts a new list, and makes it.
fn made(machine: &mut Machine<'_, '_>, items: Vec<Value>) -> Outcome {
    machine.hold(weight(items.len()))?;
    Ok(Value::list(items))
}

fn list(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let items = args.iter_mut().map(std::mem::take).collect();
    made(machine, items)
}

fn push(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let mut all = elements(&args[0], "Cannot push on type")?.to_vec();
    all.push(std::mem::take(&mut args[1]));
    made(machine, all)
}

fn prepend(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let mut all = vec![std::mem::take(&mut args[1])];
    all.extend_from_slice(&elements(&args[0], "Cannot prepend on type")?);
    made(machine, all)
}

fn end(args: &[Value], name: &str, of: fn(&[Value]) -> Option<&Value>) -> Outcome {
    let all = elements(&args[0], &format!("Cannot find {name} on type"))?;
    Ok(of(&all).cloned().unwrap_or_default())
}

fn but_last(all: &[Value]) -> Option<&[Value]> {
    all.split_last().map(|(_, others)| others)
}

fn part(
    machine: &mut Machine<'_, '_>,
    args: &[Value],
    name: &str,
    of: fn(&[Value]) -> Option<&[Value]>,
) -> Outcome {
    let all = elements(&args[0], &format!("Cannot find {name} on type"))?;
    machine.hold(weight(all.len()))?;
    Ok(match of(&all) {
        Some(part) => Value::list(part.to_vec()),
        None => Value::List(List::nil(ListKind::Any)),
    })
}

fn reverse(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let all = elements(&args[0], "Cannot find reverse on type")?;
    made(machine, all.iter().rev().cloned().collect())
}

fn compact(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let all = elements(&args[0], "Cannot compact on type")?;
    made(
        machine,
        all.iter().filter(|item| !is_empty(item)).cloned().collect(),
    )
}

fn unique(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let all = elements(&args[0], "Cannot find uniq on type")?;
    let mut kept: Vec<Value> = Vec::new();
    for item in all.iter() {
        if !kept.iter().any(|known| deep::equal(known, item)) {
            kept.push(item.clone());
        }
    }
    made(machine, kept)
}

fn without(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let all = elements(&args[0], "Cannot find without on type")?;
    let left_out = &args[1..];
    let keeps = |item: &&Value| !left_out.iter().any(|other| deep::equal(other, item));
    made(machine, all.iter().filter(keeps).cloned().collect())
}

fn has(_: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    if args[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    let all = elements(&args[1], "Cannot find has on type")?;
    Ok(Value::Bool(
        all.iter().any(|item| deep::equal(item, &args[0])),
    ))
}

fn slice(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let all = elements(&args[0], "list should be type of slice or array but")?;
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, integer);
    let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let end = args.get(2).map_or(count, integer);
    let place = |number: i64| usize::try_from(number).ok();
    let found = place(start)
        .zip(place(end))
        .and_then(|(start, end)| all.get(start..end));
    match found {
        Some(found) => {
            machine.hold(weight(found.len()))?;
            Ok(Value::List(List::new(all.kind(), found.to_vec())))
        }
        None => Err(Failure::message(
            "reflect.Value.Slice: slice index out of bounds",
        )),
    }
}

fn concat(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let count = args.iter().filter_map(items).map(|items| items.len()).sum();
    machine.hold(weight(count))?;
    let mut all = Vec::with_capacity(count);
    for value in args.iter() {
        match items(value) {
            Some(items) => all.extend_from_slice(&items),
            None if value.is_nil() => {
                elements(value, "")?;
            }
            None => {
                let kind = kind_name(value);
                return Err(Failure::Message(format!(
                    "Cannot concat type {kind} as list"
                )));
            }
        }
    }
    Ok(Value::List(List::found(ListKind::Any, all)))
}

fn chunk(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let all = elements(&args[1], "Cannot chunk type")?;
    let size = usize::try_from(integer(&args[0])).unwrap_or(0);
    if size == 0 {
        return Err(Failure::message(
            "runtime error: makeslice: len out of range",
        ));
    }
    let count = all.len().div_ceil(size);
    machine.hold(weight(all.len()) + count.saturating_mul(weight(1)))?;
    let chunks: Vec<Value> = all
        .chunks(size)
        .map(|part| Value::list(part.to_vec()))
        .collect();

    Ok(Value::List(List::new(ListKind::Lists, chunks)))
}

fn sort(value: &Value) -> Value {
    let mut texts = match items(value) {
        Some(_) => super::strings::texts(value),
        None => vec![super::convert::text(value)],
    };
    texts.sort();
    Value::List(List::of_texts(texts))
}
