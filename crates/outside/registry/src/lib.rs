//! A registry of somebody else, spoken to over HTTP.
