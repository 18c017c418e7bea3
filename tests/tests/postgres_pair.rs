//! Two processes on one PostgreSQL, blobs in a shared folder, one of them stopped in the middle of a transaction.
//!
//! The stopped one holds its transaction, its locks, perhaps the lock under which records are numbered. The other must
//! go on within a bounded time, and when the first wakes up nothing acknowledged is lost and the log is dense.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use refloat_rig::postgres::{Cluster, Durability};
use refloat_rig::server::binary;
use refloat_rig::{Tool, require, wait};
use refloat_tests::client::{Client, Fault};
use refloat_tests::content::{Blob, Content, Manifest};
use refloat_tests::crash::kill::check_once;
use refloat_tests::crash::subject::Start;
use refloat_tests::crash::{Grace, Place, Subject};
use refloat_tests::ledger::{Ledger, Operation};

/// How long one push of the other process may wait for the stopped one: the database throws it out after 5 s.
const PUSH_MAX: Duration = Duration::from_secs(20);

/// Until the armed process has stopped itself.
const STOP_DEADLINE: Duration = Duration::from_mins(1);

/// Until all records are numbered.
const NUMBER_DEADLINE: Duration = Duration::from_secs(20);

/// Pushes of the other process while the first one is stopped.
const PUSHES: u64 = 8;

#[test]
fn a_process_stopped_among_its_rows_holds_up_nobody() -> Result<()> {
    stopped_at("manifest.inserted=stop@3")
}

#[test]
fn a_process_stopped_before_its_commit_holds_up_nobody() -> Result<()> {
    stopped_at("commit.before=stop@25")
}

#[test]
fn a_process_stopped_while_it_numbers_holds_up_nobody() -> Result<()> {
    stopped_at("number.after=stop@4")
}

fn stopped_at(fail: &str) -> Result<()> {
    if !require(&[Tool::Postgres])? {
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("refloat-pair-").tempdir()?;
    let cluster = Cluster::start(Durability::Relaxed)?;
    let database = cluster.create_database("refloat")?;
    let ledger = Arc::new(Ledger::create(&folder.path().join("ledger"))?);
    let (first, second) = pair(folder.path(), &database, fail)?;

    let (push_first, push_second) = (
        Pusher::new(&first, "first/app", &ledger)?,
        Pusher::new(&second, "second/app", &ledger)?,
    );
    let over = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        let pushing = scope.spawn(|| push_first.until(&over));
        let scene = others_go_on(&first, &second, push_second);
        let thawed = first.server()?.process()?.thaw();
        over.store(true, Ordering::SeqCst);
        pushing
            .join()
            .map_err(|_| anyhow!("the pusher panicked"))??;
        scene
            .and(thawed)
            .with_context(|| format!("{fail}; the second said:\n{}", second.log()))
    })?;
    Pusher::new(&first, "first/app", &ledger)?
        .push(1000)?
        .context("the first takes pushes again")?;
    dense(&cluster)?;
    for (subject, name) in [(&first, "first"), (&second, "second")] {
        let findings = check_once(subject, &ledger, Grace::Long)?;
        ensure!(
            findings.is_clean(),
            "{fail}, asked the {name}: {}",
            findings.text()
        );
    }
    Ok(())
}

/// Two processes; the second has the master key and the password that the first one made.
fn pair(folder: &Path, database: &str, fail: &str) -> Result<(Subject, Subject)> {
    let place = |name: &str| Place {
        data: folder.join(name),
        database: Some(database.to_owned()),
        blobs: Some(folder.join("blobs")),
    };
    let program = binary()?;
    let mut first = Subject::new(&program, place("first"));
    first.start()?;
    first.stop()?;
    fs::create_dir(folder.join("second"))?;
    for file in ["master-key", "admin-password"] {
        fs::copy(
            folder.join("first").join(file),
            folder.join("second").join(file),
        )
        .with_context(|| format!("no {file}"))?;
    }
    let mut second = Subject::new(&program, place("second"));
    second.start()?;
    if first.start_armed(fail)? == Start::Died {
        bail!("the first process did not start: {}", first.log());
    }
    Ok((first, second))
}

/// Waits until the first has stopped itself; then the second takes pushes, each within a bound, and its log is whole.
fn others_go_on(first: &Subject, second: &Subject, mut pusher: Pusher) -> Result<()> {
    let process = first.server()?.process()?.pid();
    let mut number = 0;
    wait::until("the first process to stop itself", STOP_DEADLINE, || {
        number += 1;
        pusher.push(number)??;
        Ok(is_stopped(process)?.then_some(()))
    })?;
    for _ in 0..PUSHES {
        number += 1;
        let began = Instant::now();
        pusher.push(number)??;
        ensure!(
            began.elapsed() < PUSH_MAX,
            "a push took {} s",
            began.elapsed().as_secs()
        );
    }
    ensure!(is_stopped(process)?, "the first process went on by itself");
    second.refloat()?.stdout(&["audit", "verify"]).map(drop)
}

fn is_stopped(process: u32) -> Result<bool> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    Ok(stat
        .rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('T')))
}

/// Every record has a number, and the numbers have no gap.
fn dense(cluster: &Cluster) -> Result<()> {
    wait::until("all records to be numbered", NUMBER_DEADLINE, || {
        let open = cluster.query(
            "refloat",
            "select count(*) from record where sequence is null",
        )?;
        Ok((open == "0").then_some(()))
    })?;
    let figures = cluster.query(
        "refloat",
        "select count(*), min(sequence), max(sequence), count(distinct sequence) from record",
    )?;
    let numbers: Vec<u64> = figures
        .split('|')
        .filter_map(|number| number.parse().ok())
        .collect();
    let [count, first, last, distinct] = numbers[..] else {
        bail!("not four figures: {figures}");
    };
    ensure!(
        first == 1 && count == last && distinct == count,
        "count, first, last, distinct: {figures}"
    );
    Ok(())
}

/// Pushes one image after another into a repository of its own.
struct Pusher {
    client: Client,
    repository: &'static str,
    ledger: Arc<Ledger>,
}

impl Pusher {
    fn new(subject: &Subject, repository: &'static str, ledger: &Arc<Ledger>) -> Result<Self> {
        Ok(Self {
            client: subject.admin()?,
            repository,
            ledger: Arc::clone(ledger),
        })
    }

    /// Pushes until it is told to stop; what was refused or lost on the way is in the ledger.
    fn until(mut self, over: &AtomicBool) -> Result<()> {
        let mut number = 0;
        while !over.load(Ordering::SeqCst) {
            number += 1;
            let _outcome = self.push(number)?;
        }
        Ok(())
    }

    fn push(&mut self, number: u64) -> Result<Result<(), Fault>> {
        let repository = self.repository.to_owned();
        let salt = u64::from(repository.as_bytes()[0]) << 32;
        let layer = Content::new(salt + number, 90_000).blob();
        let config = Blob::of(format!("{{\"{repository}\":{number}}}"));
        for blob in [&layer, &config] {
            let operation = Operation::PushBlob {
                repository: repository.clone(),
                digest: blob.digest.clone(),
            };
            let pushed = self.ledger.record(operation, || {
                self.client
                    .push_blob(&repository, &blob.digest, &blob.bytes)
            })?;
            if pushed.is_err() {
                return Ok(pushed);
            }
        }
        let manifest = Manifest::image(&config, &[layer], &number.to_string());
        let tag = format!("t{}", number % 3);
        let digest = manifest.digest().to_owned();
        let operation = Operation::PutManifest {
            repository: repository.clone(),
            digest,
            tag: Some(tag.clone()),
        };
        self.ledger.record(operation, || {
            self.client.put_manifest(&repository, &tag, &manifest)
        })
    }
}
