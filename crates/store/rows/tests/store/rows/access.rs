//! Who may what: rules, patterns, members, policies, scopes, and what the refused are told.

use super::world::*;
use crate::both::both;
use refloat_core::access::Scope;
use refloat_core::{Principal, Rejection};
use refloat_store::access::{
    Admin, Delete, Op, Pull, Push, authorize, authorize_project, authorize_server,
};
use refloat_store::grants::{self, Subject};
use refloat_store::{Store, StoreError};

async fn may<O: Op>(store: &Store, by: &Principal, repository: &str) -> Result<(), Rejection> {
    let repository = name(repository);
    let asked = writing!(store, [by, repository], |tx| authorize::<O>(
        tx,
        &by,
        &repository
    )
    .await
    .map(drop));
    match asked {
        Ok(()) => Ok(()),
        Err(StoreError::Rejected(rejection)) => Err(rejection),
        Err(other) => panic!("{other}"),
    }
}

fn unknown(repository: &str) -> Result<(), Rejection> {
    Err(Rejection::RepositoryUnknown(repository.to_owned()))
}

both! {
    async fn the_refused_learn_nothing(store: TestStore) {
        let (system, anonymous) = (Principal::system(), Principal::anonymous());
        image(&store, &system, "apps/web", "one", &["1"]).await;
        let alice = user(&store, "alice").await;
        for place in ["apps/web", "apps/absent"] {
            assert_eq!(may::<Pull>(&store, &anonymous, place).await, Err(Rejection::Unauthenticated));
            assert_eq!(may::<Push>(&store, &anonymous, place).await, Err(Rejection::Unauthenticated));
            assert_eq!(may::<Pull>(&store, &alice, place).await, unknown(place));
            assert_eq!(may::<Push>(&store, &alice, place).await, unknown(place));
            assert_eq!(may::<Delete>(&store, &alice, place).await, unknown(place));
        }
        grant(&store, &alice, "pull", "apps/**").await;
        assert_eq!(may::<Pull>(&store, &alice, "apps/web").await, Ok(()));
        assert_eq!(may::<Pull>(&store, &alice, "apps/absent").await, unknown("apps/absent"));
        for place in ["apps/web", "apps/absent"] {
            assert!(matches!(may::<Push>(&store, &alice, place).await, Err(Rejection::Denied(_))), "{place}");
            assert!(matches!(may::<Delete>(&store, &alice, place).await, Err(Rejection::Denied(_))), "{place}");
        }
        assert_eq!(may::<Pull>(&store, &alice, "other/web").await, unknown("other/web"));
        assert_eq!(catalog(&store, &alice).await, ["apps/web"]);
        assert!(catalog(&store, &anonymous).await.is_empty());
    }

    async fn rules_reach_repositories_that_come_later(store: TestStore) {
        let alice = user(&store, "alice").await;
        grant(&store, &alice, "pull,push", "apps/*").await;
        image(&store, &alice, "apps/web", "one", &["1"]).await;
        assert_eq!(may::<Push>(&store, &alice, "apps/web").await, Ok(()));
        assert_eq!(may::<Push>(&store, &alice, "apps/web/deep").await, unknown("apps/web/deep"));
        assert!(may::<Delete>(&store, &alice, "apps/web").await.is_err());
        grant(&store, &alice, "admin", "apps/web").await;
        assert_eq!(may::<Delete>(&store, &alice, "apps/web").await, Ok(()), "admin contains all");
        assert_eq!(may::<Admin>(&store, &alice, "apps/web").await, Ok(()));
        let subject = Subject::Account(alice.id.clone().expect("an account"));
        for (what, place) in [("admin", "apps/web"), ("pull,push", "apps/*")] {
            let (what, place) = (actions(what), pattern(place));
            let done = writing!(store, [subject, place], |tx| {
                let leave = authorize_project(tx, &Principal::system(), "default").await?;
                grants::revoke(tx, &leave, &subject, what, &place).await
            });
            assert_eq!(done, Ok(true));
        }
        assert_eq!(may::<Pull>(&store, &alice, "apps/web").await, unknown("apps/web"));
        assert!(catalog(&store, &alice).await.is_empty());
        assert_eq!((records(&store, "access.granted").await, records(&store, "access.revoked").await), (2, 2));
    }

    async fn everybody_may_what_anonymous_may(store: TestStore) {
        let alice = user(&store, "alice").await;
        image(&store, &Principal::system(), "public/web", "one", &["1"]).await;
        image(&store, &Principal::system(), "apps/web", "one", &["1"]).await;
        grant(&store, &Principal::anonymous(), "pull", "public/**").await;
        for reader in [&Principal::anonymous(), &alice] {
            assert_eq!(may::<Pull>(&store, reader, "public/web").await, Ok(()));
            assert_eq!(catalog(&store, reader).await, ["public/web"]);
        }
        assert_eq!(may::<Push>(&store, &Principal::anonymous(), "public/web").await, Err(Rejection::Unauthenticated));
        grant(&store, &alice, "pull", "**").await;
        assert_eq!(catalog(&store, &alice).await, ["apps/web", "public/web"]);
    }

    async fn a_token_narrows_and_never_widens(store: TestStore) {
        let alice = user(&store, "alice").await;
        grant(&store, &alice, "pull,push", "apps/**").await;
        image(&store, &alice, "apps/web", "one", &["1"]).await;
        image(&store, &alice, "apps/api", "one", &["1"]).await;
        let scope = |place: &str, what: &str| Scope { pattern: pattern(place), actions: actions(what) };
        let narrowed = Principal { scopes: Some(vec![scope("apps/web", "pull,delete"), scope("other/**", "pull")]), ..alice.clone() };
        assert_eq!(may::<Pull>(&store, &narrowed, "apps/web").await, Ok(()));
        assert!(matches!(may::<Push>(&store, &narrowed, "apps/web").await, Err(Rejection::Denied(_))));
        assert!(matches!(may::<Delete>(&store, &narrowed, "apps/web").await, Err(Rejection::Denied(_))));
        assert_eq!(may::<Pull>(&store, &narrowed, "apps/api").await, unknown("apps/api"));
        assert_eq!(may::<Pull>(&store, &narrowed, "other/web").await, unknown("other/web"));
        assert_eq!(catalog(&store, &narrowed).await, ["apps/web"]);
        let server = reading!(store, [narrowed], |tx| authorize_server(tx, &narrowed).await.map(drop));
        assert!(matches!(rejected(server), Rejection::Denied(_)));
        let whole = Principal { scopes: Some(vec![scope("apps/web", "pull")]), administrator: true, ..alice };
        assert!(matches!(may::<Push>(&store, &whole, "apps/web").await, Err(Rejection::Denied(_))), "a claim is checked against the row");
    }

    async fn a_deleted_account_opens_nothing(store: TestStore) {
        let alice = user(&store, "alice").await;
        grant(&store, &alice, "pull", "**").await;
        image(&store, &Principal::system(), "apps/web", "one", &["1"]).await;
        assert_eq!(may::<Pull>(&store, &alice, "apps/web").await, Ok(()));
        let id = alice.id.clone().expect("an account");
        writing!(store, [id], |tx| {
            let leave = authorize_project(tx, &Principal::system(), "default").await?;
            refloat_store::accounts::delete(tx, &leave, &id).await
        })
        .expect("it is there");
        assert_eq!(may::<Pull>(&store, &alice, "apps/web").await, Err(Rejection::Unauthenticated));
        let liar = Principal { administrator: true, ..alice };
        assert_eq!(may::<Pull>(&store, &liar, "apps/web").await, Err(Rejection::Unauthenticated));
        let listed = reading!(store, [liar], |tx| refloat_store::registry::catalog(tx, &liar, None, 10).await);
        assert_eq!(rejected(listed), Rejection::Unauthenticated);
        assert_eq!(records(&store, "access.account_deleted").await, 1);
    }
}
