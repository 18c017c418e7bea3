//! The method of one line, from its edges, its task or policy, and how its layers were made.

use super::{Above, Forecast, LineView, Stands, Task};
use crate::policy::{
    Allowed, PatchMethod, PatchPolicy, may_build, may_not_build, tests_may_decide,
};
use refloat_core::event::{EdgeKind, Method};
use std::collections::{BTreeMap, BTreeSet};

/// A method and its reasons.
pub(super) struct Choice {
    pub(super) method: Method,
    pub(super) forecast: Forecast,
    pub(super) because: Vec<String>,
}

fn choice(method: Method, forecast: Forecast, because: impl Into<String>) -> Choice {
    Choice {
        method,
        forecast,
        because: vec![because.into()],
    }
}

/// A line that stands on itself by way of others.
pub(super) fn in_a_circle() -> Choice {
    choice(
        Method::Hold,
        Forecast::Unknown,
        "it stands on itself by way of other lines; break the circle",
    )
}

/// What moves below a line, once the methods of its bases are known.
struct Below {
    /// Kinds of edges whose base gets another image.
    moved: BTreeSet<EdgeKind>,
    /// Bases that are held.
    held: Vec<String>,
}

fn below(line: &LineView, methods: &BTreeMap<&str, Method>) -> Below {
    let mut below = Below {
        moved: BTreeSet::new(),
        held: Vec::new(),
    };
    for edge in &line.edges {
        let Stands::Line(base) = &edge.on else {
            below.moved.insert(edge.kind);
            continue;
        };
        match methods.get(base.as_str()) {
            Some(Method::Rebase | Method::Rebuild | Method::PackageLayer) => {
                below.moved.insert(edge.kind);
            }
            Some(Method::Hold) => below.held.push(base.clone()),
            Some(Method::Skip) | None => {}
        }
    }
    below
}

/// Chooses.
pub(super) fn choose(line: &LineView, methods: &BTreeMap<&str, Method>) -> Choice {
    let below = below(line, methods);
    if let Some(base) = below.held.first() {
        let reason = format!("its base {base} is held");
        return choice(Method::Hold, Forecast::Unknown, reason);
    }
    if below.moved.is_empty() {
        return choice(
            Method::Skip,
            Forecast::Proven,
            "none of its bases gets another image",
        );
    }
    if let Some(problem) = &line.problem {
        return choice(Method::Hold, Forecast::Unknown, problem.clone());
    }
    match (&line.task, &line.policy) {
        (_, Some(policy)) if policy.method == PatchMethod::Off => switched_off(),
        (Some(task), policy) => {
            let chosen = by_task(line, task, policy.as_ref(), &below.moved);
            if chosen.method == Method::Rebuild && !may_build(policy.as_ref()) {
                rebase_only(&task.name, &chosen)
            } else {
                chosen
            }
        }
        (None, Some(policy)) => by_policy(line, policy, &below.moved),
        (None, None) => choice(
            Method::Hold,
            Forecast::Unknown,
            "no task makes it and no policy lets it be patched; apply a Task, or a RepositoryPolicy with `patch: { method: auto }`",
        ),
    }
}

/// What only a build would do, where the policy forbids builds.
fn rebase_only(task: &str, chosen: &Choice) -> Choice {
    let why = chosen
        .because
        .first()
        .map_or("", |why| why.split("; ").next().unwrap_or(why));
    let reason = format!("{why}; {}", may_not_build(task));
    choice(Method::Hold, chosen.forecast, reason)
}

fn switched_off() -> Choice {
    choice(
        Method::Skip,
        Forecast::Unknown,
        "its policy says `patch: { method: off }`",
    )
}

fn by_task(
    line: &LineView,
    task: &Task,
    policy: Option<&PatchPolicy>,
    moved: &BTreeSet<EdgeKind>,
) -> Choice {
    let name = &task.name;
    let active: Vec<EdgeKind> = moved
        .iter()
        .copied()
        .filter(|kind| task.triggers.contains(kind))
        .collect();
    if active.is_empty() {
        let kinds: Vec<_> = moved.iter().map(|kind| word(*kind)).collect();
        let reason = format!(
            "only a {} base of it moved, which is not among the triggers of task {name}",
            kinds.join(" and ")
        );
        return choice(Method::Skip, Forecast::Proven, reason);
    }
    if policy.is_some_and(|policy| policy.method == PatchMethod::Rebuild) {
        let reason =
            format!("its policy says `patch: {{ method: rebuild }}`: task {name} builds it");
        return choice(Method::Rebuild, Forecast::Unknown, reason);
    }
    match active.iter().find(|kind| **kind != EdgeKind::Runtime) {
        Some(other) => choice(
            Method::Rebuild,
            Forecast::Unsafe,
            format!(
                "a {} base of it moved: what task {name} copies from there changes only by a build (G9)",
                word(*other)
            ),
        ),
        None => by_layers(line, task, policy),
    }
}

/// What is said of an image whose tests are run before its tag moves; empty where it has none.
fn tested(tests: usize, otherwise: &str) -> String {
    match tests {
        0 => String::new(),
        1 => format!("; 1 test decides before its tag moves{otherwise}"),
        more => format!("; {more} tests decide before its tag moves{otherwise}"),
    }
}

/// A task whose runtime base alone moved: rebased where that is safe, or passes its tests, rebuilt otherwise.
fn by_layers(line: &LineView, task: &Task, policy: Option<&PatchPolicy>) -> Choice {
    let name = &task.name;
    let tests = match task.tests {
        0 => policy.map_or(0, |policy| policy.tests.len()),
        own => own,
    };
    let otherwise = if may_build(policy) {
        format!("; task {name} builds it if they fail")
    } else {
        String::new()
    };
    let tested = tested(tests, &otherwise);
    let allows = tests_may_decide(policy);
    match &line.above {
        Above::Packages(command) => choice(
            Method::Rebuild,
            Forecast::Unsafe,
            format!(
                "a package manager ran above its base (`{command}`): its database would be lost (H2); task {name} builds it"
            ),
        ),
        Above::Runs(command) if tests > 0 && allows => choice(
            Method::Rebase,
            Forecast::Test,
            format!("commands ran above its base (`{command}`){tested}"),
        ),
        Above::Runs(command) => {
            let why = if allows {
                format!("task {name} has no tests, so it builds it")
            } else {
                format!("its policy allows proven rebases only, so task {name} builds it")
            };
            choice(
                Method::Rebuild,
                Forecast::Test,
                format!(
                    "commands ran above its base (`{command}`): what they made of it is not known; {why}"
                ),
            )
        }
        Above::CopiesOnly => choice(
            Method::Rebase,
            Forecast::Proven,
            format!("only files were copied above its base{tested}"),
        ),
        Above::Unknown => choice(
            Method::Rebase,
            Forecast::Unknown,
            format!(
                "its history does not say how its layers were made; the verdict decides, task {name} builds it otherwise{}",
                self::tested(tests, "")
            ),
        ),
    }
}

fn by_policy(line: &LineView, policy: &PatchPolicy, moved: &BTreeSet<EdgeKind>) -> Choice {
    if policy.method == PatchMethod::Rebuild {
        return choice(
            Method::Hold,
            Forecast::Unknown,
            "its policy says `patch: { method: rebuild }`, and no task makes it; apply a Task",
        );
    }
    if !moved.contains(&EdgeKind::Runtime) {
        return choice(
            Method::Hold,
            Forecast::Unsafe,
            "only a rebuild brings the new base, and no task makes it; apply a Task",
        );
    }
    let tested = tested(policy.tests.len(), "");
    match &line.above {
        Above::Packages(command) => choice(
            Method::Hold,
            Forecast::Unsafe,
            format!(
                "a package manager ran above its base (`{command}`): a rebase would lose its database (H2) and no task makes it; apply a Task"
            ),
        ),
        Above::Runs(command) if policy.allow == Allowed::Test && !policy.tests.is_empty() => {
            choice(
                Method::Rebase,
                Forecast::Test,
                format!("commands ran above its base (`{command}`){tested}"),
            )
        }
        Above::Runs(command) => choice(
            Method::Hold,
            Forecast::Test,
            format!(
                "commands ran above its base (`{command}`), which needs `patch: {{ allow: test, tests: [..] }}`, or a Task"
            ),
        ),
        Above::CopiesOnly => choice(
            Method::Rebase,
            Forecast::Proven,
            format!("only files were copied above its base{tested}"),
        ),
        Above::Unknown => choice(
            Method::Rebase,
            Forecast::Unknown,
            format!(
                "its history does not say how its layers were made; the verdict decides{tested}"
            ),
        ),
    }
}

fn word(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Runtime => "RUNTIME",
        EdgeKind::Build => "BUILD",
        EdgeKind::Frontend => "FRONTEND",
        EdgeKind::Onbuild => "ONBUILD",
        EdgeKind::Context => "CONTEXT",
    }
}
