//! One byte altered anywhere in the log is found and named.

use crate::both::{TestStore, both, project};
use crate::log::{append, intact, pushed, record};
use refloat_core::{NewRecord, Secret};
use refloat_store::log::{self, Broken, Retention, SegmentKey, SegmentRule, Verified};
use refloat_store::{Dialect, Value};
use std::sync::Arc;

/// A log with every kind of column in use, its first two records in a signed segment.
async fn filled(store: &TestStore) -> (Arc<SegmentKey>, Vec<String>) {
    let project = project(store, "boats").await;
    let first = append(store, vec![pushed(&project, "a/b")]).await.remove(0);
    let second = NewRecord {
        causes: vec![first],
        cascade: Some("cas_01arz3ndektsv4rrffq69g5fav".parse().expect("an id")),
        personal: Some("192.0.2.7 docker/29".to_owned()),
        ..pushed(&project, "a/b")
    };
    append(store, vec![second]).await;
    store.numbered().await;
    let key =
        Arc::new(SegmentKey::from_pkcs8(&SegmentKey::generate().expect("a key")).expect("a key"));
    close(store, &key, 2).await.expect("a segment");
    append(
        store,
        vec![record(&project, "x", 1), record(&project, "x", 2)],
    )
    .await;
    store.numbered().await;
    let rows = store
        .run("select id from record order by sequence", Vec::new())
        .await
        .expect("rows");
    (
        key,
        rows.iter()
            .map(|row| row.text(0).expect("an id").to_owned())
            .collect(),
    )
}

pub async fn close(
    store: &TestStore,
    key: &Arc<SegmentKey>,
    records_max: i64,
) -> Option<log::Segment> {
    let key = Arc::clone(key);
    let rule = SegmentRule {
        records_max,
        age_seconds_max: 86_400,
    };
    let closed = store.write(move |tx| {
        let key = Arc::clone(&key);
        Box::pin(async move { log::close_segment(tx, &key, rule).await })
    });
    closed.await.expect("the segment can be looked at")
}

async fn verified(store: &TestStore, key: &SegmentKey) -> Result<(), Broken> {
    match log::verify(store, Some(&key.public()))
        .await
        .expect("the log can be read")
    {
        Verified::Intact(_) => Ok(()),
        Verified::Broken(broken) => Err(broken),
    }
}

/// The value with one byte changed.
fn altered(value: &Value) -> Value {
    match value {
        Value::Null => panic!("there is nothing to alter"),
        Value::Int(number) => Value::Int(number ^ 1 << 5),
        Value::Text(text) => {
            let mut bytes = text.as_bytes().to_vec();
            let last = bytes.last_mut().expect("a text that is not empty");
            *last = if *last == b'a' { b'b' } else { b'a' };
            String::from_utf8(bytes).expect("still text").into()
        }
        Value::Bytes(bytes) => {
            let mut bytes = bytes.to_vec();
            *bytes.last_mut().expect("bytes that are not empty") ^= 1;
            bytes.into()
        }
    }
}

/// Tables that refer to records by their id.
const REFERRING: [&str; 3] = ["personal", "record_cause", "record_digest"];

const COLUMNS: &[&str] = &[
    "sequence",
    "id",
    "project_id",
    "stream",
    "stream_version",
    "at",
    "actor",
    "causes",
    "cascade",
    "origin",
    "type",
    "repository",
    "body",
    "body_hash",
    "personal_hash",
    "previous",
    "hash",
];

/// Whether the report names the column, or says that it is one of several that include it.
fn names(broken: &Broken, column: &str) -> bool {
    broken
        .field
        .split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric())
        .any(|word| word == column)
}

both! {
    async fn any_column_of_any_record(store: TestStore) {
        let (key, ids) = filled(&store).await;
        verified(&store, &key).await.expect("whole before");
        if store.dialect() == Dialect::Postgres {
            // Whoever tampers is not held up by references.
            for table in REFERRING {
                store.run(format!("alter table {table} drop constraint {table}_record_id_fkey"), Vec::new()).await.expect("dropped");
            }
        } else {
            for table in REFERRING {
                store.run(format!("delete from {table}"), Vec::new()).await.expect("erased: the record's id is referred to");
            }
        }
        let mut tampered = 0;
        for (index, id) in ids.iter().enumerate() {
            for column in COLUMNS {
                let found = store.run(format!("select {column} from record where id = $1"), vec![id.as_str().into()]).await.expect("a row");
                let value = found[0].0[0].clone();
                // The empty text has no byte to alter; what is null becomes something instead.
                let to = match &value {
                    Value::Null | Value::Text(_) if matches!(&value, Value::Null) || value == Value::from("") => Value::from("a"),
                    Value::Bytes(bytes) if bytes.is_empty() => Value::from(vec![1]),
                    other => altered(other),
                };
                let set = format!("update record set {column} = $1 where stream = $2 and stream_version = $3");
                let at = store.run("select stream, stream_version from record where id = $1", vec![id.as_str().into()]).await.expect("a row");
                let (stream, version) = (at[0].0[0].clone(), at[0].0[1].clone());
                store.run(set, vec![to.clone(), stream, version]).await.expect("tampered");
                let sequence = i64::try_from(index).expect("small") + 1;
                let broken = verified(&store, &key).await.expect_err(&format!("{column} of record {sequence}: {value:?} is {to:?}"));
                assert_eq!(broken.sequence, Some(sequence), "{column}: {broken}");
                assert!(names(&broken, column), "{column} of record {sequence}: {broken}");
                if *column != "id" {
                    assert_eq!(broken.id.as_deref(), Some(id.as_str()), "{column}: {broken}");
                }
                // Back, found by what was not changed.
                let back = match *column {
                    "stream" | "stream_version" | "id" => "previous",
                    _ => "id",
                };
                let kept = found_by(&store, back, id, &ids, index).await;
                store.run(format!("update record set {column} = $1 where {back} = $2"), vec![value, kept]).await.expect("repaired");
                tampered += 1;
            }
        }
        assert_eq!(tampered, ids.len() * COLUMNS.len());
        verified(&store, &key).await.expect("whole after");
    }

    async fn personal_data(store: TestStore) {
        let (key, _) = filled(&store).await;
        for (column, value) in [("data", Value::from("192.0.2.8 docker/29")), ("salt", Value::from(vec![7; 16]))] {
            let found = store.run(format!("select {column} from personal"), Vec::new()).await.expect("a row");
            store.run(format!("update personal set {column} = $1"), vec![value]).await.expect("tampered");
            let broken = verified(&store, &key).await.expect_err(column);
            assert_eq!((broken.sequence, broken.field.as_str()), (Some(2), "personal data"));
            store.run(format!("update personal set {column} = $1"), vec![found[0].0[0].clone()]).await.expect("repaired");
        }
        store.run("update personal set record_id = (select id from record where sequence = 1)", Vec::new()).await.expect("moved");
        assert_eq!(verified(&store, &key).await.expect_err("another's").sequence, Some(1));
    }

    async fn segments(store: TestStore) {
        let (key, _) = filled(&store).await;
        for column in ["number", "first_sequence", "last_sequence", "last_hash", "closed_at", "signature", "bodies_expired", "dropped"] {
            let found = store.run(format!("select {column} from segment"), Vec::new()).await.expect("a row");
            let value = found[0].0[0].clone();
            store.run(format!("update segment set {column} = $1"), vec![altered(&value)]).await.expect("tampered");
            verified(&store, &key).await.expect_err(column);
            store.run(format!("update segment set {column} = $1"), vec![value]).await.expect("repaired");
        }
        let other = SegmentKey::from_pkcs8(&SegmentKey::generate().expect("a key")).expect("a key");
        assert_eq!(verified(&store, &other).await.expect_err("another region's key").field, "signature");
        verified(&store, &key).await.expect("whole after");
    }

    async fn records_taken_away(store: TestStore) {
        let (key, ids) = filled(&store).await;
        store.run("delete from personal", Vec::new()).await.expect("erased");
        verified(&store, &key).await.expect("erasing personal data breaks nothing");
        store.run("delete from record where sequence = 5", Vec::new()).await.expect("the newest is gone");
        let broken = verified(&store, &key).await.expect_err("its stream misses it");
        assert_eq!(broken.id.as_deref(), Some("stream test/x"), "{broken}");
        store.run("delete from record where sequence = 2", Vec::new()).await.expect("one in the middle is gone");
        let broken = verified(&store, &key).await.expect_err("a gap");
        assert_eq!((broken.sequence, broken.id), (Some(2), None), "of {ids:?}");
    }

    async fn a_log_that_aged_still_verifies(store: TestStore) {
        let (key, _) = filled(&store).await;
        let now = Retention { body_seconds: 0, record_seconds: 0 };
        let expired = store.write(move |tx| Box::pin(log::expire_bodies(tx, now))).await.expect("expired");
        assert_eq!(expired.map(|segment| segment.last_sequence), Some(2));
        store.numbered().await;
        verified(&store, &key).await.expect("without bodies");
        let left = store.run("select count(*) from record where body is null", Vec::new()).await.expect("rows");
        assert_eq!(left[0].int(0), Ok(2));
        store.run("update record set repository = 'a/c' where sequence = 2", Vec::new()).await.expect("tampered");
        assert_eq!(verified(&store, &key).await.expect_err("a forged index").field, "repository");
        store.run("update record set repository = null where sequence = 2", Vec::new()).await.expect("repaired");
        let dropped = store.write(move |tx| Box::pin(log::drop_segment(tx, now))).await.expect("dropped");
        assert_eq!(dropped.map(|segment| segment.number), Some(1));
        verified(&store, &key).await.expect("without the first segment");
        assert_eq!(intact(&store).await.first_sequence, 3);
        let none = store.write(move |tx| Box::pin(log::drop_segment(tx, now))).await.expect("looked");
        assert_eq!(none, None);
    }

    async fn a_consumer_that_stands_still_keeps_the_bodies(store: TestStore) {
        let (_, _) = filled(&store).await;
        store.run("insert into cursor (consumer, sequence, updated_at) values ('slow', 1, 0)", Vec::new()).await.expect("a cursor");
        let now = Retention { body_seconds: 0, record_seconds: 0 };
        let expire = async || store.write(move |tx| Box::pin(log::expire_bodies(tx, now))).await.expect("looked");
        assert_eq!(expire().await, None);
        store.run("update cursor set sequence = 2", Vec::new()).await.expect("it goes on");
        assert!(expire().await.is_some());
    }
}

async fn found_by(
    store: &TestStore,
    column: &str,
    id: &str,
    ids: &[String],
    index: usize,
) -> Value {
    match (column, index) {
        ("id", _) => id.into(),
        // The record before it is untouched, and its hash is what this one chains on.
        (_, 0) => {
            let region = store.region().clone();
            refloat_core::record::genesis(&region).into()
        }
        _ => {
            let before = ids[index - 1].as_str();
            let rows = store
                .run("select hash from record where id = $1", vec![before.into()])
                .await
                .expect("a row");
            rows[0].0[0].clone()
        }
    }
}

#[test]
fn keys_are_not_printed() {
    let secret: Secret<Vec<u8>> = SegmentKey::generate().expect("a key");
    assert_eq!(format!("{secret:?}"), "(secret)");
    assert_eq!(
        format!("{:?}", SegmentKey::from_pkcs8(&secret).expect("a key")),
        "(segment key)"
    );
}
