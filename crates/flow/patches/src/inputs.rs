//! What a node stands on by now: the bases that moved below it, each with what it is to be patched onto.

use refloat_cascade::node::{Root, Turn, turn};
use refloat_cascade::{BaseName, NodeState};
use refloat_core::event::EdgeKind;
use refloat_oci::Digest;
use refloat_store_patches::cascades::CascadeRow;
use refloat_store_patches::nodes::Node;

/// Whose turn it is, by the states of the nodes that `node` stands on.
pub(crate) fn turn_of(node: &Node, nodes: &[Node]) -> Turn {
    let edges = &node.detail.edges;
    let root = if edges.iter().any(|(_, on)| on.is_none()) {
        Root::StandsOnIt
    } else {
        Root::ByOthers
    };
    let names: Vec<(String, &NodeState)> = edges
        .iter()
        .filter_map(|(_, on)| nodes.get((*on)?))
        .map(|base| (base.line.to_string(), &base.state))
        .collect();
    let bases = names.iter().map(|(line, state)| (line.as_str(), *state));
    turn(bases, root)
}

/// One base of a node that names another image now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MovedBase {
    /// How the node stands on it.
    pub(crate) kind: EdgeKind,
    /// Its names: a line may have several tags that move together.
    pub(crate) names: Vec<BaseName>,
    /// What it names now.
    pub(crate) to: Digest,
}

/// A node and all it needs.
pub(crate) struct Turned {
    /// The cascade.
    pub(crate) cascade: CascadeRow,
    /// The node.
    pub(crate) node: Node,
    /// Its bases that moved, RUNTIME first.
    pub(crate) moved: Vec<MovedBase>,
    /// Records that led to its turn.
    pub(crate) causes: Vec<refloat_core::RecordId>,
}

impl Turned {
    /// Gathers what a node stands on; `nodes` are all of its cascade.
    pub(crate) fn of(cascade: &CascadeRow, nodes: &[Node], node: &Node) -> Self {
        let mut moved = Vec::new();
        let mut causes = vec![cascade.record.clone()];
        for (kind, on) in &node.detail.edges {
            let Some(number) = on else {
                moved.push(MovedBase {
                    kind: *kind,
                    names: vec![cascade.base.clone()],
                    to: cascade.to,
                });
                continue;
            };
            let Some(base) = nodes.get(*number) else {
                continue;
            };
            if let NodeState::Published { digest } = base.state {
                causes.extend(base.record.clone());
                moved.push(MovedBase {
                    kind: *kind,
                    names: names(base),
                    to: digest,
                });
            }
        }
        // A patch because of its parents names those; the start of the cascade is behind them.
        if causes.len() > 1 && !node.detail.edges.iter().any(|(_, on)| on.is_none()) {
            causes.remove(0);
        }
        moved.sort_by_key(|base| base.kind);
        causes.dedup();
        Self {
            cascade: cascade.clone(),
            node: node.clone(),
            moved,
            causes,
        }
    }

    /// The base whose layers it would stand on.
    pub(crate) fn runtime(&self) -> Option<&MovedBase> {
        self.moved
            .iter()
            .find(|base| base.kind == EdgeKind::Runtime)
    }

    /// Bases of other kinds that its task runs for.
    pub(crate) fn others(&self) -> impl Iterator<Item = &MovedBase> {
        let triggers = self
            .node
            .detail
            .task
            .as_ref()
            .map(|task| task.triggers.clone())
            .unwrap_or_default();
        self.moved
            .iter()
            .filter(move |base| base.kind != EdgeKind::Runtime && triggers.contains(&base.kind))
    }

    /// The key under which its patch is made once: line, inputs, recipe, occasion (DESIGN.md section 1).
    pub(crate) fn key(&self, recipe: &str) -> Digest {
        let mut text = format!(
            "refloat-patch-1\n{}\n{}\n{recipe}\n",
            self.node.line, self.node.image
        );
        for base in &self.moved {
            let line = format!("{:?} {}\n", base.kind, base.to);
            text.push_str(&line);
        }
        if self.cascade.actor != "system" {
            text.push_str(self.cascade.plan.as_str());
        }
        Digest::sha256(text.as_bytes())
    }
}

/// The names under which a line's image is a base.
fn names(node: &Node) -> Vec<BaseName> {
    let of = |tag: &refloat_oci::TagName| BaseName {
        registry: node.line.registry.clone(),
        repository: node.line.repository.clone(),
        tag: tag.clone(),
    };
    let mut names: Vec<BaseName> = node.line.rule.stable().map(of).into_iter().collect();
    if let Some(task) = &node.detail.task {
        names.extend(task.stable.iter().map(of));
    }
    if names.is_empty() {
        names.push(of(&node.detail.tag));
    }
    names.sort();
    names.dedup();
    names
}
