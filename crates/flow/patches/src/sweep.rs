//! Sweeps: every watched reference of an upstream is asked by HEAD, one answer each, and the receipt says who did not answer.

use crate::{Patches, operation};
use refloat_cascade::BaseName;
use refloat_cascade::rule::glob_matches;
use refloat_core::event::{SeenBy, WatchEvent};
use refloat_core::{ProjectId, RecordId, Timestamp};
use refloat_flow::{Because, FlowError};
use refloat_oci::{Digest, RepositoryName, TagName, TagOrDigest};
use refloat_ports::Place;
use refloat_store::{StoreError, Tx};
use refloat_store_patches::bases::{self, Answer, BaseRow};
use refloat_store_patches::upstreams::{self, Expected, Swept, Upstream};
use refloat_store_patches::{By, nodes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests per second that one upstream gets.
const RATE_PER_SECOND: f64 = 10.0;
/// Requests that may follow each other at once.
const BURST: f64 = 50.0;
/// The most tags of one repository that a pattern looks through.
const TAGS_MAX: usize = 10_000;
/// Tags asked for at once.
const TAGS_PAGE: usize = 1000;
/// The most references without an answer that a receipt names.
const MISSING_MAX: usize = 50;

/// One token bucket per upstream host.
#[derive(Default)]
pub(crate) struct Buckets(Mutex<BTreeMap<String, (f64, Instant)>>);

impl Buckets {
    /// Takes a token; how long to wait first.
    fn take(&self, host: &str) -> Duration {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (left, since) = buckets.entry(host.to_owned()).or_insert((BURST, now));
        let refilled = now.duration_since(*since).as_secs_f64() * RATE_PER_SECOND;
        *left = (*left + refilled).min(BURST) - 1.0;
        *since = now;
        if *left >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-*left / RATE_PER_SECOND)
        }
    }
}

/// Whether a tag is where a registry without referrers keeps them, `sha256-..` (distribution-spec, "Referrers Tag Schema"): no image.
fn is_of_referrers(tag: &TagName) -> bool {
    let hash = tag.as_str().split_once('-');
    hash.is_some_and(|(algorithm, hex)| {
        matches!(algorithm, "sha256" | "sha512")
            && hex.len() >= 64
            && hex.bytes().take(64).all(|byte| byte.is_ascii_hexdigit())
    })
}

/// What a sweep found of one reference.
enum Found {
    Digest(Digest),
    Absent,
    Nothing(String),
}

impl Patches {
    /// Sweeps an upstream.
    pub(crate) async fn sweep(&self, project: &ProjectId, name: &str) -> Result<(), FlowError> {
        let (project, name) = (project.clone(), name.to_owned());
        let read = self.store().read(operation!(tx, [project, name], {
            let upstream = match upstreams::get(tx, &project, &name).await {
                // Deleted meanwhile.
                Err(refloat_store::StoreError::Rejected(_)) => return Ok(None),
                other => other?,
            };
            let before = upstreams::expected_before(tx, &upstream).await?;
            Ok(Some((upstream, before, tx.now())))
        }));
        let Some((upstream, before, started)) = read.await? else {
            return Ok(());
        };
        let (expected, broken) = self.expected(&upstream, &before).await;
        let mut found = BTreeMap::new();
        for one in expected {
            let answer = self.ask(&upstream, &one).await;
            found.insert(one, answer);
        }
        self.receive(upstream, started, found, broken).await
    }

    /// Every reference that has to answer, and the patterns whose tags could not be listed.
    async fn expected(
        &self,
        upstream: &Upstream,
        before: &[Expected],
    ) -> (BTreeSet<Expected>, Vec<String>) {
        let (mut expected, mut broken) = (BTreeSet::new(), Vec::new());
        for rule in &upstream.watch {
            let Some((repository, tags)) = rule.rsplit_once(':') else {
                continue;
            };
            let Ok(repository) = repository.parse::<RepositoryName>() else {
                continue;
            };
            if let Ok(tag) = tags.parse::<TagName>() {
                expected.insert(Expected { repository, tag });
                continue;
            }
            // What a pattern named once has to answer still: an empty listing removes nothing.
            let known = before
                .iter()
                .filter(|one| one.repository == repository && glob_matches(tags, one.tag.as_str()));
            expected.extend(known.cloned());
            match self.listed(upstream, &repository, tags).await {
                Ok(found) => expected.extend(found.into_iter().map(|tag| Expected {
                    repository: repository.clone(),
                    tag,
                })),
                Err(error) => broken.push(format!("{rule}: {error}")),
            }
        }
        (expected, broken)
    }

    async fn upstream_place(
        &self,
        upstream: &Upstream,
        repository: &RepositoryName,
        target: TagOrDigest,
    ) -> Result<Place, FlowError> {
        let wait = self.inner.buckets.take(upstream.registry.as_str());
        tokio::time::sleep(wait).await;
        self.place(
            Some(&upstream.registry),
            repository,
            target,
            Because::default(),
        )
        .await
        .map_err(crate::place_error)
    }

    async fn listed(
        &self,
        upstream: &Upstream,
        repository: &RepositoryName,
        glob: &str,
    ) -> Result<Vec<TagName>, FlowError> {
        let mut found = Vec::new();
        let mut after: Option<TagName> = None;
        let mut seen = 0;
        let any = TagOrDigest::Tag("latest".parse().expect("a tag"));
        loop {
            let place = self
                .upstream_place(upstream, repository, any.clone())
                .await?;
            let page = place
                .images
                .tags(repository, after.as_ref(), TAGS_PAGE)
                .await
                .map_err(crate::place_error)?;
            seen += page.len();
            let more = page.len() >= TAGS_PAGE && seen < TAGS_MAX;
            after = page.last().cloned();
            found.extend(
                page.into_iter()
                    .filter(|tag| glob_matches(glob, tag.as_str()))
                    .filter(|tag| !is_of_referrers(tag)),
            );
            if !more {
                return Ok(found);
            }
        }
    }

    async fn ask(&self, upstream: &Upstream, one: &Expected) -> Found {
        let target = TagOrDigest::Tag(one.tag.clone());
        let asked = async {
            let place = self
                .upstream_place(upstream, &one.repository, target.clone())
                .await?;
            place
                .images
                .resolve(&one.repository, &target)
                .await
                .map_err(crate::place_error)
        };
        match asked.await {
            Ok(Some(descriptor)) => Found::Digest(descriptor.digest),
            Ok(None) => Found::Absent,
            Err(error) => Found::Nothing(error.to_string()),
        }
    }

    /// The receipt and every move it led to, in one transaction: nothing is verified that is not in rows.
    async fn receive(
        &self,
        upstream: Upstream,
        started: Timestamp,
        found: BTreeMap<Expected, Found>,
        broken: Vec<String>,
    ) -> Result<(), FlowError> {
        let mut unread: BTreeMap<Expected, String> = BTreeMap::new();
        // What is new is read before: an image that cannot be read has not been answered for.
        let by = By::system(upstream.project.clone());
        for (one, answer) in &found {
            if let Found::Digest(digest) = answer {
                let read = self
                    .read(Some(&upstream.registry), &one.repository, *digest, &by)
                    .await;
                if let Err(error) = read {
                    unread.insert(one.clone(), error.to_string());
                }
            }
        }
        let swept = Arc::new(receipt(&upstream, started, &found, &broken, &unread));
        let answers = Arc::new(self.answers(&upstream, &found, &unread));
        let upstream = Arc::new(upstream);
        let written = self
            .store()
            .write(operation!(tx, [upstream, swept, answers, by], {
                let receipt = upstreams::finish(tx, &upstream, &swept, &by).await?;
                for answer in answers.iter() {
                    let before = bases::get(tx, &answer.name).await?;
                    // Written while we asked, by a patch of ours: what we heard may be older.
                    let is_newer = |before: &BaseRow| before.answered_at >= started;
                    let same = |before: &BaseRow| before.digest == answer.digest;
                    if before
                        .as_ref()
                        .is_some_and(|before| is_newer(before) || same(before))
                    {
                        continue;
                    }
                    let by = because(tx, answer, &by, &receipt).await?;
                    bases::answered(tx, answer, &by).await?;
                }
                Ok(())
            }));
        written.await?;
        refloat_fail::point("sweep.finished").map_err(refloat_store::StoreError::from)?;
        Ok(())
    }

    /// The definite answers of a sweep.
    fn answers(
        &self,
        upstream: &Upstream,
        found: &BTreeMap<Expected, Found>,
        unread: &BTreeMap<Expected, String>,
    ) -> Vec<Answer> {
        let answer = |(one, answer): (&Expected, &Found)| {
            let digest = match answer {
                Found::Digest(digest) if !unread.contains_key(one) => Some(*digest),
                Found::Absent => None,
                Found::Digest(_) | Found::Nothing(_) => return None,
            };
            let name = BaseName {
                registry: Some(upstream.registry.clone()),
                repository: one.repository.clone(),
                tag: one.tag.clone(),
            };
            Some(Answer {
                written: name.written(self.host()),
                name,
                digest,
                seen_by: SeenBy::Sweep,
            })
        };
        found.iter().filter_map(answer).collect()
    }
}

/// Why a reference names what it names: our own patch, if one was about to name it so, and the sweep that saw it.
async fn because(
    tx: &mut dyn Tx,
    answer: &Answer,
    by: &By,
    receipt: &RecordId,
) -> Result<By, StoreError> {
    let name = &answer.name;
    let ours = match &answer.digest {
        Some(digest) => nodes::intended(tx, name.host(), &name.repository, digest).await?,
        None => None,
    };
    let mut causes = vec![receipt.clone()];
    let mut cascade = None;
    if let Some((its, record)) = ours {
        causes.extend(record);
        cascade = Some(its);
    }
    Ok(By {
        cascade,
        ..by.clone().because(causes)
    })
}

/// What a sweep says of itself (DESIGN.md section 5): verified only if every expected reference has a definite answer.
fn receipt(
    upstream: &Upstream,
    started: Timestamp,
    found: &BTreeMap<Expected, Found>,
    broken: &[String],
    unread: &BTreeMap<Expected, String>,
) -> Swept {
    let (mut answered, mut absent) = (0_u32, 0_u32);
    let (mut names, mut observed) = (String::new(), String::new());
    let mut missing: Vec<String> = broken.to_vec();
    let mut expected = Vec::with_capacity(found.len());
    for (one, answer) in found {
        let name = format!("{}/{}:{}", upstream.registry, one.repository, one.tag);
        names.push_str(&name);
        names.push('\n');
        let problem = match (answer, unread.get(one)) {
            (_, Some(error)) | (Found::Nothing(error), None) => Some(error.clone()),
            (Found::Digest(digest), None) => {
                answered += 1;
                let line = format!("{name} {digest}\n");
                observed.push_str(&line);
                None
            }
            (Found::Absent, None) => {
                absent += 1;
                let line = format!("{name} absent\n");
                observed.push_str(&line);
                None
            }
        };
        if problem.is_some() {
            missing.push(name);
        }
        expected.push((one.clone(), problem));
    }
    let verified_until = missing.is_empty().then_some(started);
    let missing_count = u32::try_from(missing.len()).unwrap_or(u32::MAX);
    missing.truncate(MISSING_MAX);
    Swept {
        expected,
        receipt: WatchEvent::SweepFinished {
            upstream: upstream.name.clone(),
            started_at: started,
            expected: u32::try_from(found.len()).unwrap_or(u32::MAX),
            expected_hash: Digest::sha256(names.as_bytes()),
            observed_hash: Digest::sha256(observed.as_bytes()),
            answered,
            absent,
            missing,
            missing_count,
            verified_until: verified_until.or(upstream.verified_until),
        },
        verified_until,
    }
}
