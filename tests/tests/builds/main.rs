//! Builds by git and buildah: from a task to a tag, and every way in which that can end.

mod alone;
mod away;
mod calibrated;
mod debian;
mod ends;
mod killed;
mod port;
mod rebased;
mod runs;
mod workshop;
