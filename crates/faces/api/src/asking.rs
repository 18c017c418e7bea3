//! A request as its route reads it: who, the path's and query's parameters, the body.

use refloat_core::Rejection;
use refloat_flow::Caller;
use refloat_flow::administer::AskedPage;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;

/// A request on its way to its use case.
#[derive(Debug, Clone)]
pub struct Asking {
    /// Who asks.
    pub caller: Caller,
    /// Parameters of path and query; one name stands once.
    pub parameters: BTreeMap<String, String>,
    /// The body; null if there is none.
    pub body: Value,
}

impl Asking {
    /// A parameter that is there and not empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// A parameter that must be there.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] that names it.
    pub fn required(&self, name: &str) -> Result<&str, Rejection> {
        self.parameter(name)
            .ok_or_else(|| Rejection::Invalid(format!("parameter `{name}` is missing; add it")))
    }

    /// A parameter that must be there and parse into its type.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] or [`Rejection::NameInvalid`].
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, Rejection> {
        self.required(name)?
            .parse()
            .map_err(|error: T::Err| Rejection::NameInvalid(error.to_string()))
    }

    /// A parameter that is a number if it is there.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] if it is none.
    pub fn number(&self, name: &str) -> Result<Option<u64>, Rejection> {
        let wrong = |_| Rejection::Invalid(format!("parameter `{name}` is not a number"));
        self.parameter(name)
            .map(|text| text.parse().map_err(wrong))
            .transpose()
    }

    /// Which page of a list is asked for.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for a limit that is no number.
    pub fn page(&self) -> Result<AskedPage, Rejection> {
        let limit = self
            .number("limit")?
            .map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(AskedPage {
            after: self.parameter("after").map(str::to_owned),
            limit,
        })
    }

    /// The body as a type. The error never repeats a value: it may be a secret.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] with the key that is wrong.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        serde_json::from_value(self.body.clone()).map_err(|error| {
            Rejection::Invalid(format!(
                "the body is not acceptable: {}",
                without_values(&error)
            ))
        })
    }
}

/// What serde says about shapes; what it says about values is left out.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("invalid type: ") || text.starts_with("invalid value: ") {
        let wanted = text.split("expected ").nth(1).unwrap_or("another one");
        return format!("a value has another type than {wanted}");
    }
    text
}
