//! Gates G1-G9: what must hold before files are looked at.

use crate::config::non_empty;
use crate::delta::BaseDelta;
use crate::input::{GraphFacts, ImageFacts, PlatformName};
use crate::verdict::{Code, Reason, Tier};
use serde_json::Value;

/// Layers that a runtime mounts at once (containerd's bound, as apko's documentation quotes it).
pub(crate) const LAYERS_MAX: usize = 127;

/// G1, G2, G7: without these nothing below means anything.
pub(crate) fn first(delta: &BaseDelta, app: &ImageFacts, platform: &PlatformName) -> Vec<Reason> {
    let mut reasons = Vec::new();
    lineage(delta, app, &mut reasons);
    platforms(delta, app, platform, &mut reasons);
    for (whose, image) in [
        ("old base", &delta.old_facts),
        ("new base", &delta.new_facts),
        ("image", app),
    ] {
        readable(whose, image, &mut reasons);
    }
    reasons
}

fn lineage(delta: &BaseDelta, app: &ImageFacts, reasons: &mut Vec<Reason>) {
    let base = &delta.old_facts.diff_ids;
    let mut refuse = |detail: String, old: Option<String>, new: Option<String>| {
        reasons.push(Reason::new(Code::G1, Tier::Unsafe, detail).values(old, new));
    };
    let differs = base
        .iter()
        .zip(&app.diff_ids)
        .position(|(ours, theirs)| ours != theirs);
    if let Some(at) = differs {
        refuse(
            format!(
                "layer {at} of the image is not the old base's: rebuild it, or name the base that it stands on"
            ),
            Some(base[at].to_string()),
            Some(app.diff_ids[at].to_string()),
        );
    } else if base.len() > app.diff_ids.len() {
        refuse(
            "the image has fewer layers than the old base".into(),
            Some(base.len().to_string()),
            Some(app.diff_ids.len().to_string()),
        );
    } else if base.is_empty() {
        refuse(
            "the old base has no layers: nothing shows that the image stands on it".into(),
            None,
            None,
        );
    }
    for (whose, image) in [
        ("old base", &delta.old_facts),
        ("new base", &delta.new_facts),
        ("image", app),
    ] {
        if !crate::config::is_consistent(&image.config) {
            refuse(
                format!("the {whose}'s history and layers do not agree in number"),
                None,
                None,
            );
        }
        if crate::config::layer_count(&image.config) != image.diff_ids.len() {
            refuse(
                format!("the {whose}'s config names other layers than its manifest"),
                None,
                None,
            );
        }
    }
}

/// What runs where: `os/architecture/variant`, and Windows' build.
fn platform_of(config: &Value) -> String {
    let field = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default();
    let architecture = field("architecture");
    // arm64 is v8 whether or not somebody writes it (containerd, platforms.Normalize).
    let variant = match (architecture, field("variant")) {
        ("arm64", "v8") => "",
        (_, variant) => variant,
    };
    let mut words = format!("{}/{architecture}", field("os"));
    if !variant.is_empty() {
        words = format!("{words}/{variant}");
    }
    if field("os") == "windows" {
        words = format!("{words} {}", field("os.version"));
    }
    words
}

fn platforms(delta: &BaseDelta, app: &ImageFacts, asked: &PlatformName, reasons: &mut Vec<Reason>) {
    let here = platform_of(&app.config);
    for (whose, image) in [
        ("old base", &delta.old_facts),
        ("new base", &delta.new_facts),
    ] {
        let theirs = platform_of(&image.config);
        if theirs != here {
            let detail = format!("the {whose} is for another platform than the image");
            reasons.push(
                Reason::new(Code::G2, Tier::Unsafe, detail)
                    .values(Some(here.clone()), Some(theirs)),
            );
        }
    }
    let is_of = |part: usize| {
        let wanted = asked.0.split('/').nth(part).unwrap_or_default();
        wanted.is_empty() || here.split([' ', '/']).nth(part) == Some(wanted)
    };
    if !is_of(0) || !is_of(1) {
        let detail = "the image is for another platform than its index says";
        reasons.push(
            Reason::new(Code::G2, Tier::Unsafe, detail)
                .values(Some(asked.0.clone()), Some(here.clone())),
        );
    }
    if here.starts_with("windows/") {
        let detail = "images for Windows cannot be judged: rebuild";
        reasons.push(
            Reason::new(Code::G2, Tier::Unsafe, detail).values(Some(here.clone()), Some(here)),
        );
    }
}

fn readable(whose: &str, image: &ImageFacts, reasons: &mut Vec<Reason>) {
    let mut refuse = |layer: Option<String>, detail: String| {
        reasons.push(Reason::new(Code::G7, Tier::Unsafe, detail).layer(layer));
    };
    for (at, why) in &image.unread {
        let layer = image.diff_ids.get(*at).map(ToString::to_string);
        refuse(
            layer,
            format!("layer {at} of the {whose} cannot be read: {why}"),
        );
    }
    for media_type in image
        .media_types
        .iter()
        .filter(|it| !refloat_layer::is_readable(it))
    {
        refuse(
            None,
            format!("the {whose} has a layer of type `{media_type}`"),
        );
    }
    let is_whole = image.layers.len() == image.diff_ids.len();
    if !is_whole && image.unread.is_empty() {
        refuse(None, format!("not all layers of the {whose} could be read"));
    }
    if is_whole {
        for (index, told) in image.layers.iter().zip(&image.diff_ids) {
            if index.diff_id != *told {
                let detail = format!(
                    "a layer of the {whose} is not what its config says: {}",
                    index.diff_id
                );
                refuse(Some(told.to_string()), detail);
            }
        }
    }
}

/// G3: the same layers and the same effective config.
pub(crate) fn no_change(delta: &BaseDelta) -> Option<Reason> {
    let is_same = delta.old_facts.diff_ids == delta.new_facts.diff_ids && has_same_config(delta);
    is_same.then(|| {
        Reason::new(
            Code::G3,
            Tier::Unchanged,
            "the base moved, and nothing changed on this platform",
        )
    })
}

/// What only tells how an image was built.
const ABOUT_THE_BUILD: [&str; 8] = [
    "created",
    "history",
    "container",
    "container_config",
    "docker_version",
    "author",
    "id",
    "rootfs",
];

/// True if containers of both bases are started alike.
pub(crate) fn has_same_config(delta: &BaseDelta) -> bool {
    let effective = |whole: &Value| {
        let mut whole = whole.as_object().cloned().unwrap_or_default();
        for field in ABOUT_THE_BUILD {
            whole.shift_remove(field);
        }
        if let Some(Value::Object(config)) = whole.get_mut("config") {
            config.retain(|_, value| non_empty(value).is_some());
        }
        whole
    };
    effective(&delta.old_facts.config) == effective(&delta.new_facts.config)
}

/// G4-G6, G8, G9, the label, and H24 from the graph.
pub(crate) fn others(delta: &BaseDelta, app: &ImageFacts, graph: &GraphFacts) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(why) = &graph.base_refused {
        reasons.push(Reason::new(Code::G4, Tier::Blocked, why.clone()));
    }
    downgrades(delta, &mut reasons);
    let on_build = |image: &ImageFacts| {
        image
            .config
            .pointer("/config/OnBuild")
            .and_then(non_empty)
            .map(ToString::to_string)
    };
    let (before, after) = (on_build(&delta.old_facts), on_build(&delta.new_facts));
    if before != after {
        let detail =
            "the base's ONBUILD instructions changed; they ran when the image was built: rebuild";
        reasons.push(
            Reason::new(Code::G6, Tier::Unsafe, detail)
                .at("config.OnBuild")
                .values(before, after),
        );
    }
    let own = app
        .diff_ids
        .len()
        .saturating_sub(delta.old_facts.diff_ids.len());
    let layers = delta.new_facts.diff_ids.len() + own;
    if layers > LAYERS_MAX {
        let detail = format!("the result would have {layers} layers; runtimes take {LAYERS_MAX}");
        reasons.push(Reason::new(Code::G8, Tier::Unsafe, detail));
    }
    for (reference, old, new) in &graph.moved_build_edges {
        let detail = format!(
            "{reference}, which a build stage or the front end stands on, moved too: rebuild"
        );
        reasons.push(
            Reason::new(Code::G9, Tier::Unsafe, detail)
                .values(Some(old.clone()), Some(new.clone())),
        );
    }
    for other in &graph.other_bases {
        let detail = format!("{other} could be the image's base just as well: name the base");
        reasons.push(Reason::new(Code::H24, Tier::Unsafe, detail));
    }
    label(app, &mut reasons);
    reasons
}

fn downgrades(delta: &BaseDelta, reasons: &mut Vec<Reason>) {
    for change in delta.packages() {
        if change.is_downgrade() {
            let detail = format!(
                "{} would go down: a rollback, or a poisoned base; a person approves it",
                change.name
            );
            reasons.push(
                Reason::new(Code::G5, Tier::Blocked, detail)
                    .at(&change.name)
                    .values(change.old.clone(), change.new.clone()),
            );
        }
    }
}

fn label(app: &ImageFacts, reasons: &mut Vec<Reason>) {
    let labels = app
        .config
        .pointer("/config/Labels")
        .and_then(Value::as_object);
    let labels = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    let annotations = app
        .annotations
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in labels.chain(annotations) {
        let name = key.rsplit(['.', '/']).next().unwrap_or(key);
        if name == "rebasable" && value.trim().eq_ignore_ascii_case("false") {
            let detail = format!("the image says {key}={value}: rebuild");
            reasons.push(Reason::new(Code::Label, Tier::Unsafe, detail).at(key));
        }
    }
}
