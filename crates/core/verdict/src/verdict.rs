//! The answer.

use refloat_packages::PackageChange;
use serde::{Deserialize, Serialize};

/// How safe the swap is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The bases are the same: there is nothing to do.
    Unchanged,
    /// Nothing that the app has or uses is touched.
    Proven,
    /// Nothing speaks against it, and not everything could be seen: rebase, then test.
    Test,
    /// The result would be broken or would not have the fix: rebuild.
    Unsafe,
    /// A person decides.
    Blocked,
}

impl Tier {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Proven => "proven",
            Self::Test => "test",
            Self::Unsafe => "unsafe",
            Self::Blocked => "blocked",
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.word())
    }
}

/// One reason, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reason {
    /// The code: `G1`..`G9`, `H1`..`H25`, or a word such as `RUN`.
    pub code: Code,
    /// The path it is about; empty if it is about the config or the whole image.
    pub path: String,
    /// The DiffID of the layer that has the path.
    pub layer: Option<String>,
    /// The value on the old base.
    pub old: Option<String>,
    /// The value on the new base, or in the app where it hides the new base's.
    pub new: Option<String>,
    /// One sentence for people.
    pub detail: String,
    /// The best tier that this reason allows.
    pub tier: Tier,
}

/// The verdict on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How safe.
    #[serde(rename = "verdict")]
    pub tier: Tier,
    /// Why, heaviest first.
    pub reasons: Vec<Reason>,
    /// What the new base changes.
    pub packages: Vec<PackageChange>,
}

macro_rules! codes {
    ($($name:ident $word:literal $title:literal),+ $(,)?) => {
        /// What a reason is about (DESIGN.md, sections 5 and 8; the words are stable).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $word)] $name,)+
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word on the wire.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// What it means, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

codes! {
    G1 "G1" "the image does not stand on this base",
    G2 "G2" "another platform",
    G3 "G3" "nothing changed",
    G4 "G4" "the policy refuses the new base",
    G5 "G5" "a package would go down",
    G6 "G6" "ONBUILD instructions changed",
    G7 "G7" "a layer that cannot be read",
    G8 "G8" "too many layers",
    G9 "G9" "a build stage's base moved too",
    H1 "H1" "the app's copy hides a file that changed",
    H2 "H2" "the app changed the package database",
    H3 "H3" "the app holds a file derived from the base's content",
    H4 "H4" "what the app deleted comes back",
    H5 "H5" "the app's directory entry hides changed attributes",
    H6 "H6" "a parent directory is another place",
    H7 "H7" "a hard link into the base",
    H8 "H8" "something is gone that the app may use",
    H9 "H9" "capabilities or set-id bits changed",
    H10 "H10" "users or groups changed on both sides",
    H11 "H11" "a user or group id means somebody else",
    H12 "H12" "the loader is missing or of another C library",
    H13 "H13" "a needed library is missing or another",
    H14 "H14" "symbol versions",
    H15 "H15" "exported symbols",
    H16 "H16" "the base would use the app's library",
    H17 "H17" "the language runtime moved",
    H18 "H18" "Java or .NET bindings",
    H19 "H19" "the program that is started is missing or another",
    H20 "H20" "the configuration beside the app's changed",
    H21 "H21" "the configs cannot be merged",
    H22 "H22" "the base became something else",
    H23 "H23" "the fix would not take effect",
    H24 "H24" "the lineage is not certain",
    H25 "H25" "a new file changes what names mean",
    Label "LABEL" "the image says that it must not be rebased",
    History "HISTORY" "the app's layers were made by commands",
    Script "SCRIPT" "what scripts start cannot be seen",
    Dynamic "DYNAMIC" "a changed library is loaded, or may be opened",
    Packages "PACKAGES" "a package database that cannot be read",
    Layer "LAYER" "a layer that runtimes may read in two ways",
    Same "SAME" "only times differ: no security effect",
}

impl Reason {
    /// A reason without evidence yet.
    pub(crate) fn new(code: Code, tier: Tier, detail: impl Into<String>) -> Self {
        Self {
            code,
            path: String::new(),
            layer: None,
            old: None,
            new: None,
            detail: detail.into(),
            tier,
        }
    }

    pub(crate) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    pub(crate) fn layer(mut self, layer: impl Into<Option<String>>) -> Self {
        self.layer = layer.into();
        self
    }

    pub(crate) fn values(mut self, old: Option<String>, new: Option<String>) -> Self {
        (self.old, self.new) = (old, new);
        self
    }
}
