//! Use cases on images that need no server: find the base, judge, rebase, compare.
