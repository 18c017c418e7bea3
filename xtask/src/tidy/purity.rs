//! The pure crates have no clock, no randomness, no I/O, no async and no order of hashes.

use super::Violation;
use super::sources::Source;
use super::tokens;

/// What a path must not begin with.
const FORBIDDEN_BEGINNINGS: [&[&str]; 11] = [
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "time", "SystemTime"],
    &["std", "time", "Instant"],
    &["time", "SystemTime"],
    &["time", "Instant"],
    &["tokio"],
    &["rand"],
    &["getrandom"],
];

/// What a path must not end with: calls that look at a clock or draw random bits.
const FORBIDDEN_ENDS: [&[&str]; 4] = [
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["Ulid", "new"],
    &["SystemRandom", "new"],
];

/// What must not stand anywhere in a path.
const FORBIDDEN_WORDS: [&str; 4] = ["async", "await", "HashMap", "HashSet"];

/// Addresses are values: they are parsed and compared without a network. So is what the program was built for.
const ALLOWED: [&[&str]; 7] = [
    &["std", "env", "consts", "ARCH"],
    &["std", "net", "IpAddr"],
    &["std", "net", "Ipv4Addr"],
    &["std", "net", "Ipv6Addr"],
    &["std", "net", "SocketAddr"],
    &["std", "net", "SocketAddrV6"],
    &["std", "net", "AddrParseError"],
];

/// Every impure word of a file of a pure crate, outside its tests.
pub(super) fn check(source: &Source) -> Vec<Violation> {
    tokens::paths(&source.tokens)
        .iter()
        .filter(|path| !source.is_test_line(path.line))
        .filter(|path| is_impure(&path.segments))
        .map(|path| {
            let message = format!(
                "`{}` in a pure crate: take time, randomness and bytes as arguments, use \
                 BTreeMap and BTreeSet, and leave I/O and async to flow and outside",
                path.segments.join("::")
            );
            Violation::new(&source.path, path.line, message)
        })
        .collect()
}

fn is_impure(path: &[String]) -> bool {
    let begins =
        |with: &[&str]| path.len() >= with.len() && path.iter().zip(with).all(|(a, b)| a == b);
    let ends = |with: &[&str]| {
        path.len() >= with.len()
            && path
                .iter()
                .rev()
                .zip(with.iter().rev())
                .all(|(a, b)| a == b)
    };
    let is_allowed = ALLOWED.iter().any(|with| begins(with));
    FORBIDDEN_BEGINNINGS.iter().any(|with| begins(with)) && !is_allowed
        || FORBIDDEN_ENDS.iter().any(|with| ends(with))
        || path
            .iter()
            .any(|word| FORBIDDEN_WORDS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn lines(text: &str) -> anyhow::Result<Vec<usize>> {
        let source = Source::parse(Path::new("crates/core/src/x.rs"), text)?;
        Ok(check(&source)
            .iter()
            .map(|violation| violation.line)
            .collect())
    }

    #[test]
    fn each_impurity_is_found() -> anyhow::Result<()> {
        let text = "\
use std::{fs, collections::{BTreeMap, HashMap}};
use std::time::{Duration, Instant};
async fn f() { g().await; }
fn h() -> u64 { std::env::var(\"HOME\"); rand::random() }
fn i() { let id = Ulid::new(); let now = jiff::Timestamp::now(); }
use tokio::sync::Mutex;
use std::net::{IpAddr, TcpStream};
";
        assert_eq!(lines(text)?, [1, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7]);
        Ok(())
    }

    #[test]
    fn words_in_comments_strings_and_tests_are_free() -> anyhow::Result<()> {
        let text = "\
//! No std::fs here.
use std::{net::{IpAddr, Ipv6Addr}, time::Duration};
/// Nor a HashMap.
fn f(now: Timestamp) -> &'static str { \"std::net\" }
#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    #[test]
    fn g() { std::fs::read(\"x\"); }
}
";
        assert_eq!(lines(text)?, [0_usize; 0]);
        Ok(())
    }
}
