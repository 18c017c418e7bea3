//! Decimal numbers of any length, for sums and products whose digits fit no machine word.

use std::cmp::Ordering;

use super::Operation;

/// `digits * 10^-scale`; the lowest digit first.
#[derive(Debug, Clone)]
struct Long {
    is_negative: bool,
    digits: Vec<u8>,
    scale: usize,
}

/// The numbers taken together in their order; none for a quotient.
pub(super) fn fold(numbers: &[f64], operation: Operation) -> Option<f64> {
    let (first, others) = numbers.split_first()?;
    let mut sum = Long::of(*first)?;
    for other in others {
        let mut other = Long::of(*other)?;
        sum = match operation {
            Operation::Add => sum.plus(other),
            Operation::Subtract => {
                other.is_negative = !other.is_negative;
                sum.plus(other)
            }
            Operation::Multiply => sum.times(&other),
            Operation::Divide => return None,
        };
    }
    sum.as_float()
}

impl Long {
    fn of(number: f64) -> Option<Self> {
        if !number.is_finite() {
            return None;
        }
        let text = format!("{}", number.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = whole.bytes().chain(fraction.bytes()).rev();
        Some(Self {
            is_negative: number < 0.0,
            digits: digits.map(|digit| digit - b'0').collect(),
            scale: fraction.len(),
        })
    }

    fn raise(&mut self, scale: usize) {
        let zeros = std::iter::repeat_n(0, scale.saturating_sub(self.scale));
        self.digits.splice(0..0, zeros);
        self.scale = self.scale.max(scale);
    }

    fn plus(mut self, mut other: Self) -> Self {
        self.raise(other.scale);
        other.raise(self.scale);
        let count = self.digits.len().max(other.digits.len()) + 1;
        self.digits.resize(count, 0);
        other.digits.resize(count, 0);
        let order = self.digits.iter().rev().cmp(other.digits.iter().rev());
        if self.is_negative != other.is_negative && order == Ordering::Less {
            std::mem::swap(&mut self, &mut other);
        }
        let adds = self.is_negative == other.is_negative;
        let mut carry = 0_i8;
        for (digit, with) in self.digits.iter_mut().zip(&other.digits) {
            let (left, right) = (digit.cast_signed(), with.cast_signed());
            let found = if adds { left + right } else { left - right } + carry;
            carry = found.div_euclid(10);
            *digit = found.rem_euclid(10).cast_unsigned();
        }
        self
    }

    fn times(&self, other: &Self) -> Self {
        let mut digits = vec![0_u32; self.digits.len() + other.digits.len()];
        for (at, left) in self.digits.iter().enumerate() {
            for (further, right) in other.digits.iter().enumerate() {
                digits[at + further] += u32::from(*left) * u32::from(*right);
            }
        }
        let mut carry = 0;
        let digits = digits.into_iter().map(|sum| {
            let sum = sum + carry;
            carry = sum / 10;
            u8::try_from(sum % 10).unwrap_or(0)
        });
        Self {
            is_negative: self.is_negative != other.is_negative,
            digits: digits.collect(),
            scale: self.scale + other.scale,
        }
    }

    fn as_float(&self) -> Option<f64> {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = self
            .digits
            .iter()
            .rev()
            .map(|digit| char::from(digit + b'0'));
        let digits: String = digits.collect();
        format!("{sign}{digits}e-{}", self.scale).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Operation, fold};

    #[test]
    fn sums_and_products_are_exact() {
        let cases = [
            (vec![1e48, 0.5, -1e48], Operation::Add, 0.5),
            (vec![0.1, 0.3], Operation::Subtract, -0.2),
            (vec![1e30, 1e30, 0.001], Operation::Multiply, 1e57),
            (vec![-2.5, 4.0], Operation::Multiply, -10.0),
        ];
        for (numbers, operation, expected) in cases {
            let found = fold(&numbers, operation);
            assert_eq!(found, Some(expected), "{numbers:?} {operation:?}");
        }
    }
}
