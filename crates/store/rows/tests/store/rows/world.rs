//! A store with people and small images, for short tests.

use bytes::Bytes;
use refloat_core::access::Actions;
use refloat_core::registry::ManifestFacts;
use refloat_core::{Pattern, Principal, PrincipalId, Rejection, Secret};
use refloat_oci::{Digest, RepositoryName, TagName, TagOrDigest};
use refloat_store::access::{Delete, Pull, Push, authorize, authorize_project, authorize_server};
use refloat_store::accounts::{self, Standing};
use refloat_store::grants::{self, Subject};
use refloat_store::registry::{self, PutManifest, PutOutcome};
use refloat_store::uploads::{self, Arrived, ArrivedContent};
use refloat_store::{Store, StoreError, sign_in};

/// Runs an operation that may write, with clones of what it captures.
macro_rules! writing {
    ($store:expr, [$($captured:ident),*], |$tx:ident| $body:expr) => {{
        $(let $captured = $captured.clone();)*
        $store.write(move |$tx| { $(let $captured = $captured.clone();)* Box::pin(async move { $body }) }).await
    }};
}

/// Runs an operation on a snapshot, with clones of what it captures.
macro_rules! reading {
    ($store:expr, [$($captured:ident),*], |$tx:ident| $body:expr) => {{
        $(let $captured = $captured.clone();)*
        $store.read(move |$tx| { $(let $captured = $captured.clone();)* Box::pin(async move { $body }) }).await
    }};
}

pub(crate) use {reading, writing};

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().expect("a repository name")
}

pub(crate) fn tag_name(text: &str) -> TagName {
    text.parse().expect("a tag")
}

pub(crate) fn pattern(text: &str) -> Pattern {
    text.parse().expect("a pattern")
}

pub(crate) fn actions(text: &str) -> Actions {
    text.parse().expect("actions")
}

/// The rejection of an operation that must have been refused.
pub(crate) fn rejected<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Rejection {
    match result {
        Err(StoreError::Rejected(rejection)) => rejection,
        other => panic!("it should have been rejected: {other:?}"),
    }
}

/// A user who may nothing yet.
pub(crate) async fn user(store: &Store, account: &str) -> Principal {
    let account = account.to_owned();
    let row = writing!(store, [account], |tx| {
        let leave = authorize_server(tx, &Principal::system()).await?;
        accounts::create_user(
            tx,
            &leave,
            &account,
            &Secret::new("hash".to_owned()),
            Standing::Member,
        )
        .await
    });
    let id = row.expect("a new name").id;
    principal(store, &id).await
}

/// An account as signing in finds it.
pub(crate) async fn principal(store: &Store, id: &PrincipalId) -> Principal {
    let found = reading!(store, [id], |tx| sign_in::by_id(tx, &id).await);
    found.expect("rows").expect("the account").principal
}

pub(crate) async fn grant(store: &Store, subject: &Principal, what: &str, place: &str) {
    let subject = subject
        .id
        .clone()
        .map_or(Subject::Anonymous, Subject::Account);
    let (what, place) = (actions(what), pattern(place));
    let done = writing!(store, [subject, place], |tx| {
        let leave = authorize_project(tx, &Principal::system(), "default").await?;
        grants::grant(tx, &leave, &subject, what, &place).await
    });
    assert_eq!(done, Ok(true));
}

/// Bytes of a blob, told apart by a text.
pub(crate) fn blob(text: &str) -> Arrived {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Arrived {
        digest: Digest::sha256(&bytes),
        size: bytes.len() as u64,
        checksums: Bytes::from_static(&[0; 8]),
        content: ArrivedContent::Inline(bytes),
    }
}

pub(crate) async fn push_blob(
    store: &Store,
    by: &Principal,
    repository: &str,
    text: &str,
) -> Result<Digest, StoreError> {
    let (repository, arrived) = (name(repository), blob(text));
    writing!(store, [by, repository, arrived], |tx| {
        let leave = authorize::<Push>(tx, &by, &repository).await?;
        uploads::store(tx, &leave, &arrived).await?;
        Ok(arrived.digest)
    })
}

/// A manifest that names blobs and children; `text` tells manifests apart.
pub(crate) fn manifest(text: &str, blobs: &[Digest], children: &[Digest]) -> PutManifest {
    let bytes = Bytes::from(format!("{text} {blobs:?} {children:?}"));
    PutManifest {
        facts: ManifestFacts {
            digest: Digest::sha256(&bytes),
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            artifact_type: None,
            subject: None,
            size_bytes: bytes.len() as u64,
        },
        annotations: None,
        bytes,
        blobs: blobs.to_vec(),
        optional_blobs: Vec::new(),
        children: children.to_vec(),
        tags: Vec::new(),
    }
}

pub(crate) fn tagged(mut put: PutManifest, tags: &[&str]) -> PutManifest {
    put.tags = tags.iter().map(|tag| tag_name(tag)).collect();
    put
}

/// An artifact that refers to `subject`.
pub(crate) fn referring(text: &str, subject: Digest, artifact_type: &str) -> PutManifest {
    let mut put = manifest(text, &[], &[]);
    put.facts.subject = Some(subject);
    put.facts.artifact_type = Some(artifact_type.to_owned());
    put.annotations = Some(format!("{{\"name\":\"{text}\"}}"));
    put
}

pub(crate) async fn put(
    store: &Store,
    by: &Principal,
    repository: &str,
    put: &PutManifest,
) -> Result<PutOutcome, StoreError> {
    let repository = name(repository);
    writing!(store, [by, repository, put], |tx| {
        let leave = authorize::<Push>(tx, &by, &repository).await?;
        registry::put_manifest(tx, &leave, &put).await
    })
}

/// Pushes an image of one blob under tags; returns its digest.
pub(crate) async fn image(
    store: &Store,
    by: &Principal,
    repository: &str,
    text: &str,
    tags: &[&str],
) -> Digest {
    let layer = push_blob(store, by, repository, &format!("layer of {text}"))
        .await
        .expect("a blob");
    let image = tagged(manifest(text, &[layer], &[]), tags);
    put(store, by, repository, &image).await.expect("an image");
    image.facts.digest
}

pub(crate) async fn get(
    store: &Store,
    by: &Principal,
    repository: &str,
    reference: &str,
) -> Result<Digest, StoreError> {
    let (repository, reference) = (
        name(repository),
        reference.parse::<TagOrDigest>().expect("a tag or digest"),
    );
    reading!(store, [by, repository, reference], |tx| {
        let leave = authorize::<Pull>(tx, &by, &repository).await?;
        let found = registry::manifest(
            tx,
            &leave,
            &reference,
            refloat_store::visible::Purpose::Pull,
        )
        .await?;
        Ok(found.digest)
    })
}

pub(crate) async fn get_blob(
    store: &Store,
    by: &Principal,
    repository: &str,
    digest: &Digest,
) -> Result<u64, StoreError> {
    let repository = name(repository);
    reading!(store, [by, repository, digest], |tx| {
        let leave = authorize::<Pull>(tx, &by, &repository).await?;
        Ok(registry::blob(tx, &leave, &digest).await?.size)
    })
}

pub(crate) async fn delete(
    store: &Store,
    by: &Principal,
    repository: &str,
    digest: &Digest,
) -> Result<(), StoreError> {
    let repository = name(repository);
    writing!(store, [by, repository, digest], |tx| {
        let leave = authorize::<Delete>(tx, &by, &repository).await?;
        registry::delete_manifest(tx, &leave, &digest).await
    })
}

pub(crate) async fn tags(
    store: &Store,
    by: &Principal,
    repository: &str,
) -> Result<Vec<String>, StoreError> {
    let repository = name(repository);
    reading!(store, [by, repository], |tx| {
        let leave = authorize::<Pull>(tx, &by, &repository).await?;
        let found = registry::list_tags(tx, &leave, None, 100).await?;
        Ok(found.items.iter().map(ToString::to_string).collect())
    })
}

pub(crate) async fn catalog(store: &Store, by: &Principal) -> Vec<String> {
    let found = reading!(store, [by], |tx| registry::catalog(tx, &by, None, 100)
        .await);
    found
        .expect("rows")
        .items
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// How many records of a type there are.
pub(crate) async fn records(store: &crate::both::TestStore, kind: &str) -> i64 {
    let rows = store
        .run(
            "select count(*) from record where type = $1",
            vec![kind.into()],
        )
        .await
        .expect("rows");
    rows[0].int(0).expect("a count")
}
