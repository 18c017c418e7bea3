//! Starts that are refused: each by name, each leaving everything as it was.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use refloat_rig::postgres::{Cluster, Durability};
use refloat_rig::server::binary;
use refloat_rig::{Tool, require};
use refloat_tests::content::{Algorithm, digest_of};
use refloat_tests::crash::subject::Start;
use refloat_tests::crash::{Place, Subject};
use refloat_tests::probe::push_image;
use rusqlite::Connection;

const NEWER: &str =
    "insert into migration (number, name, checksum, applied_at) values (9999, 'future', x'00', 0)";

/// A data folder with an image in it, its server stopped.
fn used(data: &Path) -> Result<Subject> {
    let mut subject = Subject::new(
        &binary()?,
        Place {
            data: data.to_owned(),
            ..Place::default()
        },
    );
    subject.start()?;
    push_image(&mut subject.admin()?, "apps/web", "1", 1)?;
    subject.stop()?;
    Ok(subject)
}

fn holds_its_image(subject: &Subject) -> Result<()> {
    let pulled = subject.admin()?.pull("apps/web", "1")?;
    ensure!(pulled.is_some(), "the image is gone");
    Ok(())
}

/// The start is refused, and says so with each of `words`.
fn refused(subject: &mut Subject, words: &[&str]) -> Result<()> {
    let started = subject.start();
    let said = started
        .err()
        .map(|error| format!("{error:#}"))
        .context("it started")?;
    for word in words {
        ensure!(said.contains(word), "`{word}` is not in: {said}");
    }
    Ok(())
}

/// Every file with the digest of its bytes; shared memory and the lock hold nothing that lasts.
fn files(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.display().to_string();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if !name.ends_with("-shm") && !name.ends_with("lock") {
            found.push((name, digest_of(Algorithm::Sha256, &fs::read(&path)?)));
        }
    }
    found.sort();
    Ok(found)
}

#[test]
fn the_data_of_a_newer_version_is_refused_and_left_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut subject = used(&data)?;
    let database = Connection::open(data.join("refloat.db"))?;
    database.execute(NEWER, [])?;
    drop(database);
    let before = files(&data)?;
    refused(&mut subject, &["newer version", "9999"])?;
    ensure!(files(&data)? == before, "files were touched");
    Connection::open(data.join("refloat.db"))?
        .execute("delete from migration where number = 9999", [])?;
    subject.start()?;
    holds_its_image(&subject)
}

#[test]
fn a_migration_that_is_not_ours_is_refused_by_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut subject = used(&data)?;
    let database = Connection::open(data.join("refloat.db"))?;
    let name: String =
        database.query_row("select name from migration where number = 1", [], |row| {
            row.get(0)
        })?;
    database.execute("update migration set checksum = x'00' where number = 1", [])?;
    drop(database);
    let before = files(&data)?;
    refused(&mut subject, &[&name, "checksum"])?;
    ensure!(files(&data)? == before, "files were touched");
    Ok(())
}

#[test]
fn a_second_process_on_a_data_folder_is_refused_by_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut first = used(&data)?;
    first.start()?;
    let process = first.server()?.process()?.pid().to_string();
    let mut second = Subject::new(
        &binary()?,
        Place {
            data: data.clone(),
            ..Place::default()
        },
    );
    refused(
        &mut second,
        &["in use", &process, &data.display().to_string()],
    )?;
    ensure!(first.is_running());
    holds_its_image(&first)?;
    push_image(&mut first.admin()?, "apps/web", "2", 2)?;
    first.kill()?;
    // The lock goes with its process, whatever way it went.
    second.start()?;
    holds_its_image(&second)
}

#[test]
fn a_failed_migration_leaves_nothing_behind() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut subject = Subject::new(
        &binary()?,
        Place {
            data: data.clone(),
            ..Place::default()
        },
    );
    ensure!(
        subject.start_armed("migrate.step=error@1")? == Start::Died,
        "it started"
    );
    let database = Connection::open(data.join("refloat.db"))?;
    let tables: i64 =
        database.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    drop(database);
    ensure!(tables == 0, "{tables} tables and indexes were left");
    subject.start()?;
    push_image(&mut subject.admin()?, "apps/web", "1", 1)?;
    holds_its_image(&subject)
}

#[test]
fn a_database_of_a_newer_version_or_a_failed_migration_is_left_alone_on_postgresql() -> Result<()> {
    if !require(&[Tool::Postgres])? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let cluster = Cluster::start(Durability::Relaxed)?;
    let place = Place {
        data: folder.path().join("data"),
        database: Some(cluster.create_database("refloat")?),
        blobs: Some(folder.path().join("blobs")),
    };
    let mut subject = Subject::new(&binary()?, place);
    ensure!(
        subject.start_armed("migrate.step=error@1")? == Start::Died,
        "it started"
    );
    let tables = cluster.query(
        "refloat",
        "select count(*) from information_schema.tables where table_schema = 'public'",
    )?;
    ensure!(tables == "0", "{tables} tables were left");
    subject.start()?;
    push_image(&mut subject.admin()?, "apps/web", "1", 1)?;
    subject.stop()?;
    let newer = NEWER.replace("x'00'", "decode('00', 'hex')");
    cluster.query("refloat", &newer)?;
    let rows = "select count(*) from record";
    let before = cluster.query("refloat", rows)?;
    refused(&mut subject, &["newer version", "9999"])?;
    ensure!(cluster.query("refloat", rows)? == before);
    cluster.query("refloat", "delete from migration where number = 9999")?;
    subject.start()?;
    holds_its_image(&subject)
}
