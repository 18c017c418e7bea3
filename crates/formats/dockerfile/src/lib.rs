//! What a Dockerfile stands on: stages, arguments, edges.
