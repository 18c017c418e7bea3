//! Package databases and programs as bytes: dpkg, apk, rpm, their version orders, ELF files, `#!` lines.
//!
//! Pure and bounded: every reader has a named cap, and input that is not understood is an error or `None`, never a
//! guess. Called by the layer index and by the verdict.

pub mod apk;
pub mod difference;
pub mod dpkg;
pub mod elf;
pub mod package;
pub mod rpm;
pub mod shebang;
pub mod version;

pub use difference::{PackageChange, differences};
pub use dpkg::DpkgError;
pub use elf::{Contained, Elf, ElfError, ElfKind, Import, Symbols, VersionNeed};
pub use package::{Package, PackageKind};
pub use shebang::Shebang;
pub use version::compare;
