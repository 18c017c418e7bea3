//! Package databases and programs as bytes: dpkg, Debian's version order, ELF headers, `#!` lines.
//!
//! Pure and bounded: every reader has a named cap, and input that is not understood is an error or `None`, never a
//! guess. Called by the layer index and by the verdict.

pub mod difference;
pub mod dpkg;
pub mod elf;
pub mod shebang;
pub mod version;

pub use difference::{PackageChange, differences};
pub use dpkg::{DpkgError, Package};
pub use elf::{Contained, Elf, ElfError, ElfKind, Import, Symbols, VersionNeed};
pub use shebang::Shebang;
pub use version::compare;
