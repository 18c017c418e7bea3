//! The registry's face in one process: real rows, real use cases, bytes in memory, no socket.

mod access;
mod content;
mod support;
mod tokens;
mod uploads;
