//! Collection: what nothing uses goes, rows first; what is used stays, however late it became so.

use super::world::*;
use crate::both::{TestStore, both};
use refloat_core::Principal;
use refloat_oci::{Algorithm, Digest};
use refloat_store::access::{Pull, Push, authorize};
use refloat_store::collect::{self, CollectPolicy, Collectable, Collected};
use refloat_store::{Store, uploads};

/// No grace at all: what is unused now is due now.
pub(super) const NOW: CollectPolicy = CollectPolicy {
    grace_seconds: 0,
    referrer_grace_seconds: 0,
    read_seconds: 0,
};

/// Steps until nothing is due.
pub(super) async fn sweep(store: &Store, policy: CollectPolicy) -> Collected {
    let mut all = Collected::default();
    loop {
        let done = writing!(store, [], |tx| collect::step(tx, &policy, 3).await).expect("a step");
        all.members += done.members;
        all.blobs += done.blobs;
        all.bytes += done.bytes;
        all.referrers += done.referrers;
        all.uploads += done.uploads;
        all.reviewed += done.reviewed;
        if done.reviewed == 0 {
            return all;
        }
    }
}

async fn due(store: &Store, policy: CollectPolicy) -> Collectable {
    reading!(store, [], |tx| collect::collectable(tx, &policy).await).expect("counts")
}

async fn blobs(store: &TestStore) -> i64 {
    store
        .run("select count(*) from blob", Vec::new())
        .await
        .expect("rows")[0]
        .int(0)
        .expect("a count")
}

both! {
    async fn unused_blobs_go_and_used_ones_stay(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &["1"]).await;
        push_blob(&store, &system, "apps/web", "unused").await.expect("a blob");
        push_blob(&store, &system, "apps/api", "unused").await.expect("a blob");
        assert_eq!(sweep(&store, CollectPolicy::default()).await, Collected::default(), "nothing is old enough");
        let expected = Collectable { members: 2, blobs: 1, bytes: 6, ..Collectable::default() };
        assert_eq!(due(&store, NOW).await, expected);
        let done = sweep(&store, NOW).await;
        assert_eq!((done.members, done.blobs, done.bytes), (2, 1, 6));
        assert_eq!(records(&store, "upload.removed").await, 2);
        assert_eq!(due(&store, NOW).await, Collectable::default());
        assert_eq!(get_blob(&store, &system, "apps/web", &blob("layer of one").digest).await, Ok(12));
        delete(&store, &system, "apps/web", &one).await.expect("it is there");
        assert_eq!(sweep(&store, NOW).await.blobs, 1, "its layer is unused now");
        assert_eq!(blobs(&store).await, 0);
    }

    async fn a_blob_goes_with_its_last_repository(store: TestStore) {
        let system = Principal::system();
        let layer = push_blob(&store, &system, "apps/web", "shared").await.expect("a blob");
        push_blob(&store, &system, "apps/api", "shared").await.expect("a blob");
        put(&store, &system, "apps/api", &manifest("api", &[layer], &[])).await.expect("a manifest");
        let done = sweep(&store, NOW).await;
        assert_eq!((done.members, done.blobs), (1, 0));
        assert_eq!(get_blob(&store, &system, "apps/api", &layer).await, Ok(6));
        assert!(get_blob(&store, &system, "apps/web", &layer).await.is_err());
    }

    async fn an_upload_keeps_a_blob_for_its_grace_again(store: TestStore) {
        let system = Principal::system();
        let layer = push_blob(&store, &system, "apps/web", "layer").await.expect("a blob");
        let old = "update review set since = since - 90000000000";
        store.run(old, Vec::new()).await.expect("rows");
        let repository = name("apps/web");
        let found = reading!(store, [repository], |tx| {
            let leave = authorize::<Pull>(tx, &Principal::system(), &repository).await?;
            refloat_store::registry::blob(tx, &leave, &layer).await
        });
        assert!(found.expect("a blob").touch_due);
        assert_eq!(due(&store, CollectPolicy::default()).await.members, 1);
        writing!(store, [repository], |tx| {
            let leave = authorize::<Pull>(tx, &Principal::system(), &repository).await?;
            collect::touch(tx, &leave, &layer).await
        })
        .expect("touched");
        assert_eq!(due(&store, CollectPolicy::default()).await.members, 0);
        store.run(old, Vec::new()).await.expect("rows");
        push_blob(&store, &system, "apps/web", "layer").await.expect("the same blob again");
        assert_eq!(sweep(&store, CollectPolicy::default()).await.members, 0);
    }

    async fn referrers_without_subject_go_late(store: TestStore) {
        let system = Principal::system();
        let subject = manifest("subject", &[], &[]);
        put(&store, &system, "apps/web", &subject).await.expect("a manifest");
        let digest = subject.facts.digest;
        let plain = referring("plain", digest, "text/sbom");
        let kept = tagged(referring("kept", digest, "text/sbom"), &["kept"]);
        let second = referring("second", plain.facts.digest, "text/signature");
        for referrer in [&plain, &kept, &second] {
            put(&store, &system, "apps/web", referrer).await.expect("a referrer");
        }
        assert_eq!(sweep(&store, NOW).await.referrers, 0, "their subjects are there");
        delete(&store, &system, "apps/web", &digest).await.expect("referrers hold nothing");
        let week = CollectPolicy { referrer_grace_seconds: 7 * 24 * 3600, ..NOW };
        assert_eq!(sweep(&store, week).await.referrers, 0);
        assert_eq!(due(&store, NOW).await.referrers, 1);
        assert_eq!(sweep(&store, NOW).await.referrers, 2, "the second loses its subject with the first");
        let left = store.run("select digest from manifest", Vec::new()).await.expect("rows");
        assert_eq!(left[0].bytes(0).expect("a digest").as_ref(), kept.facts.digest.to_row());
        assert_eq!(left.len(), 1);
        writing!(store, [], |tx| {
            let leave = authorize(tx, &Principal::system(), &name("apps/web")).await?;
            refloat_store::registry::untag(tx, &leave, &tag_name("kept")).await
        })
        .expect("untagged");
        assert_eq!(sweep(&store, NOW).await.referrers, 1, "nothing holds it any more");
    }

    async fn untagged_images_stay(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &[]).await;
        sweep(&store, NOW).await;
        assert_eq!(get(&store, &system, "apps/web", &one.to_string()).await, Ok(one));
    }

    async fn deleted_blobs_and_late_uploads_go(store: TestStore) {
        let system = Principal::system();
        push_blob(&store, &system, "apps/web", "gone").await.expect("a blob");
        let repository = name("apps/web");
        let digest = Digest::sha256(b"gone");
        writing!(store, [repository], |tx| {
            let leave = authorize(tx, &Principal::system(), &repository).await?;
            refloat_store::registry::delete_blob(tx, &leave, &digest).await
        })
        .expect("it is there");
        assert_eq!(sweep(&store, CollectPolicy::default()).await.blobs, 1, "no grace for what a caller deleted");
        let upload = writing!(store, [repository], |tx| {
            let leave = authorize::<Push>(tx, &Principal::system(), &repository).await?;
            uploads::begin(tx, &leave, Algorithm::Sha512).await
        });
        let upload = upload.expect("an upload");
        assert_eq!(sweep(&store, NOW).await.uploads, 0);
        store.run("update upload set expires_at = 0", Vec::new()).await.expect("rows");
        assert_eq!(sweep(&store, NOW).await.uploads, 1);
        let dead = reading!(store, [], |tx| collect::due_dead(tx, 10).await);
        assert_eq!(dead, Ok(vec![upload.storage_key]));
    }
}
