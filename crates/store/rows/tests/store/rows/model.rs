//! A model of repositories and random steps: rows must agree with it after each one, and collection without any grace
//! must leave exactly what is reachable.

use super::collect::{NOW, sweep};
use super::world::*;
use crate::both::{TestStore, on_postgres, on_sqlite};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use refloat_core::{Principal, Rejection};
use refloat_oci::Digest;
use refloat_store::StoreError;
use refloat_store::access::{Delete, Push, authorize};
use refloat_store::registry::{self, PutManifest};
use std::collections::{BTreeMap, BTreeSet};

const REPOSITORIES: usize = 2;
const BLOBS: usize = 4;
const TAGS: [&str; 2] = ["one", "two"];

/// What a manifest of the model names; numbers are those of other manifests.
struct Shape {
    blobs: &'static [usize],
    children: &'static [usize],
    subject: Option<usize>,
}

const SHAPES: [Shape; 7] = [
    Shape {
        blobs: &[0],
        children: &[],
        subject: None,
    },
    Shape {
        blobs: &[1, 2],
        children: &[],
        subject: None,
    },
    Shape {
        blobs: &[0, 3],
        children: &[],
        subject: None,
    },
    Shape {
        blobs: &[],
        children: &[0, 1],
        subject: None,
    },
    Shape {
        blobs: &[],
        children: &[3],
        subject: None,
    },
    Shape {
        blobs: &[3],
        children: &[],
        subject: Some(0),
    },
    Shape {
        blobs: &[2],
        children: &[],
        subject: Some(5),
    },
];

#[derive(Debug, Clone)]
enum Step {
    PushBlob {
        repository: usize,
        blob: usize,
    },
    Mount {
        from: usize,
        to: usize,
        blob: usize,
    },
    Put {
        repository: usize,
        manifest: usize,
        tag: Option<usize>,
    },
    DeleteManifest {
        repository: usize,
        manifest: usize,
    },
    DeleteBlob {
        repository: usize,
        blob: usize,
    },
    Untag {
        repository: usize,
        tag: usize,
    },
    Collect,
}

/// A push as clients do it: all that a manifest needs, then the manifest.
fn whole(repository: usize, manifest: usize, tag: Option<usize>) -> Vec<Step> {
    let shape = &SHAPES[manifest];
    let blobs = shape.blobs.iter().map(|blob| Step::PushBlob {
        repository,
        blob: *blob,
    });
    let children = shape
        .children
        .iter()
        .flat_map(|child| whole(repository, *child, None));
    blobs
        .chain(children)
        .chain([Step::Put {
            repository,
            manifest,
            tag,
        }])
        .collect()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Most happens in one repository, so that steps meet.
    let (repository, blob) = (prop_oneof![3 => Just(0), 1 => Just(1)], 0..BLOBS);
    let (manifest, tag) = (0..SHAPES.len(), 0..TAGS.len());
    let repository = || repository.clone();
    let step = prop_oneof![
        1 => (repository(), blob.clone()).prop_map(|(repository, blob)| vec![Step::PushBlob { repository, blob }]),
        1 => (repository(), repository(), blob.clone()).prop_map(|(from, to, blob)| vec![Step::Mount { from, to, blob }]),
        1 => (repository(), manifest.clone(), prop::option::of(tag.clone()))
            .prop_map(|(repository, manifest, tag)| vec![Step::Put { repository, manifest, tag }]),
        4 => (repository(), manifest.clone(), prop::option::of(tag.clone()))
            .prop_map(|(repository, manifest, tag)| whole(repository, manifest, tag)),
        5 => (repository(), manifest).prop_map(|(repository, manifest)| vec![Step::DeleteManifest { repository, manifest }]),
        1 => (repository(), blob).prop_map(|(repository, blob)| vec![Step::DeleteBlob { repository, blob }]),
        1 => (repository(), tag).prop_map(|(repository, tag)| vec![Step::Untag { repository, tag }]),
        3 => Just(vec![Step::Collect]),
    ];
    prop::collection::vec(step, 1..40).prop_map(|steps| steps.concat())
}

/// What a repository should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Holding {
    members: BTreeSet<usize>,
    manifests: BTreeSet<usize>,
    tags: BTreeMap<usize, usize>,
}

impl Holding {
    fn uses(&self, blob: usize) -> bool {
        self.manifests
            .iter()
            .any(|manifest| SHAPES[*manifest].blobs.contains(&blob))
    }

    fn lists(&self, child: usize) -> bool {
        self.manifests
            .iter()
            .any(|manifest| SHAPES[*manifest].children.contains(&child))
    }

    fn put(&mut self, manifest: usize, tag: Option<usize>) -> bool {
        let shape = &SHAPES[manifest];
        let blobs = shape.blobs.iter().all(|blob| self.members.contains(blob));
        let whole = blobs
            && shape
                .children
                .iter()
                .all(|child| self.manifests.contains(child));
        if whole {
            self.manifests.insert(manifest);
            self.tags.extend(tag.map(|tag| (tag, manifest)));
        }
        whole
    }

    fn delete(&mut self, manifest: usize) -> bool {
        let free = self.manifests.contains(&manifest) && !self.lists(manifest);
        if free {
            self.manifests.remove(&manifest);
            self.tags.retain(|_, named| *named != manifest);
        }
        free
    }

    /// What is left when there is no grace.
    fn collect(&mut self) {
        loop {
            let orphan = self.manifests.iter().copied().find(|manifest| {
                let absent = SHAPES[*manifest]
                    .subject
                    .is_some_and(|subject| !self.manifests.contains(&subject));
                absent
                    && !self.lists(*manifest)
                    && !self.tags.values().any(|named| named == manifest)
            });
            let Some(orphan) = orphan else { break };
            self.manifests.remove(&orphan);
        }
        self.members = self
            .members
            .iter()
            .copied()
            .filter(|blob| self.uses(*blob))
            .collect();
    }
}

/// One run: its own repositories and blobs, so that many runs share a store.
struct Run<'s> {
    store: &'s TestStore,
    number: u64,
    holdings: Vec<Holding>,
}

impl Run<'_> {
    fn repository(&self, index: usize) -> String {
        format!("run{}/repository{index}", self.number)
    }

    fn blob(&self, index: usize) -> String {
        format!("blob {index} of run {}", self.number)
    }

    fn blob_digest(&self, index: usize) -> Digest {
        blob(&self.blob(index)).digest
    }

    fn manifest(&self, index: usize) -> PutManifest {
        let shape = &SHAPES[index];
        let blobs: Vec<_> = shape
            .blobs
            .iter()
            .map(|blob| self.blob_digest(*blob))
            .collect();
        let children: Vec<_> = shape
            .children
            .iter()
            .map(|child| self.manifest(*child).facts.digest)
            .collect();
        let mut put = manifest(
            &format!("manifest {index} of run {}", self.number),
            &blobs,
            &children,
        );
        put.facts.subject = shape
            .subject
            .map(|subject| self.manifest(subject).facts.digest);
        put
    }

    async fn take(&mut self, step: &Step) {
        let (store, system) = (self.store, Principal::system());
        match *step {
            Step::PushBlob { repository, blob } => {
                push_blob(
                    store,
                    &system,
                    &self.repository(repository),
                    &self.blob(blob),
                )
                .await
                .expect("a blob");
                self.holdings[repository].members.insert(blob);
            }
            Step::Mount { from, to, blob } => {
                let (source, target, digest) = (
                    name(&self.repository(from)),
                    name(&self.repository(to)),
                    self.blob_digest(blob),
                );
                let done = writing!(store, [source, target], |tx| {
                    let leave = authorize::<Push>(tx, &Principal::system(), &target).await?;
                    refloat_store::uploads::mount(tx, &leave, &digest, Some(&source)).await
                });
                let expected = self.holdings[from].members.contains(&blob);
                assert_eq!(done, Ok(expected), "{step:?}");
                if expected {
                    self.holdings[to].members.insert(blob);
                }
            }
            Step::Put {
                repository,
                manifest,
                tag,
            } => {
                let mut new = self.manifest(manifest);
                new.tags = tag.iter().map(|tag| tag_name(TAGS[*tag])).collect();
                let done = put(store, &system, &self.repository(repository), &new).await;
                let expected = self.holdings[repository].manifests.contains(&manifest)
                    || self.holdings[repository].put(manifest, tag);
                if expected {
                    self.holdings[repository]
                        .tags
                        .extend(tag.map(|tag| (tag, manifest)));
                }
                agree(&done, expected, |rejection| {
                    matches!(rejection, Rejection::ManifestReferencesUnknown { .. })
                });
            }
            Step::DeleteManifest {
                repository,
                manifest,
            } => {
                let done = delete(
                    store,
                    &system,
                    &self.repository(repository),
                    &self.manifest(manifest).facts.digest,
                )
                .await;
                let expected = self.holdings[repository].delete(manifest);
                agree(&done, expected, |rejection| {
                    matches!(
                        rejection,
                        Rejection::InUse(_)
                            | Rejection::ManifestUnknown { .. }
                            | Rejection::RepositoryUnknown(_)
                    )
                });
            }
            Step::DeleteBlob { repository, blob } => {
                let (place, digest) = (name(&self.repository(repository)), self.blob_digest(blob));
                let done = writing!(store, [place], |tx| {
                    let leave = authorize::<Delete>(tx, &Principal::system(), &place).await?;
                    registry::delete_blob(tx, &leave, &digest).await
                });
                let holding = &mut self.holdings[repository];
                let expected = holding.members.contains(&blob) && !holding.uses(blob);
                if expected {
                    holding.members.remove(&blob);
                }
                agree(&done, expected, |rejection| {
                    matches!(
                        rejection,
                        Rejection::InUse(_)
                            | Rejection::BlobUnknown { .. }
                            | Rejection::RepositoryUnknown(_)
                    )
                });
            }
            Step::Untag { repository, tag } => {
                let place = name(&self.repository(repository));
                let done = writing!(store, [place], |tx| {
                    let leave = authorize::<Delete>(tx, &Principal::system(), &place).await?;
                    registry::untag(tx, &leave, &tag_name(TAGS[tag])).await
                });
                let expected = self.holdings[repository].tags.remove(&tag).is_some();
                agree(&done, expected, |rejection| {
                    matches!(
                        rejection,
                        Rejection::ManifestUnknown { .. } | Rejection::RepositoryUnknown(_)
                    )
                });
            }
            Step::Collect => {
                sweep(store, NOW).await;
                self.holdings.iter_mut().for_each(Holding::collect);
                let kept: BTreeSet<_> = self
                    .holdings
                    .iter()
                    .flat_map(|holding| holding.members.iter().copied())
                    .collect();
                for blob in 0..BLOBS {
                    let rows = self
                        .rows(
                            "select size from blob where digest = $1",
                            vec![self.blob_digest(blob).to_row().into()],
                        )
                        .await;
                    assert_eq!(
                        !rows.is_empty(),
                        kept.contains(&blob),
                        "bytes of blob {blob} after collection"
                    );
                }
            }
        }
    }

    async fn rows(
        &self,
        statement: &str,
        parameters: Vec<refloat_store::Value>,
    ) -> Vec<refloat_store::Row> {
        self.store.run(statement, parameters).await.expect("rows")
    }

    /// Compares each repository's rows with the model.
    async fn compare(&self) {
        let manifests: Vec<_> = (0..SHAPES.len())
            .map(|index| self.manifest(index).facts.digest.to_row())
            .collect();
        let blobs: Vec<_> = (0..BLOBS)
            .map(|index| self.blob_digest(index).to_row())
            .collect();
        let position = |all: &[Vec<u8>], row: &refloat_store::Row, column| {
            let bytes = row.bytes(column).expect("a digest");
            all.iter()
                .position(|known| *known == bytes)
                .expect("a digest of this run")
        };
        for (index, expected) in self.holdings.iter().enumerate() {
            let place = || vec![self.repository(index).into()];
            let members = "select m.digest from repository_blob m join repository r on r.id = m.repository_id where r.name = $1";
            let stored = "select m.digest from manifest m join repository r on r.id = m.repository_id where r.name = $1";
            let tags = "select t.digest, t.name from tag t join repository r on r.id = t.repository_id where r.name = $1";
            let tag = |row: &refloat_store::Row| {
                TAGS.iter()
                    .position(|tag| row.text(1) == Ok(*tag))
                    .expect("a tag of this run")
            };
            let found = Holding {
                members: self
                    .rows(members, place())
                    .await
                    .iter()
                    .map(|row| position(&blobs, row, 0))
                    .collect(),
                manifests: self
                    .rows(stored, place())
                    .await
                    .iter()
                    .map(|row| position(&manifests, row, 0))
                    .collect(),
                tags: self
                    .rows(tags, place())
                    .await
                    .iter()
                    .map(|row| (tag(row), position(&manifests, row, 0)))
                    .collect(),
            };
            assert_eq!(found, *expected, "repository {index}");
        }
    }
}

fn agree<T: std::fmt::Debug>(
    done: &Result<T, StoreError>,
    expected: bool,
    refusal: impl Fn(&Rejection) -> bool,
) {
    match done {
        Ok(_) => assert!(expected, "the model refuses it: {done:?}"),
        Err(StoreError::Rejected(rejection)) => assert!(
            !expected && refusal(rejection),
            "the model allows it: {rejection}"
        ),
        Err(error) => panic!("{error}"),
    }
}

fn check(store: &TestStore, cases: u32) {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    });
    let number = std::cell::Cell::new(0);
    let handle = tokio::runtime::Handle::current();
    let checked = runner.run(&steps(), |steps| {
        number.set(number.get() + 1);
        let mut run = Run {
            store,
            number: number.get(),
            holdings: vec![Holding::default(); REPOSITORIES],
        };
        tokio::task::block_in_place(|| {
            handle.block_on(async {
                for step in &steps {
                    run.take(step).await;
                    run.compare().await;
                }
            });
        });
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
}

#[test]
fn rows_agree_with_the_model_on_sqlite() {
    on_sqlite(async |store| check(&store, 48));
}

#[test]
fn rows_agree_with_the_model_on_postgres() {
    on_postgres(async |store| check(&store, 12));
}
