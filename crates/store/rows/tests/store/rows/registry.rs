//! Manifests, tags, blobs, lists.

use super::world::*;
use crate::both::both;
use refloat_core::{Principal, Rejection};
use refloat_oci::{Digest, TagOrDigest};
use refloat_store::access::{Delete, Pull, Push, Update, authorize};
use refloat_store::registry::{self, TagOutcome};
use refloat_store::{Store, StoreError, lines};

async fn untag(
    store: &Store,
    by: &Principal,
    repository: &str,
    tag: &str,
) -> Result<(), StoreError> {
    let (repository, tag) = (name(repository), tag_name(tag));
    writing!(store, [by, repository, tag], |tx| {
        let leave = authorize::<Delete>(tx, &by, &repository).await?;
        registry::untag(tx, &leave, &tag).await
    })
}

async fn undo(
    store: &Store,
    by: &Principal,
    repository: &str,
    tag: &str,
) -> Result<TagOutcome, StoreError> {
    let (repository, tag) = (name(repository), tag_name(tag));
    writing!(store, [by, repository, tag], |tx| {
        let leave = authorize::<Update>(tx, &by, &repository).await?;
        registry::tag_undo(tx, &leave, &tag).await
    })
}

async fn tag(
    store: &Store,
    by: &Principal,
    repository: &str,
    from: &str,
    new: &str,
) -> Result<TagOutcome, StoreError> {
    let (repository, from, new) = (
        name(repository),
        from.parse::<TagOrDigest>().expect("a reference"),
        tag_name(new),
    );
    writing!(store, [by, repository, from, new], |tx| {
        let leave = authorize::<Push>(tx, &by, &repository).await?;
        registry::tag(tx, &leave, &from, &new).await
    })
}

async fn history(
    store: &Store,
    by: &Principal,
    repository: &str,
    tag: &str,
) -> Result<Vec<Option<Digest>>, StoreError> {
    let (repository, tag) = (name(repository), tag_name(tag));
    reading!(store, [by, repository, tag], |tx| {
        let leave = authorize::<Pull>(tx, &by, &repository).await?;
        let found = registry::tag_history(tx, &leave, &tag, None, 100).await?;
        Ok(found.into_iter().map(|position| position.digest).collect())
    })
}

async fn delete_blob(
    store: &Store,
    by: &Principal,
    repository: &str,
    digest: &Digest,
) -> Result<(), StoreError> {
    let repository = name(repository);
    writing!(store, [by, repository, digest], |tx| {
        let leave = authorize::<Delete>(tx, &by, &repository).await?;
        registry::delete_blob(tx, &leave, &digest).await
    })
}

async fn default_line(store: &Store, repository: &str) -> Vec<(String, Option<Digest>)> {
    let repository = name(repository);
    let found = reading!(store, [repository], |tx| {
        let leave = authorize::<Pull>(tx, &Principal::system(), &repository).await?;
        lines::of_repository(tx, &leave).await
    });
    found
        .expect("lines")
        .into_iter()
        .map(|line| (line.rule, line.digest))
        .collect()
}

both! {
    async fn what_was_pushed_comes_back(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &["1.0", "latest"]).await;
        assert_eq!(get(&store, &system, "apps/web", "1.0").await, Ok(one));
        assert_eq!(get(&store, &system, "apps/web", &one.to_string()).await, Ok(one));
        assert_eq!(tags(&store, &system, "apps/web").await.expect("tags"), ["1.0", "latest"]);
        assert_eq!(catalog(&store, &system).await, ["apps/web"]);
        assert_eq!(records(&store, "manifest.pushed").await, 1);
        assert_eq!(records(&store, "tag.moved").await, 2);
        assert_eq!(records(&store, "repository.created").await, 1);
        let layer = blob("layer of one").digest;
        assert_eq!(get_blob(&store, &system, "apps/web", &layer).await, Ok(12));

        let again = tagged(manifest("one", &[layer], &[]), &["1.0", "latest"]);
        assert!(!put(&store, &system, "apps/web", &again).await.expect("the same push").changed);
        assert_eq!(records(&store, "manifest.pushed").await, 1, "the same push makes no record");
        assert_eq!(records(&store, "tag.moved").await, 2);
        let unknown = rejected(get(&store, &system, "apps/web", "2.0").await);
        assert!(matches!(unknown, Rejection::ManifestUnknown { .. }));
    }

    async fn a_manifest_needs_what_it_names(store: TestStore) {
        let system = Principal::system();
        let layer = push_blob(&store, &system, "apps/web", "layer").await.expect("a blob");
        let other = push_blob(&store, &system, "apps/other", "other").await.expect("a blob");
        let absent = Digest::sha256(b"absent");
        let wrong = manifest("wrong", &[layer, other, absent], &[]);
        let Rejection::ManifestReferencesUnknown { missing, .. } = rejected(put(&store, &system, "apps/web", &wrong).await) else {
            panic!("it names blobs that are not there");
        };
        assert!(missing.len() == 2 && missing.contains(&other) && missing.contains(&absent), "{missing:?}");
        let index = manifest("index", &[], &[absent]);
        assert!(matches!(rejected(put(&store, &system, "apps/web", &index).await), Rejection::ManifestReferencesUnknown { .. }));
        assert_eq!(records(&store, "manifest.pushed").await, 0);

        let mut sparse = manifest("sparse", &[layer], &[]);
        sparse.optional_blobs = vec![absent];
        assert!(put(&store, &system, "apps/web", &sparse).await.expect("optional blobs may be absent").changed);
        let index = manifest("index", &[], &[sparse.facts.digest]);
        put(&store, &system, "apps/web", &index).await.expect("its child is there");
        let in_use = rejected(delete(&store, &system, "apps/web", &sparse.facts.digest).await);
        assert!(matches!(&in_use, Rejection::InUse(text) if text.contains(&index.facts.digest.to_string())), "{in_use}");
        let in_use = rejected(delete_blob(&store, &system, "apps/web", &layer).await);
        assert!(matches!(&in_use, Rejection::InUse(text) if text.contains(&sparse.facts.digest.to_string())), "{in_use}");
        delete(&store, &system, "apps/web", &index.facts.digest).await.expect("nothing lists the index");
        delete(&store, &system, "apps/web", &sparse.facts.digest).await.expect("nothing lists it any more");
        delete_blob(&store, &system, "apps/web", &layer).await.expect("nothing uses it any more");
        assert!(matches!(rejected(delete_blob(&store, &system, "apps/web", &layer).await), Rejection::BlobUnknown { .. }));
        assert_eq!(records(&store, "upload.removed").await, 1);
    }

    async fn tags_move_and_come_back(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &["latest"]).await;
        let two = image(&store, &system, "apps/web", "two", &["latest"]).await;
        assert_eq!(history(&store, &system, "apps/web", "latest").await, Ok(vec![Some(two), Some(one)]));
        assert_eq!(undo(&store, &system, "apps/web", "latest").await, Ok(TagOutcome { digest: Some(one), changed: true }));
        assert_eq!(get(&store, &system, "apps/web", "latest").await, Ok(one));
        assert_eq!(undo(&store, &system, "apps/web", "latest").await.map(|done| done.digest), Ok(Some(two)));
        untag(&store, &system, "apps/web", "latest").await.expect("it is there");
        assert!(matches!(rejected(get(&store, &system, "apps/web", "latest").await), Rejection::ManifestUnknown { .. }));
        assert!(matches!(rejected(untag(&store, &system, "apps/web", "latest").await), Rejection::ManifestUnknown { .. }));
        assert_eq!(undo(&store, &system, "apps/web", "latest").await.map(|done| done.digest), Ok(Some(two)));
        let positions = history(&store, &system, "apps/web", "latest").await.expect("positions");
        assert_eq!(positions, [Some(two), None, Some(two), Some(one), Some(two), Some(one)]);
        assert_eq!(undo(&store, &system, "apps/web", "latest").await.map(|done| done.digest), Ok(None), "it was absent before");

        assert!(matches!(rejected(undo(&store, &system, "apps/web", "never").await), Rejection::ManifestUnknown { .. }));
        image(&store, &system, "apps/web", "one", &["fresh"]).await;
        assert!(matches!(rejected(undo(&store, &system, "apps/web", "fresh").await), Rejection::Conflict(_)));
        delete(&store, &system, "apps/web", &two).await.expect("no tag names it");
        assert!(matches!(rejected(undo(&store, &system, "apps/web", "latest").await), Rejection::ManifestUnknown { .. }));
        assert_eq!(tag(&store, &system, "apps/web", "fresh", "copy").await, Ok(TagOutcome { digest: Some(one), changed: true }));
        assert_eq!(tag(&store, &system, "apps/web", "fresh", "copy").await, Ok(TagOutcome { digest: Some(one), changed: false }));
        assert!(matches!(rejected(tag(&store, &system, "apps/web", "nothing", "copy").await), Rejection::ManifestUnknown { .. }));
    }

    async fn deleting_a_manifest_takes_its_tags(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &["a", "b"]).await;
        image(&store, &system, "apps/web", "two", &["c"]).await;
        delete(&store, &system, "apps/web", &one).await.expect("it is there");
        assert_eq!(tags(&store, &system, "apps/web").await.expect("tags"), ["c"]);
        assert_eq!(records(&store, "tag.deleted").await, 2);
        assert_eq!(records(&store, "manifest.deleted").await, 1);
        assert!(matches!(rejected(delete(&store, &system, "apps/web", &one).await), Rejection::ManifestUnknown { .. }));
        let states = store.run("select quarantine from image_state where digest = $1", vec![one.to_row().into()]).await.expect("rows");
        assert_eq!(states[0].text(0), Ok("cleared"), "the state outlives the manifest");
        store.numbered().await;
        let order = store.run("select type from record order by sequence desc limit 3", Vec::new()).await.expect("rows");
        assert_eq!(order[0].text(0), Ok("manifest.deleted"), "a tag never names what is gone, in the log neither");
    }

    async fn new_tags_need_push_and_moves_need_update(store: TestStore) {
        let alice = user(&store, "alice").await;
        grant(&store, &alice, "pull,push", "apps/**").await;
        let one = image(&store, &alice, "apps/web", "one", &["latest"]).await;
        let layer = push_blob(&store, &alice, "apps/web", "layer of two").await.expect("a blob");
        let two = tagged(manifest("two", &[layer], &[]), &["latest"]);
        assert!(matches!(rejected(put(&store, &alice, "apps/web", &two).await), Rejection::Denied(_)));
        assert_eq!(get(&store, &alice, "apps/web", "latest").await, Ok(one));
        assert!(matches!(rejected(get(&store, &alice, "apps/web", &two.facts.digest.to_string()).await), Rejection::ManifestUnknown { .. }));
        put(&store, &alice, "apps/web", &tagged(two.clone(), &["2"])).await.expect("a new tag");
        let moved = tag(&store, &alice, "apps/web", "2", "latest").await;
        assert!(matches!(rejected(moved), Rejection::Denied(_)), "`latest` too");
        assert!(matches!(rejected(undo(&store, &alice, "apps/web", "latest").await), Rejection::Denied(_)));
        assert!(matches!(rejected(untag(&store, &alice, "apps/web", "latest").await), Rejection::Denied(_)));
        grant(&store, &alice, "update", "apps/web").await;
        put(&store, &alice, "apps/web", &two).await.expect("it may move now");
    }

    async fn lists_page_bytewise(store: TestStore) {
        let system = Principal::system();
        for text in ["b", "A", "a", "_", "1", "B.2"] {
            image(&store, &system, "apps/web", "one", &[text]).await;
        }
        for place in ["z", "apps/web-2", "apps/web/x", "apps0"] {
            image(&store, &system, place, "one", &["1"]).await;
        }
        let repository = name("apps/web");
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let page = reading!(store, [repository, after], |tx| {
                let leave = authorize::<Pull>(tx, &Principal::system(), &repository).await?;
                registry::list_tags(tx, &leave, after.as_ref(), 4).await
            });
            let page = page.expect("a page");
            after = page.items.last().cloned();
            seen.extend(page.items.iter().map(ToString::to_string));
            if !page.more {
                break;
            }
        }
        assert_eq!(seen, ["1", "A", "B.2", "_", "a", "b"]);
        assert_eq!(catalog(&store, &system).await, ["apps/web", "apps/web-2", "apps/web/x", "apps0", "z"]);
    }

    async fn referrers_are_found_before_and_after_their_subject(store: TestStore) {
        let system = Principal::system();
        let subject = manifest("subject", &[], &[]);
        let digest = subject.facts.digest;
        let early = referring("early", digest, "text/sbom");
        put(&store, &system, "apps/web", &early).await.expect("the subject may come later");
        put(&store, &system, "apps/web", &subject).await.expect("a manifest");
        let late = referring("late", digest, "text/signature");
        put(&store, &system, "apps/web", &late).await.expect("a manifest");
        let repository = name("apps/web");
        let find = async |kind: Option<&'static str>, after: Option<Digest>, limit: usize| {
            let found = reading!(store, [repository], |tx| {
                let leave = authorize::<Pull>(tx, &Principal::system(), &repository).await?;
                registry::referrers(tx, &leave, &digest, kind, after.as_ref(), limit).await
            });
            found.expect("a list")
        };
        let mut both = vec![early.facts.digest, late.facts.digest];
        both.sort_by_key(Digest::to_row);
        let all = find(None, None, 10).await;
        assert_eq!(all.items.iter().map(|item| item.digest).collect::<Vec<_>>(), both);
        let signature = find(Some("text/signature"), None, 10).await.items;
        assert_eq!(signature.len(), 1);
        assert_eq!(signature[0].annotations.as_deref(), Some("{\"name\":\"late\"}"));
        assert_eq!(signature[0].artifact_type.as_deref(), Some("text/signature"));
        let first = find(None, None, 1).await;
        assert!(first.more);
        let rest = find(None, Some(first.items[0].digest), 1).await;
        assert!(!rest.more && rest.items[0].digest == both[1]);
        delete(&store, &system, "apps/web", &digest).await.expect("referrers hold nothing");
        assert_eq!(find(None, None, 10).await.items.len(), 2, "they stay for their grace");
    }

    async fn the_default_line_is_the_newest_tag(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &["1"]).await;
        assert_eq!(default_line(&store, "apps/web").await, [("tag:1".to_owned(), Some(one))]);
        let two = image(&store, &system, "apps/web", "two", &["2"]).await;
        assert_eq!(default_line(&store, "apps/web").await, [("tag:2".to_owned(), Some(two))]);
        untag(&store, &system, "apps/web", "2").await.expect("it is there");
        assert_eq!(default_line(&store, "apps/web").await, [("tag:1".to_owned(), Some(one))]);
        let repository = name("apps/web");
        let declare = |tag: &'static str| {
            let repository = repository.clone();
            let store = &store;
            async move {
                writing!(store, [repository], |tx| {
                    let leave = authorize::<Push>(tx, &Principal::system(), &repository).await?;
                    lines::declare(tx, &leave, &tag_name(tag)).await
                })
            }
        };
        declare("stable").await.expect("declared");
        declare("1").await.expect("declared");
        assert_eq!(default_line(&store, "apps/web").await, [("tag:1".to_owned(), Some(one)), ("tag:stable".to_owned(), None)]);
        image(&store, &system, "apps/web", "two", &["stable"]).await;
        image(&store, &system, "apps/web", "three", &["3"]).await;
        assert_eq!(default_line(&store, "apps/web").await, [("tag:1".to_owned(), Some(one)), ("tag:stable".to_owned(), Some(two))]);
        for tag in ["stable", "1"] {
            writing!(store, [repository], |tx| {
                let leave = authorize::<Push>(tx, &Principal::system(), &repository).await?;
                lines::withdraw(tx, &leave, &tag_name(tag)).await
            })
            .expect("declared before");
        }
        assert_eq!(default_line(&store, "apps/web").await[0].0, "tag:3");
    }
}
