//! The log: appended, numbered, read.

use crate::both::{both, project};
use refloat_core::event::{AuditEvent, Event, RegistryEvent};
use refloat_core::record::{BODY_MAX_BYTES, CAUSES_MAX};
use refloat_core::{NewRecord, ProjectId, RecordId, Rejection, Stream};
use refloat_store::log::{self, Filter, Intact, Verified};
use refloat_store::{Store, StoreError};
use std::sync::Arc;

/// A record that continues `stream`.
pub fn record(project: &ProjectId, stream: &str, number: i64) -> NewRecord {
    NewRecord {
        project: project.clone(),
        stream: Stream::new("test", stream),
        expected_version: None,
        actor: "system".to_owned(),
        causes: Vec::new(),
        cascade: None,
        event: Event::Audit(AuditEvent::Restored {
            up_to_sequence: number,
        }),
        personal: None,
    }
}

/// A record of a repository.
pub fn pushed(project: &ProjectId, repository: &str) -> NewRecord {
    NewRecord {
        event: Event::Registry(RegistryEvent::RepositoryCreated {
            repository: repository.parse().expect("a name"),
        }),
        ..record(project, repository, 0)
    }
}

/// Appends records, all in one transaction.
pub async fn try_append(
    store: &Store,
    records: Vec<NewRecord>,
) -> Result<Vec<RecordId>, StoreError> {
    let done = store.write(move |tx| {
        let records = records.clone();
        Box::pin(async move {
            let mut ids = Vec::new();
            for record in records {
                ids.push(log::append(tx, record).await?);
            }
            Ok(ids)
        })
    });
    done.await
}

/// Appends records, all in one transaction.
pub async fn append(store: &Store, records: Vec<NewRecord>) -> Vec<RecordId> {
    try_append(store, records)
        .await
        .expect("the records are appended")
}

/// The ids that a reader gets, in pages of two.
async fn read(store: &Store, filter: Filter) -> Vec<RecordId> {
    let filter = Arc::new(filter);
    let mut ids = Vec::new();
    let mut position = 0;
    loop {
        let filter = Arc::clone(&filter);
        let page = store
            .read(move |tx| {
                let filter = Arc::clone(&filter);
                Box::pin(async move { log::read_after(tx, position, &filter, 2).await })
            })
            .await
            .expect("a page");
        ids.extend(page.records.into_iter().map(|record| record.id));
        position = page.position;
        if position >= page.newest {
            return ids;
        }
    }
}

/// Verifies the log, which has to be whole.
pub async fn intact(store: &Store) -> Intact {
    match log::verify(store, None).await.expect("the log can be read") {
        Verified::Intact(intact) => intact,
        Verified::Broken(broken) => panic!("{broken}"),
    }
}

both! {
    async fn records_of_one_transaction_are_in_order(store: TestStore) {
        let project = project(&store, "boats").await;
        let records = ["a", "b", "a", "c", "a"].iter().map(|stream| record(&project, stream, 0)).collect();
        let ids = append(&store, records).await;
        store.numbered().await;
        assert_eq!(read(&store, Filter::all()).await, ids);
        let rows = store.run("select at from record order by sequence", Vec::new()).await.expect("rows");
        let times: Vec<_> = rows.iter().map(|row| row.int(0).expect("a time")).collect();
        assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
        assert_eq!(intact(&store).await.last_sequence, 5);
    }

    async fn a_stream_is_continued_from_the_expected_version_only(store: TestStore) {
        let project = project(&store, "boats").await;
        let expecting = |version| NewRecord { expected_version: Some(version), ..record(&project, "a", version) };
        assert_eq!(try_append(&store, vec![expecting(1)]).await, Err(StoreError::Conflict), "there is no stream yet");
        append(&store, vec![expecting(0)]).await;
        assert_eq!(try_append(&store, vec![expecting(0)]).await, Err(StoreError::Conflict), "there is one already");
        append(&store, vec![expecting(1), expecting(2)]).await;
        assert_eq!(try_append(&store, vec![expecting(2)]).await, Err(StoreError::Conflict), "it went on");
        assert_eq!(try_append(&store, vec![expecting(3), expecting(9)]).await, Err(StoreError::Conflict));
        store.numbered().await;
        assert_eq!(intact(&store).await.last_sequence, 3, "nothing of what was refused is there");
    }

    async fn a_record_has_bounds(store: TestStore) {
        let project = project(&store, "boats").await;
        let media_type = "x".repeat(BODY_MAX_BYTES);
        let event = Event::Registry(RegistryEvent::ManifestPushed {
            repository: "a/b".parse().expect("a name"),
            digest: refloat_oci::Digest::sha256(b""),
            media_type,
            artifact_type: None,
            subject: None,
            size_bytes: 0,
        });
        let large = NewRecord { event, ..record(&project, "a", 0) };
        let refused = try_append(&store, vec![large]).await;
        assert!(matches!(refused, Err(StoreError::Rejected(Rejection::TooLarge { .. }))), "{refused:?}");
        let id = append(&store, vec![record(&project, "a", 0)]).await.remove(0);
        let causes = |count| NewRecord { causes: vec![id.clone(); count], ..record(&project, "a", 0) };
        assert!(try_append(&store, vec![causes(CAUSES_MAX + 1)]).await.is_err());
        append(&store, vec![causes(CAUSES_MAX)]).await;
    }

    async fn readers_get_what_fits(store: TestStore) {
        let (boats, cars) = (project(&store, "boats").await, project(&store, "cars").await);
        let ids = append(&store, vec![
            pushed(&boats, "boats/dinghy"),
            record(&boats, "x", 1),
            pushed(&cars, "cars/van"),
            pushed(&boats, "boats/ketch"),
            record(&cars, "x", 2),
        ]).await;
        store.numbered().await;
        let some = |wanted: &[usize]| wanted.iter().map(|index| ids[*index].clone()).collect::<Vec<_>>();
        let types = |pattern: &str| Filter::all().types(pattern).expect("a type");
        let name = "boats/dinghy".parse().expect("a name");
        assert_eq!(read(&store, types("*")).await, ids);
        assert_eq!(read(&store, types("repository.*")).await, some(&[0, 2, 3]));
        assert_eq!(read(&store, types("audit.restored")).await, some(&[1, 4]));
        assert_eq!(read(&store, types("tag.*")).await, some(&[]));
        assert_eq!(read(&store, Filter::all().project(cars.clone())).await, some(&[2, 4]));
        assert_eq!(read(&store, Filter::all().repository(name)).await, some(&[0]));
        assert!(Filter::all().types("boats.*").is_err());
    }

    async fn a_reader_gets_only_what_it_may_pull(store: TestStore) {
        let boats = project(&store, "boats").await;
        let ids = append(&store, vec![pushed(&boats, "a"), pushed(&boats, "b"), pushed(&boats, "c"), record(&boats, "x", 1)]).await;
        store.numbered().await;
        for (name, subject, actions) in [("a", "usr_1", 1), ("b", "anonymous", 1), ("c", "usr_1", 2)] {
            let parameters = vec![format!("rep_{name}").into(), boats.as_str().into(), name.into()];
            store.run("insert into repository (id, project_id, name, created_at) values ($1, $2, $3, 0)", parameters).await.expect("a repository");
            let parameters = vec![subject.into(), format!("rep_{name}").into(), name.into(), i64::from(actions).into()];
            store.run("insert into grant_repository (subject, repository_id, name, actions) values ($1, $2, $3, $4)", parameters).await.expect("a grant");
        }
        let some = |wanted: &[usize]| wanted.iter().map(|index| ids[*index].clone()).collect::<Vec<_>>();
        assert_eq!(read(&store, Filter::all().reader("usr_1")).await, some(&[0, 1]), "push alone is not pull");
        assert_eq!(read(&store, Filter::all().reader("anonymous")).await, some(&[1]));
        assert_eq!(read(&store, Filter::all().reader("usr_2")).await, some(&[1]));
    }

    async fn time_does_not_go_back(store: TestStore) {
        let project = project(&store, "boats").await;
        append(&store, vec![record(&project, "a", 1)]).await;
        // As if the clock had been far ahead when this was written.
        let ahead = 1_i64 << 60;
        store.run("update record set at = $1", vec![ahead.into()]).await.expect("set");
        let store = store.reopen().await;
        append(&store, vec![record(&project, "a", 2)]).await;
        let rows = store.run("select at from record order by stream_version", Vec::new()).await.expect("rows");
        assert!(rows[1].int(0).expect("a time") > ahead, "{rows:?}");
    }
}
