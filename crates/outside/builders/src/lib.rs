//! Git and builders, as programs of this machine.
