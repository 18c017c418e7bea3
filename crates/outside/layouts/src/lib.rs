//! Image layouts and archives on this machine.
