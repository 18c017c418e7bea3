//! The log.

use crate::both::{both, project};
use refloat_core::event::{AuditEvent, Event};
use refloat_core::{NewRecord, ProjectId, RecordId, Stream};
use refloat_store::log;

/// A record that continues `stream`.
pub fn record(project: &ProjectId, stream: &str, number: i64) -> NewRecord {
    NewRecord {
        project: project.clone(),
        stream: Stream::new("test", stream),
        expected_version: None,
        actor: "system".to_owned(),
        causes: Vec::new(),
        cascade: None,
        event: Event::Audit(AuditEvent::Restored { up_to_sequence: number }),
        personal: None,
    }
}

/// Appends records, all in one transaction.
pub async fn append(store: &refloat_store::Store, records: Vec<NewRecord>) -> Vec<RecordId> {
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
    done.await.expect("the records are appended")
}

both! {
    async fn records_of_one_transaction_are_in_order(store: TestStore) {
        let project = project(&store, "boats").await;
        let records = (0..5).map(|number| record(&project, "a", number)).collect();
        let ids = append(&store, records).await;
        let rows = store.run("select id, at from record order by at", Vec::new()).await.expect("rows");
        let found: Vec<_> = rows.iter().map(|row| row.text(0).expect("an id").to_owned()).collect();
        assert_eq!(found, ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        let times: Vec<_> = rows.iter().map(|row| row.int(1).expect("a time")).collect();
        assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    }
}
