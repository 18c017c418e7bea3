//! Scenarios of policies and rules.
