//! What is not cleared is not there, whatever the route.

use super::world::*;
use crate::both::{TestStore, both};
use refloat_core::{Principal, Rejection};
use refloat_oci::Digest;
use refloat_store::access::{Pull, Push, authorize};
use refloat_store::visible::{Purpose, visible};
use refloat_store::{registry, uploads};

async fn set_state(store: &TestStore, digest: &Digest, state: &str) {
    let parameters = vec![state.into(), digest.to_row().into()];
    store
        .run(
            "update image_state set quarantine = $1 where digest = $2",
            parameters,
        )
        .await
        .expect("rows");
}

async fn mount(
    store: &TestStore,
    by: &Principal,
    digest: &Digest,
    from: Option<&str>,
    to: &str,
) -> bool {
    let (to, from) = (name(to), from.map(name));
    let done = writing!(store, [by, digest, from, to], |tx| {
        let leave = authorize::<Push>(tx, &by, &to).await?;
        uploads::mount(tx, &leave, &digest, from.as_ref()).await
    });
    done.expect("a mount is answered")
}

fn is_unknown<T: std::fmt::Debug>(result: Result<T, refloat_store::StoreError>) -> bool {
    matches!(
        rejected(result),
        Rejection::ManifestUnknown { .. } | Rejection::BlobUnknown { .. }
    )
}

both! {
    async fn hidden_by_every_route(store: TestStore) {
        let system = Principal::system();
        let alice = user(&store, "alice").await;
        grant(&store, &alice, "pull,push,update,delete", "apps/**").await;
        let one = image(&store, &alice, "apps/web", "one", &["1"]).await;
        let layer = blob("layer of one").digest;
        let sbom = referring("sbom", one, "text/sbom");
        put(&store, &alice, "apps/web", &sbom).await.expect("a referrer");
        for state in ["quarantined", "rejected"] {
            set_state(&store, &one, state).await;
            for reader in [&alice, &system] {
                assert!(is_unknown(get(&store, reader, "apps/web", "1").await), "{state}");
                assert!(is_unknown(get(&store, reader, "apps/web", &one.to_string()).await));
                assert!(is_unknown(get_blob(&store, reader, "apps/web", &layer).await));
                assert!(tags(&store, reader, "apps/web").await.expect("tags").is_empty());
                assert!(!mount(&store, reader, &layer, Some("apps/web"), "apps/copy").await);
                assert!(!mount(&store, reader, &layer, None, "apps/copy").await);
            }
            assert!(is_unknown(delete(&store, &alice, "apps/web", &one).await), "who may not clear it may not delete it");
            let repository = name("apps/web");
            let found = reading!(store, [repository, alice], |tx| {
                let leave = authorize::<Pull>(tx, &alice, &repository).await?;
                let seen = visible(tx, &leave, &one, Purpose::Clear).await?;
                Ok((seen, registry::referrers(tx, &leave, &one, None, None, 10).await?.items.len()))
            });
            assert_eq!(found, Ok((false, 0)));
            let judged = reading!(store, [repository, system], |tx| {
                let leave = authorize::<Pull>(tx, &system, &repository).await?;
                Ok((visible(tx, &leave, &one, Purpose::Clear).await?, visible(tx, &leave, &one, Purpose::Pull).await?))
            });
            assert_eq!(judged, Ok((true, false)), "who clears sees it to judge it, not to use it");
        }
        set_state(&store, &one, "cleared").await;
        assert_eq!(get(&store, &alice, "apps/web", "1").await, Ok(one));
        assert_eq!(get_blob(&store, &alice, "apps/web", &layer).await, Ok(12));
    }

    async fn a_repository_of_hidden_images_is_not_listed(store: TestStore) {
        let alice = user(&store, "alice").await;
        grant(&store, &alice, "pull,push", "**").await;
        let one = image(&store, &alice, "apps/web", "one", &["1"]).await;
        image(&store, &alice, "apps/api", "two", &["1"]).await;
        set_state(&store, &one, "quarantined").await;
        assert_eq!(catalog(&store, &alice).await, ["apps/api"]);
        assert_eq!(catalog(&store, &Principal::system()).await, ["apps/api"]);
    }

    async fn the_state_survives_delete_and_push(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &["1"]).await;
        set_state(&store, &one, "rejected").await;
        delete(&store, &system, "apps/web", &one).await.expect("who clears may delete it");
        let layer = blob("layer of one").digest;
        push_blob(&store, &system, "apps/web", "layer of one").await.expect("a blob");
        let again = put(&store, &system, "apps/web", &tagged(manifest("one", &[layer], &[]), &["1"])).await.expect("a push");
        assert!(again.quarantined && again.changed);
        assert!(is_unknown(get(&store, &system, "apps/web", "1").await));
        let elsewhere = image(&store, &system, "apps/copy", "one", &["1"]).await;
        assert_eq!(elsewhere, one);
        assert_eq!(get(&store, &system, "apps/copy", "1").await, Ok(one), "the state belongs to repository and digest");
    }

    async fn knowing_a_digest_opens_no_hidden_blob(store: TestStore) {
        let (alice, mallory) = (user(&store, "alice").await, user(&store, "mallory").await);
        grant(&store, &alice, "pull,push", "**").await;
        grant(&store, &mallory, "pull,push", "**").await;
        let one = image(&store, &alice, "apps/web", "one", &["1"]).await;
        let layer = blob("layer of one").digest;
        set_state(&store, &one, "rejected").await;
        let around = tagged(manifest("around", &[layer], &[]), &["around"]);
        let refused = rejected(put(&store, &mallory, "apps/web", &around).await);
        assert!(matches!(refused, Rejection::ManifestReferencesUnknown { .. }));
        assert!(is_unknown(get_blob(&store, &mallory, "apps/web", &layer).await));
        push_blob(&store, &mallory, "apps/web", "layer of one").await.expect("who has the bytes may bring them");
        put(&store, &mallory, "apps/web", &around).await.expect("now it is theirs");
    }

    async fn an_unused_blob_is_for_pushers(store: TestStore) {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        grant(&store, &alice, "pull,push", "apps/**").await;
        grant(&store, &bob, "pull", "apps/**").await;
        let layer = push_blob(&store, &alice, "apps/web", "layer").await.expect("a blob");
        assert_eq!(get_blob(&store, &alice, "apps/web", &layer).await, Ok(5));
        assert!(is_unknown(get_blob(&store, &bob, "apps/web", &layer).await));
        put(&store, &alice, "apps/web", &manifest("one", &[layer], &[])).await.expect("a manifest");
        assert_eq!(get_blob(&store, &bob, "apps/web", &layer).await, Ok(5));
    }

    async fn a_digest_known_elsewhere_opens_nothing(store: TestStore) {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        grant(&store, &alice, "pull,push", "secret/**").await;
        grant(&store, &bob, "pull,push", "apps/**").await;
        image(&store, &alice, "secret/web", "one", &["1"]).await;
        image(&store, &bob, "apps/web", "two", &["1"]).await;
        let layer = blob("layer of one").digest;
        assert!(is_unknown(get_blob(&store, &bob, "apps/web", &layer).await));
        assert!(!mount(&store, &bob, &layer, Some("secret/web"), "apps/web").await);
        assert!(!mount(&store, &bob, &layer, Some("absent/web"), "apps/web").await);
        assert!(!mount(&store, &bob, &layer, None, "apps/web").await);
        grant(&store, &bob, "pull", "secret/**").await;
        assert!(mount(&store, &bob, &layer, None, "apps/web").await);
        assert!(mount(&store, &bob, &layer, Some("secret/web"), "apps/web").await, "again is no change");
        assert_eq!(records(&store, "upload.mounted").await, 1);
        assert_eq!(get_blob(&store, &bob, "apps/web", &layer).await, Ok(12));
    }
}
