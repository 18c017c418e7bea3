use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::Result;
use rusqlite::Connection;
use rustix::fs::{CWD, FlockOperation, RenameFlags};

use super::*;
use crate::{Tool, require};

/// A mounted folder, or none if this machine has no FUSE.
fn mounted() -> Result<Option<ForgetfulFolder>> {
    if !require(&[Tool::Fuse])? {
        return Ok(None);
    }
    ForgetfulFolder::mount().map(Some)
}

fn write_synced(path: &Path, text: &str) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}

fn sync_folder(path: &Path) -> Result<()> {
    File::open(path)?.sync_all()?;
    Ok(())
}

fn names(path: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[test]
fn what_was_synced_stays_and_the_rest_is_forgotten() -> Result<()> {
    let Some(mut folder) = mounted()? else {
        return Ok(());
    };
    write_synced(&folder.join("kept"), "first")?;
    write_synced(&folder.join("emptied"), "before")?;
    sync_folder(folder.path())?;
    write_synced(&folder.join("nameless"), "its folder was not synced")?;
    OpenOptions::new()
        .append(true)
        .open(folder.join("kept"))?
        .write_all(b" second")?;
    fs::write(folder.join("emptied"), "")?;
    assert_eq!(fs::read_to_string(folder.join("kept"))?, "first second");

    folder.power_cut(Unsynced::Lost)?;
    assert_eq!(names(folder.path())?, ["emptied", "kept"]);
    assert_eq!(fs::read_to_string(folder.join("kept"))?, "first");
    assert_eq!(fs::read_to_string(folder.join("emptied"))?, "before");
    Ok(())
}

#[test]
fn names_come_and_go_only_with_their_folder() -> Result<()> {
    let Some(mut folder) = mounted()? else {
        return Ok(());
    };
    fs::create_dir(folder.join("a"))?;
    fs::create_dir(folder.join("b"))?;
    write_synced(&folder.join("a/moved"), "moved")?;
    write_synced(&folder.join("a/removed"), "removed")?;
    sync_folder(&folder.join("a"))?;
    sync_folder(folder.path())?;
    fs::rename(folder.join("a/moved"), folder.join("b/moved"))?;
    fs::remove_file(folder.join("a/removed"))?;
    assert_eq!(names(&folder.join("a"))?, [""; 0]);

    folder.power_cut(Unsynced::Lost)?;
    assert_eq!(names(&folder.join("a"))?, ["moved", "removed"]);
    assert_eq!(names(&folder.join("b"))?, [""; 0]);

    // Synced in one of its two folders a rename is durable in both: it is one change.
    fs::rename(folder.join("a/moved"), folder.join("b/moved"))?;
    fs::hard_link(folder.join("a/removed"), folder.join("a/second"))?;
    sync_folder(&folder.join("b"))?;
    folder.power_cut(Unsynced::Lost)?;
    assert_eq!(names(&folder.join("a"))?, ["removed"]);
    assert_eq!(fs::read_to_string(folder.join("b/moved"))?, "moved");
    Ok(())
}

#[test]
fn a_rename_over_a_file_is_old_or_new() -> Result<()> {
    let Some(mut folder) = mounted()? else {
        return Ok(());
    };
    write_synced(&folder.join("file"), "old")?;
    sync_folder(folder.path())?;
    for (number, expected) in [(1, "old"), (2, "new 2")] {
        write_synced(&folder.join("fresh"), &format!("new {number}"))?;
        fs::rename(folder.join("fresh"), folder.join("file"))?;
        if number == 2 {
            sync_folder(folder.path())?;
        }
        folder.power_cut(Unsynced::Lost)?;
        assert_eq!(fs::read_to_string(folder.join("file"))?, expected);
    }
    let (from, to) = (folder.join("other"), folder.join("file"));
    fs::write(&from, "other")?;
    let refused = rustix::fs::renameat_with(CWD, &from, CWD, &to, RenameFlags::NOREPLACE);
    assert_eq!(refused, Err(rustix::io::Errno::EXIST));
    fs::rename(&from, folder.join("free"))?;
    assert_eq!(names(folder.path())?, ["file", "free"]);
    Ok(())
}

#[test]
fn a_process_that_survives_the_cut_has_a_dead_disk() -> Result<()> {
    let Some(mut folder) = mounted()? else {
        return Ok(());
    };
    write_synced(&folder.join("file"), "durable")?;
    sync_folder(folder.path())?;
    let mut open = OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.join("file"))?;
    folder.power_cut(Unsynced::Lost)?;
    assert!(open.write_all(b"too late").is_err());
    assert!(open.sync_all().is_err());
    assert_eq!(fs::read_to_string(folder.join("file"))?, "durable");
    Ok(())
}

#[test]
fn a_full_disk_and_a_failed_fsync() -> Result<()> {
    let Some(mut folder) = mounted()? else {
        return Ok(());
    };
    let mut file = File::create(folder.join("file"))?;
    sync_folder(folder.path())?;
    folder.set_faults(Faults {
        bytes_left: Some(10),
        ..Faults::default()
    });
    file.write_all(b"12345678")?;
    let full = file.write_all(b"9abcdef").map_err(|error| error.kind());
    assert_eq!(full, Err(io::ErrorKind::StorageFull));

    folder.set_faults(Faults {
        failing_fsync_after: Some(1),
        ..Faults::default()
    });
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(b"lost")?;
    assert_eq!(file.sync_all().map_err(|e| e.raw_os_error()), Err(Some(5)));
    // The page looks clean now: this one succeeds and makes nothing durable.
    file.sync_all()?;
    folder.power_cut(Unsynced::Lost)?;
    assert_eq!(fs::read_to_string(folder.join("file"))?, "12345678");

    let before = folder.fsyncs();
    folder.set_faults(Faults {
        gone_after_fsyncs: Some(1),
        ..Faults::default()
    });
    let mut file = OpenOptions::new().write(true).open(folder.join("file"))?;
    file.sync_all()?;
    assert_eq!(folder.fsyncs(), before + 1);
    assert!(file.write_all(b"x").is_err());
    assert!(File::create(folder.join("another")).is_err());
    Ok(())
}

#[test]
fn locks_and_large_files_work() -> Result<()> {
    let Some(folder) = mounted()? else {
        return Ok(());
    };
    let first = File::create(folder.join("lock"))?;
    let second = File::open(folder.join("lock"))?;
    rustix::fs::flock(&first, FlockOperation::LockExclusive)?;
    let busy = rustix::fs::flock(&second, FlockOperation::NonBlockingLockExclusive);
    assert_eq!(busy, Err(rustix::io::Errno::WOULDBLOCK));

    let mut bytes = vec![0; 5_000_001];
    Seed::new(3).fill(&mut bytes);
    fs::write(folder.join("large"), &bytes)?;
    let mut back = Vec::new();
    File::open(folder.join("large"))?.read_to_end(&mut back)?;
    assert!(back == bytes);
    let many = folder.join("many");
    fs::create_dir(&many)?;
    for number in 0..500 {
        fs::write(many.join(format!("{number:03}")), "")?;
    }
    assert_eq!(names(&many)?.len(), 500);
    fs::remove_dir_all(&many)?;
    assert_eq!(names(folder.path())?, ["large", "lock"]);
    Ok(())
}

/// How SQLite is asked to commit.
fn open(path: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Checkpoints often, so that cuts fall into them.
    connection.pragma_update(None, "wal_autocheckpoint", 20)?;
    connection
        .execute_batch("create table if not exists row (id integer primary key, text text)")?;
    Ok(connection)
}

fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("select count(*) from row", [], |row| row.get(0))
}

/// Leaves the connection as a process that dies leaves it: nothing is closed or flushed.
fn abandon(connection: Connection) {
    std::mem::forget(connection);
}

#[test]
fn sqlite_keeps_every_committed_row_over_many_cuts() -> Result<()> {
    let Some(mut folder) = mounted()? else {
        return Ok(());
    };
    let path = folder.join("rows.db");
    let mut seed = Seed::new(2026);
    let mut committed = 0;
    for cut in 0..20 {
        let connection = open(&path, "full")?;
        assert_eq!(count(&connection)?, committed, "before cut {cut}");
        let check: String = connection.query_row("pragma integrity_check", [], |row| row.get(0))?;
        assert_eq!(check, "ok", "before cut {cut}");
        for _ in 0..seed.below(60) {
            let text = "x".repeat(usize::try_from(seed.below(3000))?);
            connection.execute("insert into row (text) values (?1)", [text])?;
            committed += 1;
        }
        if seed.one_in(2) {
            connection.execute_batch("begin; insert into row (text) values ('never committed')")?;
        }
        abandon(connection);
        let drawn = Unsynced::Drawn(Seed::new(seed.next_u64()));
        folder.power_cut(if cut % 4 == 0 { Unsynced::Lost } else { drawn })?;
    }
    assert!(committed > 100, "the seed made almost no rows");
    Ok(())
}

#[test]
fn sqlite_without_fsync_loses_rows_here() -> Result<()> {
    let Some(mut folder) = mounted()? else {
        return Ok(());
    };
    let path = folder.join("rows.db");
    abandon(open(&path, "full")?);
    folder.power_cut(Unsynced::Lost)?;
    let connection = open(&path, "off")?;
    for _ in 0..50 {
        connection.execute("insert into row (text) values ('soon forgotten')", [])?;
    }
    assert_eq!(count(&connection)?, 50);
    abandon(connection);
    folder.power_cut(Unsynced::Lost)?;
    // Without fsync SQLite may even find its file damaged; rows are lost in either case.
    let left = open(&path, "full")
        .and_then(|connection| count(&connection))
        .unwrap_or(0);
    assert!(left < 50, "{left} rows survived a cut without any fsync");
    Ok(())
}
