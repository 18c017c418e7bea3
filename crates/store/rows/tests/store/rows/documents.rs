//! Documents and what follows from them: prefixes, members, policies, credentials.

use super::world::*;
use crate::both::{TestStore, both};
use refloat_core::access::Actions;
use refloat_core::{Principal, Rejection, Secret};
use refloat_store::access::{authorize, authorize_project, authorize_server};
use refloat_store::documents::{self, Applied, NewCredential, NewPolicy, NewProject, StoredKind};
use refloat_store::secrets::{self, MasterKey};
use refloat_store::{Store, StoreError, grants, projects};

fn project(text: &str, prefixes: &[&str], members: &[(&str, &str)]) -> NewProject {
    NewProject {
        name: text.to_owned(),
        prefixes: prefixes.iter().map(|prefix| name(prefix)).collect(),
        members: members
            .iter()
            .map(|(who, what)| ((*who).to_owned(), actions(what)))
            .collect::<Vec<(String, Actions)>>(),
        content: format!("{{\"prefixes\":{prefixes:?},\"members\":{members:?}}}"),
    }
}

async fn apply(store: &Store, by: &Principal, project: &NewProject) -> Result<Applied, StoreError> {
    writing!(store, [by, project], |tx| documents::apply_project(
        tx, &by, &project
    )
    .await)
}

async fn policy(
    store: &Store,
    project: &'static str,
    place: &str,
    immutable: Option<&[&str]>,
    anonymous: Option<bool>,
) -> Applied {
    let policy = NewPolicy {
        pattern: pattern(place),
        immutable_tags: immutable
            .map(|rules| rules.iter().map(|rule| (*rule).to_owned()).collect()),
        anonymous_pull: anonymous,
        patch: None,
        content: format!("{place} {immutable:?} {anonymous:?}"),
    };
    let done = writing!(store, [policy], |tx| {
        let leave = authorize_project(tx, &Principal::system(), project).await?;
        documents::apply_policy(tx, &leave, &policy).await
    });
    done.expect("a policy")
}

async fn delete_policy(store: &Store, place: &str) {
    let place = pattern(place);
    writing!(store, [place], |tx| {
        let leave = authorize_project(tx, &Principal::system(), "default").await?;
        documents::delete_policy(tx, &leave, &place).await
    })
    .expect("it is there");
}

async fn owner(store: &TestStore, repository: &str) -> String {
    let statement =
        "select p.name from repository r join project p on p.id = r.project_id where r.name = $1";
    let rows = store
        .run(statement, vec![repository.into()])
        .await
        .expect("rows");
    rows[0].text(0).expect("a name").to_owned()
}

both! {
    async fn repositories_follow_prefixes(store: TestStore) {
        let system = Principal::system();
        for place in ["pay/web", "pay/eu/web", "payments/web", "pay"] {
            image(&store, &system, place, "one", &["1"]).await;
        }
        assert_eq!(owner(&store, "pay/web").await, "default");
        let first = apply(&store, &system, &project("payments", &["pay"], &[])).await;
        assert_eq!(first, Ok(Applied { changed: true, version: 1 }));
        assert_eq!(apply(&store, &system, &project("payments", &["pay"], &[])).await, Ok(Applied { changed: false, version: 1 }));
        assert_eq!(records(&store, "access.document_applied").await, 1);
        assert_eq!(records(&store, "repository.moved").await, 3);
        for (place, expected) in [("pay/web", "payments"), ("pay/eu/web", "payments"), ("pay", "payments"), ("payments/web", "default")] {
            assert_eq!(owner(&store, place).await, expected, "{place}");
        }
        apply(&store, &system, &project("europe", &["pay/eu"], &[])).await.expect("a longer prefix");
        assert_eq!(owner(&store, "pay/eu/web").await, "europe");
        image(&store, &system, "pay/eu/new", "one", &["1"]).await;
        assert_eq!(owner(&store, "pay/eu/new").await, "europe");
        let taken = rejected(apply(&store, &system, &project("thief", &["pay"], &[])).await);
        assert!(matches!(taken, Rejection::Conflict(_)));
        writing!(store, [], |tx| documents::delete_project(tx, &Principal::system(), "europe").await).expect("it is empty");
        assert_eq!(owner(&store, "pay/eu/new").await, "payments");
        let lines = store.run("select count(*) from line l join repository r on r.id = l.repository_id where l.project_id <> r.project_id", Vec::new());
        assert_eq!(lines.await.expect("rows")[0].int(0), Ok(0));
    }

    async fn members_may_in_their_project_only(store: TestStore) {
        let system = Principal::system();
        let alice = user(&store, "alice").await;
        image(&store, &system, "pay/web", "one", &["1"]).await;
        image(&store, &system, "apps/web", "one", &["1"]).await;
        let members = [("alice", "admin"), ("later", "pull"), ("anonymous", "pull")];
        apply(&store, &system, &project("payments", &["pay"], &members)).await.expect("a project");
        assert_eq!(catalog(&store, &alice).await, ["pay/web"]);
        assert_eq!(catalog(&store, &Principal::anonymous()).await, ["pay/web"]);
        let later = user(&store, "later").await;
        assert_eq!(catalog(&store, &later).await, ["pay/web"], "the document named it before it was there");

        let own = writing!(store, [alice], |tx| {
            let leave = authorize_project(tx, &alice, "payments").await?;
            let subject = grants::Subject::Account(later_id(tx).await?);
            grants::grant(tx, &leave, &subject, actions("push"), &pattern("**")).await
        });
        assert_eq!(own, Ok(true));
        image(&store, &later, "pay/api", "one", &["1"]).await;
        let outside = tagged(manifest("x", &[], &[]), &["1"]);
        assert!(matches!(rejected(put(&store, &later, "apps/api", &outside).await), Rejection::RepositoryUnknown(_)));
        for foreign in ["default", "absent"] {
            let asked = reading!(store, [alice], |tx| authorize_project(tx, &alice, foreign).await.map(drop));
            assert!(matches!(rejected(asked), Rejection::NotFound { kind: "project", .. }), "{foreign}");
        }
        let asked = reading!(store, [later], |tx| authorize_project(tx, &later, "payments").await.map(drop));
        assert!(matches!(rejected(asked), Rejection::Denied(_)));
        let server = reading!(store, [alice], |tx| authorize_server(tx, &alice).await.map(drop));
        assert!(matches!(rejected(server), Rejection::Denied(_)));

        let wider = project("payments", &["pay", "apps"], &members);
        assert!(matches!(rejected(apply(&store, &alice, &wider).await), Rejection::Denied(_)));
        apply(&store, &alice, &project("payments", &["pay"], &[("alice", "admin")])).await.expect("its members are its own");
        assert!(catalog(&store, &Principal::anonymous()).await.is_empty());
        assert_eq!(catalog(&store, &later).await, Vec::<String>::new(), "push was granted, pull came with membership");
        let default = project("default", &[], &[("alice", "admin")]);
        assert!(matches!(rejected(apply(&store, &system, &default).await), Rejection::Invalid(_)));
    }

    async fn immutable_tags_hold_whoever_asks(store: TestStore) {
        let system = Principal::system();
        let one = image(&store, &system, "apps/web", "one", &["1.0", "latest"]).await;
        policy(&store, "default", "apps/**", Some(&["*", "!latest"]), None).await;
        let two = tagged(manifest("two", &[], &[]), &["1.0"]);
        assert!(matches!(rejected(put(&store, &system, "apps/web", &two).await), Rejection::Immutable(_)));
        put(&store, &system, "apps/web", &tagged(two.clone(), &["latest", "2.0"])).await.expect("exempt, and new");
        assert!(matches!(rejected(delete(&store, &system, "apps/web", &one).await), Rejection::Immutable(_)), "its tag holds it");
        let repository = name("apps/web");
        let untag = writing!(store, [repository], |tx| {
            let leave = authorize(tx, &Principal::system(), &repository).await?;
            refloat_store::registry::untag(tx, &leave, &tag_name("1.0")).await
        });
        assert!(matches!(rejected(untag), Rejection::Immutable(_)));
        let undo = writing!(store, [repository], |tx| {
            let leave = authorize(tx, &Principal::system(), &repository).await?;
            refloat_store::registry::tag_undo(tx, &leave, &tag_name("latest")).await
        });
        assert_eq!(undo.map(|done| done.digest), Ok(Some(one)));
        assert_eq!(get(&store, &system, "apps/web", "1.0").await, Ok(one));

        image(&store, &system, "apps/new", "one", &["1.0"]).await;
        assert!(matches!(rejected(put(&store, &system, "apps/new", &two).await), Rejection::Immutable(_)), "a repository that came later");
        policy(&store, "default", "apps/web", Some(&["latest"]), None).await;
        let latest = tagged(two.clone(), &["latest"]);
        assert!(matches!(rejected(put(&store, &system, "apps/web", &latest).await), Rejection::Immutable(_)), "the strictest policy wins");
        delete_policy(&store, "apps/web").await;
        put(&store, &system, "apps/web", &latest).await.expect("exempt again");
        delete_policy(&store, "apps/**").await;
        put(&store, &system, "apps/web", &two).await.expect("nothing holds it any more");
    }

    async fn everybody_pulls_where_all_policies_agree(store: TestStore) {
        let anonymous = Principal::anonymous();
        for place in ["apps/web", "apps/secret/web", "other/web"] {
            image(&store, &Principal::system(), place, "one", &["1"]).await;
        }
        assert!(policy(&store, "default", "apps/**", None, Some(true)).await.changed);
        assert_eq!(catalog(&store, &anonymous).await, ["apps/secret/web", "apps/web"]);
        policy(&store, "default", "apps/secret/**", None, Some(false)).await;
        policy(&store, "default", "apps/web", Some(&["x"]), None).await;
        assert_eq!(catalog(&store, &anonymous).await, ["apps/web"]);
        image(&store, &Principal::system(), "apps/later", "one", &["1"]).await;
        image(&store, &Principal::system(), "apps/secret/later", "one", &["1"]).await;
        assert_eq!(catalog(&store, &anonymous).await, ["apps/later", "apps/web"]);
        let absent = get(&store, &anonymous, "apps/absent", "1").await;
        assert!(matches!(rejected(absent), Rejection::RepositoryUnknown(_)), "it may know that there is none");
        assert_eq!(rejected(get(&store, &anonymous, "apps/secret/absent", "1").await), Rejection::Unauthenticated);
        delete_policy(&store, "apps/**").await;
        assert!(catalog(&store, &anonymous).await.is_empty());
    }

    async fn a_tenants_policy_reaches_its_own_repositories(store: TestStore) {
        let system = Principal::system();
        image(&store, &system, "apps/web", "one", &["1"]).await;
        image(&store, &system, "pay/web", "one", &["1"]).await;
        apply(&store, &system, &project("payments", &["pay"], &[])).await.expect("a project");
        policy(&store, "payments", "**", None, Some(true)).await;
        assert_eq!(catalog(&store, &Principal::anonymous()).await, ["pay/web"]);
        policy(&store, "default", "**", None, Some(false)).await;
        assert!(catalog(&store, &Principal::anonymous()).await.is_empty());
    }

    async fn credentials_keep_their_secret(store: TestStore) {
        let master = MasterKey::new(1, Secret::new([7; 32]));
        let apply = async |value: Option<&'static str>, target: &'static str| {
            writing!(store, [master], |tx| {
                let leave = authorize_project(tx, &Principal::system(), "default").await?;
                let credential = NewCredential {
                    name: "hub".to_owned(),
                    target: Some(target.to_owned()),
                    username: Some("robot".to_owned()),
                    value: value.map(|value| Secret::new(value.as_bytes().to_vec())),
                    content: format!("{{\"for\":\"{target}\"}}"),
                };
                documents::apply_credential(tx, &leave, &master, &credential).await
            })
        };
        let value = async || {
            let found = reading!(store, [master], |tx| {
                let row = documents::credential(tx, &projects::default_project(), "hub").await?;
                secrets::get(tx, &master, &row.secret).await
            });
            found.expect("a secret").expose().clone()
        };
        assert!(matches!(rejected(apply(None, "docker.io").await), Rejection::Invalid(_)));
        assert_eq!(apply(Some("canary-one"), "docker.io").await.map(|done| done.changed), Ok(true));
        assert_eq!(apply(Some("canary-one"), "docker.io").await.map(|done| done.changed), Ok(false));
        assert_eq!(apply(None, "docker.io").await.map(|done| done.changed), Ok(false));
        assert_eq!(apply(Some("canary-two"), "docker.io").await.map(|done| done.version), Ok(2));
        assert_eq!(value().await, b"canary-two");
        assert_eq!(apply(None, "quay.io").await.map(|done| done.version), Ok(3));
        assert_eq!(value().await, b"canary-two");
        assert_eq!(store.run("select id from secret", Vec::new()).await.expect("rows").len(), 1, "the old one is gone");
        assert_eq!(records(&store, "access.document_applied").await, 3);
        let bodies = store.run("select body from record", Vec::new()).await.expect("rows");
        assert!(bodies.iter().all(|row| !String::from_utf8_lossy(&row.bytes(0).expect("a body")).contains("canary")));
        let listed = reading!(store, [], |tx| {
            let leave = authorize_project(tx, &Principal::system(), "default").await?;
            documents::list(tx, &leave, StoredKind::Credential, None, 10).await
        });
        assert_eq!(listed.expect("documents")[0].content, "{\"for\":\"quay.io\"}");
        writing!(store, [], |tx| {
            let leave = authorize_project(tx, &Principal::system(), "default").await?;
            documents::delete_credential(tx, &leave, "hub").await
        })
        .expect("it is there");
        assert_eq!(store.run("select id from secret", Vec::new()).await.expect("rows").len(), 0);
    }
}

async fn later_id(tx: &mut dyn refloat_store::Tx) -> Result<refloat_core::PrincipalId, StoreError> {
    let row = refloat_store::accounts::by_name(tx, "later").await?;
    Ok(row.expect("made above").id)
}
