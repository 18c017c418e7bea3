use super::*;

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::default().plus_seconds(seconds)
}

/// `name[<after+soak]:state`, with `deployed@seconds`.
fn environments(text: &str) -> Vec<EnvironmentView> {
    let state = |text: &str| match text.split_once('@') {
        Some((_, seconds)) => Deployment::Deployed {
            revision: 1,
            at: at(seconds.parse().unwrap_or_default()),
        },
        None => match text {
            "waiting" => Deployment::Waiting,
            "started" => Deployment::Started,
            "stopped" => Deployment::Stopped { by: "x".to_owned() },
            "superseded" => Deployment::Superseded,
            _ => Deployment::Failed {
                error: String::new(),
            },
        },
    };
    text.split_whitespace()
        .filter_map(|word| {
            let (head, tail) = word.split_once(':')?;
            let (name, rule) = head.split_once('<').unwrap_or((head, ""));
            let (after, soak) = rule.split_once('+').unwrap_or((rule, "0"));
            Some(EnvironmentView {
                name: name.to_owned(),
                after: Some(after.to_owned()).filter(|after| !after.is_empty()),
                soak_seconds: soak.parse().unwrap_or_default(),
                state: state(tail),
            })
        })
        .collect()
}

/// Given what is wanted, the newest change and its environments, at second 100: what is done, and why.
#[test]
fn scenarios() {
    let busy: Option<CascadeId> = "cas_01arz3ndektsv4rrffq69g5fav".parse().ok();
    let made = |inputs: &str| Some((digest(inputs), ChangeState::Made));
    let cases = [
        ("b", None, None, "", "Begin", "nothing was ever released"),
        (
            "b",
            made("a"),
            None,
            "s:deployed@1",
            "Begin",
            "a line moved",
        ),
        (
            "b",
            made("b"),
            None,
            "s:deployed@1",
            "Nothing",
            "all is done",
        ),
        (
            "b",
            Some((digest("b"), ChangeState::Failed)),
            None,
            "",
            "Nothing",
            "the same is not tried again",
        ),
        (
            "c",
            Some((digest("b"), ChangeState::Failed)),
            None,
            "",
            "Begin",
            "something else is",
        ),
        (
            "b",
            Some((digest("a"), ChangeState::Making)),
            None,
            "",
            "Make",
            "what was begun comes first",
        ),
        (
            "b",
            made("a"),
            busy.clone(),
            "s:deployed@1",
            "Nothing waits for cascade cas_01arz3ndektsv4rrffq69g5fav to end",
            "one change for all images of a cascade",
        ),
        (
            "b",
            made("a"),
            busy.clone(),
            "s:deployed@1 p<s+9:waiting",
            "Deploy(1) waits for cascade cas_01arz3ndektsv4rrffq69g5fav to end",
            "the change before goes on",
        ),
        (
            "",
            made("a"),
            None,
            "s:deployed@1",
            "Nothing no image",
            "what is missing is said",
        ),
        (
            "b",
            made("a"),
            None,
            "s:started p<s:waiting",
            "Deploy(0)",
            "what was started comes first",
        ),
        (
            "b",
            made("b"),
            None,
            "s:waiting p<s:waiting",
            "Deploy(0)",
            "in order",
        ),
        (
            "b",
            made("b"),
            None,
            "s:deployed@50 p<s+60:waiting",
            "WaitUntil(1970-01-01T00:01:50.000000Z) p soaks until 1970-01-01T00:01:50.000000Z",
            "it soaks",
        ),
        (
            "b",
            made("b"),
            None,
            "s:deployed@40 p<s+60:waiting",
            "Deploy(1)",
            "it has soaked",
        ),
        (
            "b",
            made("b"),
            None,
            "s:failed p<s:stopped",
            "Nothing",
            "a failure stops what comes after",
        ),
        (
            "b",
            made("b"),
            None,
            "s:failed p:waiting",
            "Deploy(1)",
            "but not what does not",
        ),
    ];
    for (wanted, change, busy, text, expected, because) in cases {
        let view = ReleaseView {
            wanted: if wanted.is_empty() {
                Err("no image".to_owned())
            } else {
                Ok(digest(wanted))
            },
            busy,
            change,
            environments: environments(text),
        };
        let (step, why) = due(&view, at(100));
        let step = match step {
            Step::WaitUntil(at) => format!("WaitUntil({at})"),
            other => format!("{other:?}"),
        };
        let said = [vec![step], why].concat().join(" ");
        assert_eq!(said, expected, "{because}");
    }
}

#[test]
fn a_failure_stops_all_that_follow() {
    let view = environments("a:failed b<a:waiting c<b:waiting d:waiting e<d:waiting");
    assert_eq!(stopped_by(&view, "a"), ["b", "c"]);
}
