//! Real clients push and pull real images and charts, over HTTP and over TLS, with accounts.
//!
//! Every program takes the same [`journey`]; what one program alone can do stands in its own file.

mod buildah;
mod containerd;
mod crane;
mod docker;
mod helm;
mod journey;
mod layout;
mod podman;
mod regctl;
mod skopeo;
