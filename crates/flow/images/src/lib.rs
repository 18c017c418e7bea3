//! Images as they lie in places: walked, indexed, their bases found; judged, rebased, compared.
//!
//! ```text
//! walk ─► facts (layers indexed once, kept in an IndexCache) ─► find_base ─► judge_rebase ─► write ─► verify
//! ```
//! Over ports only: the command line and the server call the same functions. Nothing is written before the verdict,
//! no tag moves before what was written has been read again.

mod annotations;
mod base;
mod cache;
mod calibrate;
mod compare;
mod error;
mod facts;
mod index;
mod inspect;
mod observe;
mod packages;
mod platform;
mod rebase;
mod tree;
mod walk;

pub use annotations::{BASE_DIGEST, BASE_INDEX, BASE_NAME, REBASED_FROM, TESTS};
pub use base::{Base, Bases, FoundBy, find_base};
pub use cache::{IndexCache, MemoryCache};
pub use calibrate::{Outcome as Calibrated, Sample, differences, report as calibration};
pub use compare::{CompareOptions, Depth, compare};
pub use error::ImageError;
pub use facts::{facts, facts_on};
pub use index::index;
pub use inspect::inspect;
pub use observe::{Observer, Step, unobserved};
pub use platform::Platform;
pub use rebase::{
    Destination, Judged, Outcome, PlatformJudged, RebaseDone, RebaseRequest, Sealed, judge_rebase,
    rebase, write,
};
pub use walk::{ImageTree, LayerEntry, PlatformImage, walk};
