//! What people see: images and what they stand on, the graph, upstreams, cascades.

use crate::ask::project_of;
use crate::{Patches, operation};
use refloat_cascade::{BaseName, CascadeState, NodeState};
use refloat_core::CascadeId;
use refloat_flow::{Caller, FlowError};
use refloat_oci::Reference;
use refloat_store::access::authorize_server;
use refloat_store_patches::cascades::{self, CascadeRow};
use refloat_store_patches::nodes::{self, Node};
use refloat_store_patches::shown::{self, ShownLine};
use refloat_store_patches::upstreams;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most lines of a graph.
const GRAPH_MAX: usize = 20_000;
/// Lines read at once.
const PAGE: i64 = 1000;
/// The most pages of cascades that are looked through for those that somebody may see.
const LOOKS_MAX: usize = 20;

/// Images of one page.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagesShown {
    /// `{"line","reference","digest","platforms","base","outdated","reason"}` each.
    pub items: Vec<Value>,
    /// Repository and rule of the last line, if there may be more.
    pub next: Option<(String, String)>,
}

/// A graph: `{"nodes":[{"reference","line","digest","outdated"}],"edges":[{"from","to","kind","found_by","outdated"}]}`.
pub type GraphShown = Value;

/// A cascade: `{"id","state","plan","base","nodes":[..],"counts":{}}`.
pub type CascadeShown = Value;

impl Patches {
    /// Lines with their bases, those that the caller may pull; foreign ones after the last page, for administrators.
    ///
    /// # Errors
    /// [`FlowError`] of the store.
    pub async fn images(
        &self,
        caller: &Caller,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Result<ImagesShown, FlowError> {
        let (lines, next) = self.lines(caller, after, limit).await?;
        Ok(ImagesShown {
            items: lines.iter().map(|line| self.image_json(line)).collect(),
            next,
        })
    }

    async fn lines(
        &self,
        caller: &Caller,
        after: Option<(String, String)>,
        limit: usize,
    ) -> Result<(Vec<ShownLine>, Option<(String, String)>), FlowError> {
        let principal = caller.principal.clone();
        let limit = i64::try_from(limit).unwrap_or(PAGE).clamp(1, PAGE);
        let read = self.store().read(operation!(tx, [principal, after], {
            let after = after
                .as_ref()
                .map(|(repository, rule)| (repository.as_str(), rule.as_str()));
            let (mut lines, next) = shown::lines(tx, &principal, after, limit).await?;
            if next.is_none() && authorize_server(tx, &principal).await.is_ok() {
                lines.extend(shown::foreign_lines(tx).await?);
            }
            Ok((lines, next))
        }));
        Ok(read.await?)
    }

    fn image_json(&self, line: &ShownLine) -> Value {
        let base = line.base.as_ref().map(|base| {
            let host = base.registry.as_ref().unwrap_or(self.host());
            let reference = match &base.tag {
                Some(tag) => format!("{host}/{}:{tag}", base.repository),
                None => format!("{host}/{}", base.repository),
            };
            json!({
                "reference": reference,
                "digest": base.digest,
                "kind": base.kind,
                "found_by": base.found_by,
            })
        });
        let others: Vec<Value> = line
            .others
            .iter()
            .map(|(kind, base)| json!({ "kind": kind, "reference": base.written(self.host()) }))
            .collect();
        json!({
            "line": line.line.to_string(),
            "reference": self.reference(line),
            "digest": line.digest,
            "platforms": line.platforms,
            "base": base,
            "others": others,
            "outdated": line.outdated,
            "reason": line.reason,
        })
    }

    fn reference(&self, line: &ShownLine) -> String {
        let name = BaseName {
            registry: line.line.registry.clone(),
            repository: line.line.repository.clone(),
            tag: line.tag.clone(),
        };
        name.written(self.host())
    }

    /// What stands on what, of all that the caller may pull, or what is connected with one reference.
    ///
    /// # Errors
    /// [`refloat_core::Rejection::NameInvalid`] for a reference that is none.
    pub async fn graph(
        &self,
        caller: &Caller,
        reference: Option<&str>,
    ) -> Result<GraphShown, FlowError> {
        let mut lines = Vec::new();
        let mut after = None;
        loop {
            let limit = usize::try_from(PAGE).unwrap_or(1000);
            let (page, next) = self.lines(caller, after, limit).await?;
            lines.extend(page);
            after = next;
            if after.is_none() || lines.len() > GRAPH_MAX {
                break;
            }
        }
        let (mut nodes, mut edges) = (BTreeMap::new(), Vec::new());
        for line in &lines {
            let shown = self.image_json(line);
            let from = self.reference(line);
            nodes.insert(
                from.clone(),
                json!({ "reference": from, "line": shown["line"], "digest": shown["digest"], "outdated": shown["outdated"] }),
            );
            let base = &shown["base"];
            if let Some(to) = base["reference"].as_str() {
                edges.push(json!({ "from": from, "to": to, "kind": base["kind"], "found_by": base["found_by"], "outdated": shown["outdated"] }));
            }
            for other in shown["others"].as_array().into_iter().flatten() {
                edges.push(json!({ "from": from, "to": other["reference"], "kind": other["kind"], "found_by": "task", "outdated": false }));
            }
        }
        for edge in &edges {
            if let Some(to) = edge["to"].as_str() {
                nodes.entry(to.to_owned()).or_insert_with(
                    || json!({ "reference": to, "line": null, "digest": null, "outdated": false }),
                );
            }
        }
        if let Some(text) = reference {
            let wanted = Reference::parse(text, Some(self.host()))
                .map_err(|error| refloat_core::Rejection::NameInvalid(error.to_string()))?;
            let kept = connected(&wanted.to_string(), &nodes, &edges);
            nodes.retain(|name, _| kept.contains(name));
            edges.retain(|edge| {
                [&edge["from"], &edge["to"]]
                    .iter()
                    .all(|end| end.as_str().is_some_and(|end| kept.contains(end)))
            });
        }
        let nodes: Vec<Value> = nodes.into_values().collect();
        Ok(json!({ "nodes": nodes, "edges": edges }))
    }

    /// Upstreams of a project, with what did not answer.
    ///
    /// # Errors
    /// [`refloat_core::Rejection::NotFound`] or `Denied` without leave.
    pub async fn upstreams(
        &self,
        caller: &Caller,
        project: Option<String>,
    ) -> Result<Vec<Value>, FlowError> {
        let principal = caller.principal.clone();
        let read = self.store().read(operation!(tx, [principal, project], {
            let project = project_of(tx, &principal, project.as_deref()).await?;
            let mut found = Vec::new();
            for upstream in upstreams::list(tx, &project).await? {
                let missing = upstreams::missing(tx, &upstream).await?;
                let missing: Vec<Value> = missing
                    .into_iter()
                    .map(|(one, error)| {
                        let reference =
                            format!("{}/{}:{}", upstream.registry, one.repository, one.tag);
                        json!({ "reference": reference, "error": error })
                    })
                    .collect();
                found.push(json!({
                    "name": upstream.name,
                    "registry": upstream.registry,
                    "watch": upstream.watch,
                    "every_seconds": upstream.every_seconds,
                    "verified_until": upstream.verified_until,
                    "swept_at": upstream.swept_at,
                    "due_at": upstream.due_at,
                    "receipt": upstream.receipt,
                    "missing": missing,
                }));
            }
            Ok(found)
        }));
        Ok(read.await?)
    }

    /// Cascades, the newest first, those with an image that the caller may pull; administrators see all.
    ///
    /// # Errors
    /// [`FlowError`] of the store.
    pub async fn cascades(
        &self,
        caller: &Caller,
        before: Option<String>,
        limit: usize,
    ) -> Result<Vec<(String, CascadeShown)>, FlowError> {
        let principal = caller.principal.clone();
        let limit = i64::try_from(limit).unwrap_or(PAGE).clamp(1, PAGE);
        let read = self.store().read(operation!(tx, [principal, before], {
            let (mut found, mut before) = (Vec::new(), before.clone());
            for _ in 0..LOOKS_MAX {
                let rows = cascades::list(tx, before.as_deref(), limit).await?;
                let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < limit);
                for row in rows {
                    before = Some(row.id.to_string());
                    let nodes = nodes::of_cascade(tx, &row.id).await?;
                    if let Some(seen) = seen(tx, &principal, &nodes).await? {
                        found.push((row, nodes, seen));
                    }
                }
                if is_last || found.len() >= usize::try_from(limit).unwrap_or(usize::MAX) {
                    break;
                }
            }
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(found)
        }));
        let found = read.await?;
        Ok(found
            .into_iter()
            .map(|(row, nodes, seen)| {
                let mut json = self.cascade_json(&row, &nodes, &seen);
                if let Value::Object(map) = &mut json {
                    map.remove("nodes");
                }
                (row.id.to_string(), json)
            })
            .collect())
    }

    /// A cascade with its nodes.
    ///
    /// # Errors
    /// [`refloat_core::Rejection::NotFound`].
    pub async fn cascade(
        &self,
        caller: &Caller,
        id: &CascadeId,
    ) -> Result<CascadeShown, FlowError> {
        let (principal, id) = (caller.principal.clone(), id.clone());
        let read = self.store().read(operation!(tx, [principal, id], {
            let row = cascades::get(tx, &id).await?;
            let nodes = nodes::of_cascade(tx, &id).await?;
            let seen = seen(tx, &principal, &nodes).await?;
            let unknown = || refloat_core::Rejection::NotFound {
                kind: "cascade",
                name: id.to_string(),
            };
            Ok((row, nodes, seen.ok_or_else(unknown)?))
        }));
        let (row, nodes, seen) = read.await?;
        Ok(self.cascade_json(&row, &nodes, &seen))
    }

    /// A cascade, of its nodes those with these numbers.
    fn cascade_json(&self, row: &CascadeRow, nodes: &[Node], seen: &BTreeSet<i64>) -> Value {
        let shown = || nodes.iter().filter(|node| seen.contains(&node.number));
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for node in shown() {
            *counts.entry(node.state.name()).or_default() += 1;
        }
        let superseded_by = match &row.state {
            CascadeState::Superseded { by } => Some(by.clone()),
            CascadeState::Running
            | CascadeState::Paused
            | CascadeState::Cancelled
            | CascadeState::Finished => None,
        };
        json!({
            "id": row.id,
            "state": row.state.name(),
            "superseded_by": superseded_by,
            "plan": row.plan,
            "base": { "reference": row.base.written(self.host()), "old": row.from, "new": row.to },
            "actor": row.actor,
            "created_at": row.created_at,
            "ended_at": row.ended_at,
            "counts": counts,
            "nodes": shown().map(|node| self.node_json(node, nodes)).collect::<Vec<_>>(),
        })
    }

    fn node_json(&self, node: &Node, all: &[Node]) -> Value {
        let host = node.line.registry.as_ref().unwrap_or(self.host());
        let image =
            |digest: &refloat_oci::Digest| format!("{host}/{}@{digest}", node.line.repository);
        let depends_on: BTreeSet<String> = node
            .detail
            .edges
            .iter()
            .filter_map(|(_, on)| Some(all.get((*on)?)?.line.to_string()))
            .collect();
        let verdict = &node.outcome["verdict"];
        let is_published = matches!(node.state, NodeState::Published { .. });
        json!({
            "line": node.line.to_string(),
            "image": image(&node.image),
            "state": node.state.name(),
            "reason": node.state.reason(),
            "method": node.method.unwrap_or(node.detail.method),
            "forecast_method": node.detail.method,
            "because": node.detail.because,
            "depends_on": depends_on,
            "verdict": verdict["verdict"],
            "platforms": verdict["platforms"],
            "run": node.run,
            "tests": node.outcome["tests"],
            "tested": node.outcome["tested"],
            "result": node.result.as_ref().filter(|_| is_published).map(image),
            "tag": node.outcome.get("tag").cloned().unwrap_or_else(|| json!(node.patch_tag)),
            "packages": node.outcome.get("packages").cloned().unwrap_or_else(|| json!([])),
            "proof": node.outcome["proof"],
            "record": node.record,
        })
    }
}

/// The nodes whose images somebody may know: those of this registry that it may pull, all of them for administrators.
/// `None` if there is nothing to see.
async fn seen(
    tx: &mut dyn refloat_store::Tx,
    principal: &refloat_core::Principal,
    nodes: &[Node],
) -> Result<Option<BTreeSet<i64>>, refloat_store::StoreError> {
    if authorize_server(tx, principal).await.is_ok() {
        return Ok(Some(nodes.iter().map(|node| node.number).collect()));
    }
    let mut seen = BTreeSet::new();
    for node in nodes.iter().filter(|node| node.line.registry.is_none()) {
        if shown::may_pull(tx, principal, &node.line.repository).await? {
            seen.insert(node.number);
        }
    }
    Ok(Some(seen).filter(|seen| !seen.is_empty()))
}

/// What can be reached from a reference along edges, upwards and downwards.
fn connected(wanted: &str, nodes: &BTreeMap<String, Value>, edges: &[Value]) -> BTreeSet<String> {
    let mut up: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut down: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in edges {
        if let (Some(from), Some(to)) = (edge["from"].as_str(), edge["to"].as_str()) {
            up.entry(to).or_default().push(from);
            down.entry(from).or_default().push(to);
        }
    }
    let mut kept = BTreeSet::new();
    for ways in [&up, &down] {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut waiting = vec![wanted];
        while let Some(name) = waiting.pop() {
            if seen.insert(name) {
                waiting.extend(ways.get(name).into_iter().flatten());
            }
        }
        kept.extend(seen.into_iter().map(str::to_owned));
    }
    kept.retain(|name| nodes.contains_key(name));
    kept
}
