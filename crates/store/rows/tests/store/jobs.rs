//! Jobs and cursors.

use crate::both::{both, project};
use proptest::prelude::*;
use refloat_core::job::JobState;
use refloat_core::{Failure, JobId, ProjectId, Rejection};
use refloat_store::jobs::{self, Claim, Enqueued, Job, JobFilter, Lease, NewJob};
use refloat_store::{Store, StoreError, cursors};
use std::collections::{BTreeMap, BTreeSet};

fn job(project: &ProjectId, subject: &str) -> NewJob {
    NewJob {
        project: project.clone(),
        kind: "gc".to_owned(),
        consumer: "test".to_owned(),
        cause: "now".to_owned(),
        command: "collect".to_owned(),
        subject: subject.to_owned(),
        priority: 20,
        run_at: None,
        attempts_max: Some(3),
    }
}

async fn enqueue(store: &Store, job: NewJob) -> Enqueued {
    let made = store.write(move |tx| {
        let job = job.clone();
        Box::pin(async move { jobs::enqueue(tx, job).await })
    });
    made.await.expect("a job")
}

async fn claim(store: &Store, owner: &str, lease_seconds: i64, limit: i64) -> Vec<(Lease, Job)> {
    let claim = Claim {
        owner: owner.to_owned(),
        kinds: vec!["gc".to_owned(), "scrub".to_owned()],
        lease_seconds,
        limit,
    };
    let claimed = store.write(move |tx| {
        let claim = claim.clone();
        Box::pin(async move { jobs::claim(tx, &claim).await })
    });
    claimed.await.expect("a claim")
}

async fn finish(store: &Store, lease: &Lease) -> Result<(), StoreError> {
    let lease = lease.clone();
    let done = store.write(move |tx| {
        let lease = lease.clone();
        Box::pin(async move { jobs::finish(tx, &lease).await })
    });
    done.await
}

async fn fail(store: &Store, lease: &Lease, failure: Failure) -> Result<JobState, StoreError> {
    let lease = lease.clone();
    let done = store.write(move |tx| {
        let (lease, failure) = (lease.clone(), failure.clone());
        Box::pin(async move { jobs::fail(tx, &lease, &failure).await })
    });
    done.await
}

async fn get(store: &Store, id: &JobId) -> Job {
    let id = id.clone();
    let found = store.read(move |tx| {
        let id = id.clone();
        Box::pin(async move { jobs::get(tx, &id).await })
    });
    found.await.expect("a look").expect("the job")
}

/// Makes every waiting job due and every lease over, as if time had passed.
async fn later(store: &Store) {
    let text = "update job set run_at = 0, lease_until = case when lease_until is null then null else 0 end";
    crate::both::run(store, text, Vec::new())
        .await
        .expect("later");
}

fn is_conflict<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Rejected(Rejection::Conflict(_))))
}

both! {
    async fn a_job_made_twice_is_made_once(store: TestStore) {
        let project = project(&store, "boats").await;
        let Enqueued::New(id) = enqueue(&store, job(&project, "a")).await else { panic!("it is new") };
        assert_eq!(enqueue(&store, job(&project, "a")).await, Enqueued::Before(id.clone()));
        assert!(matches!(enqueue(&store, job(&project, "b")).await, Enqueued::New(_)));
        let claimed = claim(&store, "one", 60, 10).await;
        assert_eq!(claimed.len(), 2);
        for (lease, _) in &claimed {
            finish(&store, lease).await.expect("finished");
        }
        assert_eq!(enqueue(&store, job(&project, "a")).await, Enqueued::Before(id), "also when it is done");
        assert!(claim(&store, "one", 60, 10).await.is_empty());
    }

    async fn the_most_urgent_goes_first(store: TestStore) {
        let project = project(&store, "boats").await;
        for (subject, priority) in [("routine", 20), ("person", 0), ("urgent", 10)] {
            enqueue(&store, NewJob { priority, ..job(&project, subject) }).await;
        }
        let future = refloat_core::Timestamp::from_micros(i64::MAX / 2);
        enqueue(&store, NewJob { priority: 0, run_at: Some(future), ..job(&project, "later") }).await;
        enqueue(&store, NewJob { kind: "deliver".to_owned(), ..job(&project, "another executor's") }).await;
        let mut order = Vec::new();
        while let Some((_, job)) = claim(&store, "one", 60, 1).await.pop() {
            order.push(job.subject);
        }
        assert_eq!(order, ["person", "urgent", "routine"]);
        let kinds = vec!["deliver".to_owned()];
        let due = store.read(move |tx| { let kinds = kinds.clone(); Box::pin(async move { jobs::next_due(tx, &kinds).await }) }).await.expect("a look");
        assert!(due.is_some_and(|due| due < future), "{due:?}");
    }

    async fn an_old_lease_changes_nothing(store: TestStore) {
        let project = project(&store, "boats").await;
        enqueue(&store, job(&project, "a")).await;
        let (old, _) = claim(&store, "stopped", 60, 1).await.remove(0);
        assert!(claim(&store, "other", 60, 1).await.is_empty(), "it is held");
        later(&store).await;
        let (new, taken) = claim(&store, "other", 60, 1).await.remove(0);
        assert_eq!(taken.progress.attempts, 2);
        assert!(is_conflict(&finish(&store, &old).await));
        assert!(is_conflict(&fail(&store, &old, Failure::Transient("x".to_owned())).await));
        let lease = old.clone();
        let with_effect = store.write(move |tx| {
            let lease = lease.clone();
            Box::pin(async move {
                cursors::advance(tx, "effect", 0, 7).await?;
                jobs::finish(tx, &lease).await
            })
        });
        assert!(is_conflict(&with_effect.await));
        let position = store.read(|tx| Box::pin(cursors::position(tx, "effect"))).await;
        assert_eq!(position, Ok(0), "the effect was undone with it");
        let lease = new.clone();
        store.write(move |tx| { let lease = lease.clone(); Box::pin(async move { jobs::renew(tx, &lease, 60).await }) }).await.expect("renewed");
        finish(&store, &new).await.expect("the holder finishes");
        assert!(is_conflict(&finish(&store, &new).await), "once");
    }

    async fn failures_wait_longer_each_time_and_end(store: TestStore) {
        let project = project(&store, "boats").await;
        let id = enqueue(&store, job(&project, "a")).await.id().clone();
        let mut pauses = Vec::new();
        for _ in 0..2 {
            let (lease, _) = claim(&store, "one", 60, 1).await.remove(0);
            let before = refloat_core::Timestamp::from_micros(0);
            let state = fail(&store, &lease, Failure::Transient("the peer is away".to_owned())).await.expect("failed");
            let JobState::Waiting { run_at } = state else { panic!("{state:?}") };
            assert!(claim(&store, "one", 60, 1).await.is_empty(), "not yet");
            pauses.push(run_at.seconds_since(before));
            later(&store).await;
        }
        let (lease, _) = claim(&store, "one", 60, 1).await.remove(0);
        let state = fail(&store, &lease, Failure::Transient("still".to_owned())).await.expect("failed");
        assert!(matches!(state, JobState::Dead { .. }), "its attempts are used up: {state:?}");
        assert_eq!(get(&store, &id).await.last_error.as_deref(), Some("still; try again"));
        let again = id.clone();
        store.write(move |tx| { let id = again.clone(); Box::pin(async move { jobs::retry(tx, &id).await }) }).await.expect("a person tries");
        let (lease, retried) = claim(&store, "one", 60, 1).await.remove(0);
        assert_eq!(retried.progress.attempts, 1);
        let state = fail(&store, &lease, Failure::Terminal("never".to_owned())).await.expect("failed");
        assert!(matches!(state, JobState::Dead { .. }), "another attempt is pointless: {state:?}");
        let filter = JobFilter { state: Some("dead".to_owned()), ..JobFilter::default() };
        let dead = store.read(move |tx| { let filter = filter.clone(); Box::pin(async move { jobs::list(tx, &filter, None, 10).await }) }).await.expect("a list");
        assert_eq!(dead.into_iter().map(|job| job.id).collect::<Vec<_>>(), [id]);
    }

    async fn a_job_that_kills_its_process_ends_too(store: TestStore) {
        let project = project(&store, "boats").await;
        let id = enqueue(&store, job(&project, "a")).await.id().clone();
        for attempt in 1..=3 {
            let (_, job) = claim(&store, "dies", 60, 1).await.remove(0);
            assert_eq!(job.progress.attempts, attempt);
            later(&store).await;
        }
        assert!(claim(&store, "dies", 60, 1).await.is_empty());
        assert!(matches!(get(&store, &id).await.progress.state, JobState::Dead { .. }));
    }

    async fn a_cancelled_job_is_not_finished(store: TestStore) {
        let project = project(&store, "boats").await;
        let id = enqueue(&store, job(&project, "a")).await.id().clone();
        let (lease, _) = claim(&store, "one", 60, 1).await.remove(0);
        store.write(move |tx| { let id = id.clone(); Box::pin(async move { jobs::cancel(tx, &id).await }) }).await.expect("cancelled");
        assert!(is_conflict(&finish(&store, &lease).await));
        assert!(claim(&store, "one", 60, 1).await.is_empty());
    }

    async fn done_jobs_are_forgotten_and_no_others(store: TestStore) {
        let project = project(&store, "boats").await;
        for subject in ["a", "b", "c"] {
            enqueue(&store, job(&project, subject)).await;
        }
        let claimed = claim(&store, "one", 60, 2).await;
        finish(&store, &claimed[0].0).await.expect("finished");
        let gone = store.write(|tx| Box::pin(jobs::forget(tx, -1, 10))).await;
        assert_eq!(gone, Ok(1));
        let left = store.run("select count(*) from job", Vec::new()).await.expect("rows");
        assert_eq!(left[0].int(0), Ok(2));
    }

    async fn two_claimers_do_every_job_once(store: TestStore) {
        let project = project(&store, "boats").await;
        for number in 0..60 {
            enqueue(&store, job(&project, &number.to_string())).await;
        }
        let claimer = async |owner: &str| {
            let mut done = Vec::new();
            loop {
                let claimed = claim(&store, owner, 60, 3).await;
                if claimed.is_empty() {
                    return done;
                }
                for (lease, job) in claimed {
                    finish(&store, &lease).await.expect("nobody else has it");
                    done.push(job.subject);
                }
            }
        };
        let (left, right) = tokio::join!(claimer("left"), claimer("right"));
        let all: BTreeSet<_> = left.iter().chain(&right).collect();
        assert_eq!((left.len() + right.len(), all.len()), (60, 60));
    }

    async fn a_consumer_advances_once(store: TestStore) {
        let advance = async |from, to| store.write(move |tx| Box::pin(cursors::advance(tx, "index", from, to))).await;
        advance(0, 5).await.expect("the first");
        assert!(is_conflict(&advance(0, 6).await), "another process was faster");
        advance(5, 9).await.expect("on");
        assert_eq!(store.read(|tx| Box::pin(cursors::position(tx, "index"))).await, Ok(9));
    }

    async fn histories_are_those_of_the_model(store: TestStore) {
        let project = project(&store, "boats").await;
        let mut runner = proptest::test_runner::TestRunner::new_with_rng(
            ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() },
            proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
        );
        let handle = tokio::runtime::Handle::current();
        // The runner calls back synchronously: it gets a thread of its own to block on.
        let store = Store::clone(&store);
        let ran = std::thread::spawn(move || {
            runner.run(&proptest::collection::vec(step(), 1..30), |steps| {
                handle.block_on(history(&store, &project, &steps));
                Ok(())
            })
        });
        tokio::task::spawn_blocking(move || ran.join()).await.expect("joined").expect("no panic").expect("the model agrees");
    }
}

#[derive(Debug, Clone)]
enum Step {
    Enqueue(u8),
    Claim(u8),
    Finish(u8),
    Fail(u8),
    FailForGood(u8),
    Later,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..6_u8).prop_map(Step::Enqueue),
        3 => (0..2_u8).prop_map(Step::Claim),
        3 => any::<u8>().prop_map(Step::Finish),
        1 => any::<u8>().prop_map(Step::Fail),
        1 => any::<u8>().prop_map(Step::FailForGood),
        1 => Just(Step::Later),
    ]
}

/// What the model knows of a job: who holds it (the index into all leases ever given), how often it was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Model {
    Waits {
        attempts: i64,
        is_due: bool,
    },
    Held {
        attempts: i64,
        lease: usize,
        is_over: bool,
    },
    Done,
    Dead,
}

/// Runs the steps on the store and on the model, and compares after each.
async fn history(store: &Store, project: &ProjectId, steps: &[Step]) {
    crate::both::run(store, "delete from job", Vec::new())
        .await
        .expect("a new history");
    let mut model: BTreeMap<String, Model> = BTreeMap::new();
    let mut leases: Vec<(Lease, String)> = Vec::new();
    for step in steps {
        match step {
            Step::Enqueue(number) => {
                let subject = number.to_string();
                let new = matches!(
                    enqueue(store, job(project, &subject)).await,
                    Enqueued::New(_)
                );
                assert_eq!(new, !model.contains_key(&subject), "{step:?}");
                model.entry(subject).or_insert(Model::Waits {
                    attempts: 0,
                    is_due: true,
                });
            }
            Step::Claim(limit) => {
                let claimed = claim(store, "one", 3600, i64::from(*limit) + 1).await;
                for (lease, job) in claimed {
                    let attempts = match model[&job.subject] {
                        Model::Waits {
                            attempts,
                            is_due: true,
                        }
                        | Model::Held {
                            attempts,
                            is_over: true,
                            ..
                        } => attempts + 1,
                        other => panic!("{} was {other:?} and is claimed", job.subject),
                    };
                    leases.push((lease, job.subject.clone()));
                    model.insert(
                        job.subject,
                        Model::Held {
                            attempts,
                            lease: leases.len() - 1,
                            is_over: false,
                        },
                    );
                }
            }
            Step::Finish(pick) | Step::Fail(pick) | Step::FailForGood(pick)
                if !leases.is_empty() =>
            {
                let index = usize::from(*pick) % leases.len();
                let (lease, subject) = leases[index].clone();
                let held = match model[&subject] {
                    Model::Held {
                        attempts, lease, ..
                    } if lease == index => Some(attempts),
                    Model::Held { .. } | Model::Waits { .. } | Model::Done | Model::Dead => None,
                };
                let (result, next) = match step {
                    Step::Finish(_) => (finish(store, &lease).await, Model::Done),
                    Step::Fail(_) => {
                        let attempts = held.unwrap_or(0);
                        let next = if attempts < 3 {
                            Model::Waits {
                                attempts,
                                is_due: false,
                            }
                        } else {
                            Model::Dead
                        };
                        (
                            fail(store, &lease, Failure::Transient("x".to_owned()))
                                .await
                                .map(|_| ()),
                            next,
                        )
                    }
                    _ => (
                        fail(store, &lease, Failure::Terminal("x".to_owned()))
                            .await
                            .map(|_| ()),
                        Model::Dead,
                    ),
                };
                assert_eq!(
                    result.is_ok(),
                    held.is_some(),
                    "{step:?} of {subject}: {result:?}, {:?}",
                    model[&subject]
                );
                if held.is_some() {
                    model.insert(subject, next);
                }
            }
            Step::Finish(_) | Step::Fail(_) | Step::FailForGood(_) => {}
            Step::Later => {
                later(store).await;
                for state in model.values_mut() {
                    match state {
                        Model::Waits { is_due, .. } => *is_due = true,
                        Model::Held { is_over, .. } => *is_over = true,
                        Model::Done | Model::Dead => {}
                    }
                }
            }
        }
        compare(store, &mut model).await;
    }
}

async fn compare(store: &Store, model: &mut BTreeMap<String, Model>) {
    let rows = crate::both::run(
        store,
        "select subject, state, attempts from job",
        Vec::new(),
    )
    .await
    .expect("rows");
    assert_eq!(rows.len(), model.len());
    for row in rows {
        let (subject, state, attempts) = (
            row.text(0).expect("text"),
            row.text(1).expect("text"),
            row.int(2).expect("a number"),
        );
        let known = model.get_mut(subject).expect("a job of this history");
        // A claim buries jobs whose last attempt ended without an answer.
        if let (
            Model::Held {
                attempts: 3,
                is_over: true,
                ..
            },
            "dead",
        ) = (*known, state)
        {
            *known = Model::Dead;
        }
        let expected = match known {
            Model::Waits { attempts, .. } => ("waiting", *attempts),
            Model::Held { attempts, .. } => ("running", *attempts),
            Model::Done => ("done", attempts),
            Model::Dead => ("dead", attempts),
        };
        assert_eq!((state, attempts), expected, "{subject}");
    }
}
