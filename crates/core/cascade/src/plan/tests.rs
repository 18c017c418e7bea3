//! Plans as text: what is given, what is expected.

use super::*;
use crate::policy::{Allowed, PatchMethod};
use std::fmt::Write as _;

/// Reads lines of `name [task:KINDS[,tests]] [policy:METHOD,ALLOW[,tests]] above:WORD <- KIND:BASE ..`.
fn view(text: &str) -> PlanView {
    PlanView {
        reference: "hub/debian:12".to_owned(),
        old: Some(Digest::sha256(b"old")),
        new: Digest::sha256(b"new"),
        lines: text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(line)
            .collect(),
    }
}

fn kind(word: &str) -> EdgeKind {
    serde_json::from_value(serde_json::Value::from(word)).expect("a kind of edge")
}

fn line(text: &str) -> LineView {
    let (head, edges) = text.split_once("<-").expect("edges");
    let mut words = head.split_whitespace();
    let name = words.next().expect("a name").to_owned();
    let mut line = LineView {
        image: format!("own/{name}@x"),
        line: name,
        edges: Vec::new(),
        task: None,
        policy: None,
        above: Above::Unknown,
        problem: None,
    };
    for word in words {
        let (key, value) = word.split_once(':').expect("key:value");
        match key {
            "task" => {
                let mut words: Vec<&str> = value.split(',').collect();
                let tests = usize::from(words.last() == Some(&"tests"));
                words.truncate(words.len() - tests);
                line.task = Some(Task {
                    name: "t".to_owned(),
                    triggers: words.into_iter().map(kind).collect(),
                    tests,
                });
            }
            "policy" => line.policy = Some(policy(value)),
            "above" => {
                line.above = match value {
                    "copies" => Above::CopiesOnly,
                    "runs" => Above::Runs("make".to_owned()),
                    "packages" => Above::Packages("apt-get".to_owned()),
                    _ => Above::Unknown,
                }
            }
            "problem" => line.problem = Some(value.to_owned()),
            _ => panic!("{word}"),
        }
    }
    for edge in edges.split_whitespace() {
        let (word, base) = edge.split_once(':').expect("KIND:BASE");
        let on = match base {
            "BASE" => Stands::Base,
            other => Stands::Line(other.to_owned()),
        };
        line.edges.push(Edge {
            kind: kind(word),
            on,
        });
    }
    line
}

fn policy(text: &str) -> PatchPolicy {
    PatchPolicy {
        method: match text.split(',').next() {
            Some("off") => PatchMethod::Off,
            Some("rebase") => PatchMethod::Rebase,
            Some("rebuild") => PatchMethod::Rebuild,
            _ => PatchMethod::Auto,
        },
        allow: if text.contains("test") {
            Allowed::Test
        } else {
            Allowed::Proven
        },
        lines: Vec::new(),
        tests: if text.contains("tests") {
            vec![vec!["/t".to_owned()]]
        } else {
            Vec::new()
        },
    }
}

fn told(plan: &Plan) -> String {
    let mut text = String::new();
    for node in &plan.nodes {
        let method = serde_json::to_value(node.method).expect("plain data");
        let _ = writeln!(
            text,
            "{} {} after [{}]: {}",
            node.line,
            method.as_str().unwrap_or_default(),
            node.depends_on.join(" "),
            node.because.join("; ")
        );
    }
    text
}

fn check(given: &str, expected: &str) {
    assert_eq!(told(&plan(&view(given))), expected);
}

#[test]
fn a_team_base_is_rebuilt_and_its_copies_rebased() {
    check(
        "api policy:auto above:copies <- RUNTIME:runtime
         runtime task:RUNTIME above:packages <- RUNTIME:BASE
         tool task:RUNTIME above:packages <- RUNTIME:runtime
         static task:RUNTIME above:copies <- BUILD:BASE",
        "runtime rebuild after []: a package manager ran above its base (`apt-get`): its database would be lost (H2); task t builds it
api rebase after [runtime]: only files were copied above its base
static skip after []: only a BUILD base of it moved, which is not among the triggers of task t
tool rebuild after [runtime]: a package manager ran above its base (`apt-get`): its database would be lost (H2); task t builds it
",
    );
}

#[test]
fn a_diamond_comes_once_and_last() {
    check(
        "d policy:auto above:copies <- RUNTIME:b BUILD:c
         b policy:auto above:copies <- RUNTIME:BASE
         c policy:auto above:copies <- RUNTIME:BASE",
        "b rebase after []: only files were copied above its base
c rebase after []: only files were copied above its base
d rebase after [b c]: only files were copied above its base
",
    );
}

#[test]
fn what_stands_on_a_held_base_is_held() {
    check(
        "a above:copies <- RUNTIME:BASE
         b policy:auto above:copies <- RUNTIME:a
         c policy:off above:copies <- RUNTIME:BASE
         d policy:auto above:copies <- RUNTIME:c",
        "a hold after []: no task makes it and no policy lets it be patched; apply a Task, or a RepositoryPolicy with `patch: { method: auto }`
b hold after [a]: its base a is held
c skip after []: its policy says `patch: { method: off }`
d skip after [c]: none of its bases gets another image
",
    );
}

#[test]
fn tests_decide_about_commands() {
    check(
        "a policy:auto,proven above:runs <- RUNTIME:BASE
         b policy:auto,test above:runs <- RUNTIME:BASE
         c policy:auto,test,tests above:runs <- RUNTIME:BASE
         d policy:auto above:unknown <- RUNTIME:BASE
         e policy:auto above:packages <- RUNTIME:BASE
         f policy:auto above:copies problem:squashed <- RUNTIME:BASE",
        "a hold after []: commands ran above its base (`make`), which needs `patch: { allow: test, tests: [..] }`, or a Task
b hold after []: commands ran above its base (`make`), which needs `patch: { allow: test, tests: [..] }`, or a Task
c rebase after []: commands ran above its base (`make`); 1 test decides before its tag moves
d rebase after []: its history does not say how its layers were made; the verdict decides
e hold after []: a package manager ran above its base (`apt-get`): a rebase would lose its database (H2) and no task makes it; apply a Task
f hold after []: squashed
",
    );
}

#[test]
fn tests_of_a_task_decide_too() {
    check(
        "a task:RUNTIME above:runs <- RUNTIME:BASE
         b task:RUNTIME,tests above:runs <- RUNTIME:BASE
         c task:RUNTIME,tests above:copies <- RUNTIME:BASE
         d task:RUNTIME,tests policy:auto,proven above:runs <- RUNTIME:BASE
         e task:RUNTIME policy:auto,test,tests above:runs <- RUNTIME:BASE
         f policy:auto,tests above:copies <- RUNTIME:BASE",
        "a rebuild after []: commands ran above its base (`make`): what they made of it is not known; task t has no tests, so it builds it
b rebase after []: commands ran above its base (`make`); 1 test decides before its tag moves; task t builds it if they fail
c rebase after []: only files were copied above its base; 1 test decides before its tag moves; task t builds it if they fail
d rebuild after []: commands ran above its base (`make`): what they made of it is not known; its policy allows proven rebases only, so task t builds it
e rebase after []: commands ran above its base (`make`); 1 test decides before its tag moves; task t builds it if they fail
f rebase after []: only files were copied above its base; 1 test decides before its tag moves
",
    );
}

#[test]
fn a_policy_names_the_only_method() {
    check(
        "a task:RUNTIME policy:rebuild above:copies <- RUNTIME:BASE
         b policy:rebuild above:copies <- RUNTIME:BASE
         c task:RUNTIME policy:rebase above:packages <- RUNTIME:BASE
         d task:RUNTIME,BUILD policy:rebase above:copies <- RUNTIME:BASE BUILD:BASE
         e task:RUNTIME policy:rebase above:copies <- RUNTIME:BASE",
        "a rebuild after []: its policy says `patch: { method: rebuild }`: task t builds it
b hold after []: its policy says `patch: { method: rebuild }`, and no task makes it; apply a Task
c hold after []: a package manager ran above its base (`apt-get`): its database would be lost (H2); its policy says `patch: { method: rebase }`, so task t may not build it
d hold after []: a BUILD base of it moved: what task t copies from there changes only by a build (G9); its policy says `patch: { method: rebase }`, so task t may not build it
e rebase after []: only files were copied above its base
",
    );
}

#[test]
fn a_moved_builder_means_a_build() {
    check(
        "a task:RUNTIME,BUILD above:copies <- RUNTIME:BASE BUILD:BASE
         b task:BUILD above:copies <- RUNTIME:BASE",
        "a rebuild after []: a BUILD base of it moved: what task t copies from there changes only by a build (G9)
b skip after []: only a RUNTIME base of it moved, which is not among the triggers of task t
",
    );
}

#[test]
fn a_circle_is_held_and_ends() {
    check(
        "a policy:auto above:copies <- RUNTIME:b
         b policy:auto above:copies <- RUNTIME:a RUNTIME:BASE
         c policy:auto above:copies <- RUNTIME:BASE",
        "c rebase after []: only files were copied above its base
a hold after [b]: it stands on itself by way of other lines; break the circle
b hold after [a]: it stands on itself by way of other lines; break the circle
",
    );
}

#[test]
fn the_order_of_the_view_does_not_matter() {
    let given = "c policy:auto above:copies <- RUNTIME:b\nb policy:auto above:copies <- RUNTIME:a\na policy:auto above:copies <- RUNTIME:BASE";
    let mut turned = view(given);
    turned.lines.reverse();
    assert_eq!(plan(&view(given)), plan(&turned));
}
