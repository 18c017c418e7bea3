//! Points in time and durations, written and read by Go's layouts.

use std::any::Any;
use std::rc::Rc;

use crate::oracle::Instant;
use crate::value::{CallError, Object, Value};

mod layout;

pub(crate) use layout::{format, parse};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// `time.Time`, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time {
    /// Since 1970.
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

/// Year, month and day of the Gregorian calendar, and the clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    /// 0 is Sunday.
    pub(crate) weekday: i64,
    /// From 1.
    pub(crate) day_of_year: i64,
}

impl From<Instant> for Time {
    fn from(instant: Instant) -> Self {
        Self {
            seconds: instant.seconds,
            nanoseconds: instant.nanoseconds,
        }
    }
}

impl Time {
    pub(crate) const fn at(seconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds: 0,
        }
    }

    /// Go's zero time: the first of January of the year 1.
    pub(crate) const fn zero() -> Self {
        Self::at(-62_135_596_800)
    }

    pub(crate) fn plus(self, nanoseconds: i64) -> Self {
        let total = i64::from(self.nanoseconds) + nanoseconds.rem_euclid(SECOND);
        let seconds = self
            .seconds
            .saturating_add(nanoseconds.div_euclid(SECOND))
            .saturating_add(total / SECOND);
        Self {
            seconds,
            nanoseconds: u32::try_from(total % SECOND).unwrap_or(0),
        }
    }

    /// The calendar day and clock (days from civil, after Howard Hinnant).
    pub(crate) fn civil(self) -> Civil {
        let days = self.seconds.div_euclid(DAY);
        let clock = self.seconds.rem_euclid(DAY);
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Civil {
            year,
            month,
            day: day_from_march - (153 * month_from_march + 2) / 5 + 1,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            weekday: (days + 4).rem_euclid(7),
            day_of_year: days - days_from_civil(year, 1, 1) + 1,
        }
    }
}

/// Days since 1970 of a calendar day.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Go's `Duration.String`.
pub(crate) fn duration_text(nanoseconds: i64) -> String {
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let unit = SECOND.unsigned_abs();
    if size < unit {
        let (scale, name) = match size {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{name}", fraction(size, scale));
    }
    let (hours, minutes) = (size / unit / 3600, size / unit / 60 % 60);
    let seconds = fraction(size % (60 * unit), unit);
    if hours > 0 {
        format!("{sign}{hours}h{minutes}m{seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m{seconds}s")
    } else {
        format!("{sign}{seconds}s")
    }
}

/// `size / scale` with as many digits behind the point as it has.
fn fraction(size: u64, scale: u64) -> String {
    let rest = size % scale;
    if rest == 0 {
        return (size / scale).to_string();
    }
    let width = scale.ilog10();
    let digits = format!(
        "{rest:0width$}",
        width = usize::try_from(width).unwrap_or(0)
    );
    format!("{}.{}", size / scale, digits.trim_end_matches('0'))
}

/// Go's `time.ParseDuration`, in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let shown = crate::format::quote(text);
    let invalid = || format!("time: invalid duration {shown}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(|| format!("time: missing unit in duration {shown}"))?;
        let (number, others) = rest.split_at(end);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') {
            return Err(invalid());
        }
        let end = others
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(others.len());
        let (name, others) = others.split_at(end);
        let unit: i128 = match name {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => {
                let name = crate::format::quote(name);
                return Err(format!("time: unknown unit {name} in duration {shown}"));
            }
        };
        let digits = |text: &str| {
            if text.is_empty() {
                Ok(0)
            } else {
                text.parse::<i128>()
            }
        };
        let part: String = part.chars().take(18).collect();
        let power = 10_i128.pow(u32::try_from(part.len()).unwrap_or(0));
        let whole = digits(whole).map_err(|_| invalid())?;
        let part = digits(&part).map_err(|_| invalid())?;
        total += whole.checked_mul(unit).ok_or_else(invalid)? + part * unit / power;
        rest = others;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

impl Object for Time {
    fn type_name(&self) -> &'static str {
        "time.Time"
    }

    fn field(&self, _: &str) -> Option<Value> {
        None
    }

    fn method(&self, name: &str) -> Option<usize> {
        match name {
            "Unix" | "UnixNano" | "UnixMilli" | "Year" | "Day" | "Hour" | "Minute" | "Second"
            | "YearDay" | "UTC" | "IsZero" | "String" | "Month" | "Weekday" => Some(0),
            "Format" => Some(1),
            "AddDate" => Some(3),
            _ => None,
        }
    }

    fn json_text(&self) -> String {
        let fraction = format!("{:09}", self.nanoseconds);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        let seconds = format(*self, "2006-01-02T15:04:05", "UTC");
        format!("{seconds}{dot}{fraction}Z")
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let civil = self.civil();
        Ok(match name {
            "Unix" => Value::Int64(self.seconds),
            "UnixNano" => Value::Int64(
                self.seconds
                    .wrapping_mul(SECOND)
                    .wrapping_add(self.nanoseconds.into()),
            ),
            "UnixMilli" => Value::Int64(
                self.seconds
                    .wrapping_mul(1000)
                    .wrapping_add(i64::from(self.nanoseconds) / 1_000_000),
            ),
            "Year" => Value::Int(civil.year),
            "Day" => Value::Int(civil.day),
            "Hour" => Value::Int(civil.hour),
            "Minute" => Value::Int(civil.minute),
            "Second" => Value::Int(civil.second),
            "YearDay" => Value::Int(civil.day_of_year),
            "UTC" => Value::Object(Rc::new(*self)),
            "IsZero" => Value::Bool(*self == Self::zero()),
            "Month" => Value::text(layout::month_name(civil.month)),
            "Weekday" => Value::text(layout::weekday_name(civil.weekday)),
            "Format" => {
                let layout = arguments.first().and_then(Value::as_str);
                let layout = layout.ok_or_else(|| CallError("expected string".to_owned()))?;
                Value::text(format(*self, layout, "UTC"))
            }
            "AddDate" => {
                let number = |index: usize| match arguments.get(index) {
                    Some(Value::Int(number)) => Ok(*number),
                    _ => Err(CallError("expected int".to_owned())),
                };
                let months = civil.year * 12 + civil.month - 1 + number(0)? * 12 + number(1)?;
                let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
                let days = days_from_civil(year, month, civil.day) + number(2)?;
                let seconds = days * DAY + self.seconds.rem_euclid(DAY);
                Value::Object(Rc::new(Self { seconds, ..*self }))
            }
            _ => Value::text(self.text()),
        })
    }

    fn text(&self) -> String {
        format(*self, "2006-01-02 15:04:05.999999999 -0700 MST", "UTC")
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}
