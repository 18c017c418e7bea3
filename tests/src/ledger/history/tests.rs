//! Histories as tables: `+7 tag=A` begins operation 7, `7` acknowledges it, `7!` refuses it, `7?` leaves it unknown.

use super::*;

fn history(script: &str) -> History {
    let mut history = History::default();
    for word in script.split_whitespace() {
        history.take(line(word));
    }
    history
}

fn line(word: &str) -> Line {
    let Some(begun) = word.strip_prefix('+') else {
        let number = word.trim_end_matches(['!', '?']).parse().expect("a number");
        let ending = match word.chars().last() {
            Some('!') => Ending::Refused { status: 404 },
            Some('?') => Ending::Unknown {
                why: "killed".to_owned(),
            },
            _ => Ending::Acknowledged { note: None },
        };
        return Line::Ended {
            ended: number,
            ending,
        };
    };
    let (number, what) = begun.split_once(':').expect("NUMBER:WHAT");
    let repository = "r".to_owned();
    let operation = match what.split_once('=') {
        Some(("t", digest)) => Operation::PutManifest {
            repository,
            digest: digest.to_owned(),
            tag: Some("t".to_owned()),
        },
        Some(("push", digest)) => Operation::PushBlob {
            repository,
            digest: digest.to_owned(),
        },
        Some(("rm", digest)) => Operation::DeleteManifest {
            repository,
            digest: digest.to_owned(),
        },
        _ => Operation::DeleteTag {
            repository,
            tag: "t".to_owned(),
        },
    };
    Line::Begun {
        begun: number.parse().expect("a number"),
        operation,
    }
}

#[test]
fn a_tag_may_name_what_the_order_allows() {
    let cases = [
        ("", "-", "nothing happened"),
        ("+1:t=A 1", "A", "acknowledged"),
        ("+1:t=A", "- A", "in flight"),
        ("+1:t=A 1?", "- A", "of unknown outcome"),
        ("+1:t=A 1!", "-", "refused"),
        ("+1:t=A 1 +2:t=B 2", "B", "one after the other"),
        ("+1:t=A +2:t=B 1 2", "A B", "at once"),
        (
            "+1:t=A +2:t=B 2 1",
            "A B",
            "at once, acknowledged the other way",
        ),
        ("+1:t=A 1 +2:t=B 2?", "A B", "the later one unknown"),
        (
            "+1:t=A 1? +2:t=B 2",
            "A B",
            "a lingering request may come last",
        ),
        ("+1:t=A 1 +2:untag 2", "-", "deleted"),
        ("+1:t=A 1 +2:untag 2?", "- A", "perhaps deleted"),
        ("+1:t=A 1 +2:rm=A 2", "-", "its manifest deleted"),
        ("+1:t=A 1 +2:rm=A 2?", "- A", "its manifest perhaps deleted"),
        ("+1:t=A 1 +2:rm=A 2!", "A", "its manifest is in use"),
        ("+1:t=A +2:rm=A 1 2", "- A", "pushed and deleted at once"),
        ("+1:t=A 1 +2:rm=A 2 +3:t=A 3", "A", "pushed again"),
        ("+1:t=A 1 +2:rm=B 2", "A", "another manifest deleted"),
        (
            "+1:t=A 1 +2:t=B 2 +3:rm=A 3",
            "B",
            "the former manifest deleted",
        ),
    ];
    for (script, expected, because) in cases {
        let history = history(script);
        let tags = history
            .repository("r")
            .map(|repository| repository.tag("t"));
        let names = tags.unwrap_or_else(|| BTreeSet::from([None])).into_iter();
        let names: Vec<String> = names
            .map(|name| name.unwrap_or_else(|| "-".to_owned()))
            .collect();
        assert_eq!(names.join(" "), expected, "{because}: {script}");
    }
}

#[test]
fn a_manifest_is_there_once_acknowledged_and_until_deleted() {
    let cases = [
        ("+1:t=A 1", (true, false)),
        ("+1:t=A 1?", (true, true)),
        ("+1:t=A 1 +2:rm=A 2", (false, true)),
        ("+1:t=A 1 +2:rm=A 2?", (true, true)),
        ("+1:t=A 1 +2:untag 2", (true, false)),
    ];
    for (script, (present, absent)) in cases {
        let history = history(script);
        let register = &history.repository("r").expect("used").manifests["A"];
        assert_eq!(
            (register.may_be(&true), register.may_be(&false)),
            (present, absent),
            "{script}"
        );
    }
}

#[test]
fn what_was_seen_is_the_new_beginning() {
    let mut history = history("+1:t=A 1? +2:t=B 2? +3:push=X 3");
    let seen = Seen {
        blobs: BTreeSet::new(),
        manifests: BTreeSet::from(["A".to_owned()]),
        tags: BTreeMap::from([("t".to_owned(), "A".to_owned())]),
    };
    history.settle("r", &seen);
    let repository = history.repository("r").expect("used");
    assert_eq!(repository.tag("t"), BTreeSet::from([Some("A".to_owned())]));
    assert!(
        repository.manifests["B"].must_be(&false),
        "it was looked for and not there"
    );
    for _ in 0..ABSENT_CHECKS_MAX {
        history.settle("r", &seen);
    }
    let repository = history.repository("r").expect("used");
    assert!(
        !repository.manifests.contains_key("B"),
        "forgotten after some checks"
    );
    assert!(repository.manifests["A"].must_be(&true));
}
