//! Integers: sums, products, comparisons, sequences.

use super::convert::integer;
use super::{Function, Type, fixed, open};
use crate::exec::{Failure, Machine, Outcome};
use crate::value::{List, ListKind, Value, deep};

const ANY: Type = Type::Any;

pub(super) const TABLE: &[Function] = &[
    fixed("add1", &[ANY], |_, args| {
        Ok(Value::Int64(integer(&args[0]).wrapping_add(1)))
    }),
    open("add", &[], ANY, |_, args| {
        Ok(fold(args, 0, i64::wrapping_add))
    }),
    fixed("sub", &[ANY, ANY], |_, args| {
        Ok(Value::Int64(
            integer(&args[0]).wrapping_sub(integer(&args[1])),
        ))
    }),
    open("mul", &[ANY], ANY, |_, args| {
        Ok(fold(args, 1, i64::wrapping_mul))
    }),
    fixed("div", &[ANY, ANY], |_, args| {
        divide(args, i64::wrapping_div)
    }),
    fixed("mod", &[ANY, ANY], |_, args| {
        divide(args, i64::wrapping_rem)
    }),
    open("max", &[ANY], ANY, |_, args| Ok(pick(args, i64::max))),
    open("biggest", &[ANY], ANY, |_, args| Ok(pick(args, i64::max))),
    open("min", &[ANY], ANY, |_, args| Ok(pick(args, i64::min))),
    fixed("until", &[Type::Int], until),
    fixed("untilStep", &[Type::Int, Type::Int, Type::Int], until_step),
    open("seq", &[], Type::Int, sequence),
];

fn fold(args: &[Value], start: i64, with: fn(i64, i64) -> i64) -> Value {
    Value::Int64(args.iter().map(integer).fold(start, with))
}

fn pick(args: &[Value], with: fn(i64, i64) -> i64) -> Value {
    Value::Int64(args.iter().map(integer).reduce(with).unwrap_or(0))
}

fn divide(args: &[Value], with: fn(i64, i64) -> i64) -> Outcome {
    match integer(&args[1]) {
        0 => Err(Failure::message("runtime error: integer divide by zero")),
        divisor => Ok(Value::Int64(with(integer(&args[0]), divisor))),
    }
}

fn until(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let count = integer(&args[0]);
    let step = if count < 0 { -1 } else { 1 };
    Ok(numbers(steps(machine, 0, count, step)?))
}

fn until_step(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let [start, stop, step] = [0, 1, 2].map(|index| integer(&args[index]));
    Ok(numbers(steps(machine, start, stop, step)?))
}

fn numbers(found: Vec<i64>) -> Value {
    let items = found.into_iter().map(Value::Int).collect();
    Value::List(List::new(ListKind::Ints, items))
}

/// Numbers from `start` on, before `stop`.
fn steps(
    machine: &mut Machine<'_, '_>,
    start: i64,
    stop: i64,
    step: i64,
) -> Result<Vec<i64>, Failure> {
    let toward_stop = if stop < start { step < 0 } else { step > 0 };
    if !toward_stop {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(stop).div_ceil(step.unsigned_abs());
    machine.hold(
        usize::try_from(count)
            .unwrap_or(usize::MAX)
            .saturating_mul(deep::ITEM_BYTES + 8),
    )?;
    let mut found = Vec::new();
    let mut next = Some(start);
    while let Some(number) = next.filter(|n| if step > 0 { *n < stop } else { *n > stop }) {
        found.push(number);
        next = number.checked_add(step);
    }
    Ok(found)
}

/// `seq`: as the shell's, with its end, between spaces.
fn sequence(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let given: Vec<i64> = args.iter().map(integer).collect();
    let toward = |start: i64, end: i64| if end < start { -1_i64 } else { 1 };
    let (start, end, step) = match given[..] {
        [end] => (1, end, toward(1, end)),
        [start, end] => (start, end, toward(start, end)),
        [start, step, end] if end < start && step > 0 => return Ok(Value::from("")),
        [start, step, end] => (start, end, step),
        _ => return Ok(Value::from("")),
    };
    let stop = end.wrapping_add(toward(start, end));
    let found = steps(machine, start, stop, step)?;
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    Ok(Value::text(texts.join(" ")))
}
