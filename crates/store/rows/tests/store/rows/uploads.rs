//! Uploads: bound to who began them, resumable, their keys never named twice.

use super::world::*;
use crate::both::{TestStore, both};
use bytes::Bytes;
use refloat_core::{Principal, Rejection, StorageKey, UploadId};
use refloat_oci::{Algorithm, Digest};
use refloat_store::access::{Push, authorize};
use refloat_store::registry::BlobContent;
use refloat_store::uploads::{self, Arrived, ArrivedContent, UploadRow};
use refloat_store::{Store, StoreError, collect, registry};

async fn begin(store: &Store, by: &Principal, repository: &str) -> UploadRow {
    let repository = name(repository);
    let done = writing!(store, [by, repository], |tx| {
        let leave = authorize::<Push>(tx, &by, &repository).await?;
        uploads::begin(tx, &leave, Algorithm::Sha256).await
    });
    done.expect("an upload")
}

async fn status(
    store: &Store,
    by: &Principal,
    repository: &str,
    id: &UploadId,
) -> Result<u64, StoreError> {
    let repository = name(repository);
    writing!(store, [by, repository, id], |tx| {
        let leave = authorize::<Push>(tx, &by, &repository).await?;
        Ok(uploads::status(tx, &leave, &id).await?.received)
    })
}

async fn advance(
    store: &Store,
    by: &Principal,
    id: &UploadId,
    from: u64,
    to: u64,
) -> Result<u64, StoreError> {
    let repository = name("apps/web");
    writing!(store, [by, repository, id], |tx| {
        let leave = authorize::<Push>(tx, &by, &repository).await?;
        Ok(uploads::advance(tx, &leave, &id, from, to).await?.received)
    })
}

async fn finish(
    store: &Store,
    by: &Principal,
    repository: &str,
    upload: &UploadRow,
) -> Result<(), StoreError> {
    let (repository, id, arrived) = (
        name(repository),
        upload.id.clone(),
        large(&upload.storage_key),
    );
    writing!(store, [by, repository, id, arrived], |tx| {
        let leave = authorize::<Push>(tx, &by, &repository).await?;
        uploads::finish(tx, &leave, &id, &arrived).await
    })
}

/// A blob whose bytes are durable under a key.
fn large(key: &StorageKey) -> Arrived {
    Arrived {
        digest: Digest::sha256(b"large"),
        size: 100_000,
        checksums: Bytes::from_static(&[0; 8]),
        content: ArrivedContent::Stored(key.clone()),
    }
}

async fn dead(store: &TestStore) -> Vec<StorageKey> {
    reading!(store, [], |tx| collect::due_dead(tx, 100).await).expect("keys")
}

async fn content(store: &Store) -> BlobContent {
    let repository = name("apps/web");
    let found = reading!(store, [repository], |tx| {
        let leave = authorize(tx, &Principal::system(), &repository).await?;
        registry::blob(tx, &leave, &Digest::sha256(b"large")).await
    });
    found.expect("a blob").content
}

both! {
    async fn an_upload_is_its_makers(store: TestStore) {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        grant(&store, &alice, "push", "**").await;
        grant(&store, &bob, "push", "**").await;
        let upload = begin(&store, &alice, "apps/web").await;
        assert_eq!(advance(&store, &alice, &upload.id, 0, 10).await, Ok(10));
        assert_eq!(status(&store, &alice, "apps/web", &upload.id).await, Ok(10));
        for (who, place) in [(&bob, "apps/web"), (&alice, "apps/other"), (&Principal::system(), "apps/web")] {
            assert!(matches!(rejected(status(&store, who, place, &upload.id).await), Rejection::UploadUnknown(_)));
            assert!(matches!(rejected(finish(&store, who, place, &upload).await), Rejection::UploadUnknown(_)));
        }
        assert!(matches!(rejected(advance(&store, &bob, &upload.id, 10, 20).await), Rejection::UploadUnknown(_)));
        assert_eq!(rejected(advance(&store, &alice, &upload.id, 20, 30).await), rejected(advance(&store, &alice, &upload.id, 20, 30).await));
        assert!(matches!(rejected(advance(&store, &alice, &upload.id, 9, 30).await), Rejection::RangeInvalid { length: 10, .. }));
        let store = store.reopen().await;
        assert_eq!(status(&store, &alice, "apps/web", &upload.id).await, Ok(10), "it survives a restart");
    }

    async fn a_short_upload_lies_in_its_row(store: TestStore) {
        let (system, repository, bytes) = (Principal::system(), name("apps/web"), Bytes::from_static(b"0123456789"));
        let id = begin(&store, &system, "apps/web").await.id;
        for (from, to) in [(0, 4), (4, 10)] {
            let held = bytes.slice(..to);
            let row = writing!(store, [system, repository, id, held], |tx| {
                let leave = authorize::<Push>(tx, &system, &repository).await?;
                uploads::hold(tx, &leave, &id, from, &held).await?;
                uploads::status(tx, &leave, &id).await
            });
            let row = row.expect("held");
            assert_eq!((row.received, row.held), (to as u64, Some(bytes.slice(..to))));
        }
        for (from, length) in [(4, 5), (10, 65_537)] {
            let held = Bytes::from(vec![0; length]);
            let answer = writing!(store, [system, repository, id, held], |tx| {
                let leave = authorize::<Push>(tx, &system, &repository).await?;
                uploads::hold(tx, &leave, &id, from, &held).await
            });
            let refused = rejected(answer);
            assert!(matches!(refused, Rejection::RangeInvalid { .. } | Rejection::SizeInvalid(_)), "{refused}");
        }
        assert_eq!(advance(&store, &system, &id, 10, 100_000).await, Ok(100_000));
        let row = writing!(store, [system, repository, id], |tx| {
            let leave = authorize::<Push>(tx, &system, &repository).await?;
            uploads::status(tx, &leave, &id).await
        });
        assert_eq!(row.expect("it grew").held, None);
    }

    async fn the_first_of_two_uploads_keeps_its_key(store: TestStore) {
        let system = Principal::system();
        let (one, two) = (begin(&store, &system, "apps/web").await, begin(&store, &system, "apps/web").await);
        finish(&store, &system, "apps/web", &one).await.expect("the first");
        finish(&store, &system, "apps/web", &two).await.expect("the second");
        assert_eq!(content(&store).await, BlobContent::Stored(one.storage_key.clone()));
        assert_eq!(dead(&store).await, [two.storage_key]);
        assert_eq!(records(&store, "upload.finished").await, 1);
        assert!(matches!(rejected(finish(&store, &system, "apps/web", &one).await), Rejection::UploadUnknown(_)));
        let three = begin(&store, &system, "apps/api").await;
        finish(&store, &system, "apps/api", &three).await.expect("another repository");
        assert_eq!(records(&store, "upload.finished").await, 2, "membership is per repository");
        let keys = dead(&store).await;
        assert!(keys.contains(&three.storage_key));
        writing!(store, [keys], |tx| collect::forget_dead(tx, &keys).await).expect("forgotten");
        assert!(dead(&store).await.is_empty());
    }

    async fn a_new_upload_heals_a_damaged_blob(store: TestStore) {
        let system = Principal::system();
        let one = begin(&store, &system, "apps/web").await;
        finish(&store, &system, "apps/web", &one).await.expect("the first");
        let due = reading!(store, [], |tx| {
            let later = tx.now().plus_seconds(1);
            refloat_store::scrub::due(tx, later, 10).await
        });
        let seen = due.expect("blobs").remove(0);
        let noted = writing!(store, [seen], |tx| refloat_store::scrub::mark_damaged(tx, &seen, "MiB 0 differs").await);
        assert_eq!(noted, Ok(true));
        assert_eq!(records(&store, "audit.damage_found").await, 1);
        let two = begin(&store, &system, "apps/web").await;
        finish(&store, &system, "apps/web", &two).await.expect("the second");
        assert_eq!(content(&store).await, BlobContent::Stored(two.storage_key.clone()));
        let damaged = reading!(store, [], |tx| refloat_store::scrub::damaged(tx, None, 10).await);
        assert_eq!(damaged, Ok(Vec::new()));
        let late = writing!(store, [seen], |tx| refloat_store::scrub::mark_damaged(tx, &seen, "late").await);
        assert_eq!(late, Ok(false), "what was seen lies under another key");
    }

    async fn a_cancelled_or_inline_upload_leaves_its_key_dead(store: TestStore) {
        let system = Principal::system();
        let (one, two) = (begin(&store, &system, "apps/web").await, begin(&store, &system, "apps/web").await);
        let (repository, id) = (name("apps/web"), one.id.clone());
        let cancel = async || {
            writing!(store, [repository, id], |tx| {
                let leave = authorize::<Push>(tx, &Principal::system(), &repository).await?;
                uploads::cancel(tx, &leave, &id).await
            })
        };
        cancel().await.expect("it is there");
        assert!(matches!(rejected(cancel().await), Rejection::UploadUnknown(_)));
        let (id, arrived) = (two.id.clone(), blob("small"));
        writing!(store, [repository, id, arrived], |tx| {
            let leave = authorize::<Push>(tx, &Principal::system(), &repository).await?;
            uploads::finish(tx, &leave, &id, &arrived).await
        })
        .expect("a small blob");
        let keys = dead(&store).await;
        assert!(keys.len() == 2 && keys.contains(&one.storage_key) && keys.contains(&two.storage_key));
        assert_eq!(get_blob(&store, &system, "apps/web", &blob("small").digest).await, Ok(5));
    }

    async fn one_owner_at_a_time_has_the_lease(store: TestStore) {
        let upload = begin(&store, &Principal::system(), "apps/web").await;
        let (repository, id) = (name("apps/web"), upload.id);
        let lease = async |owner: &'static str, seconds: i64| {
            writing!(store, [repository, id], |tx| {
                let leave = authorize::<Push>(tx, &Principal::system(), &repository).await?;
                uploads::lease(tx, &leave, &id, owner, seconds).await.map(drop)
            })
        };
        lease("one", 600).await.expect("free");
        lease("one", 600).await.expect("its own");
        assert!(matches!(rejected(lease("two", 600).await), Rejection::Conflict(_)));
        writing!(store, [id], |tx| uploads::release(tx, &id, "two").await).expect("not its own");
        assert!(matches!(rejected(lease("two", 600).await), Rejection::Conflict(_)));
        writing!(store, [id], |tx| uploads::release(tx, &id, "one").await).expect("its own");
        lease("two", -1).await.expect("free");
        lease("one", 600).await.expect("the other's has ended");
    }
}
