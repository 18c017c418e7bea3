//! `cargo xtask tidy`: the rules of the house that the compiler does not know.
//!
//! Each rule is a file: it gets text and returns [`Violation`]s. Only this file and
//! [`sources`] touch the disk. To add a rule: a file, its line in [`check`], and a test
//! that shows it biting.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

mod dependencies;
mod direction;
mod fail_points;
mod purity;
mod size;
mod sources;
mod text;
mod tokens;

use sources::Checkout;

/// One place that breaks a rule, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Relative to the checkout.
    file: PathBuf,
    /// From 1.
    line: usize,
    /// What is wrong, and what to do.
    message: String,
}

impl Violation {
    fn new(file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}: {}",
            self.file.display(),
            self.line,
            self.message
        )
    }
}

/// The verb.
pub(crate) fn run() -> Result<ExitCode> {
    Ok(if report()? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints every violation; true if there is none.
pub(crate) fn report() -> Result<bool> {
    let violations = check()?;
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => println!("tidy: nothing to say"),
        count => println!("tidy: {count} to put right"),
    }
    Ok(violations.is_empty())
}

fn check() -> Result<Vec<Violation>> {
    let checkout = Checkout::read(&refloat_rig::server::checkout()?)?;
    let mut violations = direction::check(&checkout.crates);
    violations.extend(dependencies::check(&checkout.crates, &checkout.sources));
    for file in &checkout.texts {
        violations.extend(text::check(&file.path, &file.text));
    }
    for source in &checkout.sources {
        violations.extend(size::check(source));
        if source.room().is_some_and(direction::Room::is_pure) {
            violations.extend(purity::check(source));
        }
    }
    violations.extend(fail_points::check(&checkout.sources));
    violations.sort();
    Ok(violations)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checkout_is_tidy() -> anyhow::Result<()> {
        let violations: Vec<String> = super::check()?.iter().map(ToString::to_string).collect();
        assert!(violations.is_empty(), "\n{}", violations.join("\n"));
        Ok(())
    }
}
