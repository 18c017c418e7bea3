//! What can happen. One enum per family; outsiders receive renderings, never these.
//!
//! A body in the log is `{"type":"manifest.pushed","version":1,"data":{..}}`. Old versions decode for ever:
//! a changed meaning is a new version, never an edit. Events name digests; a tag appears only as moved from, moved to.

mod access;
mod audit;
mod cascade;
mod registry;
mod release;
mod run;
mod watch;

pub use access::AccessEvent;
pub use audit::AuditEvent;
pub use cascade::{CascadeEvent, Method, PackageChange, Proof};
pub use registry::RegistryEvent;
pub use release::{ImageChange, ReleaseEvent};
pub use run::{RunEvent, RunOutcome};
pub use watch::{EdgeKind, FoundBy, PlatformMove, SeenBy, WatchEvent};

use refloat_oci::Digest;

/// Every event, by family.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Repositories, manifests, tags, uploads.
    Registry(RegistryEvent),
    /// Projects, accounts, grants, credentials, policies.
    Access(AccessEvent),
    /// The log about itself.
    Audit(AuditEvent),
    /// Bases, sweeps, edges of the graph.
    Watch(WatchEvent),
    /// Plans, cascades, patches.
    Cascade(CascadeEvent),
    /// Runs of builders.
    Run(RunEvent),
    /// Changes, releases, holds.
    Release(ReleaseEvent),
}

/// Does the same for whichever family it is.
macro_rules! each_family {
    ($event:expr, $family:ident => $body:expr) => {
        match $event {
            Event::Registry($family) => $body,
            Event::Access($family) => $body,
            Event::Audit($family) => $body,
            Event::Watch($family) => $body,
            Event::Cascade($family) => $body,
            Event::Run($family) => $body,
            Event::Release($family) => $body,
        }
    };
}

/// A body that is no event this version knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The type or its version was written by a newer Refloat.
    #[error("event type `{name}` version {version} is not known to this version of refloat")]
    UnknownType {
        /// The type.
        name: String,
        /// Its version.
        version: u32,
    },
    /// The bytes are not a body.
    #[error("the body is not an event: {0}")]
    Malformed(String),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Body<T> {
    r#type: String,
    version: u32,
    data: T,
}

impl Event {
    /// The type, for example `manifest.pushed`.
    pub fn name(&self) -> &'static str {
        each_family!(self, event => event.name())
    }

    /// The repository it happened to: who may not pull from it must not learn of the event. `None` where it concerns no single one.
    pub fn repository(&self) -> Option<&refloat_oci::RepositoryName> {
        match self {
            Self::Registry(event) => Some(event.repository()),
            Self::Cascade(event) => event.repository(),
            Self::Run(event) => event.repository(),
            Self::Access(_) | Self::Audit(_) | Self::Watch(_) | Self::Release(_) => None,
        }
    }

    /// Every type there is, family by family.
    pub fn all_names() -> impl Iterator<Item = &'static str> {
        [
            RegistryEvent::NAMES,
            AccessEvent::NAMES,
            AuditEvent::NAMES,
            WatchEvent::NAMES,
            CascadeEvent::NAMES,
            RunEvent::NAMES,
            ReleaseEvent::NAMES,
        ]
        .into_iter()
        .flatten()
        .copied()
    }

    /// The digests that came to be, or came somewhere, by it: where the question why such a digest is there begins.
    pub fn brings(&self) -> Vec<&Digest> {
        match self {
            Self::Registry(RegistryEvent::ManifestPushed { digest, .. })
            | Self::Watch(WatchEvent::BaseFound { digest, .. })
            | Self::Run(RunEvent::RunFinished {
                outcome: RunOutcome::Succeeded { digest, .. },
                ..
            }) => vec![digest],
            Self::Watch(WatchEvent::BaseMoved { to, platforms, .. }) => {
                let platforms = platforms.iter().filter_map(|moved| moved.to.as_ref());
                std::iter::once(to).chain(platforms).collect()
            }
            Self::Cascade(CascadeEvent::PatchPublished { to, .. }) => vec![to],
            Self::Release(ReleaseEvent::ChangeMade { chart_digest, .. }) => {
                chart_digest.iter().collect()
            }
            Self::Release(ReleaseEvent::ReleaseDeployed { images, .. }) => images.iter().collect(),
            Self::Registry(_)
            | Self::Access(_)
            | Self::Audit(_)
            | Self::Watch(_)
            | Self::Cascade(_)
            | Self::Run(_)
            | Self::Release(_) => Vec::new(),
        }
    }

    /// The body as the log stores it.
    pub fn to_body(&self) -> Vec<u8> {
        let body = Body {
            r#type: self.name().to_owned(),
            version: 1,
            data: each_family!(self, event => data(event)),
        };
        serde_json::to_vec(&body).expect("events are plain data")
    }

    /// Reads a body of the log.
    ///
    /// # Errors
    /// [`EventError`] if the type is not known here or the bytes are no body.
    pub fn from_body(bytes: &[u8]) -> Result<Self, EventError> {
        let malformed = |error: serde_json::Error| EventError::Malformed(error.to_string());
        let body: Body<serde_json::Value> = serde_json::from_slice(bytes).map_err(malformed)?;
        let name = body.r#type;
        let known = |names: &[&str]| body.version == 1 && names.contains(&name.as_str());
        let tagged = serde_json::json!({ name.as_str(): body.data });
        macro_rules! read {
            ($($variant:ident($family:ident)),*) => {
                $(if known($family::NAMES) {
                    return serde_json::from_value(tagged).map(Self::$variant).map_err(malformed);
                })*
            };
        }
        read!(
            Registry(RegistryEvent),
            Access(AccessEvent),
            Audit(AuditEvent),
            Watch(WatchEvent),
            Cascade(CascadeEvent),
            Run(RunEvent),
            Release(ReleaseEvent)
        );
        Err(EventError::UnknownType {
            name,
            version: body.version,
        })
    }
}

/// The data of an externally tagged event: the value behind its one key.
fn data(event: &impl serde::Serialize) -> serde_json::Value {
    match serde_json::to_value(event) {
        Ok(serde_json::Value::Object(map)) => map
            .into_iter()
            .next()
            .map_or_else(Default::default, |(_, value)| value),
        _ => serde_json::Value::Null,
    }
}

/// Declares `name()` and `NAMES` of a family beside its serde names, so that they cannot differ.
macro_rules! names {
    ($family:ident { $($variant:ident = $name:literal,)* }) => {
        impl $family {
            /// The types of this family.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The type, as the log and outsiders name it.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)* }
            }
        }

        #[cfg(test)]
        mod names {
            use super::*;

            #[test]
            fn serde_knows_the_same_names() {
                for name in $family::NAMES {
                    let error = serde_json::from_value::<$family>(serde_json::json!({ *name: 7 }))
                        .expect_err("7 is the data of no event");
                    assert!(!error.to_string().contains("unknown variant"), "{name}: {error}");
                }
            }
        }
    };
}
use names;
