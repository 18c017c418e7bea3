//! Verifying one record.

use super::super::row::{EXPIRED, recorded};
use super::super::segment::Segment;
use super::{Broken, missing, personal_hash};
use refloat_core::record::{causes_text, sha256};
use refloat_core::{Event, Recorded};
use refloat_database::{Row, StoreError};

/// The columns under the hash that nothing else repeats: which of them was changed cannot be told.
pub(super) const HEADER: &str = "id, project_id, stream, stream_version, at, actor, causes, cascade, origin, body_hash, personal_hash or hash";

/// The end of what fits so far.
pub(super) struct Seen {
    pub(super) sequence: i64,
    pub(super) hash: Vec<u8>,
}

/// The hash that the row's fields have, if they can be read.
pub(super) fn computed(row: &Row) -> Option<Vec<u8>> {
    recorded(row).ok().map(|record| record.computed_hash())
}

/// Checks a row that should follow `seen` and lies in `segment`, or in none that is closed.
pub(super) fn check(row: &Row, seen: &Seen, segment: Option<&Segment>) -> Result<Seen, Broken> {
    let expected = seen.sequence + 1;
    let wrong = |field: &str, detail: &str| Broken {
        sequence: Some(expected),
        id: row.text(1).ok().map(str::to_owned),
        field: field.to_owned(),
        detail: detail.to_owned(),
    };
    if row.int(0).unwrap_or_default() != expected {
        return Err(missing(expected, "numbers have no gaps"));
    }
    let record = recorded(row).map_err(|error| wrong(unreadable(row), &error.to_string()))?;
    check_texts(row, &record)
        .map_err(|field| wrong(field, "it is not written as a record has it"))?;
    check_hashes(&record, seen).map_err(|(field, detail)| wrong(field, detail))?;
    check_body(row, &record, segment).map_err(|(field, detail)| wrong(field, detail))?;
    check_personal(row, &record).map_err(|(field, detail)| wrong(field, detail))?;
    if segment.is_some_and(|segment| {
        segment.last_sequence == expected && segment.last_hash != record.hash
    }) {
        return Err(wrong(
            "hash",
            "the segment that ends here was signed over another one",
        ));
    }
    Ok(Seen {
        sequence: expected,
        hash: record.hash,
    })
}

type Misfit = (&'static str, &'static str);

fn check_hashes(record: &Recorded, seen: &Seen) -> Result<(), Misfit> {
    let as_it_should = Recorded {
        previous: seen.hash.clone(),
        ..record.clone()
    };
    if record.previous != seen.hash {
        return Err(("previous", "it is not the hash of the record before it"));
    }
    if as_it_should.computed_hash() == record.hash {
        return Ok(());
    }
    if let Some(body) = &record.body {
        let body_hash = sha256(body);
        let repaired = Recorded {
            body_hash,
            ..as_it_should
        };
        if repaired.computed_hash() == record.hash {
            return Err((
                "body_hash",
                "it is not the hash of the body, which fits the record's hash",
            ));
        }
    }
    Err((HEADER, "the record's hash is not the hash of its fields"))
}

fn check_body(row: &Row, record: &Recorded, segment: Option<&Segment>) -> Result<(), Misfit> {
    let kind = row.text(15).map_err(|_| ("type", "it is not text"))?;
    let repository = row
        .optional(16, Row::text)
        .map_err(|_| ("repository", "it is not text"))?;
    let expired = segment.is_some_and(|segment| segment.bodies_expired);
    let Some(body) = &record.body else {
        return match (expired, kind, repository) {
            (false, ..) => Err(("body", "it is gone, and its segment has not expired")),
            (true, EXPIRED, None) => Ok(()),
            (true, EXPIRED, Some(_)) => Err(("repository", "it went with the body")),
            (true, ..) => Err(("type", "it went with the body")),
        };
    };
    if expired {
        return Err(("body", "its segment has expired, and it is still there"));
    }
    if sha256(body) != record.body_hash {
        return Err(("body", "it does not have the hash that the record holds"));
    }
    // The body itself is sound from here on.
    let Ok(plain) = serde_json::from_slice::<serde_json::Value>(body) else {
        return Err(("body", "it is not an event"));
    };
    if plain["type"].as_str() != Some(kind) {
        return Err(("type", "it is not the body's"));
    }
    let named = match Event::from_body(body) {
        Ok(event) => event.repository().map(ToString::to_string),
        // A newer version wrote an event unknown here; it names its repository by the same key.
        Err(_) => plain["data"]["repository"].as_str().map(str::to_owned),
    };
    if named.as_deref() != repository {
        return Err(("repository", "it is not the body's"));
    }
    Ok(())
}

fn check_personal(row: &Row, record: &Recorded) -> Result<(), Misfit> {
    let personal = || -> Result<_, StoreError> {
        Ok((row.optional(17, Row::bytes)?, row.optional(18, Row::text)?))
    };
    let (Some(salt), Some(data)) =
        personal().map_err(|_| ("personal data", "it is not readable"))?
    else {
        return Ok(());
    };
    if record.personal_hash.is_empty() {
        return Err(("personal data", "the record was written without any"));
    }
    if personal_hash(&salt, data) != record.personal_hash {
        return Err((
            "personal data",
            "its salted hash is not the one that the record holds",
        ));
    }
    Ok(())
}

/// Whether each text is the one form that was hashed.
fn check_texts(row: &Row, record: &Recorded) -> Result<(), &'static str> {
    if row.text(7).ok() != Some(&causes_text(&record.causes)) {
        return Err("causes");
    }
    // An empty text and none at all have the same hash.
    if record.origin.as_deref() == Some("") {
        return Err("origin");
    }
    if row.is_null(13).unwrap_or(true) {
        return Err("previous");
    }
    if row.is_null(14).unwrap_or(true) {
        return Err("hash");
    }
    Ok(())
}

/// The first column that is not of its kind.
fn unreadable(row: &Row) -> &'static str {
    let columns = [
        "sequence",
        "id",
        "project_id",
        "stream",
        "stream_version",
        "at",
        "actor",
        "causes",
        "cascade",
        "origin",
    ];
    let rest = [
        "body",
        "body_hash",
        "personal_hash",
        "previous",
        "hash",
        "type",
        "repository",
    ];
    // The parser names the column by its place; whoever was changed first is the first it stumbles over.
    let text = recorded(row)
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    let number = text
        .split_whitespace()
        .skip_while(|word| *word != "column")
        .nth(1)
        .and_then(|word| word.parse::<usize>().ok());
    let named = number.and_then(|number| columns.iter().chain(&rest).nth(number));
    named.copied().unwrap_or("a column")
}
