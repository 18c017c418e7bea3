//! One byte altered in any column of any record is found, and the record is named.
//!
//! The rows are changed behind the back of a running server, as somebody with access to the file could.

use anyhow::{Context, Result, bail, ensure};
use refloat_rig::server::{Server, ServerOptions, binary};
use refloat_tests::command::Refloat;
use refloat_tests::crash::{Place, Subject};
use refloat_tests::probe::push_image;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

/// Bit of a number that is turned over: beyond every other row's number, so that no unique index is in the way.
const NUMBER_BIT: i64 = 1 << 20;

#[test]
fn every_altered_byte_is_found_and_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut subject = Subject::new(
        &binary()?,
        Place {
            data: folder.path().join("data"),
            ..Place::default()
        },
    );
    subject.start()?;
    let mut client = subject.admin()?;
    for number in 0..4 {
        push_image(&mut client, "apps/web", &format!("t{number}"), number)?;
    }
    let refloat = subject.refloat()?;
    let database = Connection::open(subject.place().data.join("refloat.db"))?;
    database.busy_timeout(std::time::Duration::from_secs(10))?;
    // As somebody with access to the file: no constraint holds them up.
    database.pragma_update(None, "foreign_keys", false)?;

    let said = refloat
        .stdout(&["audit", "verify"])
        .context("before anything was altered")?;
    let last: i64 = database.query_row("select max(sequence) from record", [], |row| row.get(0))?;
    ensure!(last >= 10, "{last} records; {said}");
    let mut altered = 0;
    for sequence in [1, 2, last / 2, last - 1, last] {
        for column in columns(&database, "record")? {
            altered += found_and_named(&database, &refloat, sequence, &column)?;
        }
    }
    ensure!(altered >= 5 * 15, "only {altered} columns were altered");
    refloat
        .stdout(&["audit", "verify"])
        .context("after everything was put back")?;
    personal_data(&database, &refloat)
}

/// Alters one column of one record, expects to be told, and puts it back.
fn found_and_named(
    database: &Connection,
    refloat: &Refloat,
    sequence: i64,
    column: &str,
) -> Result<u32> {
    let select = format!("select rowid, id, \"{column}\" from record where sequence = ?1");
    let (row, id, before): (i64, String, Value) =
        database.query_row(&select, [sequence], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let update = format!("update record set \"{column}\" = ?1 where rowid = ?2");
    let after = altered(&before, column);
    database
        .execute(&update, params![after, row])
        .with_context(|| format!("{column} of record {sequence}"))?;
    let verified = refloat.captured(&["audit", "verify"])?;
    let said = String::from_utf8_lossy(&[verified.stdout, verified.stderr].concat()).into_owned();
    database.execute(&update, params![before, row])?;
    ensure!(
        !verified.status.success(),
        "{column} of record {sequence} was altered from {before:?} to {after:?}, unnoticed: {said}"
    );
    let Value::Text(named) = (if column == "id" {
        after
    } else {
        Value::Text(id)
    }) else {
        bail!("an id that is no text");
    };
    let is_named =
        said.contains(&named) || (column == "sequence" && said.contains(&sequence.to_string()));
    ensure!(
        is_named,
        "{column} of record {sequence} ({named}) was altered, and another one is named: {said}"
    );
    Ok(1)
}

/// One byte of it, or something where there was nothing.
fn altered(value: &Value, column: &str) -> Value {
    match value {
        // The bodies and hashes are blobs, everything else that may be empty is text.
        Value::Null if column == "body" => Value::Blob(vec![1]),
        Value::Null => Value::Text("x".to_owned()),
        Value::Integer(number) => Value::Integer(number ^ NUMBER_BIT),
        Value::Real(number) => Value::Real(-number),
        Value::Text(text) => {
            let mut bytes = text.clone().into_bytes();
            match bytes.last_mut() {
                Some(last) => *last = b'#',
                None => bytes.push(b'#'),
            }
            Value::Text(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Blob(bytes) => {
            let mut bytes = bytes.clone();
            let middle = bytes.len() / 2;
            match bytes.get_mut(middle) {
                Some(byte) => *byte ^= 1,
                None => bytes.push(1),
            }
            Value::Blob(bytes)
        }
    }
}

/// What the log keeps apart, so that it can be erased, is altered no less noticeably.
fn personal_data(database: &Connection, refloat: &Refloat) -> Result<()> {
    let first = "select record_id, data from personal order by record_id limit 1";
    let (id, before): (String, String) =
        database.query_row(first, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let update = "update personal set data = ?1 where record_id = ?2";
    let Value::Text(after) = altered(&Value::Text(before.clone()), "data") else {
        bail!("no text");
    };
    database.execute(update, params![after, id])?;
    let said = refloat.failure(&["audit", "verify"])?;
    database.execute(update, params![before, id])?;
    ensure!(
        said.contains(&id),
        "personal data of {id} was altered: {said}"
    );
    Ok(())
}

/// A record taken out leaves a gap that is noticed.
#[test]
fn a_record_taken_out_is_missed() -> Result<()> {
    let mut server = Server::start_program(&binary()?, ServerOptions::default())?;
    let place = Place {
        data: server.data().to_owned(),
        ..Place::default()
    };
    let mut client = refloat_tests::client::Client::new(server.authority().parse()?)
        .signed_in("admin", &server.admin_password()?);
    push_image(&mut client, "apps/web", "1", 1)?;
    let refloat = Refloat::new(binary()?, server.url(), "admin", &server.admin_password()?)?;
    let database = Connection::open(place.data.join("refloat.db"))?;
    database.busy_timeout(std::time::Duration::from_secs(10))?;
    database.pragma_update(None, "foreign_keys", false)?;
    let last: i64 = database.query_row("select max(sequence) from record", [], |row| row.get(0))?;
    database.execute("delete from record where sequence = ?1", [last / 2])?;
    let said = refloat.failure(&["audit", "verify"])?;
    let next = last / 2 + 1;
    ensure!(
        said.contains(&format!("{next}")) || said.contains(&format!("{}", last / 2)),
        "{said}"
    );
    server.kill().map(drop)
}

fn columns(database: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = database.prepare("select name from pragma_table_info(?1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
