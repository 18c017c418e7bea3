//! History: where the base ends and the app begins, what the app did, and the splice.

use serde_json::{Map, Value};

/// What the history tells of the part above the base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seam {
    /// Position of the first entry above the base; none if there is no history, or it contradicts the layers.
    pub at: Option<usize>,
    /// The app set the entrypoint.
    pub sets_entrypoint: bool,
    /// The app set the command.
    pub sets_command: bool,
    /// Instructions above the seam that ran commands, or that nobody knows.
    pub ran: Vec<String>,
}

/// Beginnings of instructions that run nothing, as BuildKit and buildah write them.
const QUIET: [&str; 17] = [
    "COPY",
    "ADD",
    "ENV",
    "CMD",
    "ENTRYPOINT",
    "WORKDIR",
    "EXPOSE",
    "LABEL",
    "USER",
    "ARG",
    "VOLUME",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "SHELL",
    "ONBUILD",
    "MAINTAINER",
    "FROM",
];
/// Builders that put files into layers without running anything in them.
const FILE_BUILDERS: [&str; 5] = [
    "ko build",
    "jib-",
    "bazel build",
    "crane append",
    "rules_img",
];

/// Layers that a config says it has.
pub(crate) fn layer_count(config: &Value) -> usize {
    config
        .pointer("/rootfs/diff_ids")
        .and_then(Value::as_array)
        .map_or(0, Vec::len)
}

/// Entries of the history.
pub(crate) fn entries(config: &Value) -> &[Value] {
    config
        .get("history")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn makes_layer(entry: &Value) -> bool {
    !entry
        .get("empty_layer")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// True if a history has an entry for each layer, or there is none at all.
pub(crate) fn is_consistent(config: &Value) -> bool {
    let entries = entries(config);
    entries.is_empty()
        || entries.iter().filter(|entry| makes_layer(entry)).count() == layer_count(config)
}

/// Finds the seam. The base's own entries are recognised by their text; where the base has no history, its layers
/// are counted.
pub fn seam(base: &Value, app: &Value) -> Seam {
    let own = entries(app);
    if own.is_empty() || !is_consistent(app) {
        return Seam::default();
    }
    let below = entries(base);
    let says_same = |(left, right): (&Value, &Value)| {
        left.get("created_by") == right.get("created_by") && makes_layer(left) == makes_layer(right)
    };
    let at =
        if !below.is_empty() && below.len() <= own.len() && below.iter().zip(own).all(says_same) {
            below.len()
        } else {
            after_layers(own, layer_count(base))
        };
    let mut seam = Seam {
        at: Some(at),
        ..Seam::default()
    };
    for entry in &own[at..] {
        let words = instruction(
            entry
                .get("created_by")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
        seam.sets_entrypoint |= words.starts_with("ENTRYPOINT");
        seam.sets_command |= words.starts_with("CMD");
        if !is_quiet(words, makes_layer(entry)) {
            seam.ran.push(words.chars().take(200).collect());
        }
    }
    seam
}

fn after_layers(own: &[Value], layers: usize) -> usize {
    let mut seen = 0;
    own.iter()
        .position(|entry| {
            let is_above = seen == layers && makes_layer(entry);
            seen += usize::from(makes_layer(entry));
            is_above
        })
        // Entries without a layer after the base's last layer may be either's; they run nothing.
        .map_or(own.len(), |first| {
            own[..first]
                .iter()
                .rposition(makes_layer)
                .map_or(0, |last| last + 1)
        })
}

/// An entry without the frame that classic builders put around it.
fn instruction(created_by: &str) -> &str {
    match created_by.split_once("#(nop)") {
        Some((_, rest)) => rest.trim(),
        None => created_by.trim(),
    }
}

fn is_quiet(words: &str, makes_layer: bool) -> bool {
    let first = words.split([' ', '\t', '[']).next().unwrap_or_default();
    QUIET.contains(&first)
        || FILE_BUILDERS
            .iter()
            .any(|beginning| words.starts_with(beginning))
        || (!makes_layer && !words.starts_with("RUN") && !words.starts_with("/bin/"))
}

/// Writes the new base's layers and history under the app's own.
pub(super) fn splice(
    result: &mut Map<String, Value>,
    base0: &Value,
    base1: &Value,
    app: &Value,
    seam: &Seam,
) {
    let list = |whole: &Value| -> Vec<Value> {
        whole
            .pointer("/rootfs/diff_ids")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut layers = list(base1);
    layers.extend(list(app).into_iter().skip(layer_count(base0)));
    let mut rootfs = app
        .get("rootfs")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    rootfs.insert("type".into(), "layers".into());
    rootfs.insert("diff_ids".into(), Value::Array(layers));
    result.insert("rootfs".into(), Value::Object(rootfs));
    let below = entries(base1);
    let is_known = is_consistent(base1) && !below.is_empty();
    match seam.at {
        Some(at) if is_known => {
            let mut spliced = below.to_vec();
            spliced.extend_from_slice(&entries(app)[at..]);
            result.insert("history".into(), Value::Array(spliced));
        }
        // A history that does not fit the layers is worse than none.
        _ => {
            result.shift_remove("history");
        }
    }
}
