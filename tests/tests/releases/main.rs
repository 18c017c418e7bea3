//! Releases: from a line that moved to environments that run it, and every way in which that can end.

mod cluster;
mod folders;
mod git;
mod killed;
mod refused;
mod secrets;
mod shop;
mod stored;
