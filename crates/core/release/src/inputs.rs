//! What a change is made of: equal inputs make the same change, so that each is made once.

use refloat_oci::{Digest, RegistryHost, RepositoryName, TagName};

/// An image that a chart names, as its line is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputImage {
    /// The path in the values.
    pub path: String,
    /// The line, `REPO#RULE`.
    pub line: String,
    /// The foreign registry that holds it; `None` is this one.
    pub registry: Option<RegistryHost>,
    /// Where the image is.
    pub repository: RepositoryName,
    /// The digest now current.
    pub digest: Digest,
    /// The tag that is written for it.
    pub tag: TagName,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// SHA-256 of the document as it is kept.
    pub document: Digest,
    /// The chart: its manifest's digest, or the commit of its branch.
    pub chart: String,
    /// The images, in the order of the document.
    pub images: Vec<InputImage>,
}

impl Inputs {
    /// The name of exactly these inputs. The tag is left out: it names the digest, it is not one.
    pub fn digest(&self) -> Digest {
        let mut text = format!("refloat-change-1\n{}\n{}\n", self.document, self.chart);
        for image in &self.images {
            let repository = match &image.registry {
                Some(registry) => format!("{registry}/{}", image.repository),
                None => image.repository.to_string(),
            };
            let parts = [image.path.as_str(), &repository, &image.digest.to_string()];
            for part in parts {
                text.push_str(part);
                text.push('\n');
            }
        }
        Digest::sha256(text.as_bytes())
    }
}
