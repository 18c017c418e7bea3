//! Ids: a prefix and a lower-case ULID, each its own type. The shell makes new ones; the core is given them.

use std::fmt;
use std::str::FromStr;

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form {prefix}<26 letters and digits>")]
pub struct IdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// The text, shortened.
    pub text: String,
}

fn parse(prefix: &'static str, text: &str) -> Result<String, IdError> {
    let wrong = || IdError {
        prefix,
        text: text.chars().take(60).collect(),
    };
    let rest = text.strip_prefix(prefix).ok_or_else(wrong)?;
    let lower = !rest.bytes().any(|byte| byte.is_ascii_uppercase());
    if lower && ulid::Ulid::from_string(rest).is_ok() {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id with this ULID.
            pub fn from_ulid(ulid: ulid::Ulid) -> Self {
                Self(format!("{}{}", $prefix, ulid.to_string().to_ascii_lowercase()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse($prefix, text).map(Self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A record of the log.
    RecordId = "rec_";
    /// All patches caused by one base change.
    CascadeId = "cas_";
    /// A frozen plan of patches.
    PlanId = "plan_";
    /// One run of a builder.
    RunId = "run_";
    /// A set of images that moves through environments together.
    ChangeId = "chg_";
    /// One release of a chart to one environment.
    ReleaseId = "rel_";
    /// A unit of scheduled work.
    JobId = "job_";
    /// A tenant.
    ProjectId = "prj_";
    /// A repository.
    RepositoryId = "rep_";
    /// A user or a robot.
    PrincipalId = "usr_";
    /// A blob write in progress.
    UploadId = "upl_";
    /// A long-lived token of a user or robot.
    TokenId = "tok_";
    /// A region: a place with its own store.
    RegionId = "reg_";
    /// A stored secret.
    SecretId = "sec_";
    /// One stored file of bytes, written once and never reused.
    StorageKey = "blb_";
}
