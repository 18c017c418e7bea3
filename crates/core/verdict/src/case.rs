//! One app on both bases: the two merged trees, what its layers touch, and the reasons found so far.

use crate::config::{Seam, merge_config, seam};
use crate::delta::BaseDelta;
use crate::input::ImageFacts;
use crate::tree::{Act, Touch, Tree};
use crate::verdict::{Code, Reason, Tier};
use refloat_layer::{Entry, Facts, Kind, LayerIndex, Mention};
use serde_json::Value;
use std::sync::Arc;

pub(crate) struct Case<'a> {
    pub delta: &'a BaseDelta,
    pub app: &'a ImageFacts,
    /// The app as it is.
    pub old: Tree,
    /// The app as it would be.
    pub new: Tree,
    /// What the app's layers do, on the old and on the new base.
    pub touches: Vec<(Touch, Touch)>,
    pub seam: Seam,
    /// The config that the result would have; the app's own where it cannot be merged.
    pub merged: Value,
    reasons: Vec<Reason>,
    // Positions in `touches` of what the app writes and keeps, ascending by path.
    owned: Vec<usize>,
    speech: Vec<Speech>,
    /// The app brings compiled programs: strings in them may lie side by side, so that words in them are not found.
    pub has_programs: bool,
    config_text: String,
}

/// What a layer of the app's can tell of the names it speaks of.
struct Speech {
    has_files: bool,
    has_packed: bool,
    has_programs: bool,
    name: String,
}

/// A file that the app brings and keeps.
pub(crate) struct Own<'c> {
    pub path: &'c str,
    pub layer: &'c String,
    pub entry: &'c Entry,
}

impl<'a> Case<'a> {
    pub fn new(delta: &'a BaseDelta, app: &'a ImageFacts) -> Self {
        let (mut old, mut new) = (delta.old.clone(), delta.new.clone());
        let mut touches = Vec::new();
        for layer in own_layers(delta, app) {
            touches.extend(old.apply(layer).into_iter().zip(new.apply(layer)));
        }
        let base = &delta.old_facts.config;
        let mut reasons = Vec::new();
        let merged = match merge_config(base, &delta.new_facts.config, &app.config) {
            Ok(merged) => merged,
            Err(conflicts) => {
                for conflict in conflicts {
                    reasons.push(
                        Reason::new(
                            Code::H21,
                            Tier::Unsafe,
                            format!(
                                "both the base and the image changed {}; the image has {}",
                                conflict.field, conflict.app
                            ),
                        )
                        .at(&conflict.field)
                        .values(told(&conflict.old_base), told(&conflict.new_base)),
                    );
                }
                app.config.clone()
            }
        };
        let speech: Vec<Speech> = own_layers(delta, app)
            .iter()
            .map(|layer| Speech::of(layer))
            .collect();
        let owned = owned(&new, &touches, delta.new.layers().len());
        Self {
            seam: seam(base, &app.config),
            delta,
            app,
            old,
            new,
            touches,
            merged,
            reasons,
            has_programs: speech.iter().any(|speech| speech.has_programs),
            owned,
            speech,
            config_text: app
                .config
                .get("config")
                .map(Value::to_string)
                .unwrap_or_default(),
        }
    }

    pub fn push(&mut self, reason: Reason) {
        self.reasons.push(reason);
    }

    pub fn extend(&mut self, reasons: Vec<Reason>) {
        self.reasons.extend(reasons);
    }

    pub fn into_reasons(self) -> Vec<Reason> {
        self.reasons
    }

    /// The app's own layers.
    pub fn layers(&self) -> &'a [Arc<LayerIndex>] {
        own_layers(self.delta, self.app)
    }

    /// The DiffID of the layer of a touch on the new base.
    pub fn layer_of(&self, touch: &Touch) -> String {
        self.new.layer_name(touch.layer)
    }

    /// True if the result's path is written by the app.
    pub fn is_own(&self, path: &str) -> bool {
        self.new
            .node(path)
            .is_some_and(|node| node.layer >= self.delta.new.layers().len())
    }

    /// True if the present image's path is written by the app.
    pub fn was_own(&self, path: &str) -> bool {
        self.old
            .node(path)
            .is_some_and(|node| node.layer >= self.delta.old.layers().len())
    }

    /// What the app writes and keeps, each path once, ascending.
    pub fn owned(&self) -> impl Iterator<Item = Own<'_>> {
        let first = self.delta.new.layers().len();
        self.owned.iter().filter_map(move |at| {
            let touch = &self.touches[*at].1;
            Some(Own {
                path: &touch.path,
                layer: &self.speech[touch.layer - first].name,
                entry: self.new.touched(touch)?,
            })
        })
    }

    /// Whether the app's files or its configuration speak of a name: the layer that does, and how sure that is.
    pub fn mentions(&self, name: &str) -> (Mention, Option<String>) {
        let found = self.mentions_in_files(name);
        if found.0 < Mention::Yes && is_word_in(&self.config_text, name) {
            return (Mention::Yes, None);
        }
        found
    }

    /// The same for its files alone.
    pub fn mentions_in_files(&self, name: &str) -> (Mention, Option<String>) {
        let mut worst = (Mention::No, None);
        for (layer, speech) in self.layers().iter().zip(&self.speech) {
            let mention = match layer.words.mentions(name) {
                Mention::No if speech.has_packed => Mention::CannotTell,
                Mention::CannotTell if !speech.has_files => Mention::No,
                mention => mention,
            };
            if mention > worst.0 {
                worst = (mention, Some(speech.name.clone()));
            }
        }
        worst
    }

    /// The layer of the app's with a script that names this path, whole.
    pub fn named_in(&self, at: &str) -> Option<String> {
        let path = format!("/{at}");
        let mut layers = self.layers().iter().zip(&self.speech);
        layers
            .find(|(layer, _)| layer.words.names(&path))
            .map(|(_, speech)| speech.name.clone())
    }

    /// A field of the app's present config.
    pub fn config(&self, field: &str) -> &'a Value {
        static NULL: Value = Value::Null;
        self.app
            .config
            .get("config")
            .and_then(|config| config.get(field))
            .unwrap_or(&NULL)
    }

    /// A field of the result's config.
    pub fn merged_config(&self, field: &str) -> &Value {
        static NULL: Value = Value::Null;
        self.merged
            .get("config")
            .and_then(|config| config.get(field))
            .unwrap_or(&NULL)
    }
}

fn own_layers<'a>(delta: &BaseDelta, app: &'a ImageFacts) -> &'a [Arc<LayerIndex>] {
    app.layers
        .get(delta.old.layers().len()..)
        .unwrap_or_default()
}

/// Positions of the touches that decide what the app's paths are in the end.
fn owned(new: &Tree, touches: &[(Touch, Touch)], first: usize) -> Vec<usize> {
    let mut owned: Vec<usize> = (0..touches.len())
        .filter(|at| {
            let touch = &touches[*at].1;
            let is_last =
                |node: crate::tree::Node| node.layer == touch.layer && node.layer >= first;
            touch.act == Act::Write && new.node(&touch.path).is_some_and(is_last)
        })
        .collect();
    owned.sort_by(|left, right| touches[*left].1.path.cmp(&touches[*right].1.path));
    owned.dedup_by(|left, right| touches[*left].1.path == touches[*right].1.path);
    owned
}

impl Speech {
    fn of(layer: &LayerIndex) -> Self {
        let is = |wanted: fn(&Kind) -> bool| layer.entries.iter().any(|entry| wanted(&entry.kind));
        Self {
            has_files: is(|kind| matches!(kind, Kind::File { size, .. } if *size > 0)),
            has_packed: is(|kind| {
                matches!(
                    kind,
                    Kind::File {
                        facts: Facts::Packed
                            | Facts::Java(refloat_layer::Java {
                                is_archive: true,
                                ..
                            }),
                        ..
                    }
                )
            }),
            has_programs: is(|kind| {
                matches!(
                    kind,
                    Kind::File {
                        facts: Facts::Elf(_) | Facts::Unread(_),
                        ..
                    }
                )
            }),
            name: layer.diff_id.to_string(),
        }
    }
}

fn is_word_in(text: &str, name: &str) -> bool {
    let is_part =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.');
    text.split(|character| !is_part(character))
        .any(|word| word == name)
}

fn told(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// An entry as reasons tell it.
pub(crate) fn describe(entry: Option<&Entry>) -> Option<String> {
    let entry = entry?;
    let owner = format!("{:04o} {}:{}", entry.mode, entry.uid, entry.gid);
    let mut words = match &entry.kind {
        Kind::File { hash, .. } => format!("file blake3:{} {owner}", hex(hash)),
        Kind::Symlink(target) => format!("symlink to {target}"),
        Kind::LowerHardlink(target) => format!("hard link to {target}"),
        other => format!("{} {owner}", other.word()),
    };
    for (name, value) in &entry.xattrs {
        words = format!("{words} {name}={}", hex(value));
    }
    Some(words)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
