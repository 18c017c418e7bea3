//! Decisions as text: given, when, expect, because.

use super::*;
use crate::access::Actions;
use crate::event::RegistryEvent;
use crate::rejection::Rejection;
use refloat_oci::{Digest, RepositoryName, TagName};

fn digest(letter: &str) -> Digest {
    Digest::sha256(letter.as_bytes())
}

fn state(text: &str) -> TagState {
    if text == "-" {
        TagState::Absent
    } else {
        TagState::Names(digest(text))
    }
}

fn lists(text: &str) -> ImmutableTags {
    let lists = text
        .split('|')
        .map(|list| list.split_whitespace().map(str::to_owned).collect())
        .collect();
    ImmutableTags::new(lists).expect("rules")
}

fn outcome(decided: Result<Option<RegistryEvent>, Rejection>) -> String {
    match decided {
        Ok(None) => "nothing".to_owned(),
        Ok(Some(event)) => event.name().to_owned(),
        Err(rejection) => rejection.code().to_owned(),
    }
}

/// Runs `when` on a tag that stands at `given`, for a caller with `rights`, under `rules`.
fn decide(given: &str, rights: &str, rules: &str, when: &str) -> String {
    let repository: RepositoryName = "apps/web".parse().expect("a name");
    let immutable = lists(rules);
    let actions: Actions = rights.parse().expect("actions");
    let rules = TagRules {
        repository: &repository,
        immutable: &immutable,
        actions,
    };
    let tag: TagName = "latest".parse().expect("a tag");
    let view = TagView {
        tag,
        state: state(given),
    };
    let decided = match when.split_once(' ').unwrap_or((when, "")) {
        ("move", to) => decide_move(&rules, &view, digest(to)),
        ("untag", _) => decide_untag(&rules, &view).map(Some),
        ("undo", previous) => {
            let previous = (previous != "nothing").then(|| state(previous));
            decide_undo(&rules, &view, previous).map(Some)
        }
        (other, _) => panic!("`{other}` is no command"),
    };
    if let Ok(Some(event)) = &decided {
        let after = view
            .state
            .next(event)
            .expect("it was decided on this state");
        let expected = if when == "untag" {
            "-"
        } else {
            when.rsplit(' ').next().unwrap_or("-")
        };
        assert_eq!(after, state(expected), "{when} on {given}");
        assert!(
            state("Z").next(event).is_err(),
            "an event continues its own state only"
        );
    }
    outcome(decided)
}

#[test]
fn tags_move_by_the_rules() {
    // given | rights             | rules          | when         | expect           | because
    let scenarios = "
        -   | push               |                | move A       | tag.moved        | a new tag needs push
        -   | pull,update,delete |                | move A       | denied           | update makes no tag
        A   | push               |                | move A       | nothing          | it is there already
        A   | push               |                | move B       | denied           | moving needs update
        A   | update             |                | move B       | tag.moved        | update moves
        A   | admin              | *              | move B       | immutable        | whoever asks
        A   | push               | *              | move A       | nothing          | staying is no move
        -   | push               | *              | move A       | tag.moved        | a rule holds what exists
        A   | update             | * !latest      | move B       | tag.moved        | exempt
        A   | update             | !latest *      | move B       | immutable        | the last rule that matches decides
        A   | update             | * !latest\\|l* | move B       | immutable        | the strictest policy wins
        A   | update             | v*             | move B       | tag.moved        | no rule matches
        A   | delete             |                | untag        | tag.deleted      | delete deletes
        A   | push,update        |                | untag        | denied           | nothing else does
        A   | admin              | lat*           | untag        | immutable        | it may not go either
        -   | admin              |                | untag        | manifest_unknown | nothing to delete
        B   | update             |                | undo A       | tag.moved        | undo moves
        B   | push               |                | undo A       | denied           | as any move
        B   | admin              | *              | undo A       | immutable        | by undo neither
        B   | delete             |                | undo -       | tag.deleted      | it was absent before
        B   | update             |                | undo -       | denied           | deleting needs delete
        -   | push               |                | undo A       | tag.moved        | a deleted tag comes back
        B   | admin              |                | undo nothing | conflict         | it never stood elsewhere
        -   | admin              |                | undo nothing | manifest_unknown | it never was
        -   | admin              |                | undo -       | conflict         | nowhere to go";
    for line in scenarios.lines().filter(|line| !line.trim().is_empty()) {
        let line = line.replace("\\|", "\u{1}");
        let columns: Vec<_> = line
            .split('|')
            .map(|column| column.trim().replace('\u{1}', "|"))
            .collect();
        let [given, rights, rules, when, expected, because] = columns.as_slice() else {
            panic!("six columns: {line}");
        };
        assert_eq!(
            decide(given, rights, rules, when),
            *expected,
            "{given} {rights} [{rules}] {when}: {because}"
        );
    }
}

fn put(
    stored: bool,
    missing: Vec<Digest>,
    tags: &[(&str, &str)],
    rights: &str,
) -> Result<Vec<String>, String> {
    let repository: RepositoryName = "apps/web".parse().expect("a name");
    let immutable = ImmutableTags::default();
    let tags = tags.iter().map(|(tag, given)| TagView {
        tag: tag.parse().expect("a tag"),
        state: state(given),
    });
    let view = PutView {
        rules: TagRules {
            repository: &repository,
            immutable: &immutable,
            actions: rights.parse().expect("actions"),
        },
        stored,
        missing,
        tags: tags.collect(),
    };
    let facts = ManifestFacts {
        digest: digest("A"),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        artifact_type: None,
        subject: None,
        size_bytes: 2,
    };
    let decided = decide_put(&view, &facts);
    decided
        .map(|events| events.iter().map(|event| event.name().to_owned()).collect())
        .map_err(|error| error.code().to_owned())
}

#[test]
fn a_push_is_all_or_nothing() {
    let names = |names: &[&str]| {
        Ok(names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>())
    };
    assert_eq!(put(false, vec![], &[], "push"), names(&["manifest.pushed"]));
    assert_eq!(
        put(false, vec![], &[("a", "-"), ("b", "-")], "push"),
        names(&["manifest.pushed", "tag.moved", "tag.moved"])
    );
    assert_eq!(
        put(true, vec![], &[("a", "A")], "push"),
        names(&[]),
        "the same push again"
    );
    assert_eq!(
        put(true, vec![], &[("a", "B")], "push,update"),
        names(&["tag.moved"])
    );
    assert_eq!(
        put(false, vec![], &[("a", "-"), ("b", "B")], "push"),
        Err("denied".to_owned()),
        "one tag may not move"
    );
    assert_eq!(
        put(false, vec![digest("x")], &[], "push"),
        Err("manifest_blob_unknown".to_owned())
    );
    let many: Vec<_> = (0..=TAGS_PER_PUSH_MAX)
        .map(|number| format!("t{number}"))
        .collect();
    let many: Vec<_> = many.iter().map(|tag| (tag.as_str(), "-")).collect();
    assert_eq!(put(false, vec![], &many, "push"), Err("invalid".to_owned()));
    let missing = (0..50).map(|number| digest(&number.to_string())).collect();
    assert!(put(false, missing, &[], "push").is_err());
}

#[test]
fn what_is_used_stays() {
    let repository: RepositoryName = "apps/web".parse().expect("a name");
    let (none, all) = (ImmutableTags::default(), lists("*"));
    let tags: Vec<TagName> = vec!["a".parse().expect("a tag")];
    let rules = |immutable| TagRules {
        repository: &repository,
        immutable,
        actions: Actions::EVERY,
    };
    let events =
        decide_manifest_delete(&rules(&none), digest("A"), &tags, &[]).expect("nothing uses it");
    let names: Vec<_> = events.iter().map(RegistryEvent::name).collect();
    assert_eq!(names, ["tag.deleted", "manifest.deleted"]);
    let used = decide_manifest_delete(&rules(&none), digest("A"), &tags, &[digest("I")]);
    assert!(
        matches!(&used, Err(Rejection::InUse(text)) if text.contains(&digest("I").to_string()))
    );
    assert!(matches!(
        decide_manifest_delete(&rules(&all), digest("A"), &tags, &[]),
        Err(Rejection::Immutable(_))
    ));
    assert!(
        decide_manifest_delete(&rules(&all), digest("A"), &[], &[]).is_ok(),
        "no tag holds it"
    );
    assert!(matches!(
        decide_blob_delete(&repository, digest("A"), &[digest("I")]),
        Err(Rejection::InUse(_))
    ));
    assert!(decide_blob_delete(&repository, digest("A"), &[]).is_ok());
}

#[test]
fn uploads_go_on_where_they_stand() {
    let view = UploadView { received: 10 };
    assert_eq!(
        decide_advance(view, 10, 25),
        Ok(UploadView { received: 25 })
    );
    assert_eq!(
        decide_advance(view, 10, 10),
        Ok(view),
        "an empty body changes nothing"
    );
    for (from, to) in [(0, 25), (11, 25), (10, 9)] {
        assert!(
            matches!(
                decide_advance(view, from, to),
                Err(Rejection::RangeInvalid { length: 10, .. })
            ),
            "{from} {to}"
        );
    }
}

#[test]
fn rules_that_cannot_be_are_refused() {
    for wrong in ["", "!", "a b", "a/b", "ä"] {
        assert!(
            ImmutableTags::new(vec![vec![wrong.to_owned()]]).is_err(),
            "{wrong}"
        );
    }
    assert!(ImmutableTags::new(vec![vec!["x".to_owned(); RULES_MAX + 1]]).is_err());
    assert!(ImmutableTags::new(vec![vec!["x".to_owned(); RULES_MAX]]).is_ok());
}
