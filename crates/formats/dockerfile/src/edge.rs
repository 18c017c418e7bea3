//! What evaluation finds: edges to images, and inputs that are no images.

use refloat_oci::Reference;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How an image stands on another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// By the chain of `FROM` of the target: its layers lie below.
    Runtime,
    /// Through `COPY --from`, `RUN --mount=from=` or a stage that only builds.
    Build,
    /// As the front end that reads the Dockerfile.
    Frontend,
    /// Through a trigger of a base.
    Onbuild,
    /// By a named context of the invocation, in place of what is written.
    Context,
}

impl EdgeKind {
    /// As it is written for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runtime => "RUNTIME",
            Self::Build => "BUILD",
            Self::Frontend => "FRONTEND",
            Self::Onbuild => "ONBUILD",
            Self::Context => "CONTEXT",
        }
    }
}

/// One image that a Dockerfile stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// How.
    pub kind: EdgeKind,
    /// The name as the Dockerfile has it, variables and all.
    pub written: String,
    /// The same with its variables replaced, as the builder looks it up; `None` if that is not known.
    pub expanded: Option<String>,
    /// The full reference, `docker.io/library/` and `:latest` written out; a digest keeps its tag. `None` if unresolved.
    pub reference: Option<Reference>,
    /// The platform that it is taken for, `linux/amd64`; `None` if that is not known.
    pub platform: Option<String>,
    /// The line of the instruction, from 1.
    pub line: u32,
    /// The arguments that decided name and platform, with the values they had; `None` is unset.
    pub args: BTreeMap<String, Option<String>>,
    /// Why there is no reference, or why what else the file stands on is not known.
    pub unresolved: Option<String>,
}

impl Edge {
    fn to_json(&self) -> Value {
        json!({
            "kind": self.kind.name(),
            "written": self.written,
            "reference": self.reference.as_ref().map(ToString::to_string),
            "platform": self.platform,
            "line": self.line,
            "args": self.args,
            "unresolved": self.unresolved,
        })
    }
}

/// An input that is no image: it decides whether a build can be repeated, and no base update ever moves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherInput {
    /// The line of the instruction, from 1.
    pub line: u32,
    /// The URL or git repository as written.
    pub source: String,
}

/// Everything a Dockerfile stands on, in order of appearance, reachable from the target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bases {
    /// Images.
    pub edges: Vec<Edge>,
    /// `ADD` of URLs and git repositories.
    pub inputs: Vec<OtherInput>,
}

impl Bases {
    /// `{"edges":[..]}`, as `refloat bases` prints it.
    pub fn to_json(&self) -> Value {
        json!({ "edges": self.edges.iter().map(Edge::to_json).collect::<Vec<_>>() })
    }
}
