//! Plans: what the rows say stands on a base, judged by the core, frozen, and carried out.

use crate::{Patches, operation};
use refloat_cascade::plan::{Above, Edge, LineView, PlanView, Stands, Task, plan};
use refloat_cascade::{BaseName, Plan};
use refloat_core::{CascadeId, PlanId, Rejection};
use refloat_flow::FlowError;
use refloat_oci::Digest;
use refloat_store::fresh;
use refloat_store_patches::By;
use refloat_store_patches::bases::{self, Move};
use refloat_store_patches::cascades::{self, NewCascade, NewNode};
use refloat_store_patches::images::Step;
use refloat_store_patches::nodes::{Detail, DetailTask};
use refloat_store_patches::plans::{self, NewPlan, PlanRow};
use refloat_store_patches::reach::{self, Reached};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many moves one job looks at.
const MOVES_MAX: i64 = 100;
/// How often planning starts again because lines moved meanwhile.
const ATTEMPTS: u32 = 8;

/// A plan, and what it was made of.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) nodes: Vec<NewNode>,
}

impl Patches {
    /// Plans every move that nobody planned yet, and starts what is planned.
    pub(crate) async fn plan_due(&self) -> Result<(), FlowError> {
        let due = self
            .store()
            .read(|tx| Box::pin(bases::due_moves(tx, MOVES_MAX)))
            .await?;
        if due.is_empty() {
            return Ok(());
        }
        self.wait_for_reading().await?;
        let mut by_name: BTreeMap<BaseName, Vec<Move>> = BTreeMap::new();
        for one in due {
            by_name.entry(one.name.clone()).or_default().push(one);
        }
        for (name, moves) in by_name {
            self.plan_moves(&name, moves).await?;
        }
        Ok(())
    }

    /// Plans the moves of one base together: what counts is what it names now.
    async fn plan_moves(&self, name: &BaseName, moves: Vec<Move>) -> Result<(), FlowError> {
        let (Some(first), Some(last)) = (moves.first().cloned(), moves.last().cloned()) else {
            return Ok(());
        };
        let by = By::system(last.project.clone())
            .because(moves.iter().map(|one| one.record.clone()).collect());
        let moves = Arc::new(moves);
        for _ in 0..ATTEMPTS {
            let planned = self.compute(name, Some(first.from), last.to).await?;
            if planned.nodes.is_empty() {
                let done = self.store().write(operation!(tx, [moves], {
                    for one in moves.iter() {
                        bases::end_move(tx, &one.record, "nothing").await?;
                    }
                    Ok(())
                }));
                return Ok(done.await?);
            }
            match self.commit(name, &planned, &by, &moves).await {
                Err(FlowError::Rejected(Rejection::Conflict(why))) => {
                    tracing::info!(%why, "planning again");
                }
                other => return other.map(drop),
            }
        }
        Err(
            refloat_core::Failure::Transient("lines keep moving while they are planned".to_owned())
                .into(),
        )
    }

    /// Freezes a plan and starts its cascade, in one transaction.
    async fn commit(
        &self,
        name: &BaseName,
        planned: &Planned,
        by: &By,
        moves: &Arc<Vec<Move>>,
    ) -> Result<CascadeId, FlowError> {
        let (id, cascade) = self.new_ids().await?;
        let new = Arc::new(self.new_plan(&id, name, planned, planned.plan.base.old));
        let nodes = Arc::new(planned.nodes.clone());
        let (by, moves, written) = (by.clone(), Arc::clone(moves), name.written(self.host()));
        let done = self
            .store()
            .write(operation!(tx, [new, nodes, by, moves, cascade, written], {
                for one in moves.iter() {
                    if !bases::end_move(tx, &one.record, "planned").await? {
                        // Another process planned it.
                        return Ok(());
                    }
                }
                let record = plans::put(tx, &new, &by).await?;
                let new = NewCascade {
                    id: cascade,
                    plan: row(&new, &by, record, tx.now()),
                    written,
                    nodes: nodes.to_vec(),
                };
                cascades::start(tx, &new, &by).await.map(drop)
            }));
        done.await?;
        Ok(cascade)
    }

    /// What the rows say now, judged.
    pub(crate) async fn compute(
        &self,
        name: &BaseName,
        old: Option<Digest>,
        new: Digest,
    ) -> Result<Planned, FlowError> {
        let base = name.clone();
        let reached =
            self.store()
                .read(operation!(tx, [base], reach::reach(tx, &base, &new).await));
        let reached = reached.await?;
        let view = PlanView {
            reference: name.written(self.host()),
            old,
            new,
            lines: reached
                .iter()
                .map(|line| self.line_view(line, &reached))
                .collect(),
        };
        let plan = plan(&view);
        let numbers: BTreeMap<&str, usize> = plan
            .nodes
            .iter()
            .enumerate()
            .map(|(number, node)| (node.line.as_str(), number))
            .collect();
        let by_line: BTreeMap<String, &Reached> = reached
            .iter()
            .map(|line| (line.line.to_string(), line))
            .collect();
        let nodes = plan
            .nodes
            .iter()
            .filter_map(|node| {
                let line = by_line.get(&node.line)?;
                let edges = line.edges.iter().filter_map(|(kind, on)| {
                    let on = match on {
                        None => None,
                        Some(number) => {
                            let name = reached.get(*number)?.line.to_string();
                            Some(*numbers.get(name.as_str())?)
                        }
                    };
                    Some((*kind, on))
                });
                Some(NewNode {
                    line: line.line.clone(),
                    image: line.digest,
                    detail: Detail {
                        tag: line.tag.clone(),
                        method: node.method,
                        because: node.because.clone(),
                        edges: edges.collect(),
                        task: line.task.as_ref().map(|task| DetailTask {
                            project: task.project.clone(),
                            name: task.task.clone(),
                            stable: task.stable.clone(),
                            triggers: task.triggers.clone(),
                            tests: line.tests.clone(),
                        }),
                        policy: line.policy.clone(),
                    },
                })
            })
            .collect();
        Ok(Planned { plan, nodes })
    }

    fn line_view(&self, line: &Reached, all: &[Reached]) -> LineView {
        let host = line.line.registry.as_ref().unwrap_or(self.host());
        let edges = line.edges.iter().filter_map(|(kind, on)| {
            let on = match on {
                None => Stands::Base,
                Some(number) => Stands::Line(all.get(*number)?.line.to_string()),
            };
            Some(Edge { kind: *kind, on })
        });
        LineView {
            line: line.line.to_string(),
            image: format!(
                "{host}/{}:{}@{}",
                line.line.repository, line.tag, line.digest
            ),
            edges: edges.collect(),
            task: line.task.as_ref().map(|task| Task {
                name: task.task.clone(),
                triggers: task.triggers.clone(),
                tests: line.tests.len(),
            }),
            policy: line.policy.clone(),
            above: line.above.as_deref().map_or(Above::Unknown, above),
            problem: line.problem.clone(),
        }
    }

    pub(crate) fn new_plan(
        &self,
        id: &PlanId,
        name: &BaseName,
        planned: &Planned,
        from: Option<Digest>,
    ) -> NewPlan {
        NewPlan {
            id: id.clone(),
            base: name.clone(),
            written: name.written(self.host()),
            from: from.unwrap_or(planned.plan.base.new),
            to: planned.plan.base.new,
            content: plan_json(id, &planned.plan).to_string(),
            nodes: u32::try_from(planned.plan.nodes.len()).unwrap_or(u32::MAX),
        }
    }

    pub(crate) async fn new_ids(&self) -> Result<(PlanId, CascadeId), FlowError> {
        let made = self.store().read(|tx| {
            let now = tx.now();
            Box::pin(async move { Ok((fresh::ulid(now)?, fresh::ulid(now)?)) })
        });
        let (plan, cascade) = made.await?;
        Ok((PlanId::from_ulid(plan), CascadeId::from_ulid(cascade)))
    }
}

pub(crate) fn row(
    new: &NewPlan,
    by: &By,
    record: refloat_core::RecordId,
    now: refloat_core::Timestamp,
) -> PlanRow {
    PlanRow {
        id: new.id.clone(),
        project: by.project.clone(),
        base: new.base.clone(),
        from: new.from,
        to: new.to,
        content: new.content.clone(),
        record,
        created_at: now,
    }
}

/// The plan as INTERFACE.md has it.
pub(crate) fn plan_json(id: &PlanId, plan: &Plan) -> Value {
    let counts: serde_json::Map<String, Value> = plan
        .counts()
        .into_iter()
        .filter_map(|(method, count)| {
            let word = serde_json::to_value(method).ok()?;
            Some((word.as_str()?.to_owned(), Value::from(count)))
        })
        .collect();
    json!({ "id": id, "base": plan.base, "nodes": plan.nodes, "counts": counts })
}

/// How the layers above the base were made: a package manager weighs more than any command, any command more than copies.
fn above(steps: &[Step]) -> Above {
    const MANAGERS: [&str; 9] = [
        "apt-get", "apt ", "dpkg", "apk ", "yum ", "dnf ", "rpm ", "zypper ", "pacman ",
    ];
    let short = |text: &str| text.chars().take(80).collect::<String>();
    let commands: Vec<&str> = steps.iter().filter_map(|step| command(&step.by)).collect();
    let packages = commands
        .iter()
        .find(|command| MANAGERS.iter().any(|word| command.contains(word)));
    if let Some(command) = packages {
        return Above::Packages(short(command));
    }
    if let Some(command) = commands.first() {
        return Above::Runs(short(command));
    }
    let copied = |step: &Step| {
        let by = step.by.as_str();
        [
            "COPY ",
            "ADD ",
            "COPY file:",
            "#(nop) COPY",
            "#(nop) ADD",
            "#(nop)  COPY",
            "#(nop)  ADD",
        ]
        .iter()
        .any(|word| by.contains(word))
    };
    if steps.iter().all(copied) && !steps.is_empty() {
        Above::CopiesOnly
    } else {
        Above::Unknown
    }
}

/// The command that made a layer, if one did: BuildKit writes `RUN ..`, docker and buildah `/bin/sh -c ..`.
fn command(by: &str) -> Option<&str> {
    if by.contains("#(nop)") {
        return None;
    }
    let rest = by.strip_prefix("RUN ").or_else(|| {
        let at = by.find("/bin/sh -c ")?;
        by.get(at + "/bin/sh -c ".len()..)
    })?;
    Some(rest.trim_start_matches("/bin/sh -c ").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_of_several_builders() {
        let step = |by: &str| Step {
            by: by.to_owned(),
            layer: true,
        };
        let cases = [
            ("COPY app /app # buildkit", "CopiesOnly"),
            ("/bin/sh -c #(nop) COPY file:1234 in /app ", "CopiesOnly"),
            ("RUN /bin/sh -c make # buildkit", "Runs"),
            (
                "/bin/sh -c apt-get update && apt-get install -y curl",
                "Packages",
            ),
            ("|1 A=b /bin/sh -c apk add curl", "Packages"),
            ("kaniko", "Unknown"),
            ("", "Unknown"),
        ];
        for (by, expected) in cases {
            let found = format!("{:?}", above(&[step(by)]));
            assert!(found.starts_with(expected), "{by}: {found}");
        }
        assert_eq!(above(&[]), Above::Unknown);
        let both = [step("COPY a /a"), step("RUN make")];
        assert!(matches!(above(&both), Above::Runs(_)));
    }
}
