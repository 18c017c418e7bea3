//! A patched image becomes what its line names: tags, rows and records together where the registry is ours.

use crate::inputs::Turned;
use crate::judging::Decision;
use crate::testing::{CANDIDATE, tests};
use crate::{Patches, image_error, operation, place_error};
use refloat_cascade::{BaseName, NodeEvent};
use refloat_core::event::{CascadeEvent, Method, PackageChange, Proof, SeenBy};
use refloat_core::{Principal, RecordId, Rejection};
use refloat_flow::{Because, FlowError};
use refloat_images::{Destination, Judged, unobserved, write};
use refloat_oci::{Digest, RegistryHost, TagName, TagOrDigest};
use refloat_ports::Place;
use refloat_store::access::{Push, authorize_existing};
use refloat_store::registry;
use refloat_store::{StoreError, Tx};
use refloat_store_patches::nodes::{self, Learned, Made};
use refloat_store_patches::{bases, cascades, graph, reach};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most packages that a record names.
const PACKAGES_MAX: usize = 100;
/// How many tags of a foreign registry are tried until one is free.
const TAGS_TRIED_MAX: usize = 1000;

/// The recipe of a rebase, as keys of patches have it.
pub(crate) const REBASE: &str = "rebase-1";

/// A result that is pushed by its digest and wants to be named.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    /// The image.
    pub(crate) digest: Digest,
    /// Its unique tag.
    pub(crate) tag: TagName,
    /// How it was made.
    pub(crate) method: Method,
    /// What moved.
    pub(crate) packages: Vec<PackageChange>,
    /// Why the team's code is the same.
    pub(crate) proof: Proof,
    /// Whether tests passed.
    pub(crate) tested: bool,
    /// The record that the tags name as their cause.
    pub(crate) cause: Vec<RecordId>,
}

impl Patches {
    /// Writes what was judged safe, and publishes it.
    pub(crate) async fn rebase(
        &self,
        turned: &Turned,
        decision: Decision,
    ) -> Result<(), FlowError> {
        let Some(judged) = decision.judged else {
            return self.hold(turned, decision.reason).await;
        };
        let node = &turned.node;
        let cause: Vec<RecordId> = node.record.iter().cloned().collect();
        let because = Because {
            causes: cause.clone(),
            cascade: Some(turned.cascade.id.clone()),
        };
        let place = self
            .place(
                node.line.registry.as_ref(),
                &node.line.repository,
                TagOrDigest::Digest(node.image),
                because,
            )
            .await
            .map_err(place_error)?;
        let base_name = turned
            .runtime()
            .and_then(|base| base.names.first())
            .map(|name| name.written(self.host()));
        let destination = Destination {
            place,
            tag: None,
            base_name,
            created: None,
            annotations: BTreeMap::new(),
        };
        let cache = self.parts().cache.as_ref();
        let done = write(&judged, &destination, cache, &unobserved())
            .await
            .map_err(image_error)?;
        refloat_fail::point("cascade.rebased").map_err(StoreError::from)?;
        let ready = Ready {
            digest: done.digest,
            tag: node.patch_tag.clone(),
            method: Method::Rebase,
            packages: judged.packages().into_iter().map(package).collect(),
            proof: same_layers(&judged),
            tested: false,
            cause,
        };
        match tests(&node.detail) {
            [] => self.publish(turned, ready, REBASE).await,
            tests => self.ask_for_tests(turned, &ready, tests).await,
        }
    }

    /// Names a result. Tags of our own registry move in the transaction of the record; foreign ones before it.
    pub(crate) async fn publish(
        &self,
        turned: &Turned,
        ready: Ready,
        recipe: &str,
    ) -> Result<(), FlowError> {
        let key = turned.key(recipe);
        let published = if turned.node.line.registry.is_none() {
            self.publish_own(turned, &ready, key).await
        } else {
            self.publish_foreign(turned, &ready, key).await
        };
        match published {
            Err(FlowError::Rejected(Rejection::Conflict(why))) if why.starts_with(MOVED) => {
                self.skip(turned, why).await
            }
            Err(FlowError::Rejected(
                rejection @ (Rejection::Immutable(_) | Rejection::Denied(_)),
            )) => self.hold(turned, rejection.to_string()).await,
            other => other,
        }
    }

    async fn publish_own(
        &self,
        turned: &Turned,
        ready: &Ready,
        key: Digest,
    ) -> Result<(), FlowError> {
        let work = Arc::new(Publishing {
            node: turned.node.clone(),
            cascade: turned.cascade.id.clone(),
            project: turned.cascade.project.clone(),
            ready: ready.clone(),
            tags: self.tags(turned, &ready.tag),
            pinned: pinned(turned),
            key,
        });
        let done = self
            .store()
            .write(operation!(tx, [work], publish_rows(tx, &work).await));
        done.await?;
        refloat_fail::point("cascade.published").map_err(StoreError::from)?;
        Ok(())
    }

    /// The tags that shall name the result: its unique one, and those of its line.
    fn tags(&self, turned: &Turned, unique: &TagName) -> Vec<TagName> {
        let _ = self;
        let node = &turned.node;
        let mut tags = vec![unique.clone()];
        tags.extend(node.line.rule.stable().cloned());
        if let Some(task) = &node.detail.task {
            tags.extend(task.stable.iter().cloned());
        }
        let mut seen = std::collections::BTreeSet::new();
        tags.retain(|tag| seen.insert(tag.clone()));
        tags
    }

    /// A foreign registry has no transaction with us: tags move one by one, each a repeatable step, then the rows follow.
    async fn publish_foreign(
        &self,
        turned: &Turned,
        ready: &Ready,
        key: Digest,
    ) -> Result<(), FlowError> {
        let node = &turned.node;
        let by_digest = TagOrDigest::Digest(ready.digest);
        let place = self
            .place(
                node.line.registry.as_ref(),
                &node.line.repository,
                by_digest.clone(),
                Because::default(),
            )
            .await
            .map_err(place_error)?;
        let images = &place.images;
        let found = images.manifest(&place.repository, &by_digest).await;
        let manifest = found.map_err(place_error)?.ok_or_else(|| {
            Rejection::Invalid(format!("{} is not there any more", place.written))
        })?;
        let stands = TagOrDigest::Tag(node.detail.tag.clone());
        let now = images.resolve(&place.repository, &stands).await;
        let now = now.map_err(place_error)?.map(|now| now.digest);
        if now != Some(node.image) && now != Some(ready.digest) {
            return Err(moved(&node.line.to_string(), now.as_ref()).into());
        }
        let ready = &self.with_free_tag(turned, ready, &place).await?;
        self.intend(turned, ready.digest).await?;
        for tag in self.tags(turned, &ready.tag) {
            let target = TagOrDigest::Tag(tag);
            let put = images.put_manifest(
                &place.repository,
                &target,
                &manifest.media_type,
                manifest.bytes.clone(),
            );
            put.await.map_err(place_error)?;
            refloat_fail::point("cascade.foreign_tagged").map_err(StoreError::from)?;
        }
        let by = self.by(turned, ready.cause.clone());
        self.read(
            node.line.registry.as_ref(),
            &node.line.repository,
            ready.digest,
            &by,
        )
        .await?;
        let work = Arc::new(Publishing {
            node: node.clone(),
            cascade: turned.cascade.id.clone(),
            project: turned.cascade.project.clone(),
            ready: ready.clone(),
            tags: self.tags(turned, &ready.tag),
            pinned: pinned(turned),
            key,
        });
        let own = self.host().clone();
        let done = self.store().write(operation!(tx, [work, own, by], {
            cascades::hold_open(tx, &work.cascade).await?;
            for tag in work.tags.iter().skip(1) {
                bases::answered(tx, &named(&work, tag, &own), &by).await?;
            }
            told(tx, &work, work.ready.cause.clone()).await
        }));
        done.await?;
        refloat_fail::point("cascade.published").map_err(StoreError::from)?;
        Ok(())
    }
}

impl Patches {
    /// Writes down what is about to be named: a sweep that sees it before its rows are written knows whose it is.
    async fn intend(&self, turned: &Turned, result: Digest) -> Result<(), FlowError> {
        let (cascade, node) = (turned.cascade.id.clone(), turned.node.clone());
        let done = self.store().write(operation!(
            tx,
            [cascade, node],
            nodes::intend(tx, &cascade, &node, result).await
        ));
        Ok(done.await?)
    }

    /// A foreign registry may have had our tag before us, from other hands: then the next number is taken.
    async fn with_free_tag(
        &self,
        turned: &Turned,
        ready: &Ready,
        place: &Place,
    ) -> Result<Ready, FlowError> {
        let mut ready = ready.clone();
        for _ in 0..TAGS_TRIED_MAX {
            let target = TagOrDigest::Tag(ready.tag.clone());
            let there = place.images.resolve(&place.repository, &target).await;
            let there = there.map_err(place_error)?.map(|there| there.digest);
            // A run names its image by its own id, which nobody else has.
            let is_free = there.is_none_or(|there| there == ready.digest);
            if is_free || ready.method != Method::Rebase {
                return Ok(ready);
            }
            let (cascade, node) = (turned.cascade.id.clone(), turned.node.clone());
            let next = self.store().write(operation!(
                tx,
                [cascade, node],
                cascades::allot_again(tx, &cascade, &node).await
            ));
            ready.tag = next.await?;
        }
        Err(Rejection::Invalid(format!(
            "no tag of the form {}-pN is free in {}",
            turned.node.detail.tag, place.written
        ))
        .into())
    }
}

/// Everything that one transaction publishes.
struct Publishing {
    node: nodes::Node,
    cascade: refloat_core::CascadeId,
    project: refloat_core::ProjectId,
    ready: Ready,
    /// The unique tag first.
    tags: Vec<TagName>,
    pinned: Vec<(BaseName, Digest)>,
    key: Digest,
}

/// How the rejection begins that says that somebody else moved the line.
const MOVED: &str = "the line moved on";

fn moved(line: &str, now: Option<&Digest>) -> Rejection {
    let names = now.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    Rejection::Conflict(format!(
        "{MOVED} by other hands: {line} names {names}; it is looked at anew with the next move of its base"
    ))
}

async fn publish_rows(tx: &mut dyn Tx, work: &Publishing) -> Result<(), StoreError> {
    cascades::hold_open(tx, &work.cascade).await?;
    let line = &work.node.line;
    let now = reach::current(tx, line).await?.map(|(_, digest)| digest);
    if now != Some(work.node.image) && now != Some(work.ready.digest) {
        return Err(moved(&line.to_string(), now.as_ref()).into());
    }
    let system = Principal::system();
    let leave = authorize_existing::<Push>(tx, &system, &line.repository)
        .await?
        .with_because(Because {
            causes: work.ready.cause.clone(),
            cascade: Some(work.cascade.clone()),
        });
    let target = TagOrDigest::Digest(work.ready.digest);
    for tag in &work.tags {
        registry::tag(tx, &leave, &target, tag).await?;
    }
    // The moves of the tags led to the record of the patch.
    let mut causes = Vec::new();
    for tag in work.tags.iter().rev() {
        if let Some(position) = bases::own_tag(tx, &line.repository, tag).await? {
            causes.push(position.record);
        }
    }
    told(tx, work, causes).await
}

/// What a tag of a foreign registry names now that we moved it.
fn named(work: &Publishing, tag: &TagName, own: &RegistryHost) -> bases::Answer {
    let name = BaseName {
        registry: work.node.line.registry.clone(),
        repository: work.node.line.repository.clone(),
        tag: tag.clone(),
    };
    bases::Answer {
        written: name.written(own),
        name,
        digest: Some(work.ready.digest),
        seen_by: SeenBy::Push,
    }
}

/// The record of the patch, and what follows from it in rows.
async fn told(tx: &mut dyn Tx, work: &Publishing, causes: Vec<RecordId>) -> Result<(), StoreError> {
    let (node, ready) = (&work.node, &work.ready);
    if let Some(task) = &node.detail.task {
        graph::pin_task_edges(tx, &task.project, &task.name, &work.pinned).await?;
    }
    let mut packages = ready.packages.clone();
    packages.truncate(PACKAGES_MAX);
    let event = CascadeEvent::PatchPublished {
        cascade: work.cascade.clone(),
        registry: node.line.registry.clone(),
        repository: node.line.repository.clone(),
        line: node.line.rule.to_string(),
        from: node.image,
        to: ready.digest,
        tag: ready.tag.clone(),
        method: ready.method,
        packages: packages.clone(),
        packages_count: u32::try_from(ready.packages.len()).unwrap_or(u32::MAX),
        proof: ready.proof.clone(),
        tested: ready.tested,
    };
    let mut outcome = node.outcome.clone();
    if !outcome.is_object() {
        outcome = json!({});
    }
    outcome["packages"] = json!(packages);
    outcome["proof"] = json!(ready.proof);
    outcome["tag"] = json!(ready.tag);
    outcome["tested"] = json!(ready.tested);
    if let Some(outcome) = outcome.as_object_mut() {
        outcome.remove(CANDIDATE);
    }
    let learned = Learned {
        result: Some(ready.digest),
        outcome: Some(outcome),
        method: Some(ready.method),
        ..Learned::default()
    };
    let by = refloat_store_patches::By {
        project: work.project.clone(),
        actor: "system".to_owned(),
        causes,
        cascade: Some(work.cascade.clone()),
    };
    let publish = NodeEvent::Publish {
        digest: ready.digest,
    };
    let record = nodes::step(tx, &work.cascade, node, &publish, &learned, (&by, event)).await?;
    let made = Made {
        digest: ready.digest,
        tag: ready.tag.clone(),
        record,
    };
    nodes::remember(tx, &work.key, &work.cascade, node, &made).await?;
    refloat_fail::point("cascade.publishing")?;
    Ok(())
}

/// What the task's edges stand on from now on.
fn pinned(turned: &Turned) -> Vec<(BaseName, Digest)> {
    turned
        .moved
        .iter()
        .flat_map(|base| base.names.iter().map(|name| (name.clone(), base.to)))
        .collect()
}

/// The layers above the base are the ones they were, of every platform.
fn same_layers(judged: &Judged) -> Proof {
    let mut text = String::new();
    let mut layers = 0_u32;
    for platform in &judged.platforms {
        let below = platform
            .base
            .as_ref()
            .map_or(0, |base| base.image.diff_ids.len());
        for diff_id in platform.image.diff_ids.iter().skip(below) {
            let line = format!("{diff_id}\n");
            text.push_str(&line);
            layers += 1;
        }
    }
    Proof::SameLayers {
        hash: Digest::sha256(text.as_bytes()),
        layers,
    }
}

/// A package change as records have it.
pub(crate) fn package(change: refloat_packages::PackageChange) -> PackageChange {
    PackageChange {
        r#type: change.kind,
        name: change.name,
        old: change.old,
        new: change.new,
    }
}
