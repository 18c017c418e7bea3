//! Columns as the types of this part.

use refloat_cascade::{BaseName, LineName};
use refloat_core::event::EdgeKind;
use refloat_database::{Row, StoreError};
use refloat_oci::{Digest, RegistryHost};

/// A column that holds a digest.
pub(crate) fn digest(row: &Row, index: usize) -> Result<Digest, StoreError> {
    Digest::from_row(&row.bytes(index)?).map_err(|_| StoreError::column(index, "not a digest"))
}

/// A column that holds a host; empty is this registry.
pub(crate) fn host(row: &Row, index: usize) -> Result<Option<RegistryHost>, StoreError> {
    match row.text(index)? {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| StoreError::column(index, "not a host")),
    }
}

/// Three columns that name a base: host, repository, tag.
pub(crate) fn base(row: &Row, index: usize) -> Result<BaseName, StoreError> {
    Ok(BaseName {
        registry: host(row, index)?,
        repository: row.parsed(index + 1)?,
        tag: row.parsed(index + 2)?,
    })
}

/// Three columns that name a line: host, repository, rule.
pub(crate) fn line(row: &Row, index: usize) -> Result<LineName, StoreError> {
    Ok(LineName {
        registry: host(row, index)?,
        repository: row.parsed(index + 1)?,
        rule: row.parsed(index + 2)?,
    })
}

/// The word of an edge's kind in rows.
pub(crate) fn kind_word(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Runtime => "RUNTIME",
        EdgeKind::Build => "BUILD",
        EdgeKind::Frontend => "FRONTEND",
        EdgeKind::Onbuild => "ONBUILD",
        EdgeKind::Context => "CONTEXT",
    }
}

/// A column that holds any plain data as JSON text; enums are their word.
pub(crate) fn word<T: serde::de::DeserializeOwned>(
    row: &Row,
    index: usize,
) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::from(row.text(index)?))
        .map_err(|_| StoreError::column(index, "not a known word"))
}

/// A column that holds JSON.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    row: &Row,
    index: usize,
) -> Result<T, StoreError> {
    serde_json::from_str(row.text(index)?)
        .map_err(|_| StoreError::column(index, "not the JSON it should be"))
}
