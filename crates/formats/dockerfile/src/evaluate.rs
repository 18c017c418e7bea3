//! From stages to edges: names are expanded and resolved, stages that the target does not reach are left out.

mod names;
#[cfg(test)]
mod tests;

use crate::edge::{Bases, Edge, EdgeKind, OtherInput};
use crate::error::DockerfileError;
use crate::image::normalised;
use crate::lines::{self, Syntax};
use crate::platform::Platform;
use crate::stages::{self, FromKind, Inputs, Stages, Taken};
use names::{Base, Named, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// What the invocation adds to the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Build arguments.
    pub build_args: BTreeMap<String, String>,
    /// The stage to build, by name or number; `None` is the last.
    pub target: Option<String>,
    /// What is built for.
    pub platform: Platform,
    /// What the builder runs on.
    pub build_platform: Platform,
    /// Named contexts: `name[::platform]` to `docker-image://..`, a folder, a URL..
    pub contexts: BTreeMap<String, String>,
    /// `ONBUILD` triggers of base images, by their full reference: what only their configuration knows.
    pub triggers: BTreeMap<String, Vec<String>>,
}

impl Options {
    /// For this platform, and nothing else given.
    pub fn for_platform(platform: Platform) -> Self {
        Self {
            build_args: BTreeMap::new(),
            target: None,
            build_platform: platform.clone(),
            platform,
            contexts: BTreeMap::new(),
            triggers: BTreeMap::new(),
        }
    }
}

/// Everything the file stands on.
///
/// # Errors
/// [`DockerfileError`] if it does not parse, or no builder could build it: an unknown target, stages in a circle, a name that
/// can be no image's. A name that is not known here and may be at a build is an edge with a reason, no error.
pub fn edges(text: &str, options: &Options) -> Result<Bases, DockerfileError> {
    let front = front_end(text, options);
    if let Some(edge) = front.as_ref().filter(|edge| edge.unresolved.is_some()) {
        return Ok(Bases {
            edges: vec![edge.clone()],
            inputs: Vec::new(),
        });
    }
    let lines = lines::read(text)?;
    let stages = stages::read(&lines)?;
    let scope = Scope::new(&stages, lines.escape, options)?;
    let mut walk = Walk {
        bases: scope.bases(&stages)?,
        stages: &stages,
        scope: &scope,
        options,
        roles: BTreeMap::new(),
        open: BTreeSet::new(),
        edges: front.into_iter().collect(),
        inputs: Vec::new(),
    };
    walk.every_source()?;
    let target = walk.target()?;
    walk.visit(target, EdgeKind::Runtime)?;
    walk.inputs.sort_by_key(|input| input.line);
    // Stable: what one line names keeps its order.
    walk.edges.sort_by_key(|edge| edge.line);
    Ok(Bases {
        edges: walk.edges,
        inputs: walk.inputs,
    })
}

/// The edge to the front end. One that is not known may mean anything by the file, so the edge says that nothing else is known.
fn front_end(text: &str, options: &Options) -> Option<Edge> {
    let Syntax { reference, line } = match options.build_args.get("BUILDKIT_SYNTAX") {
        Some(given) => Syntax {
            reference: given.split_whitespace().next()?.to_owned(),
            line: 1,
        },
        None => lines::syntax(text)?,
    };
    let resolved = normalised(&reference);
    let unresolved = match &resolved {
        Ok(found) => {
            let path = found.repository.as_str();
            let known = ["docker/dockerfile", "docker/dockerfile-upstream"]
                .iter()
                .any(|front| path == *front || path.ends_with(&format!("/{front}")));
            (!known).then(|| {
                format!("the front end {reference} is not known, so what else this file stands on is not either")
            })
        }
        Err(error) => Some(format!("the front end is no image: {error}")),
    };
    Some(Edge {
        kind: EdgeKind::Frontend,
        expanded: Some(reference.clone()),
        written: reference,
        reference: resolved.ok(),
        platform: Some(options.build_platform.to_string()),
        line,
        args: BTreeMap::new(),
        unresolved,
    })
}

struct Walk<'a> {
    stages: &'a Stages,
    bases: Vec<Base>,
    scope: &'a Scope<'a>,
    options: &'a Options,
    /// Stages that were visited, and how.
    roles: BTreeMap<usize, EdgeKind>,
    /// Stages on the way to the one that is visited.
    open: BTreeSet<usize>,
    edges: Vec<Edge>,
    inputs: Vec<OtherInput>,
}

impl Walk<'_> {
    fn target(&self) -> Result<usize, DockerfileError> {
        let Some(target) = &self.options.target else {
            return Ok(self.stages.stages.len() - 1);
        };
        let index = self.stage(target).or_else(|| {
            let index: usize = target.parse().ok()?;
            (index < self.stages.stages.len()).then_some(index)
        });
        index.ok_or_else(|| {
            DockerfileError::new(1, format!("the target `{target}` is no stage of the file"))
        })
    }

    /// The stage of this name; of several the last.
    fn stage(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        let named = |stage: &stages::Stage| stage.name.as_deref() == Some(&name);
        self.stages.stages.iter().rposition(named)
    }

    /// Takes a stage and all it needs. The chain of the target comes first, so that its edges are RUNTIME whoever else uses them.
    fn visit(&mut self, index: usize, role: EdgeKind) -> Result<(), DockerfileError> {
        let line = self.stages.stages[index].line;
        if self.open.contains(&index) {
            return Err(DockerfileError::new(
                line,
                "the stages need each other in a circle",
            ));
        }
        if self.roles.contains_key(&index) {
            return Ok(());
        }
        self.roles.insert(index, role);
        self.open.insert(index);
        let stages = self.stages;
        let stage = &stages.stages[index];
        match self.bases[index].clone() {
            Base::Nothing => {}
            Base::Stage(below) => {
                self.visit(below, role)?;
                self.take(&stages.stages[below].triggers, EdgeKind::Onbuild)?;
            }
            Base::Image(named) => {
                let edge = self.scope.edge(named, role, stage.line)?;
                let triggers = edge.reference.as_ref().map(ToString::to_string);
                self.edges.push(edge);
                let known = triggers.and_then(|reference| self.options.triggers.get(&reference));
                for text in known.into_iter().flatten() {
                    let mut inputs = Inputs::default();
                    stages::inputs(&stages::trigger(text, stage.line)?, &mut inputs)?;
                    self.take(&inputs, EdgeKind::Onbuild)?;
                }
            }
            // The stage is replaced: nothing of it runs.
            Base::Context(edge) => {
                self.edges.push(*edge);
                self.open.remove(&index);
                return Ok(());
            }
        }
        self.take(&stage.inputs, EdgeKind::Build)?;
        self.open.remove(&index);
        Ok(())
    }

    fn take(&mut self, inputs: &Inputs, kind: EdgeKind) -> Result<(), DockerfileError> {
        if let Some(error) = &inputs.broken {
            return Err(error.clone());
        }
        for taken in &inputs.taken {
            self.take_one(taken, kind)?;
        }
        let others = inputs.others.iter().map(|(line, source)| OtherInput {
            line: *line,
            source: source.clone(),
        });
        self.inputs.extend(others);
        Ok(())
    }

    /// The stage that is meant; `None` is an image, or nothing.
    fn source(&self, taken: &Taken) -> Result<Option<usize>, DockerfileError> {
        let wrong = |message: String| DockerfileError::new(taken.line, message);
        let flag = match taken.kind {
            FromKind::Copy => "--from",
            FromKind::Mount => "from= of a mount",
        };
        if taken.name.contains('$') {
            return Err(wrong(format!(
                "{flag} takes no variables; write a stage with FROM {} AS a name, and take it from there",
                taken.name
            )));
        }
        match (taken.kind, taken.name.parse::<usize>()) {
            (FromKind::Copy, Ok(index)) if index < self.stages.stages.len() => Ok(Some(index)),
            (FromKind::Copy, Ok(index)) => Err(wrong(format!("there is no stage number {index}"))),
            _ => Ok(self.stage(&taken.name)),
        }
    }

    /// What makes the whole file wrong, also in stages that the target does not reach: sources that cannot be, and stages that
    /// take files from each other. A circle by way of a `FROM` is found only where it is reached.
    fn every_source(&self) -> Result<(), DockerfileError> {
        let stages = &self.stages.stages;
        let mut needs = Vec::with_capacity(stages.len());
        for (stage, base) in stages.iter().zip(&self.bases) {
            let mut found = Vec::new();
            for taken in &stage.inputs.taken {
                let source = self.source(taken)?;
                if source.is_none() {
                    names::checked(&taken.name, taken.line)?;
                }
                found.extend(source);
            }
            if let Base::Image(named) = base {
                named.checked(stage.line)?;
            }
            needs.push(found);
        }
        if let Some(stage) = in_a_circle(&needs) {
            let message = "the stages need each other in a circle";
            return Err(DockerfileError::new(stages[stage].line, message));
        }
        Ok(())
    }

    fn take_one(&mut self, taken: &Taken, kind: EdgeKind) -> Result<(), DockerfileError> {
        let index = self.source(taken)?;
        if let Some(index) = index {
            // A trigger may name the stage that it runs in: it sees what is there by then.
            if kind == EdgeKind::Onbuild && self.open.contains(&index) {
                return Ok(());
            }
            return self.visit(index, EdgeKind::Build);
        }
        if taken.name == "scratch" {
            return Ok(());
        }
        let named = Named {
            written: taken.name.clone(),
            expanded: Ok(taken.name.clone()),
            platform: Ok(self.options.platform.clone()),
            args: BTreeMap::new(),
        };
        let edge = self.scope.edge(named, kind, taken.line)?;
        self.edges.push(edge);
        Ok(())
    }
}

/// A number that needs itself by way of others. Nothing recurs: a file may have any number of stages.
fn in_a_circle(needs: &[Vec<usize>]) -> Option<usize> {
    let mut waits: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut users = vec![Vec::new(); needs.len()];
    for (user, needed) in needs.iter().enumerate() {
        for needed in needed {
            users[*needed].push(user);
        }
    }
    let mut ready: Vec<usize> = (0..needs.len()).filter(|at| waits[*at] == 0).collect();
    while let Some(done) = ready.pop() {
        for user in &users[done] {
            waits[*user] -= 1;
            if waits[*user] == 0 {
                ready.push(*user);
            }
        }
    }
    waits.iter().rposition(|waits| *waits > 0)
}
