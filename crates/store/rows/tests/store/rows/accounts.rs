//! Accounts and tokens: made, changed, ended, each with its record and never with its secret.

use super::world::*;
use crate::both::both;
use refloat_core::{Principal, PrincipalKind, Rejection, Secret};
use refloat_store::access::{authorize_project, authorize_server};
use refloat_store::accounts::{self, AdminMade, NewToken, Standing, TokenPurpose};
use refloat_store::idempotency::{self, KeptAnswer};
use refloat_store::sign_in::{self, Refresh};
use refloat_store::{Store, StoreError};

async fn ensure(store: &Store, hash: &'static str) -> AdminMade {
    let done = writing!(store, [], |tx| accounts::ensure_admin(
        tx,
        "admin",
        &Secret::new(hash.to_owned())
    )
    .await);
    done.expect("an answer")
}

async fn create(store: &Store, account: &'static str) -> Result<accounts::AccountRow, StoreError> {
    writing!(store, [], |tx| {
        let leave = authorize_server(tx, &Principal::system()).await?;
        accounts::create_user(
            tx,
            &leave,
            account,
            &Secret::new("hash".to_owned()),
            Standing::Member,
        )
        .await
    })
}

both! {
    async fn the_first_admin_is_made_once(store: TestStore) {
        let AdminMade::Here(row) = ensure(&store, "one").await else {
            panic!("nobody was there before");
        };
        assert!(row.administrator);
        assert_eq!(ensure(&store, "two").await, AdminMade::Before);
        let found = reading!(store, [], |tx| sign_in::by_name(tx, "admin").await);
        assert_eq!(found.expect("rows").expect("the account").password_hash.as_deref(), Some("one"));
        let id = row.id;
        let gone = writing!(store, [id], |tx| {
            let leave = authorize_project(tx, &Principal::system(), "default").await?;
            accounts::delete(tx, &leave, &id).await
        });
        assert!(matches!(rejected(gone), Rejection::InUse(_)), "the last administrator stays");
    }

    async fn names_are_checked_and_taken_once(store: TestStore) {
        create(&store, "alice").await.expect("a new name");
        assert!(matches!(rejected(create(&store, "alice").await), Rejection::Conflict(_)));
        for wrong in ["", "anonymous", "system", "a b", "-a", "a/b", "usr_x", "ä"] {
            assert!(matches!(rejected(create(&store, wrong).await), Rejection::NameInvalid(_)), "{wrong}");
        }
        create(&store, "bob@example.com").await.expect("an address is a name");
        assert_eq!(records(&store, "access.account_created").await, 2);
        let listed = reading!(store, [], |tx| {
            let leave = authorize_project(tx, &Principal::system(), "default").await?;
            accounts::list(tx, &leave, PrincipalKind::User, Some("alice"), 10).await
        });
        assert_eq!(listed.expect("accounts")[0].name, "bob@example.com");
    }

    async fn passwords_are_ones_own(store: TestStore) {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        let set = async |by: &Principal, whose: &Principal, hash: &'static str| {
            let id = whose.id.clone().expect("an account");
            writing!(store, [by, id], |tx| accounts::set_password(tx, &by, &id, &Secret::new(hash.to_owned())).await)
        };
        set(&alice, &alice, "new").await.expect("her own");
        assert!(matches!(rejected(set(&bob, &alice, "stolen").await), Rejection::NotFound { .. }));
        set(&Principal::system(), &bob, "reset").await.expect("an administrator");
        let found = reading!(store, [], |tx| sign_in::by_name(tx, "alice").await);
        assert_eq!(found.expect("rows").expect("the account").password_hash.as_deref(), Some("new"));
        assert_eq!(records(&store, "access.password_changed").await, 2);
    }

    async fn robots_end_with_their_time(store: TestStore) {
        let make = async |seconds: i64, account: &'static str| {
            writing!(store, [], |tx| {
                let leave = authorize_project(tx, &Principal::system(), "default").await?;
                let end = tx.now().plus_seconds(seconds);
                accounts::create_robot(tx, &leave, account, Some(end), account.as_bytes()).await
            })
        };
        assert!(matches!(rejected(make(-1, "late").await), Rejection::Invalid(_)));
        let (robot, _) = make(3600, "ci").await.expect("a robot");
        let find = async || {
            reading!(store, [], |tx| sign_in::by_token(tx, b"ci", Refresh::Never).await).expect("rows").map(|found| found.account.id)
        };
        assert_eq!(find().await, Some(robot.id.clone()));
        store.run("update principal set expires_at = 1", Vec::new()).await.expect("rows");
        assert_eq!(find().await, None);
        let gone = Principal { id: Some(robot.id), kind: PrincipalKind::Robot, ..Principal::anonymous() };
        assert_eq!(rejected(get(&store, &gone, "apps/web", "1").await), Rejection::Unauthenticated);
    }

    async fn tokens_are_their_owners(store: TestStore) {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        let id = alice.id.clone().expect("an account");
        let make = async |by: &Principal| {
            writing!(store, [by, id], |tx| {
                let token = NewToken { purpose: TokenPurpose::Personal, hash: b"hash of alice", label: "laptop", scopes: None, expires_at: None };
                accounts::create_token(tx, &by, &id, &token).await
            })
        };
        let list = async |by: &Principal| reading!(store, [by, id], |tx| accounts::list_tokens(tx, &by, &id).await);
        assert!(matches!(rejected(make(&bob).await), Rejection::NotFound { .. }));
        let token = make(&alice).await.expect("her own");
        assert!(matches!(rejected(list(&bob).await), Rejection::NotFound { .. }));
        assert_eq!(list(&alice).await.expect("tokens")[0].label, "laptop");
        let revoke = async |by: &Principal| writing!(store, [by, token], |tx| accounts::revoke_token(tx, &by, &token).await);
        assert!(matches!(rejected(revoke(&bob).await), Rejection::NotFound { kind: "token", .. }));
        revoke(&alice).await.expect("her own");
        assert!(matches!(rejected(revoke(&alice).await), Rejection::NotFound { kind: "token", .. }));
        let found = reading!(store, [], |tx| sign_in::by_token(tx, b"hash of alice", Refresh::Never).await);
        assert!(found.expect("rows").is_none());
        assert_eq!((records(&store, "access.token_created").await, records(&store, "access.token_revoked").await), (1, 1));
    }

    async fn an_answer_is_kept_under_its_key(store: TestStore) {
        let answer = KeptAnswer { status: 201, body: bytes::Bytes::from_static(b"{}") };
        let find = async |actor: &'static str, hash: &'static [u8]| {
            reading!(store, [], |tx| idempotency::find(tx, actor, "key", hash).await)
        };
        assert_eq!(find("alice", b"one").await, Ok(None));
        let keep = async || writing!(store, [answer], |tx| idempotency::keep(tx, "alice", "key", b"one", &answer).await);
        keep().await.expect("kept");
        assert_eq!(find("alice", b"one").await, Ok(Some(answer.clone())));
        assert!(matches!(rejected(find("alice", b"two").await), Rejection::Conflict(_)));
        assert_eq!(find("bob", b"two").await, Ok(None), "a key is its actor's");
        store.run("update idempotency set created_at = 0", Vec::new()).await.expect("rows");
        assert_eq!(find("alice", b"two").await, Ok(None));
        keep().await.expect("the old one has gone");
        store.run("update idempotency set created_at = 0", Vec::new()).await.expect("rows");
        assert_eq!(writing!(store, [], |tx| idempotency::expire(tx, 10).await), Ok(1));
    }
}
