//! Every statement of the hot operations walks an index: SQLite is asked for its plan of each, as it is run.

use super::world::*;
use futures_util::future::BoxFuture;
use refloat_core::{Principal, Timestamp};
use refloat_store::access::{Push, authorize};
use refloat_store::collect::{self, CollectPolicy};
use refloat_store::{Dialect, Row, Sql, StoreError, Tx, Value, registry, uploads};

/// Runs statements and notes what their plans scan.
struct Explaining<'t> {
    inner: &'t mut dyn Tx,
    scans: Vec<String>,
    statements: usize,
}

impl Explaining<'_> {
    async fn explain(&mut self, sql: Sql, parameters: &[Value]) -> Result<(), StoreError> {
        self.statements += 1;
        let text: &'static str = String::leak(format!("explain query plan {}", sql.sqlite));
        let rows = self
            .inner
            .query(
                Sql {
                    sqlite: text,
                    postgres: text,
                },
                parameters,
            )
            .await?;
        for row in &rows {
            let step = row.text(3)?;
            // Lists that were passed as a parameter, results of sub-statements, and single rows are no tables.
            let harmless = [
                "json_each",
                "CONSTANT",
                "asked",
                "changed",
                "own",
                "everybody",
                "listed",
                "open",
                "(subquery",
            ];
            let scanned = step
                .strip_prefix("SCAN ")
                .and_then(|rest| rest.split(' ').next());
            if scanned.is_some_and(|table| !harmless.contains(&table)) {
                self.scans.push(format!("{step}: {}", sql.sqlite));
            }
        }
        Ok(())
    }
}

impl Tx for Explaining<'_> {
    fn query<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            self.explain(sql, parameters).await?;
            self.inner.query(sql, parameters).await
        })
    }

    fn execute<'a>(
        &'a mut self,
        sql: Sql,
        parameters: &'a [Value],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            self.explain(sql, parameters).await?;
            self.inner.execute(sql, parameters).await
        })
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn tick(&mut self, after: Timestamp) -> Timestamp {
        self.inner.tick(after)
    }

    fn dialect(&self) -> Dialect {
        self.inner.dialect()
    }
}

async fn reads(tx: &mut dyn Tx, alice: &Principal) -> Result<(), StoreError> {
    let leave = authorize(tx, alice, &name("apps/web")).await?;
    let layer = blob("layer of one").digest;
    let reference = "1".parse::<refloat_oci::TagOrDigest>().expect("a tag");
    let found = registry::manifest(
        tx,
        &leave,
        &reference,
        refloat_store::visible::Purpose::Pull,
    )
    .await?;
    registry::blob(tx, &leave, &layer).await?;
    registry::list_tags(tx, &leave, Some(&tag_name("0")), 10).await?;
    registry::tag_history(tx, &leave, &tag_name("1"), None, 10).await?;
    registry::referrers(tx, &leave, &found.digest, Some("text/sbom"), None, 10).await?;
    registry::catalog(tx, alice, Some(&name("a")), 10).await?;
    registry::catalog(tx, &Principal::system(), Some(&name("a")), 10).await?;
    collect::touch(tx, &leave, &layer).await
}

async fn push(
    tx: &mut dyn Tx,
    alice: &Principal,
    image: &registry::PutManifest,
) -> Result<(), StoreError> {
    let leave = authorize::<Push>(tx, alice, &name("apps/web")).await?;
    registry::put_manifest(tx, &leave, image).await.map(drop)
}

async fn writes(tx: &mut dyn Tx, alice: &Principal) -> Result<(), StoreError> {
    let leave = authorize::<Push>(tx, alice, &name("apps/web")).await?;
    uploads::store(tx, &leave, &blob("other")).await?;
    uploads::mount(tx, &leave, &blob("layer of one").digest, None).await?;
    let leave = authorize(tx, alice, &name("apps/web")).await?;
    registry::untag(tx, &leave, &tag_name("2")).await?;
    registry::delete_manifest(
        tx,
        &leave,
        &manifest("two", &[blob("layer of one").digest], &[])
            .facts
            .digest,
    )
    .await?;
    let none = CollectPolicy {
        grace_seconds: 0,
        referrer_grace_seconds: 0,
        read_seconds: 0,
    };
    collect::step(tx, &none, 10).await?;
    collect::due_dead(tx, 10).await.map(drop)
}

#[test]
fn hot_statements_walk_an_index() {
    crate::both::on_sqlite(async |store: crate::both::TestStore| {
        let alice = user(&store, "alice").await;
        grant(&store, &alice, "pull,push,update,delete", "**").await;
        image(&store, &alice, "apps/web", "one", &["1"]).await;
        let two = tagged(
            manifest("two", &[blob("layer of one").digest], &[]),
            &["2", "1"],
        );
        let (scans, pushing) = writing!(store, [alice, two], |tx| {
            let mut explaining = Explaining {
                inner: tx,
                scans: Vec::new(),
                statements: 0,
            };
            reads(&mut explaining, &alice).await?;
            let before = explaining.statements;
            push(&mut explaining, &alice, &two).await?;
            let pushing = explaining.statements - before;
            writes(&mut explaining, &alice).await?;
            Ok((explaining.scans, pushing))
        })
        .expect("it runs");
        assert!(scans.is_empty(), "{}", scans.join("\n"));
        assert!(
            pushing <= 27,
            "a push of one manifest with two tags takes {pushing} statements"
        );
    });
}
