//! A cascade goes on: whatever is ready is judged, patched, published; level-triggered, so that it may begin again anywhere.

use crate::inputs::{Turned, turn_of};
use crate::{Patches, is_transient, operation};
use refloat_cascade::node::Turn;
use refloat_cascade::{CascadeState, NodeEvent, NodeState};
use refloat_core::event::{CascadeEvent, Method};
use refloat_core::{CascadeId, RecordId, Rejection};
use refloat_flow::FlowError;
use refloat_store_patches::By;
use refloat_store_patches::cascades::{self, CascadeRow};
use refloat_store_patches::nodes::{self, Learned, Node};

/// How many nodes of a cascade are worked on at once.
const AT_ONCE: usize = 4;

/// What came of a look at a node.
enum Went {
    /// Something changed: others may be ready now.
    On,
    /// It waits for a run, a person, or other nodes.
    Waits,
}

impl Patches {
    /// Takes a cascade as far as it goes now.
    pub(crate) async fn advance(&self, id: &CascadeId) -> Result<(), FlowError> {
        loop {
            let Some((cascade, nodes)) = self.load(id).await? else {
                return Ok(());
            };
            if !cascade.state.is_open() {
                return self.call_off(&cascade, &nodes).await;
            }
            let mut ready = Vec::new();
            for node in &nodes {
                if let Some(turned) = Self::due(&cascade, &nodes, node) {
                    ready.push(turned);
                }
            }
            let went = self.work_on(ready).await?;
            if went {
                continue;
            }
            let (id, by) = (id.clone(), By::system(cascade.project.clone()));
            let finished = self.store().write(operation!(
                tx,
                [id, by],
                cascades::finish(tx, &id, &by).await
            ));
            match finished.await.map_err(FlowError::from) {
                Err(FlowError::Rejected(Rejection::Conflict(_))) => {}
                other => drop(other?),
            }
            return Ok(());
        }
    }

    pub(crate) async fn load(
        &self,
        id: &CascadeId,
    ) -> Result<Option<(CascadeRow, Vec<Node>)>, FlowError> {
        let id = id.clone();
        let found = self.store().read(operation!(tx, [id], {
            let Some(cascade) = cascades::find(tx, &id).await? else {
                return Ok(None);
            };
            let nodes = nodes::of_cascade(tx, &id).await?;
            Ok(Some((cascade, nodes)))
        }));
        Ok(found.await?)
    }

    /// Works on nodes, several at once; whether any of them went on. A failure of the world is told after all have been tried.
    async fn work_on(&self, ready: Vec<(Turned, Turn)>) -> Result<bool, FlowError> {
        use futures_util::StreamExt;
        let work = ready.into_iter().map(|(turned, turn)| async move {
            let went = self.one(&turned, turn).await;
            (turned, went)
        });
        let mut done = futures_util::stream::iter(work).buffer_unordered(AT_ONCE);
        let (mut went_on, mut failed) = (false, None);
        while let Some((turned, went)) = done.next().await {
            match went {
                Ok(Went::On) => went_on = true,
                Ok(Went::Waits) => {}
                Err(error) => {
                    tracing::warn!(line = %turned.node.line, %error, "a patch could not go on");
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if !went_on => Err(error),
            _ => Ok(went_on),
        }
    }

    /// The nodes that something can be done about.
    fn due(cascade: &CascadeRow, nodes: &[Node], node: &Node) -> Option<(Turned, Turn)> {
        let turned = Turned::of(cascade, nodes, node);
        match &node.state {
            NodeState::Building { .. } | NodeState::Testing { .. } => Some((turned, Turn::Ready)),
            NodeState::Judged { .. } => {
                (cascade.state == CascadeState::Running).then_some((turned, Turn::Ready))
            }
            NodeState::Waiting if cascade.state == CascadeState::Running => {
                match turn_of(node, nodes) {
                    Turn::NotYet => None,
                    turn => Some((turned, turn)),
                }
            }
            NodeState::Waiting
            | NodeState::Published { .. }
            | NodeState::Held { .. }
            | NodeState::Skipped { .. }
            | NodeState::Failed { .. } => None,
        }
    }

    async fn one(&self, turned: &Turned, turn: Turn) -> Result<Went, FlowError> {
        let went = match turn {
            Turn::Never(reason) => self.hold(turned, reason).await,
            Turn::Pointless(reason) => self.skip(turned, reason).await,
            Turn::NotYet => return Ok(Went::Waits),
            Turn::Ready => return self.forward(turned).await,
        };
        settled(went)
    }

    async fn forward(&self, turned: &Turned) -> Result<Went, FlowError> {
        let detail = &turned.node.detail;
        let result = match (&turned.node.state, detail.method) {
            (NodeState::Building { run }, _) => {
                return looked(self.look_at_run(turned, run).await);
            }
            (NodeState::Testing { run }, _) => {
                return looked(self.look_at_tests(turned, run).await);
            }
            (NodeState::Waiting, Method::Skip) => {
                self.skip(turned, detail.because.join("; ")).await
            }
            (NodeState::Waiting, Method::Hold) => {
                self.hold(turned, detail.because.join("; ")).await
            }
            (
                NodeState::Judged {
                    method: Method::Rebuild,
                },
                _,
            ) => self.rebuild(turned).await,
            // Judging holds much: it does not lie in every future above it.
            _ => Box::pin(self.judge_and_patch(turned)).await,
        };
        match result {
            // What cannot go right another time ends this node, not the cascade.
            Err(error) if !is_transient(&error) && !is_conflict(&error) => {
                settled(self.fail(turned, error.to_string()).await)
            }
            other => settled(other),
        }
    }

    /// Judges a node and does what follows.
    async fn judge_and_patch(&self, turned: &Turned) -> Result<(), FlowError> {
        let decision = self.judge(turned).await?;
        self.record_judged(turned, &decision).await?;
        let Some(turned) = self.again(turned).await? else {
            return Ok(());
        };
        match decision.method {
            Method::Skip => self.skip(&turned, decision.reason).await,
            Method::Hold | Method::PackageLayer => self.hold(&turned, decision.reason).await,
            Method::Rebuild => self.rebuild(&turned).await,
            Method::Rebase => self.rebase(&turned, decision).await,
        }
    }

    /// The same node as its row has it now; `None` if it went on by other hands. What it stands on had its end before.
    pub(crate) async fn again(&self, turned: &Turned) -> Result<Option<Turned>, FlowError> {
        let (id, number) = (turned.cascade.id.clone(), turned.node.number);
        let found = self.store().read(operation!(tx, [id], {
            let cascade = cascades::find(tx, &id).await?;
            Ok(cascade.zip(nodes::find(tx, &id, number).await?))
        }));
        let found = found.await?.filter(|(_, node)| !node.state.is_ended());
        Ok(found.map(|(cascade, node)| Turned {
            cascade,
            node,
            moved: turned.moved.clone(),
            causes: turned.causes.clone(),
        }))
    }

    /// Takes a node to an end without a patch, because of the newest record about it.
    async fn end(
        &self,
        turned: &Turned,
        event: NodeEvent,
        told: CascadeEvent,
    ) -> Result<(), FlowError> {
        let causes = match &turned.node.record {
            Some(record) => vec![record.clone()],
            None => turned.causes.clone(),
        };
        self.end_because(turned, event, told, causes).await
    }

    async fn end_because(
        &self,
        turned: &Turned,
        event: NodeEvent,
        told: CascadeEvent,
        causes: Vec<RecordId>,
    ) -> Result<(), FlowError> {
        let (cascade, node) = (turned.cascade.id.clone(), turned.node.clone());
        let by = self.by(turned, causes);
        let done = self
            .store()
            .write(operation!(tx, [cascade, node, event, told, by], {
                let learned = Learned::default();
                nodes::step(tx, &cascade, &node, &event, &learned, (&by, told)).await
            }));
        done.await?;
        refloat_fail::point("cascade.node_ended").map_err(refloat_store::StoreError::from)?;
        Ok(())
    }

    pub(crate) async fn hold(&self, turned: &Turned, reason: String) -> Result<(), FlowError> {
        let told = CascadeEvent::PatchHeld {
            cascade: turned.cascade.id.clone(),
            registry: turned.node.line.registry.clone(),
            repository: turned.node.line.repository.clone(),
            line: turned.node.line.rule.to_string(),
            reason: short(&reason),
        };
        self.end(turned, NodeEvent::Hold { reason }, told).await
    }

    pub(crate) async fn skip(&self, turned: &Turned, reason: String) -> Result<(), FlowError> {
        let told = CascadeEvent::PatchSkipped {
            cascade: turned.cascade.id.clone(),
            registry: turned.node.line.registry.clone(),
            repository: turned.node.line.repository.clone(),
            line: turned.node.line.rule.to_string(),
            reason: short(&reason),
        };
        self.end(turned, NodeEvent::Skip { reason }, told).await
    }

    pub(crate) async fn fail(&self, turned: &Turned, error: String) -> Result<(), FlowError> {
        let told = failed(turned, &error);
        self.end(turned, NodeEvent::Fail { error }, told).await
    }

    /// The same because of the end of a run.
    pub(crate) async fn fail_by(
        &self,
        turned: &Turned,
        error: String,
        run: RecordId,
    ) -> Result<(), FlowError> {
        let told = failed(turned, &error);
        let fail = NodeEvent::Fail { error };
        self.end_because(turned, fail, told, vec![run]).await
    }
}

fn failed(turned: &Turned, error: &str) -> CascadeEvent {
    CascadeEvent::PatchFailed {
        cascade: turned.cascade.id.clone(),
        registry: turned.node.line.registry.clone(),
        repository: turned.node.line.repository.clone(),
        line: turned.node.line.rule.to_string(),
        error: short(error),
    }
}

/// What came of a look at a node's run: `true` if the node went on.
fn looked(result: Result<bool, FlowError>) -> Result<Went, FlowError> {
    match result {
        Ok(true) => Ok(Went::On),
        Ok(false) => Ok(Went::Waits),
        Err(error) => settled(Err(error)),
    }
}

/// A step that somebody else took, or that the end of the cascade forbids, is no failure: look again.
fn settled(result: Result<(), FlowError>) -> Result<Went, FlowError> {
    match result {
        Ok(()) => Ok(Went::On),
        Err(error) if is_conflict(&error) => Ok(Went::Waits),
        Err(error) => Err(error),
    }
}

fn is_conflict(error: &FlowError) -> bool {
    matches!(error, FlowError::Rejected(Rejection::Conflict(_)))
}

/// Reasons have room in a record.
fn short(text: &str) -> String {
    text.chars().take(2000).collect()
}
