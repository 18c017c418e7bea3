//! A register that several writers write at once, and what it may hold.
//!
//! ```text
//! A  |-----ok-----|
//! B            |-----ok-----|          A or B: they overlap
//! C                            |--ok--|        C alone: A and B had ended before it began
//! D                                  |--- ?    C or D: nobody knows whether D happened
//! ```
//!
//! A write can be the last one unless another, acknowledged, began after it had ended. A write of unknown outcome
//! has no end: it stays possible beside whatever follows until the next check.

use crate::ledger::Ending;

/// What was written to one name. `T::default()` is what it holds before anything is.
#[derive(Debug)]
pub struct Register<T> {
    writes: Vec<Write<T>>,
    absent_checks: u32,
}

/// One write.
#[derive(Debug)]
pub struct Write<T> {
    number: u64,
    /// What it writes.
    pub value: T,
    /// Position in the ledger at which it began.
    pub begun: u64,
    /// Position at which it was acknowledged, if it was.
    pub ended: Option<u64>,
}

impl<T: Default> Default for Register<T> {
    fn default() -> Self {
        let beginning = Write {
            number: 0,
            value: T::default(),
            begun: 0,
            ended: Some(0),
        };
        Self {
            writes: vec![beginning],
            absent_checks: 0,
        }
    }
}

impl<T: Default + PartialEq> Register<T> {
    /// Every write that can be the last one.
    pub fn possible(&self) -> impl Iterator<Item = &Write<T>> {
        let newest = self
            .writes
            .iter()
            .filter(|write| write.ended.is_some())
            .map(|write| write.begun)
            .max();
        let over = move |ended: u64| newest.is_some_and(|begun| ended < begun);
        self.writes
            .iter()
            .filter(move |write| !write.ended.is_some_and(over))
    }

    /// Whether it may hold `value`.
    pub fn may_be(&self, value: &T) -> bool {
        self.possible().any(|write| write.value == *value)
    }

    /// Whether it holds `value` for certain.
    pub fn must_be(&self, value: &T) -> bool {
        self.possible().all(|write| write.value == *value)
    }

    pub(super) fn begin(&mut self, number: u64, value: T, at: u64) {
        self.writes.push(Write {
            number,
            value,
            begun: at,
            ended: None,
        });
        self.absent_checks = 0;
    }

    pub(super) fn end(&mut self, number: u64, ending: &Ending, at: u64) {
        let Some(index) = self.writes.iter().position(|write| write.number == number) else {
            return;
        };
        match ending {
            Ending::Unknown { .. } => {}
            Ending::Refused { .. } => drop(self.writes.remove(index)),
            Ending::Acknowledged { .. } => {
                let begun = self.writes[index].begun;
                self.writes[index].ended = Some(at);
                self.writes
                    .retain(|write| write.ended.is_none_or(|ended| ended >= begun));
            }
        }
    }

    /// It holds `value`: everything before is over. Returns how many checks in a row found nothing.
    pub(super) fn settle(&mut self, value: T, at: u64) -> u32 {
        self.absent_checks = if value == T::default() {
            self.absent_checks + 1
        } else {
            0
        };
        self.writes = vec![Write {
            number: 0,
            value,
            begun: at,
            ended: Some(at),
        }];
        self.absent_checks
    }
}
