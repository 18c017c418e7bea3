//! Dates. Zones are UTC: the machine's own zone is nothing a chart should depend on.

use std::rc::Rc;

use super::random::ask;
use super::strings::str_at;
use super::{Function, Type, fixed};
use crate::dates::{self, Time};
use crate::exec::{Failure, Machine, Outcome};
use crate::oracle::{Answer, Instant, Question};
use crate::value::Value;

const TEXT: Type = Type::String;
const ANY: Type = Type::Any;
const TIME: Type = Type::Time;
const SECOND: i64 = 1_000_000_000;

pub(super) const TABLE: &[Function] = &[
    fixed("now", &[], |machine, _| ask(machine, "now", &Question::Now)),
    fixed("date", &[TEXT, ANY], |machine, args| {
        let time = time_of(machine, &args[1])?;
        shown(time, str_at(args, 0), "Local")
    }),
    fixed("dateInZone", &[TEXT, ANY, TEXT], date_in_zone),
    fixed("date_in_zone", &[TEXT, ANY, TEXT], date_in_zone),
    fixed("htmlDate", &[ANY], |machine, args| {
        let time = time_of(machine, &args[0])?;
        shown(time, "2006-01-02", "Local")
    }),
    fixed("htmlDateInZone", &[ANY, TEXT], |machine, args| {
        let time = time_of(machine, &args[0])?;
        shown(time, "2006-01-02", str_at(args, 1))
    }),
    fixed("dateModify", &[TEXT, TIME], |_, args| modify(args, false)),
    fixed("date_modify", &[TEXT, TIME], |_, args| modify(args, false)),
    fixed("mustDateModify", &[TEXT, TIME], |_, args| {
        modify(args, true)
    }),
    fixed("must_date_modify", &[TEXT, TIME], |_, args| {
        modify(args, true)
    }),
    fixed("toDate", &[TEXT, TEXT], |_, args| {
        let time = dates::parse(str_at(args, 0), str_at(args, 1));
        Ok(Value::Object(Rc::new(
            time.unwrap_or_else(|_| Time::zero()),
        )))
    }),
    fixed("mustToDate", &[TEXT, TEXT], |_, args| {
        let time = dates::parse(str_at(args, 0), str_at(args, 1)).map_err(Failure::Message)?;
        Ok(Value::Object(Rc::new(time)))
    }),
    fixed("unixEpoch", &[TIME], |_, args| {
        let seconds = as_time(&args[0]).map_or(0, |time| time.seconds);
        Ok(Value::text(seconds.to_string()))
    }),
    fixed("ago", &[ANY], |machine, args| {
        let then = time_of(machine, &args[0])?;
        let now = now(machine)?;
        let seconds = now.seconds.saturating_sub(then.seconds);
        Ok(Value::text(dates::duration_text(
            seconds.saturating_mul(SECOND),
        )))
    }),
    fixed("duration", &[ANY], |_, args| {
        let seconds = match &args[0] {
            Value::String(text) => text.parse().unwrap_or(0),
            Value::Int64(number) => *number,
            _ => 0_i64,
        };
        Ok(Value::text(dates::duration_text(
            seconds.wrapping_mul(SECOND),
        )))
    }),
    fixed("durationRound", &[ANY], duration_round),
];

/// A time as a value.
pub(super) fn value(instant: Instant) -> Value {
    Value::Object(Rc::new(Time::from(instant)))
}

fn as_time(value: &Value) -> Option<Time> {
    let Value::Object(object) = value else {
        return None;
    };
    let time = Rc::clone(object).as_any().downcast::<Time>().ok()?;
    Some(*time)
}

fn now(machine: &Machine<'_, '_>) -> Result<Time, Failure> {
    match machine.context.oracle.ask(&Question::Now) {
        Some(Answer::Instant(instant)) => Ok(Time::from(instant)),
        _ => Err(Failure::Unsupported("now".to_owned())),
    }
}

/// A time, seconds since 1970, or now.
fn time_of(machine: &Machine<'_, '_>, value: &Value) -> Result<Time, Failure> {
    match value {
        Value::Int(seconds) | Value::Int64(seconds) => Ok(Time::at(*seconds)),
        other => as_time(other).map_or_else(|| now(machine), Ok),
    }
}

fn date_in_zone(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let time = time_of(machine, &args[1])?;
    shown(time, str_at(args, 0), str_at(args, 2))
}

/// Zones beyond UTC need a table that is not built in.
fn shown(time: Time, layout: &str, zone: &str) -> Outcome {
    match zone {
        "" | "UTC" | "Local" | "GMT" | "Etc/UTC" | "Z" => {
            let name = if zone == "GMT" { "GMT" } else { "UTC" };
            Ok(Value::text(dates::format(time, layout, name)))
        }
        other => Err(Failure::Unsupported(format!("the time zone {other}"))),
    }
}

fn modify(args: &[Value], must: bool) -> Outcome {
    let change = match dates::parse_duration(str_at(args, 0)) {
        Ok(change) => change,
        Err(error) if must => return Err(Failure::Message(error)),
        Err(_) => 0,
    };
    let time = as_time(&args[1]).unwrap_or_else(Time::zero);
    Ok(Value::Object(Rc::new(time.plus(change))))
}

fn duration_round(machine: &mut Machine<'_, '_>, args: &mut [Value]) -> Outcome {
    let nanoseconds = match &args[0] {
        Value::String(text) => dates::parse_duration(text).unwrap_or(0),
        Value::Int64(number) => *number,
        other => match as_time(other) {
            Some(then) => {
                let seconds = now(machine)?.seconds.saturating_sub(then.seconds);
                seconds.saturating_mul(SECOND)
            }
            None => 0,
        },
    };
    let seconds = nanoseconds.unsigned_abs();
    let unit = SECOND.unsigned_abs();
    let units = [
        (unit * 3600 * 24 * 365, "y"),
        (unit * 3600 * 24 * 30, "mo"),
        (unit * 3600 * 24, "d"),
        (unit * 3600, "h"),
        (unit * 60, "m"),
        (unit, "s"),
    ];
    let found = units.into_iter().find(|(size, _)| seconds > *size);
    Ok(match found {
        Some((size, name)) => Value::text(format!("{}{name}", seconds / size)),
        None => Value::from("0s"),
    })
}
