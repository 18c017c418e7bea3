//! A base moves: from the layers of images to a cascade at its end.

use crate::both::{TestStore, both};
use refloat_cascade::chain::chains;
use refloat_cascade::{BaseName, LineName, NodeEvent, Rule};
use refloat_core::event::{CascadeEvent, EdgeKind, Method, SeenBy};
use refloat_core::{CascadeId, PlanId, ProjectId, RepositoryId};
use refloat_oci::{Digest, RegistryHost, RepositoryName};
use refloat_store::projects::default_project;
use refloat_store::{StoreError, Tx, sql};
use refloat_store_patches::bases::{Answer, Seen, answered, due_moves};
use refloat_store_patches::cascades::{self, Asked, NewCascade, NewNode};
use refloat_store_patches::graph::{TaskEdge, TaskLine, put_task_edges};
use refloat_store_patches::images::{KnownImage, KnownPlatform, Step, put};
use refloat_store_patches::nodes::{self, Detail, Learned};
use refloat_store_patches::plans::{self, NewPlan};
use refloat_store_patches::{By, edges, reach, shown, upstreams};

fn own() -> RegistryHost {
    "127.0.0.1:5000".parse().expect("a host")
}

fn upstream() -> RegistryHost {
    "hub.example.com".parse().expect("a host")
}

fn named(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

/// An image whose layers are the words of `layers`; its digest is that of its repository and layers.
fn image(registry: Option<RegistryHost>, repository: &str, layers: &str) -> KnownImage {
    let diff_ids: Vec<Digest> = layers.split_whitespace().map(named).collect();
    let digest = named(&format!("{repository} {layers}"));
    let step = |word: &str| Step {
        by: format!("COPY {word}"),
        layer: true,
    };
    KnownImage {
        registry,
        repository: repository.parse().expect("a name"),
        digest,
        platforms: vec![KnownPlatform {
            digest,
            platform: "linux/amd64".to_owned(),
            config: named(&format!("config {layers}")),
            chains: chains(&diff_ids),
            history: layers.split_whitespace().map(step).collect(),
            base_name: None,
            base_digest: None,
            problem: None,
        }],
    }
}

async fn know(tx: &mut dyn Tx, image: &KnownImage) -> Result<(), StoreError> {
    put(tx, image).await?;
    edges::settle(tx, image, &own(), &By::system(default_project())).await
}

/// A repository whose tag `1` names the image, with a default line. Rows of manifests are not needed here.
async fn tagged(tx: &mut dyn Tx, image: &KnownImage) -> Result<(), StoreError> {
    let repository = image.repository.as_str();
    let number = repository
        .bytes()
        .fold(0_u128, |sum, byte| sum * 31 + u128::from(byte));
    let id = RepositoryId::from_ulid(ulid::Ulid(number)).to_string();
    tx.execute(
        sql("insert into repository (id, project_id, name, created_at) values ($1, $2, $3, 0) on conflict do nothing"),
        &[id.as_str().into(), default_project().as_str().into(), repository.into()],
    )
    .await?;
    tx.execute(
        sql("insert into line (repository_id, rule, source, project_id, tag, digest, updated_at) values ($1, 'tag:1', 'declared', $2, '1', $3, 0) \
             on conflict (repository_id, rule) do update set digest = excluded.digest"),
        &[id.as_str().into(), default_project().as_str().into(), image.digest.to_row().into()],
    )
    .await
    .map(drop)
}

fn base() -> BaseName {
    BaseName {
        registry: Some(upstream()),
        repository: "library/debian".parse().expect("a name"),
        tag: "12".parse().expect("a tag"),
    }
}

fn line(repository: &str) -> LineName {
    LineName {
        registry: None,
        repository: repository.parse().expect("a name"),
        rule: Rule::Tag("1".parse().expect("a tag")),
    }
}

async fn answer(tx: &mut dyn Tx, digest: Option<Digest>) -> Result<Seen, StoreError> {
    let answer = Answer {
        name: base(),
        written: base().written(&own()),
        digest,
        seen_by: SeenBy::Sweep,
    };
    answered(tx, &answer, &By::system(default_project())).await
}

/// The world before the move: an upstream's base, a runtime on it, an application on that, something unrelated.
async fn world(store: &TestStore) -> (KnownImage, KnownImage) {
    let old = image(Some(upstream()), "library/debian", "os1");
    let new = image(Some(upstream()), "library/debian", "os2");
    let (first, second) = (old.clone(), new.clone());
    store
        .write(move |tx| {
            let (old, new) = (first.clone(), second.clone());
            Box::pin(async move {
                let runtime = image(None, "team/runtime", "os1 run");
                let web = image(None, "apps/web", "os1 run web");
                let lonely = image(None, "apps/lonely", "x y");
                // The application first: its bases become known later.
                for image in [&web, &runtime, &old, &lonely, &new] {
                    know(tx, image).await?;
                }
                for image in [&web, &runtime, &lonely] {
                    tagged(tx, image).await?;
                }
                assert_eq!(answer(tx, Some(old.digest)).await?, Seen::Found);
                assert_eq!(answer(tx, Some(old.digest)).await?, Seen::Same);
                Ok(())
            })
        })
        .await
        .expect("the world is made");
    (old, new)
}

async fn reached(store: &TestStore, to: Digest) -> Vec<(String, Vec<(EdgeKind, Option<usize>)>)> {
    store
        .read(move |tx| Box::pin(async move { reach::reach(tx, &base(), &to).await }))
        .await
        .expect("it reads")
        .into_iter()
        .map(|line| (line.line.to_string(), line.edges.into_iter().collect()))
        .collect()
}

fn detail(number: Option<usize>) -> Detail {
    Detail {
        tag: "1".parse().expect("a tag"),
        method: Method::Rebase,
        because: vec!["only files were copied".to_owned()],
        edges: vec![(EdgeKind::Runtime, number)],
        task: None,
        policy: None,
    }
}

async fn start(
    tx: &mut dyn Tx,
    number: u8,
    from: Digest,
    to: Digest,
) -> Result<CascadeId, StoreError> {
    let by = By::system(default_project());
    let ulid = ulid::Ulid::from_parts(u64::from(number), 1);
    let (plan, id) = (PlanId::from_ulid(ulid), CascadeId::from_ulid(ulid));
    let new = NewPlan {
        id: plan.clone(),
        base: base(),
        written: base().written(&own()),
        from,
        to,
        content: "{}".to_owned(),
        nodes: 2,
    };
    plans::put(tx, &new, &by).await?;
    let node = |repository: &str, layers: &str, on| NewNode {
        line: line(repository),
        image: image(None, repository, layers).digest,
        detail: detail(on),
    };
    let cascade = NewCascade {
        id: id.clone(),
        plan: plans::get(tx, &plan).await?,
        written: base().written(&own()),
        nodes: vec![
            node("team/runtime", "os1 run", None),
            node("apps/web", "os1 run web", Some(0)),
        ],
    };
    cascades::start(tx, &cascade, &by).await?;
    Ok(id)
}

both! {
    async fn a_move_reaches_what_stands_on_it(store: TestStore) {
        let (old, new) = world(&store).await;
        assert!(reached(&store, old.digest).await.is_empty(), "nothing is outdated before");
        let to = new.digest;
        let seen = store
            .write(move |tx| Box::pin(answer(tx, Some(to))))
            .await
            .expect("it answers");
        assert!(matches!(seen, Seen::Moved { record: Some(_) }), "{seen:?}");
        let expected = vec![
            ("team/runtime#tag:1".to_owned(), vec![(EdgeKind::Runtime, None)]),
            ("apps/web#tag:1".to_owned(), vec![(EdgeKind::Runtime, Some(0))]),
        ];
        assert_eq!(reached(&store, to).await, expected);
        let due = store.read(|tx| Box::pin(due_moves(tx, 10))).await.expect("moves");
        assert_eq!(due.iter().map(|one| (one.from, one.to)).collect::<Vec<_>>(), [(old.digest, to)]);

        // Back again: what stands on the first is current, nothing stands on the second.
        let from = old.digest;
        store
            .write(move |tx| Box::pin(answer(tx, Some(from))))
            .await
            .expect("it answers");
        assert!(reached(&store, from).await.is_empty());
    }

    async fn a_new_wrapping_is_no_move(store: TestStore) {
        let (old, _) = world(&store).await;
        let mut wrapped = old.clone();
        wrapped.digest = named("index");
        wrapped.platforms[0].digest = named("recompressed");
        let to = wrapped.digest;
        let seen = store
            .write(move |tx| {
                let wrapped = wrapped.clone();
                Box::pin(async move {
                    know(tx, &wrapped).await?;
                    answer(tx, Some(to)).await
                })
            })
            .await
            .expect("it answers");
        assert_eq!(seen, Seen::Rewrapped);
        assert!(reached(&store, to).await.is_empty());
        let lost = store.write(|tx| Box::pin(answer(tx, None))).await.expect("it answers");
        assert_eq!(lost, Seen::Lost);
    }

    async fn a_task_adds_its_other_edges(store: TestStore) {
        let (_, new) = world(&store).await;
        let to = new.digest;
        store
            .write(move |tx| Box::pin(async move {
                let lonely: RepositoryName = "apps/lonely".parse().expect("a name");
                let task = TaskLine {
                    project: default_project(),
                    task: "lonely".to_owned(),
                    line: line(lonely.as_str()),
                    stable: vec!["1".parse().expect("a tag")],
                    triggers: vec![EdgeKind::Runtime, EdgeKind::Build],
                };
                let edge = TaskEdge {
                    kind: EdgeKind::Build,
                    base: base(),
                    base_digest: None,
                    written: "debian:12".to_owned(),
                    platform: None,
                };
                put_task_edges(tx, &task, std::slice::from_ref(&edge)).await?;
                put_task_edges(tx, &task, &[edge]).await?;
                answer(tx, Some(to)).await
            }))
            .await
            .expect("it commits");
        let found = reached(&store, to).await;
        assert!(
            found.contains(&("apps/lonely#tag:1".to_owned(), vec![(EdgeKind::Build, None)])),
            "{found:?}"
        );
    }

    async fn a_cascade_lives_and_is_superseded(store: TestStore) {
        let (old, new) = world(&store).await;
        let (from, to) = (old.digest, new.digest);
        let first = store
            .write(move |tx| Box::pin(start(tx, 1, from, to)))
            .await
            .expect("it starts");
        let (wanted, by) = (first.clone(), By::system(default_project()));
        let tags = store
            .write(move |tx| {
                let (id, by) = (wanted.clone(), by.clone());
                Box::pin(async move {
                    let all = nodes::of_cascade(tx, &id).await?;
                    let told = CascadeEvent::PatchHeld {
                        cascade: id.clone(),
                        registry: None,
                        repository: all[0].line.repository.clone(),
                        line: "tag:1".to_owned(),
                        reason: "look".to_owned(),
                    };
                    let hold = NodeEvent::Hold { reason: "look".to_owned() };
                    nodes::step(tx, &id, &all[0], &hold, &Learned::default(), (&by, told)).await?;
                    let again = nodes::save(tx, &id, &all[0], &all[0].state, &Learned::default()).await;
                    assert!(matches!(again, Err(StoreError::Rejected(_))), "a state is left once");
                    assert!(!cascades::finish(tx, &id, &by).await?, "one node has no end");
                    cascades::ask(tx, &id, Asked::Pause, &by).await?;
                    cascades::ask(tx, &id, Asked::Resume, &by).await?;
                    Ok(all.iter().map(|node| node.patch_tag.to_string()).collect::<Vec<_>>())
                })
            })
            .await
            .expect("it goes on");
        assert_eq!(tags, ["1-p1", "1-p1"], "numbers belong to a repository");
        let second = store
            .write(move |tx| Box::pin(start(tx, 2, from, to)))
            .await
            .expect("it starts");
        let (old_one, new_one) = (first.clone(), second.clone());
        let (state, ends, tags) = store
            .read(move |tx| {
                let (first, second) = (old_one.clone(), new_one.clone());
                Box::pin(async move {
                    let state = cascades::get(tx, &first).await?.state;
                    let ends: Vec<_> = nodes::of_cascade(tx, &first).await?.iter().map(|node| node.state.name()).collect();
                    let tags: Vec<_> = nodes::of_cascade(tx, &second).await?.iter().map(|node| node.patch_tag.to_string()).collect();
                    Ok((state, ends, tags))
                })
            })
            .await
            .expect("it reads");
        assert_eq!(state.name(), "superseded");
        assert_eq!(ends, ["held", "skipped"]);
        assert_eq!(tags, ["1-p2", "1-p2"]);
        let gone = store
            .write(move |tx| {
                let id = first.clone();
                Box::pin(async move { cascades::hold_open(tx, &id).await })
            })
            .await;
        assert!(matches!(gone, Err(StoreError::Rejected(_))), "a stale generation moves nothing");
        let listed = store
            .read(|tx| Box::pin(cascades::list(tx, None, 10)))
            .await
            .expect("it reads");
        assert_eq!(listed.len(), 2);
    }

    async fn a_plan_that_is_not_so_any_more_is_refused(store: TestStore) {
        let (old, new) = world(&store).await;
        let (from, to) = (old.digest, new.digest);
        store
            .write(|tx| Box::pin(async move {
                tagged(tx, &image(None, "apps/web", "os1 run web other")).await
            }))
            .await
            .expect("the line moves");
        let started = store.write(move |tx| Box::pin(start(tx, 1, from, to))).await;
        assert!(matches!(started, Err(StoreError::Rejected(_))), "{started:?}");
    }

    async fn lists_and_upstreams_are_read(store: TestStore) {
        world(&store).await;
        let project: ProjectId = default_project();
        let found = store
            .read(move |tx| {
                let project = project.clone();
                Box::pin(async move {
                    let system = refloat_core::Principal::system();
                    shown::lines(tx, &system, None, 100).await?;
                    shown::foreign_lines(tx).await?;
                    upstreams::of_registry(tx, &upstream()).await?;
                    let root = edges::root_of_base(tx, &line("apps/web"), &image(None, "apps/web", "os1 run web").digest).await?;
                    Ok((upstreams::list(tx, &project).await?, root))
                })
            })
            .await
            .expect("it reads");
        assert!(found.0.is_empty());
        let (registry, repository, digest) = found.1.expect("the runtime is its base");
        assert_eq!((registry, repository.as_str()), (None, "team/runtime"));
        assert_eq!(digest, image(None, "team/runtime", "os1 run").digest);
        store.write(|tx| Box::pin(upstreams::enqueue_due(tx))).await.expect("nothing is due");
    }
}
