//! The verdict on a node that is ready, and what is done because of it.

use crate::inputs::Turned;
use crate::testing::{runs_here, tests};
use crate::{Patches, operation, place_error};
use refloat_cascade::policy::{PatchMethod, may_build, may_not_build, tests_may_decide};
use refloat_cascade::{NodeEvent, NodeState};
use refloat_core::Failure;
use refloat_core::event::{CascadeEvent, Method};
use refloat_flow::{Because, FlowError};
use refloat_images::{
    Bases, ImageError, Judged, PlatformJudged, RebaseRequest, judge_rebase, unobserved,
};
use refloat_oci::{Digest, RegistryHost, TagOrDigest};
use refloat_ports::{ImagesError, Place};
use refloat_store_patches::nodes::Detail;
use refloat_store_patches::{By, edges, nodes};
use refloat_verdict::{GraphFacts, Tier};
use serde_json::{Value, json};

/// The most reason codes of a record.
const REASONS_MAX: usize = 20;

/// What is decided about a node.
pub(crate) struct Decision {
    /// What is done.
    pub(crate) method: Method,
    /// Why, where it is held or skipped.
    pub(crate) reason: String,
    /// The verdict's word.
    pub(crate) verdict: &'static str,
    /// Reason codes, worst first.
    pub(crate) codes: Vec<String>,
    /// The verdict as JSON.
    pub(crate) json: Value,
    /// What was judged, where a rebase follows.
    pub(crate) judged: Option<Judged>,
}

impl Patches {
    /// Judges a node whose turn has come. Reads, never writes.
    pub(crate) async fn judge(&self, turned: &Turned) -> Result<Decision, FlowError> {
        if let Some(other) = turned.others().next() {
            let text = format!("its {:?} base moved too", other.kind);
            return Ok(without_layers(turned, "G9", &text));
        }
        let Some(runtime) = turned.runtime() else {
            return Ok(without_layers(turned, "G9", "its base moved"));
        };
        let judged = self.judge_layers(turned, runtime).await;
        match judged {
            Ok(judged) => Ok(decide(turned, judged)),
            Err(error) => match unreadable(error) {
                Unreadable::World(error) => Err(error),
                Unreadable::Image(text) => Ok(without_layers(turned, "G1", &text)),
            },
        }
    }

    async fn judge_layers(
        &self,
        turned: &Turned,
        runtime: &crate::inputs::MovedBase,
    ) -> Result<Judged, ImageError> {
        let node = &turned.node;
        let name = runtime.names.first().ok_or_else(|| {
            ImageError::Unsupported(format!("{} has no base with a name", node.line))
        })?;
        let image = self
            .at(
                node.line.registry.as_ref(),
                &node.line.repository,
                node.image,
            )
            .await?;
        let onto = self
            .at(name.registry.as_ref(), &name.repository, runtime.to)
            .await?;
        let given = self.old_base(turned).await?;
        let request = RebaseRequest {
            image,
            onto,
            bases: Bases {
                given,
                near: Vec::new(),
            },
            places: self.parts().places.as_ref(),
            graph: GraphFacts::default(),
        };
        judge_rebase(&request, self.parts().cache.as_ref(), &unobserved()).await
    }

    async fn at(
        &self,
        registry: Option<&RegistryHost>,
        repository: &refloat_oci::RepositoryName,
        digest: Digest,
    ) -> Result<Place, ImageError> {
        let target = TagOrDigest::Digest(digest);
        Ok(self
            .place(registry, repository, target, Because::default())
            .await?)
    }

    /// The base that the graph knows the image to stand on.
    async fn old_base(&self, turned: &Turned) -> Result<Option<Place>, ImageError> {
        let (line, image) = (turned.node.line.clone(), turned.node.image);
        let found = self.store().read(operation!(
            tx,
            [line],
            edges::root_of_base(tx, &line, &image).await
        ));
        let found = found.await.map_err(|error| {
            ImageError::Place(ImagesError::Failed(Failure::Transient(error.to_string())))
        })?;
        match found {
            Some((registry, repository, digest)) => self
                .at(registry.as_ref(), &repository, digest)
                .await
                .map(Some),
            None => Ok(None),
        }
    }

    /// Records what was decided.
    pub(crate) async fn record_judged(
        &self,
        turned: &Turned,
        decision: &Decision,
    ) -> Result<(), FlowError> {
        let node = turned.node.clone();
        if node.state != NodeState::Waiting {
            return Ok(());
        }
        let onto = turned
            .runtime()
            .or_else(|| turned.moved.first())
            .map_or(turned.cascade.to, |base| base.to);
        let event = CascadeEvent::PatchJudged {
            cascade: turned.cascade.id.clone(),
            registry: node.line.registry.clone(),
            repository: node.line.repository.clone(),
            line: node.line.rule.to_string(),
            image: node.image,
            onto,
            verdict: decision.verdict.to_owned(),
            verdict_digest: Digest::sha256(decision.json.to_string().as_bytes()),
            reasons: decision.codes.clone(),
            method: decision.method,
        };
        let by = self.by(turned, turned.causes.clone());
        let learned = nodes::Learned {
            method: Some(decision.method),
            // How often it was tried stays: the next run has to be another one.
            outcome: Some(json!({ "verdict": decision.json, "attempt": node.outcome["attempt"] })),
            ..nodes::Learned::default()
        };
        let judge = NodeEvent::Judge {
            method: decision.method,
        };
        let cascade = turned.cascade.id.clone();
        let done = self.store().write(operation!(
            tx,
            [cascade, node, judge, learned, by, event],
            nodes::step(tx, &cascade, &node, &judge, &learned, (&by, event)).await
        ));
        done.await?;
        refloat_fail::point("cascade.judged").map_err(refloat_store::StoreError::from)?;
        Ok(())
    }

    /// The server itself, for a record about a node.
    pub(crate) fn by(&self, turned: &Turned, causes: Vec<refloat_core::RecordId>) -> By {
        let _ = self;
        By {
            project: turned.cascade.project.clone(),
            actor: "system".to_owned(),
            causes,
            cascade: Some(turned.cascade.id.clone()),
        }
    }
}

enum Unreadable {
    World(FlowError),
    Image(String),
}

fn unreadable(error: ImageError) -> Unreadable {
    match error {
        ImageError::Place(ImagesError::Failed(failure)) => Unreadable::World(failure.into()),
        ImageError::Place(error @ ImagesError::NotPermitted(_)) => {
            Unreadable::World(place_error(error))
        }
        other => Unreadable::Image(other.to_string()),
    }
}

/// A decision that needs no layers: a task builds it, otherwise somebody has to look.
fn without_layers(turned: &Turned, code: &str, detail: &str) -> Decision {
    let policy = turned.node.detail.policy.as_ref();
    let (method, reason) = match &turned.node.detail.task {
        Some(_) if may_build(policy) => (Method::Rebuild, detail.to_owned()),
        Some(task) => (
            Method::Hold,
            format!("{code}: {detail}; {}", may_not_build(&task.name)),
        ),
        None => (Method::Hold, format!("{code}: {detail}; no task builds it")),
    };
    Decision {
        method,
        reason,
        verdict: Tier::Unsafe.word(),
        codes: vec![code.to_owned()],
        json: json!({
            "verdict": Tier::Unsafe.word(),
            "platforms": [],
            "reasons": [{ "code": code, "detail": detail }],
            "packages": [],
        }),
        judged: None,
    }
}

/// The ladder: rebase where that is safe, or where tests may say so; rebuild by a task; hold.
fn ladder(detail: &Detail, judged: &Judged, worst: &str) -> (Method, String) {
    let policy = detail.policy.as_ref();
    let method = policy.map_or(PatchMethod::Auto, |policy| policy.method);
    let tier = judged.tier();
    match tier {
        Tier::Unchanged => {
            let reason = "the base moved, and nothing of it changed for this image (G3)";
            return (Method::Skip, reason.to_owned());
        }
        Tier::Blocked => {
            let reason = format!(
                "blocked: {worst}; look at it, then `cascade retry`, or rebuild it by hand"
            );
            return (Method::Hold, reason);
        }
        Tier::Proven | Tier::Test | Tier::Unsafe => {}
    }
    let why = match method {
        PatchMethod::Off => {
            let reason = "its policy says `patch: { method: off }`";
            return (Method::Skip, reason.to_owned());
        }
        PatchMethod::Rebuild => "its policy says `patch: { method: rebuild }`".to_owned(),
        PatchMethod::Rebase | PatchMethod::Auto => match against(detail, judged, worst) {
            None => return (Method::Rebase, String::new()),
            Some(why) => why,
        },
    };
    match (&detail.task, method) {
        (Some(task), PatchMethod::Rebase) => (
            Method::Hold,
            format!("{why}; {}", may_not_build(&task.name)),
        ),
        (Some(_), _) => (Method::Rebuild, why),
        (None, _) => (
            Method::Hold,
            format!("{why}; no task builds it: apply a Task, or rebuild it by hand"),
        ),
    }
}

/// What speaks against a rebase, if anything does: the verdict, or that what should decide cannot be run.
fn against(detail: &Detail, judged: &Judged, worst: &str) -> Option<String> {
    let tests = tests(detail);
    let allows = tests_may_decide(detail.policy.as_ref());
    match judged.tier() {
        Tier::Unsafe | Tier::Blocked => return Some(format!("unsafe: {worst}")),
        Tier::Test if !allows => {
            return Some(format!("{worst}; its policy allows proven rebases only"));
        }
        Tier::Test if tests.is_empty() => {
            return Some(format!("{worst}; it has no tests that could decide"));
        }
        Tier::Test | Tier::Proven | Tier::Unchanged => {}
    }
    if tests.is_empty() {
        return None;
    }
    let asks = |platform: &&PlatformJudged| platform.verdict.tier == Tier::Test;
    let here = |platform: &&PlatformJudged| runs_here(&platform.platform);
    let untested = judged
        .platforms
        .iter()
        .filter(asks)
        .find(|platform| !here(platform));
    let none = judged
        .platforms
        .first()
        .filter(|_| !judged.platforms.iter().any(|one| here(&one)));
    let platform = untested.or(none)?;
    Some(format!(
        "its tests cannot be run for {} on this server's machine",
        platform.platform
    ))
}

/// What follows from a verdict.
fn decide(turned: &Turned, judged: Judged) -> Decision {
    let detail = &turned.node.detail;
    let tier = judged.tier();
    let mut reasons: Vec<(Tier, String, String)> = judged
        .platforms
        .iter()
        .flat_map(|platform| &platform.verdict.reasons)
        .map(|reason| {
            let at = if reason.path.is_empty() {
                String::new()
            } else {
                format!(" {}", reason.path)
            };
            let told = format!("{}{at}: {}", reason.code.word(), reason.detail);
            (reason.tier, reason.code.word().to_owned(), told)
        })
        .collect();
    reasons.sort_by_key(|(tier, _, _)| std::cmp::Reverse(*tier));
    let mut codes: Vec<String> = Vec::new();
    for (_, code, _) in &reasons {
        if !codes.contains(code) && codes.len() < REASONS_MAX {
            codes.push(code.clone());
        }
    }
    let worst = reasons.first().map_or_else(
        || "the verdict has no reason".to_owned(),
        |(_, _, told)| told.clone(),
    );
    let (method, reason) = ladder(detail, &judged, &worst);
    Decision {
        method,
        reason,
        verdict: tier.word(),
        codes,
        json: judged.verdict_json(),
        judged: Some(judged),
    }
}
