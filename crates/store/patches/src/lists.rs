//! Lists of digests as one parameter: a JSON array of hex, which the dialects unpack differently.

use refloat_database::Value;
use refloat_oci::Digest;
use std::fmt::Write as _;

/// A statement around a list of digests: `digest_list!("select .. from ", "$1", " as asked join ..")`.
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
pub(crate) use digest_list;

/// The digests in the form of rows.
pub(crate) fn digests<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> Value {
    let list: Vec<String> = digests
        .into_iter()
        .map(|digest| {
            digest
                .to_row()
                .iter()
                .fold(String::new(), |mut text, byte| {
                    let _ = write!(text, "{byte:02x}");
                    text
                })
        })
        .collect();
    Value::from(serde_json::to_string(&list).expect("lists are plain data"))
}
