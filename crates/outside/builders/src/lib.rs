//! What builds images and speaks git: the programs `git` and `buildah` behind the ports [`refloat_ports::Git`] and
//! [`refloat_ports::Builder`].
//!
//! ```text
//! Buildah::start ─► run folder (request, secrets at 0600) ─► a process of its own: `refloat runner FOLDER`
//!                        ▲   │                                     checkout ─► build ─► push ─► test
//!     observe, log ──────┘   └────────────────────────── status.json, log, lock ◄──────┘
//! ```
//! A run outlives the server: its runner is the leader of its own session, holds the folder's lock while it lives and
//! writes its status by rename. Who finds the lock free and no end in the status starts it again. Nothing here sees the
//! server's data folder.

mod buildah;
mod checkout;
mod folder;
mod git;
mod process;
mod runner;

pub use buildah::{Buildah, BuildahOptions};
pub use git::GitProgram;
pub use runner::{Push, run};
