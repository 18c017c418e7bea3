//! What has been begun and is not at its end: each image of a cascade that waits, and what it waits for.

use crate::inputs::turn_of;
use crate::{Patches, operation};
use refloat_cascade::node::Turn;
use refloat_cascade::{CascadeState, NodeState};
use refloat_core::CascadeId;
use refloat_flow::{Caller, FlowError};
use refloat_oci::RegistryHost;
use refloat_store::access::authorize_server;
use refloat_store_patches::cascades::{self, CascadeRow};
use refloat_store_patches::nodes::{self, Node};
use refloat_store_patches::shown::may_pull;
use serde_json::{Value, json};

impl Patches {
    /// Images of these cascades that are not at their end and that the caller may know, each as `why` shows a record:
    /// its type is `patch.waiting`, `detail` says on what it waits, `causes` has the newest record about it.
    ///
    /// # Errors
    /// [`FlowError`] of the store.
    pub async fn waits(
        &self,
        caller: &Caller,
        cascades: Vec<CascadeId>,
    ) -> Result<Vec<Value>, FlowError> {
        let principal = caller.principal.clone();
        let read = self.store().read(operation!(tx, [principal, cascades], {
            let is_administrator = authorize_server(tx, &principal).await.is_ok();
            let mut waiting = Vec::new();
            for id in &cascades {
                let Some(cascade) = cascades::find(tx, id).await? else {
                    continue;
                };
                if !cascade.state.is_open() {
                    continue;
                }
                let nodes = nodes::of_cascade(tx, id).await?;
                for node in nodes.iter().filter(|node| !node.state.is_ended()) {
                    let line = &node.line;
                    let may_know = match &line.registry {
                        None => may_pull(tx, &principal, &line.repository).await?,
                        Some(_) => is_administrator,
                    };
                    if may_know {
                        waiting.push(shown(&cascade, &nodes, node));
                    }
                }
            }
            Ok(waiting)
        }));
        Ok(read.await?)
    }

    /// A registry as references name it, unless it is this one.
    pub fn foreign(&self, registry: RegistryHost) -> Option<RegistryHost> {
        Some(registry).filter(|host| !refloat_cascade::name::is_own(host, self.host()))
    }
}

fn shown(cascade: &CascadeRow, nodes: &[Node], node: &Node) -> Value {
    let cause = node.record.as_ref().unwrap_or(&cascade.record);
    json!({
        "id": format!("{}/{}", cascade.id, node.number),
        "type": "patch.waiting",
        "at": Value::Null,
        "actor": Value::Null,
        "subject": { "kind": "image", "name": node.line.to_string(), "digest": node.image },
        "method": node.method.unwrap_or(node.detail.method),
        "packages": [],
        "proof": Value::Null,
        "detail": on_what(cascade, nodes, node),
        "cascade": cascade.id,
        "causes": [cause],
    })
}

/// On what it waits, for people.
fn on_what(cascade: &CascadeRow, nodes: &[Node], node: &Node) -> String {
    match &node.state {
        NodeState::Building { run } => return format!("waits for run {run}"),
        NodeState::Testing { run } => return format!("waits for its tests, run {run}"),
        _ => {}
    }
    if cascade.state == CascadeState::Paused {
        return format!("waits for a person: cascade {} is paused", cascade.id);
    }
    let below: Vec<&Node> = node
        .detail
        .edges
        .iter()
        .filter_map(|(_, on)| nodes.get((*on)?))
        .filter(|base| !base.state.is_ended())
        .collect();
    if turn_of(node, nodes) != Turn::NotYet || below.is_empty() {
        return "waits for its turn: nothing is in its way".to_owned();
    }
    let names: Vec<String> = below.iter().map(|base| base.line.to_string()).collect();
    format!("waits for {}", names.join(", "))
}
