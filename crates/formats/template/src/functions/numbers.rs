//! Floats: sums, products, rounding.

mod long;

use super::convert::{float, integer};
use super::{Function, Type, fixed, open};
use crate::exec::{Failure, Outcome};
use crate::value::Value;

const ANY: Type = Type::Any;

pub(super) const TABLE: &[Function] = &[
    fixed("add1f", &[ANY], |_, args| {
        decimal(&[args[0].clone(), Value::Int(1)], Operation::Add)
    }),
    open("addf", &[], ANY, |_, args| {
        let mut all = vec![Value::Float(0.0)];
        all.extend_from_slice(args);
        decimal(&all, Operation::Add)
    }),
    open("subf", &[ANY], ANY, |_, args| {
        decimal(args, Operation::Subtract)
    }),
    open("mulf", &[ANY], ANY, |_, args| {
        decimal(args, Operation::Multiply)
    }),
    open("divf", &[ANY], ANY, |_, args| {
        decimal(args, Operation::Divide)
    }),
    open("maxf", &[ANY], ANY, |_, args| Ok(pick(args, f64::max))),
    open("minf", &[ANY], ANY, |_, args| Ok(pick(args, f64::min))),
    fixed("ceil", &[ANY], |_, args| {
        Ok(Value::Float(float(&args[0]).ceil()))
    }),
    fixed("floor", &[ANY], |_, args| {
        Ok(Value::Float(float(&args[0]).floor()))
    }),
    open("round", &[ANY, Type::Int], Type::Float, |_, args| {
        Ok(round(args))
    }),
];

fn pick(args: &[Value], with: fn(f64, f64) -> f64) -> Value {
    Value::Float(args.iter().map(float).reduce(with).unwrap_or(0.0))
}

fn round(args: &[Value]) -> Value {
    let limit = args.get(2).map_or(0.5, float);
    let places = i32::try_from(integer(&args[1])).unwrap_or(0);
    let power = 10.0_f64.powi(places);
    let digit = power * float(&args[0]);
    let rounded = if digit.fract() >= limit {
        digit.ceil()
    } else {
        digit.floor()
    };
    Value::Float(rounded / power)
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// A decimal number: `digits * 10^-scale`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    scale: u32,
}

/// Digits that a quotient gets behind its point (`decimal.DivisionPrecision`).
const DIVISION_DIGITS: u32 = 16;

impl Decimal {
    /// The shortest decimal that stands for `number`.
    fn of(number: f64) -> Option<Self> {
        let text = format!("{number}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let scale = u32::try_from(fraction.len()).ok()?;
        Some(Self { digits, scale })
    }

    fn at_scale(self, scale: u32) -> Option<i128> {
        self.digits
            .checked_mul(10_i128.checked_pow(scale.checked_sub(self.scale)?)?)
    }

    fn apply(self, other: Self, operation: Operation) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let (digits, scale) = match operation {
            Operation::Add => (
                self.at_scale(scale)?.checked_add(other.at_scale(scale)?)?,
                scale,
            ),
            Operation::Subtract => (
                self.at_scale(scale)?.checked_sub(other.at_scale(scale)?)?,
                scale,
            ),
            Operation::Multiply => (
                self.digits.checked_mul(other.digits)?,
                self.scale.checked_add(other.scale)?,
            ),
            Operation::Divide => {
                let wanted = DIVISION_DIGITS + other.scale;
                let raised = self
                    .digits
                    .checked_mul(10_i128.checked_pow(wanted.checked_sub(self.scale)?)?)?;
                (rounded_quotient(raised, other.digits)?, DIVISION_DIGITS)
            }
        };
        Some(Self { digits, scale })
    }

    fn as_float(self) -> f64 {
        format!("{}e-{}", self.digits, self.scale)
            .parse()
            .unwrap_or(0.0)
    }
}

/// Rounds half away from zero.
fn rounded_quotient(number: i128, divisor: i128) -> Option<i128> {
    let quotient = number.checked_div(divisor)?;
    let twice = number.checked_rem(divisor)?.checked_mul(2)?;
    let sign = if (number < 0) == (divisor < 0) { 1 } else { -1 };
    Some(if twice.unsigned_abs() >= divisor.unsigned_abs() {
        quotient + sign
    } else {
        quotient
    })
}

/// Decimal arithmetic (`github.com/shopspring/decimal`).
fn decimal(args: &[Value], operation: Operation) -> Outcome {
    let numbers: Vec<f64> = args.iter().map(float).collect();
    let Some((first, others)) = numbers.split_first() else {
        return Ok(Value::Float(0.0));
    };
    if matches!(operation, Operation::Divide) && others.contains(&0.0) {
        return Err(Failure::message("decimal division by 0"));
    }
    let mut exact = Decimal::of(*first);
    let mut rough = *first;
    for other in others {
        let right = Decimal::of(*other);
        exact = exact
            .zip(right)
            .and_then(|(left, right)| left.apply(right, operation));
        rough = match operation {
            Operation::Add => rough + other,
            Operation::Subtract => rough - other,
            Operation::Multiply => rough * other,
            // As exact as the quotient of decimals would be.
            Operation::Divide => (rough / other * 1e16).round() / 1e16,
        };
    }
    let long = || long::fold(&numbers, operation).unwrap_or(rough);
    Ok(Value::Float(exact.map_or_else(long, Decimal::as_float)))
}
