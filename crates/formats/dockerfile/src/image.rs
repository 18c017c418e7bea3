//! Names of images as a Dockerfile has them: a short one is Docker Hub's (`distribution/reference`: ParseNormalizedNamed).

use refloat_oci::{Reference, ReferenceError, RegistryHost};

/// The full reference that a name in a Dockerfile means, `:latest` written out where neither tag nor digest stands.
///
/// # Errors
/// [`ReferenceError`] for a name that is none, for example with upper case.
pub fn normalised(name: &str) -> Result<Reference, ReferenceError> {
    let hub: RegistryHost = RegistryHost::DOCKER_HUB
        .parse()
        .expect("the name of Docker Hub is a host");
    let name = name.strip_prefix("docker://").unwrap_or(name);
    let name = match name.strip_prefix("index.docker.io/") {
        Some(path) => format!("docker.io/{path}"),
        None => name.to_owned(),
    };
    if name.starts_with("oci://") {
        return Err(ReferenceError::Registry(name));
    }
    // No path has upper case, so that a first part with it is a host (`distribution/reference: splitDockerDomain`).
    let is_host = |first: &str| first.contains(|letter: char| letter.is_ascii_uppercase());
    let mut reference = match name.split_once('/') {
        Some((first, rest)) if is_host(first) && !first.contains(['.', ':']) => {
            Reference::parse(rest, Some(&first.parse()?))?
        }
        _ => Reference::parse(&name, Some(&hub))?,
    };
    if reference.tag.is_none() && reference.digest.is_none() {
        reference.tag = Some("latest".parse().expect("a tag"));
    }
    Ok(reference)
}

/// The form in which names of contexts are compared: full, or as it is where it is no image's name.
pub(crate) fn comparable(name: &str) -> String {
    normalised(name).map_or_else(
        |_| name.to_ascii_lowercase(),
        |reference| reference.to_string(),
    )
}
