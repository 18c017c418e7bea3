//! Pushers and collectors at once, without any grace: what was acknowledged is whole, whoever came between.

use super::collect::NOW;
use super::world::*;
use crate::both::{TestStore, both};
use bytes::Bytes;
use refloat_core::{Principal, Rejection};
use refloat_oci::{Algorithm, Digest};
use refloat_store::access::{Push, authorize};
use refloat_store::uploads::{self, Arrived, ArrivedContent};
use refloat_store::{Store, StoreError, collect, grants};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const PUSHERS: u64 = 4;
const ROUNDS: u64 = 25;
const HOT: u64 = 3;

/// A large blob of few, so that pushers and collectors meet on it.
async fn push_hot(store: &Store, repository: &str, number: u64) -> Result<Digest, StoreError> {
    let repository = name(repository);
    let digest = Digest::sha256(&number.to_be_bytes());
    writing!(store, [repository], |tx| {
        let leave = authorize::<Push>(tx, &Principal::system(), &repository).await?;
        let upload = uploads::begin(tx, &leave, Algorithm::Sha256).await?;
        let arrived = Arrived {
            digest,
            size: 100_000,
            checksums: Bytes::from_static(&[0; 8]),
            content: ArrivedContent::Stored(upload.storage_key.clone()),
        };
        uploads::finish(tx, &leave, &upload.id, &arrived).await?;
        Ok(digest)
    })
}

/// Whether an error says that somebody else was in the way, for so long that the driver gave up.
fn is_crowded(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Failed(refloat_core::Failure::Transient(_)) | StoreError::Conflict
    )
}

/// Pushes an image whose layer everybody pushes, checks that it is whole, and deletes it again.
async fn pusher(store: Store, number: u64, acknowledged: Arc<AtomicU64>) {
    let system = Principal::system();
    let repository = format!("race/{}", number % 2);
    for round in 0..ROUNDS {
        let hot = (number + round) % HOT;
        let layer = match push_hot(&store, &repository, hot).await {
            Ok(layer) => layer,
            Err(error) => {
                assert!(is_crowded(&error), "{error}");
                continue;
            }
        };
        let image = manifest(&format!("image {number} {round}"), &[layer], &[]);
        match put(&store, &system, &repository, &image).await {
            Ok(_) => {}
            Err(StoreError::Rejected(Rejection::ManifestReferencesUnknown { .. })) => continue,
            Err(error) => {
                assert!(is_crowded(&error), "{error}");
                continue;
            }
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
        assert_eq!(
            get(
                &store,
                &system,
                &repository,
                &image.facts.digest.to_string()
            )
            .await,
            Ok(image.facts.digest)
        );
        assert_eq!(
            get_blob(&store, &system, &repository, &layer).await,
            Ok(100_000)
        );
        if let Err(error) = delete(&store, &system, &repository, &image.facts.digest).await {
            assert!(is_crowded(&error), "{error}");
        }
    }
}

async fn collector(store: Store, over: Arc<AtomicBool>, collected: Arc<AtomicU64>) {
    while !over.load(Ordering::SeqCst) {
        match writing!(store, [], |tx| collect::step(tx, &NOW, 2).await) {
            Ok(done) => collected.fetch_add(done.blobs, Ordering::SeqCst),
            Err(error) => {
                assert!(is_crowded(&error), "{error}");
                0
            }
        };
        let named = reading!(store, [], |tx| {
            let text =
                "select b.digest from dead d join blob b on b.storage_key = d.storage_key limit 1";
            tx.query(refloat_store::sql(text), &[]).await
        });
        assert!(
            named.expect("rows").is_empty(),
            "a dead key is named by no blob"
        );
        tokio::task::yield_now().await;
    }
}

async fn second(store: &TestStore) -> Store {
    match store.dialect() {
        refloat_store::Dialect::Sqlite => Store::clone(store),
        refloat_store::Dialect::Postgres => store.again().await,
    }
}

both! {
    async fn what_is_acknowledged_is_whole(store: TestStore) {
        let other = second(&store).await;
        let (over, acknowledged, collected) = (Arc::new(AtomicBool::new(false)), Arc::default(), Arc::default());
        let collectors: Vec<_> = [&store, &other]
            .map(|store| tokio::spawn(collector(Store::clone(store), Arc::clone(&over), Arc::clone(&collected))))
            .into();
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|number| {
                let store = if number < PUSHERS / 2 { Store::clone(&store) } else { other.clone() };
                tokio::spawn(pusher(store, number, Arc::clone(&acknowledged)))
            })
            .collect();
        for task in pushers {
            task.await.expect("a pusher sees nothing wrong");
        }
        over.store(true, Ordering::SeqCst);
        for task in collectors {
            task.await.expect("a collector sees nothing wrong");
        }
        assert!(acknowledged.load(Ordering::SeqCst) > 0, "some came through");
        assert!(collected.load(Ordering::SeqCst) > 0, "some was collected between");
    }

    async fn a_rule_misses_no_repository_made_meanwhile(store: TestStore) {
        let other = second(&store).await;
        for round in 0..10 {
            let alice = user(&store, &format!("alice{round}")).await;
            let place = format!("round{round}/web");
            let granting = async {
                let subject = grants::Subject::Account(alice.id.clone().expect("an account"));
                let (what, place) = (actions("pull"), pattern("**"));
                writing!(store, [subject, place], |tx| {
                    let leave = refloat_store::access::authorize_project(tx, &Principal::system(), "default").await?;
                    grants::grant(tx, &leave, &subject, what, &place).await
                })
            };
            let system = Principal::system();
            let (granted, _) = tokio::join!(granting, image(&other, &system, &place, "one", &["1"]));
            assert_eq!(granted, Ok(true));
            assert!(get(&store, &alice, &place, "1").await.is_ok(), "round {round}");
        }
    }

    async fn a_tag_pushed_twice_at_once_has_both_positions(store: TestStore) {
        let other = second(&store).await;
        let system = Principal::system();
        image(&store, &system, "apps/web", "base", &["latest"]).await;
        for round in 0..10 {
            let (one, two) = (format!("one {round}"), format!("two {round}"));
            tokio::join!(
                image(&store, &system, "apps/web", &one, &["latest"]),
                image(&other, &system, "apps/web", &two, &["latest"]),
            );
        }
        let rows = store.run("select count(*), max(version) from tag_history where name = 'latest'", Vec::new()).await.expect("rows");
        assert_eq!((rows[0].int(0), rows[0].int(1)), (Ok(21), Ok(21)));
        let moves = "select h.version from tag_history h join stream s on s.name like 'tag/%/latest' and s.version = 21 where h.version = 21";
        assert_eq!(store.run(moves, Vec::new()).await.expect("rows").len(), 1, "positions and the stream count alike");
    }
}
