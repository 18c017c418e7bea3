//! Lists as one parameter: a JSON array of texts, digests in it as hex. The dialects unpack it differently.

use refloat_database::{StoreError, Value};
use refloat_oci::Digest;
use std::fmt::Write as _;

/// A statement around a list of texts: `text_list!("select .. where name in ", "$1", " order by name")`.
macro_rules! text_list {
    ($head:expr, $parameter:literal, $tail:expr) => {
        refloat_database::Sql {
            sqlite: concat!(
                $head,
                "(select value from json_each(",
                $parameter,
                "))",
                $tail
            ),
            postgres: concat!(
                $head,
                "(select value from json_array_elements_text(cast(cast(",
                $parameter,
                " as text) as json)) as list(value))",
                $tail
            ),
        }
    };
}

/// A statement around a list of digests, in the same way; the parameter is made by [`digests`].
#[macro_export]
macro_rules! digest_list {
    ($head:expr, $parameter:literal, $tail:expr) => {
        refloat_database::Sql {
            sqlite: concat!(
                $head,
                "(select unhex(value) as value from json_each(",
                $parameter,
                "))",
                $tail
            ),
            postgres: concat!(
                $head,
                "(select decode(value, 'hex') as value from json_array_elements_text(cast(cast(",
                $parameter,
                " as text) as json)) as list(value))",
                $tail
            ),
        }
    };
}

pub use digest_list;
pub(crate) use text_list;

/// The texts as a JSON array.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    json(&texts.into_iter().collect::<Vec<_>>())
}

/// The digests, in the form of rows, as a JSON array of hex.
pub fn digests<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> Value {
    json(
        &digests
            .into_iter()
            .map(|digest| hex(&digest.to_row()))
            .collect::<Vec<_>>(),
    )
}

/// Any plain data as a JSON parameter.
pub(crate) fn json(data: &impl serde::Serialize) -> Value {
    Value::from(serde_json::to_string(data).expect("lists are plain data"))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A column that holds a digest.
pub(crate) fn digest(row: &refloat_database::Row, index: usize) -> Result<Digest, StoreError> {
    Digest::from_row(&row.bytes(index)?).map_err(|_| StoreError::column(index, "not a digest"))
}
