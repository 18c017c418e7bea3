//! What every builder does, whatever it builds with.

use crate::builder::{BuildRequest, BuildStatus, Builder, StartError, TestRequest};
use futures_util::StreamExt as _;
use refloat_core::RunId;
use refloat_oci::{Digest, Reference};
use std::time::Duration;

/// Looks at a status until it is an end, at most this often.
const LOOKS_MAX: u32 = 1800;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest any run of the suite may take, in seconds.
const LIMIT_SECONDS: u64 = 120;

/// What the suite builds and tests with.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Builds an image with `busybox` in its path, in a few seconds. The suite sets its id, its tests and its limit.
    pub build: BuildRequest,
    /// Something of the machine that no container may see: a path that exists.
    pub hidden: String,
}

impl Ground {
    fn build(&self, number: u64, tests: &[&[&str]]) -> BuildRequest {
        BuildRequest {
            run: id(number),
            tests: words(tests),
            timeout_seconds: LIMIT_SECONDS,
            ..self.build.clone()
        }
    }

    fn tests(&self, number: u64, digest: Digest, tests: &[&[&str]]) -> TestRequest {
        TestRequest {
            run: id(number),
            image: Reference {
                tag: None,
                digest: Some(digest),
                ..self.build.destination.clone()
            },
            tests: words(tests),
            logins: self.build.logins.clone(),
            timeout_seconds: LIMIT_SECONDS,
        }
    }
}

fn id(number: u64) -> RunId {
    let text = format!("{}{number:026}", RunId::PREFIX);
    text.parse().expect("it has the form of an id")
}

fn words(tests: &[&[&str]]) -> Vec<Vec<String>> {
    let owned = |test: &&[&str]| test.iter().map(|word| (*word).to_owned()).collect();
    tests.iter().map(owned).collect()
}

/// Runs all of it.
///
/// # Panics
/// Where the builder does not do what the port says.
pub async fn run(builder: &dyn Builder, ground: &Ground) {
    unknown(builder).await;
    let digest = build(builder, ground).await;
    tests_of_an_image(builder, ground, digest).await;
    tests_that_fail(builder, ground, digest).await;
    called_off(builder, ground, digest).await;
    late(builder, ground, digest).await;
    refused(builder, ground).await;
}

/// Waits for the end of a run.
pub async fn end_of(builder: &dyn Builder, run: &RunId) -> BuildStatus {
    for _ in 0..LOOKS_MAX {
        match builder.observe(run).await.expect("it can be observed") {
            BuildStatus::Running { .. } => tokio::time::sleep(LOOK_EVERY).await,
            end => return end,
        }
    }
    panic!("{run} does not end");
}

async fn log_of(builder: &dyn Builder, run: &RunId) -> String {
    let mut bytes = Vec::new();
    loop {
        let from = u64::try_from(bytes.len()).expect("a log fits into memory");
        let mut stream = builder.log(run, from).await.expect("it has a log");
        let before = bytes.len();
        while let Some(part) = stream.next().await {
            bytes.extend_from_slice(&part.expect("a part"));
        }
        if bytes.len() == before {
            return String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}

/// Nobody knows the id: nothing fails, nothing comes to be.
async fn unknown(builder: &dyn Builder) {
    let run = id(1);
    assert_eq!(builder.observe(&run).await, Ok(BuildStatus::Absent));
    assert_eq!(builder.cancel(&run, "not wanted").await, Ok(()));
    assert_eq!(log_of(builder, &run).await, "");
    assert_eq!(builder.remove(&run).await, Ok(()));
    assert_eq!(builder.observe(&run).await, Ok(BuildStatus::Absent));
}

async fn build(builder: &dyn Builder, ground: &Ground) -> Digest {
    let request = ground.build(2, &[&["busybox", "echo", "the", "word"]]);
    let run = request.run.clone();
    builder.start(request.clone()).await.expect("it begins");
    builder.start(request.clone()).await.expect("repeatable");
    let end = end_of(builder, &run).await;
    let BuildStatus::Succeeded { digest, .. } = end.clone() else {
        panic!("{end:?}: {}", log_of(builder, &run).await);
    };
    builder.start(request).await.expect("repeatable at its end");
    assert_eq!(builder.observe(&run).await, Ok(end.clone()));
    builder.cancel(&run, "too late").await.expect("no failure");
    assert_eq!(builder.observe(&run).await, Ok(end));
    let log = log_of(builder, &run).await;
    assert!(log.contains("the word"), "{log}");
    forgotten(builder, &run).await;

    let failing = ground.build(3, &[&["busybox", "false"]]);
    let run = failing.run.clone();
    builder.start(failing).await.expect("it begins");
    failed(end_of(builder, &run).await, "busybox false");
    forgotten(builder, &run).await;
    digest
}

/// Removed twice, it is as if it had never been.
async fn forgotten(builder: &dyn Builder, run: &RunId) {
    for _ in 0..2 {
        assert_eq!(builder.remove(run).await, Ok(()));
        assert_eq!(builder.observe(run).await, Ok(BuildStatus::Absent));
        assert_eq!(log_of(builder, run).await, "");
    }
}

fn failed(end: BuildStatus, names: &str) {
    let BuildStatus::Failed { step, error } = end else {
        panic!("{end:?}");
    };
    assert_eq!(step, "test", "{error}");
    assert!(error.contains(names), "{error}");
}

async fn tests_of_an_image(builder: &dyn Builder, ground: &Ground, digest: Digest) {
    let tests: [&[&str]; 4] = [
        &["busybox", "echo", "another", "word"],
        // Each has a container of its own, and sees nothing of the machine.
        &["busybox", "touch", "/mark"],
        &["busybox", "test", "!", "-e", "/mark"],
        &["busybox", "test", "!", "-e", &ground.hidden],
    ];
    let request = ground.tests(4, digest, &tests);
    let run = request.run.clone();
    for _ in 0..2 {
        let begun = builder.start_tests(request.clone()).await;
        begun.expect("it begins, repeatably");
    }
    let end = end_of(builder, &run).await;
    let log = log_of(builder, &run).await;
    assert!(
        matches!(&end, BuildStatus::Succeeded { digest: found, .. } if *found == digest),
        "{end:?}: {log}"
    );
    assert!(log.contains("another word"), "{log}");
    builder.start_tests(request).await.expect("repeatable");
    assert_eq!(builder.observe(&run).await, Ok(end));
    forgotten(builder, &run).await;
}

async fn tests_that_fail(builder: &dyn Builder, ground: &Ground, digest: Digest) {
    let tests: [&[&str]; 3] = [
        &["busybox", "true"],
        &["busybox", "sh", "-c", "echo it is wrong; exit 7"],
        &["busybox", "echo", "never"],
    ];
    let request = ground.tests(5, digest, &tests);
    let run = request.run.clone();
    builder.start_tests(request).await.expect("it begins");
    failed(end_of(builder, &run).await, "ended with 7");
    let log = log_of(builder, &run).await;
    assert!(log.contains("it is wrong"), "{log}");
    assert!(
        !log.contains("never"),
        "tests go on after one failed: {log}"
    );
    forgotten(builder, &run).await;

    let gone = ground.tests(6, Digest::sha256(b"nothing"), &tests);
    let run = gone.run.clone();
    builder.start_tests(gone).await.expect("it begins");
    failed(end_of(builder, &run).await, "");
    forgotten(builder, &run).await;
}

async fn called_off(builder: &dyn Builder, ground: &Ground, digest: Digest) {
    let request = ground.tests(7, digest, &[&["busybox", "sleep", "1000"]]);
    let run = request.run.clone();
    builder.start_tests(request).await.expect("it begins");
    builder
        .cancel(&run, "not wanted")
        .await
        .expect("called off");
    let reason = "not wanted".to_owned();
    assert_eq!(
        end_of(builder, &run).await,
        BuildStatus::Cancelled { reason }
    );
    forgotten(builder, &run).await;
}

async fn late(builder: &dyn Builder, ground: &Ground, digest: Digest) {
    let mut request = ground.tests(8, digest, &[&["busybox", "sleep", "1000"]]);
    request.timeout_seconds = 3;
    let run = request.run.clone();
    builder.start_tests(request).await.expect("it begins");
    let end = end_of(builder, &run).await;
    assert!(
        matches!(&end, BuildStatus::Cancelled { reason } if reason.contains("3 s")),
        "{end:?}"
    );
    forgotten(builder, &run).await;
}

/// Tests are of bytes, not of a name that may move under them.
async fn refused(builder: &dyn Builder, ground: &Ground) {
    let mut request = ground.tests(9, Digest::sha256(b"x"), &[&["busybox", "true"]]);
    request.image.digest = None;
    let run = request.run.clone();
    let refused = builder.start_tests(request).await;
    assert!(
        matches!(refused, Err(StartError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(builder.observe(&run).await, Ok(BuildStatus::Absent));
}
