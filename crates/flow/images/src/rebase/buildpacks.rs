//! What images of Cloud Native Buildpacks say about the base below them, said anew: tools of theirs read it before the
//! next rebase (buildpacks/spec, platform.md, "io.buildpacks.lifecycle.metadata").

use refloat_oci::Digest;
use serde_json::{Value, json};

/// The label in which the lifecycle keeps what it knows, as JSON.
const METADATA: &str = "io.buildpacks.lifecycle.metadata";

/// The base that an image moves to, in the words of that label.
pub(super) struct RunImage<'a> {
    /// DiffID of the uppermost layer of the base that it stood on.
    pub(super) old_top: Option<&'a Digest>,
    /// The same of the base that it stands on now.
    pub(super) top: Option<&'a Digest>,
    /// How the base is called, with its digest.
    pub(super) reference: String,
}

/// Writes the new base into the labels of a configuration, if it has this one.
///
/// # Errors
/// In words, if the label cannot be read or speaks of another base.
pub(super) fn renew(config: &mut Value, run_image: &RunImage<'_>) -> Result<(), String> {
    let Some(label) = config.pointer_mut(&format!("/config/Labels/{METADATA}")) else {
        return Ok(());
    };
    let text = label.as_str().unwrap_or_default();
    let mut metadata: Value = serde_json::from_str(text)
        .map_err(|error| format!("its label {METADATA} is no JSON: {error}"))?;
    let told = metadata["runImage"]["topLayer"].as_str();
    let old_top = run_image.old_top.map(ToString::to_string);
    if let Some(told) = told
        && Some(told) != old_top.as_deref()
    {
        return Err(format!(
            "its label {METADATA} names {told} as the top of its run image, which is {}; name that base with --old-base",
            old_top.unwrap_or_default()
        ));
    }
    metadata["runImage"]["topLayer"] = json!(run_image.top);
    metadata["runImage"]["reference"] = json!(run_image.reference);
    *label = json!(metadata.to_string());
    Ok(())
}
