use super::*;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

#[test]
fn policy_examples_are_in_order() {
    // Each line ascends strictly.
    for line in [
        "1.0~~ 1.0~~a 1.0~ 1.0 1.0a",
        "1.0~rc1-1 1.0-1 1.0-1+b1 1.0-1.1 1.0-2 1:0.1-1",
        "0 0.1 0.9 0.10 0.10a 0.10+ 0.10.0",
        "3.0.9-1 3.0.11-1~deb12u1 3.0.11-1~deb12u2 3.0.11-1 3.0.17-1~deb12u1",
        "2.36-9+deb12u3 2.36-9+deb12u10 2.36-10",
        "9:0 10:0",
    ] {
        let versions: Vec<&str> = line.split(' ').collect();
        for (at, left) in versions.iter().enumerate() {
            for (other, right) in versions.iter().enumerate() {
                assert_eq!(compare(left, right), at.cmp(&other), "{left} and {right}");
            }
        }
    }
    assert_eq!(compare("1.0", "1.0-0"), Ordering::Equal);
    assert_eq!(compare("0:1.00", "1.0"), Ordering::Equal);
}

/// Hard pairs: a fixed pseudo-random sequence over the characters that mean something.
struct Pairs {
    state: u64,
    alphabet: &'static [u8],
}

impl Pairs {
    fn next(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % 1_000_003).expect("small") % below
    }

    fn version(&mut self) -> String {
        let mut text = String::new();
        if self.next(4) == 0 {
            write!(text, "{}:", self.next(3)).expect("memory");
        }
        text.push(char::from(
            b'0' + u8::try_from(self.next(3)).expect("small"),
        ));
        for _ in 0..self.next(6) {
            let at = self.next(self.alphabet.len());
            text.push(char::from(self.alphabet[at]));
        }
        // A hyphen at the end is no version; dpkg warns and says nothing.
        text.push('1');
        text
    }

    /// Half of the pairs differ in one place only: there the rules meet.
    fn pair(&mut self) -> (String, String) {
        let left = self.version();
        if self.next(2) == 0 {
            return (left, self.version());
        }
        let mut right = left.clone().into_bytes();
        // After the epoch and the digit that a version begins with, before the one that it ends with.
        let first = left.find(':').map_or(0, |colon| colon + 1) + 1;
        let last = right.len() - 1;
        let byte = self.alphabet[self.next(self.alphabet.len())];
        if first < last {
            right[first + self.next(last - first)] = byte;
        } else {
            right.insert(last, byte);
        }
        (left, String::from_utf8(right).expect("ASCII"))
    }
}

const PAIRS: usize = 10_000;

/// Says why a test was left out; with CI=true nothing is.
#[expect(clippy::print_stderr, reason = "says why the test was left out")]
fn is_missing(program: &str) -> bool {
    let is_there = is_at_hand(program);
    if !is_there {
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(
            !is_ci,
            "{program} is not installed: `cargo xtask rig` installs it"
        );
        eprintln!("skipped: {program} is not installed");
    }
    !is_there
}

fn is_at_hand(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// What a program says to a script on its standard input.
fn said(program: &mut Command, script: &str) -> String {
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let script = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads all");
    String::from_utf8(output.stdout).expect("text")
}

/// dpkg itself is the oracle.
#[test]
fn dpkg_agrees() {
    if is_missing("dpkg") {
        assert!(std::env::var("CI").is_err(), "dpkg is missing");
        return;
    }
    let mut pairs = Pairs {
        state: 88_172_645_463_325_252,
        alphabet: b"0019~+.azA-",
    };
    let (mut script, mut expected) = (String::new(), String::new());
    for _ in 0..PAIRS {
        let (left, right) = pairs.pair();
        let operator = match compare(&left, &right) {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        let question = format!("'{left}' {operator} '{right}'");
        writeln!(
            script,
            "dpkg --compare-versions {question} && echo ok || echo \"{question}\""
        )
        .expect("memory");
        expected.push_str("ok\n");
    }
    assert_eq!(said(&mut Command::new("sh"), &script), expected);
}

/// rpm itself is the oracle, by its Lua; where it is missing, a table that it agreed with stands in.
#[test]
fn rpm_agrees() {
    for (left, order, right) in [
        ("1.0", Ordering::Less, "1.0^"),
        ("1.0^git1", Ordering::Less, "1.0.1"),
        ("1.0~rc1", Ordering::Less, "1.0"),
        ("1.0~rc1^git1", Ordering::Greater, "1.0~rc1"),
        ("2.0", Ordering::Equal, "2_0"),
        ("1.0a", Ordering::Greater, "1.0"),
        ("1.a", Ordering::Less, "1.1"),
        ("10.0001", Ordering::Equal, "10.1"),
        ("1:1.0", Ordering::Greater, "2.0"),
        ("1.0-1", Ordering::Less, "1.0-2"),
        ("1.0", Ordering::Equal, "1.0-2"),
        ("3.0.7-16.el9_2", Ordering::Less, "3.0.7-27.el9"),
    ] {
        assert_eq!(rpm::compare(left, right), order, "{left} and {right}");
    }
    if is_missing("rpm") {
        return;
    }
    let mut pairs = Pairs {
        state: 88_172_645_463_325_252,
        alphabet: b"0019~^.azA_",
    };
    let (mut lua, mut expected) = (String::new(), String::new());
    for _ in 0..PAIRS {
        let (left, right) = pairs.pair();
        // A release only where both have one: rpm's own versions of this rule differ.
        let order = rpm::compare(&format!("{left}-1"), &format!("{right}-1"));
        writeln!(
            lua,
            "io.stdout:write(rpm.vercmp('{left}-1', '{right}-1'), '\\t{left} {right}\\n')"
        )
        .expect("memory");
        writeln!(expected, "{}\t{left} {right}", order as i8).expect("memory");
    }
    let folder = std::env::temp_dir().join(format!("refloat-rpm-{}", std::process::id()));
    std::fs::write(&folder, lua).expect("a script");
    let question = format!("%{{lua: dofile('{}')}}", folder.display());
    let said = said(Command::new("rpm").args(["--eval", &question]), "");
    std::fs::remove_file(&folder).expect("it was there");
    let differs = said
        .lines()
        .zip(expected.lines())
        .find(|(said, expected)| said != expected);
    assert_eq!(differs, None);
    assert_eq!(said.trim_end().lines().count(), PAIRS);
}

/// apk itself is the oracle where it is at hand; Debian has no package of it.
#[test]
fn apk_agrees() {
    if !is_at_hand("apk") {
        return;
    }
    let mut pairs = Pairs {
        state: 88_172_645_463_325_252,
        alphabet: b"0019.._rpa-",
    };
    let (mut script, mut expected) = (String::new(), String::new());
    for _ in 0..PAIRS {
        let (left, right) = pairs.pair();
        let sign = match apk::compare(&left, &right) {
            Ordering::Less => '<',
            Ordering::Equal => '=',
            Ordering::Greater => '>',
        };
        // What is no version of apk's has no order that anybody relies on.
        writeln!(script, "apk version -qc '{left}' '{right}' >/dev/null && apk version -t '{left}' '{right}' || echo '{sign}'")
            .expect("memory");
        writeln!(expected, "{sign}").expect("memory");
    }
    assert_eq!(said(&mut Command::new("sh"), &script), expected);
}
