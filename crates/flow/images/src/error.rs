//! What can go wrong with images, each with the image and blob it is about.

use refloat_oci::Digest;
use refloat_ports::ImagesError;

/// Why an image could not be read, judged or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing is under that name.
    #[error("{0} is not there; check the name, and sign in with `refloat login`")]
    Absent(String),
    /// It is there, and is no image: a chart, a signature, an index of other things.
    #[error("{image} is no image: {reason}; name an image or an index of images")]
    NotAnImage {
        /// As it was written.
        image: String,
        /// What it is.
        reason: String,
    },
    /// A manifest names a blob or manifest that its registry does not have.
    #[error("{image} names {digest}, which is not there; push the image again")]
    Missing {
        /// As it was written.
        image: String,
        /// What is missing.
        digest: Digest,
    },
    /// Bytes are not what their digest, their length or the configuration says.
    #[error("{image} is damaged: {digest}: {reason}; push the image again")]
    Damaged {
        /// As it was written.
        image: String,
        /// What is damaged.
        digest: Digest,
        /// How.
        reason: String,
    },
    /// No image is known on which this one stands.
    #[error("the old base of {image} is not found ({tried}); name it with --old-base")]
    NoBase {
        /// As it was written.
        image: String,
        /// Where it was looked for.
        tried: String,
    },
    /// A case that is not handled.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// What was written is not what was meant to be. The tag has not moved.
    #[error("{place} does not give back what was written: {reason}; no tag was moved")]
    Unverified {
        /// The result's place.
        place: String,
        /// What differs.
        reason: String,
    },
    /// The place.
    #[error(transparent)]
    Place(#[from] ImagesError),
}

impl From<refloat_fail::Injected> for ImageError {
    fn from(injected: refloat_fail::Injected) -> Self {
        let failure = refloat_core::Failure::Transient(injected.to_string());
        Self::Place(ImagesError::Failed(failure))
    }
}
