//! Why something is as it is: from a release, tag or digest back along recorded causes to the upstream digest, commit or
//! person that started it; and forwards from a digest to all that it reached.
//!
//! Only recorded ids are followed. A cause that is gone, or that the asker may not know, is `unknown`; nothing is guessed by
//! tag or time.

mod shown;

use super::Administration;
use crate::{Caller, FlowError};
use refloat_core::event::{CascadeEvent, RegistryEvent, ReleaseEvent, WatchEvent};
use refloat_core::{Event, Principal, RecordId, Recorded, Stream};
use refloat_oci::{Digest, Reference, RegistryHost, RepositoryName, TagName};
use refloat_store::access::{Pull, authorize_existing};
use refloat_store::{StoreError, Tx, log};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The most records of one answer.
const RECORDS_MAX: usize = 5_000;
/// How the streams of watched tags of this registry begin: they have no host.
const OWN_BASES: &str = "base//";

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhySubject {
    /// A release of this server, by its document's name.
    Release(String),
    /// A tag of a repository of this server.
    Tag(RepositoryName, TagName),
    /// A tag of a foreign registry that is watched.
    ForeignTag(RegistryHost, RepositoryName, TagName),
    /// A digest, wherever it is.
    Digest(Digest),
    /// A digest that runs: the question begins at the release that brought it, if there is one.
    Running(Digest),
}

/// In which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the causes.
    Back,
    /// To what it led to.
    Forwards,
}

impl Administration {
    /// The records that led to the subject, newest first, or, forwards, what it led to, oldest first; the first is the
    /// subject's own.
    ///
    /// Empty if nothing is recorded about the subject, or the asker may not know.
    ///
    /// # Errors
    /// [`FlowError`] of the database.
    pub async fn why(
        &self,
        caller: &Caller,
        subject: WhySubject,
        direction: Direction,
    ) -> Result<Vec<Value>, FlowError> {
        let principal = caller.principal.clone();
        let walked = self.store().read(move |tx| {
            let (principal, subject) = (principal.clone(), subject.clone());
            Box::pin(async move { walk(tx, &principal, &subject, direction).await })
        });
        Ok(walked.await?)
    }
}

async fn walk(
    tx: &mut dyn Tx,
    principal: &Principal,
    subject: &WhySubject,
    direction: Direction,
) -> Result<Vec<Value>, StoreError> {
    let mut sight = Sight {
        principal,
        pullable: BTreeMap::new(),
    };
    let starts = starts(tx, &mut sight, subject, direction).await?;
    let mut seen: BTreeSet<RecordId> = starts.iter().map(|record| record.id.clone()).collect();
    let mut queue: VecDeque<Recorded> = starts.into();
    let (mut found, mut unknown) = (Vec::new(), BTreeSet::new());
    while let Some(record) = queue.pop_front() {
        let next = match direction {
            Direction::Back => causes(tx, &mut sight, &record, &mut unknown).await?,
            Direction::Forwards => effects(tx, &mut sight, &record).await?,
        };
        for record in next {
            if seen.len() < RECORDS_MAX && seen.insert(record.id.clone()) {
                queue.push_back(record);
            }
        }
        found.push(record);
    }
    found.sort_by_key(|record| match direction {
        Direction::Back => -record.sequence,
        Direction::Forwards => record.sequence,
    });
    let mut shown = Vec::with_capacity(found.len());
    for record in &found {
        let actor = log::actor_name(tx, &record.actor).await?;
        shown.push(shown::record(record, &actor));
    }
    shown.extend(unknown.iter().map(shown::unknown));
    Ok(shown)
}

/// The causes that can be shown; the others are named in `unknown`.
async fn causes(
    tx: &mut dyn Tx,
    sight: &mut Sight<'_>,
    record: &Recorded,
    unknown: &mut BTreeSet<RecordId>,
) -> Result<Vec<Recorded>, StoreError> {
    let mut causes = Vec::new();
    for id in &record.causes {
        match log::get(tx, id).await? {
            Some((cause, _)) if cause.body.is_some() && sight.may_see(tx, &cause).await? => {
                causes.push(cause);
            }
            Some(_) | None => {
                unknown.insert(id.clone());
            }
        }
    }
    Ok(causes)
}

async fn effects(
    tx: &mut dyn Tx,
    sight: &mut Sight<'_>,
    record: &Recorded,
) -> Result<Vec<Recorded>, StoreError> {
    let mut effects = Vec::new();
    for effect in log::effects(tx, &record.id).await? {
        if effect.body.is_some() && sight.may_see(tx, &effect).await? {
            effects.push(effect);
        }
    }
    Ok(effects)
}

/// The records that the question begins at.
async fn starts(
    tx: &mut dyn Tx,
    sight: &mut Sight<'_>,
    subject: &WhySubject,
    direction: Direction,
) -> Result<Vec<Recorded>, StoreError> {
    match subject {
        WhySubject::Release(name) => {
            let stream = Stream::new("release", name);
            let record = log::newest_of_stream(tx, &stream, "release.deployed").await?;
            match record {
                Some(record) if sight.may_see_release(tx, &record).await? => Ok(vec![record]),
                Some(_) | None => Ok(Vec::new()),
            }
        }
        WhySubject::Tag(repository, tag) => {
            let leave = match authorize_existing::<Pull>(tx, sight.principal, repository).await {
                Ok(leave) => leave,
                Err(StoreError::Rejected(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let stream = Stream::new("tag", format_args!("{}/{tag}", leave.repository().id));
            let Some(moved) = log::newest_of_stream(tx, &stream, "tag.moved").await? else {
                return Ok(Vec::new());
            };
            let Some(Event::Registry(RegistryEvent::TagMoved { to, .. })) = moved.event() else {
                return Ok(vec![moved]);
            };
            let patched = visible_bringers(tx, sight, &to).await?.into_iter().find(
                |record| matches!(record.event(), Some(Event::Cascade(CascadeEvent::PatchPublished { repository: ref at, .. })) if at == repository),
            );
            Ok(vec![patched.unwrap_or(moved)])
        }
        WhySubject::ForeignTag(registry, repository, tag) => {
            of_foreign_tag(tx, sight, (registry, repository, tag)).await
        }
        WhySubject::Digest(digest) => {
            let bringers = visible_bringers(tx, sight, digest).await?;
            Ok(match direction {
                Direction::Forwards => bringers,
                Direction::Back => most_telling(bringers).into_iter().collect(),
            })
        }
        WhySubject::Running(digest) => {
            let bringers = visible_bringers(tx, sight, digest).await?;
            let deployed = bringers
                .iter()
                .find(|record| {
                    matches!(
                        record.event(),
                        Some(Event::Release(ReleaseEvent::ReleaseDeployed { .. }))
                    )
                })
                .cloned();
            Ok(deployed
                .or_else(|| most_telling(bringers))
                .into_iter()
                .collect())
        }
    }
}

/// The patch that a watched tag of a foreign registry names, otherwise the look that saw what it names.
async fn of_foreign_tag(
    tx: &mut dyn Tx,
    sight: &mut Sight<'_>,
    (registry, repository, tag): (&RegistryHost, &RepositoryName, &TagName),
) -> Result<Vec<Recorded>, StoreError> {
    let stream = Stream::new("base", format_args!("{registry}/{repository}:{tag}"));
    let mut newest: Option<Recorded> = None;
    for kind in ["base.found", "base.moved", "base.rewrapped"] {
        let found = log::newest_of_stream(tx, &stream, kind).await?;
        newest = newest
            .into_iter()
            .chain(found)
            .max_by_key(|one| one.sequence);
    }
    let Some(seen) = newest else {
        return Ok(Vec::new());
    };
    let Some(Event::Watch(
        WatchEvent::BaseFound { digest: to, .. }
        | WatchEvent::BaseMoved { to, .. }
        | WatchEvent::BaseRewrapped { to, .. },
    )) = seen.event()
    else {
        return Ok(vec![seen]);
    };
    let is_its_patch = |record: &Recorded| {
        matches!(record.event(), Some(Event::Cascade(CascadeEvent::PatchPublished { registry: Some(host), repository: at, .. }))
            if host == *registry && at == *repository)
    };
    let brought = visible_bringers(tx, sight, &to).await?;
    let patched = brought.into_iter().find(is_its_patch);
    Ok(vec![patched.unwrap_or(seen)])
}

/// The newest record of the kind that tells most: how it was made, then that it is a base, then that it was pushed.
fn most_telling(bringers: Vec<Recorded>) -> Option<Recorded> {
    let rank = |record: &Recorded| match record.event() {
        Some(Event::Cascade(_)) => 0,
        Some(Event::Release(ReleaseEvent::ChangeMade { .. })) => 1,
        Some(Event::Run(_)) => 2,
        Some(Event::Watch(_)) => 3,
        Some(Event::Registry(_)) => 4,
        Some(Event::Release(_) | Event::Access(_) | Event::Audit(_)) | None => 5,
    };
    bringers
        .into_iter()
        .min_by_key(|record| (rank(record), -record.sequence))
}

async fn visible_bringers(
    tx: &mut dyn Tx,
    sight: &mut Sight<'_>,
    digest: &Digest,
) -> Result<Vec<Recorded>, StoreError> {
    let mut visible = Vec::new();
    for record in log::bringers(tx, digest).await? {
        let seen = match record.event() {
            Some(Event::Release(_)) => sight.may_see_release(tx, &record).await?,
            Some(_) => sight.may_see(tx, &record).await?,
            None => false,
        };
        if seen {
            visible.push(record);
        }
    }
    Ok(visible)
}

/// What the asker may know, remembered for one answer.
struct Sight<'a> {
    principal: &'a Principal,
    pullable: BTreeMap<RepositoryName, bool>,
}

impl Sight<'_> {
    async fn may_pull(
        &mut self,
        tx: &mut dyn Tx,
        repository: &RepositoryName,
    ) -> Result<bool, StoreError> {
        if let Some(known) = self.pullable.get(repository) {
            return Ok(*known);
        }
        let leave = pull(tx, self.principal, repository).await?;
        self.pullable.insert(repository.clone(), leave);
        Ok(leave)
    }

    /// Whether a record that was reached along causes may be shown: its repository may be pulled; a base that is a
    /// repository of this server, too. What is about neither is shown to whoever got there.
    async fn may_see(&mut self, tx: &mut dyn Tx, record: &Recorded) -> Result<bool, StoreError> {
        let Some(event) = record.event() else {
            return Ok(false);
        };
        if let Some(repository) = event.repository() {
            return self.may_pull(tx, repository).await;
        }
        match &event {
            Event::Watch(event) => {
                let is_own = record.stream.as_str().starts_with(OWN_BASES);
                self.may_see_base(tx, event, is_own).await
            }
            Event::Access(_) | Event::Audit(_) => Ok(self.principal.administrator),
            Event::Release(ReleaseEvent::ChangeMade { images, .. }) if !images.is_empty() => {
                let lines = images
                    .iter()
                    .filter_map(|image| image.line.split('#').next());
                for name in lines {
                    // One of a foreign registry has its host before it.
                    let is_foreign = Reference::parse(name, None).is_ok();
                    let Ok(repository) = name.parse() else {
                        continue;
                    };
                    if !is_foreign && self.may_pull(tx, &repository).await? {
                        return Ok(true);
                    }
                }
                Ok(self.principal.administrator)
            }
            Event::Registry(_) | Event::Cascade(_) | Event::Run(_) | Event::Release(_) => Ok(true),
        }
    }

    /// A foreign base or image is no secret to who may see what led to it: whether it can be pulled there, its registry knows.
    async fn may_see_base(
        &mut self,
        tx: &mut dyn Tx,
        event: &WatchEvent,
        is_own: bool,
    ) -> Result<bool, StoreError> {
        match event {
            WatchEvent::BaseFound { reference, .. }
            | WatchEvent::BaseMoved { reference, .. }
            | WatchEvent::BaseRewrapped { reference, .. }
            | WatchEvent::BaseLost { reference, .. } => {
                if !is_own {
                    return Ok(true);
                }
                match Reference::parse(reference, None) {
                    Ok(reference) => self.may_pull(tx, &reference.repository).await,
                    Err(_) => Ok(false),
                }
            }
            WatchEvent::EdgeFound {
                registry: None,
                repository,
                ..
            } => self.may_pull(tx, repository).await,
            WatchEvent::EdgeFound { .. } | WatchEvent::SweepFinished { .. } => Ok(true),
        }
    }

    /// Whether a question may begin at a record of a release: one of the images it brought may be pulled.
    async fn may_see_release(
        &mut self,
        tx: &mut dyn Tx,
        record: &Recorded,
    ) -> Result<bool, StoreError> {
        if self.principal.administrator {
            return Ok(true);
        }
        let Some(Event::Release(ReleaseEvent::ReleaseDeployed { images, .. })) = record.event()
        else {
            return self.may_see(tx, record).await;
        };
        for image in &images {
            for bringer in log::bringers(tx, image).await? {
                let event = bringer.event();
                if let Some(repository) = event.as_ref().and_then(Event::repository)
                    && self.may_pull(tx, repository).await?
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

async fn pull(
    tx: &mut dyn Tx,
    principal: &Principal,
    repository: &RepositoryName,
) -> Result<bool, StoreError> {
    match authorize_existing::<Pull>(tx, principal, repository).await {
        Ok(_) => Ok(true),
        Err(StoreError::Rejected(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
