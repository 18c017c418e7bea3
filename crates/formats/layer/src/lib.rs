//! An index of one layer, made while it streams by: paths, modes, links, whiteouts, hashes, what programs need.
