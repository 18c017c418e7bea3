//! Names: the arguments they are made of, the stages, contexts and images they mean.

use super::Options;
use crate::edge::{Edge, EdgeKind};
use crate::error::DockerfileError;
use crate::expand::{ExpandError, expand};
use crate::image::{comparable, normalised};
use crate::platform::Platform;
use crate::stages::{Stage, Stages};
use std::collections::BTreeMap;

/// Forms in which a named context says that it is an image.
const IMAGE_SCHEMES: [&str; 3] = ["docker-image://", "container-image://", "docker://"];

/// A name of an image, expanded as far as it can be; where it cannot, the reason.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) written: String,
    pub(super) expanded: Result<String, String>,
    pub(super) platform: Result<Platform, String>,
    pub(super) args: BTreeMap<String, Option<String>>,
}

impl Named {
    /// Refuses what no builder takes, also where the target does not reach it. What has no value may get one.
    pub(super) fn checked(&self, line: u32) -> Result<(), DockerfileError> {
        if missing(&self.args).is_some() {
            return Ok(());
        }
        match &self.expanded {
            Ok(name) => checked(name, line),
            Err(_) => Ok(()),
        }
    }
}

/// Refuses what can be no image's name.
pub(super) fn checked(name: &str, line: u32) -> Result<(), DockerfileError> {
    if name == "scratch" {
        return Ok(());
    }
    let wrong = |error| DockerfileError::new(line, format!("`{name}` is no image: {error}"));
    normalised(name).map(|_| ()).map_err(wrong)
}

/// What a stage begins with.
#[derive(Debug, Clone)]
pub(super) enum Base {
    /// `scratch`.
    Nothing,
    /// An earlier stage.
    Stage(usize),
    /// An image.
    Image(Named),
    /// The invocation replaces the stage by a context.
    Context(Box<Edge>),
}

/// The arguments that `FROM` sees, and the contexts.
pub(super) struct Scope<'a> {
    escape: char,
    options: &'a Options,
    values: BTreeMap<String, String>,
    /// The arguments that stand in the default of another one.
    behind: BTreeMap<String, BTreeMap<String, Option<String>>>,
    contexts: BTreeMap<String, &'a str>,
}

fn builtins(options: &Options, stages: &Stages) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    let sides = [
        ("TARGET", &options.platform),
        ("BUILD", &options.build_platform),
    ];
    for (side, platform) in sides {
        let parts = [
            ("PLATFORM", platform.to_string()),
            ("OS", platform.os.clone()),
            ("OSVERSION", platform.os_version.clone()),
            ("ARCH", platform.architecture.clone()),
            ("VARIANT", platform.variant.clone()),
        ];
        values.extend(parts.map(|(part, value)| (format!("{side}{part}"), value)));
    }
    let last = || stages.stages.last().and_then(|stage| stage.name.clone());
    let stage = options.target.clone().or_else(last);
    let stage = stage.unwrap_or_else(|| "default".to_owned());
    values.insert("TARGETSTAGE".to_owned(), stage);
    // What is given counts more than what is known, without any ARG.
    for (name, value) in &mut values {
        if let Some(given) = options.build_args.get(name) {
            value.clone_from(given);
        }
    }
    values
}

/// `name` or `name::platform`, with the name in the form in which it is compared.
fn context_key(key: &str) -> String {
    match key.rsplit_once("::") {
        Some((name, platform)) => {
            let platform = platform
                .parse::<Platform>()
                .map_or_else(|_| platform.to_owned(), |platform| platform.to_string());
            format!("{}::{platform}", comparable(name))
        }
        None => comparable(key),
    }
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        stages: &Stages,
        escape: char,
        options: &'a Options,
    ) -> Result<Self, DockerfileError> {
        let mut scope = Self {
            escape,
            options,
            values: builtins(options, stages),
            behind: BTreeMap::new(),
            contexts: options
                .contexts
                .iter()
                .map(|(key, value)| (context_key(key), value.as_str()))
                .collect(),
        };
        for argument in &stages.arguments {
            let given = options.build_args.get(&argument.name).cloned();
            let value = match (given, &argument.default) {
                (Some(given), _) => {
                    scope.behind.remove(&argument.name);
                    Some(given)
                }
                (None, Some(default)) => {
                    let (value, used) = expand(default, escape, &scope.values);
                    let value = value.map_err(|error| failed(error, argument.line))?;
                    let behind = scope.all_behind(used);
                    scope.behind.insert(argument.name.clone(), behind);
                    Some(value)
                }
                (None, None) => None,
            };
            if let Some(value) = value {
                scope.values.insert(argument.name.clone(), value);
            }
        }
        Ok(scope)
    }

    /// The arguments used, and those that decided them.
    fn all_behind(
        &self,
        used: BTreeMap<String, Option<String>>,
    ) -> BTreeMap<String, Option<String>> {
        let mut all = BTreeMap::new();
        for name in used.keys() {
            all.extend(self.behind.get(name).cloned().unwrap_or_default());
        }
        all.extend(used);
        all
    }

    /// What each stage begins with.
    pub(super) fn bases(&self, stages: &Stages) -> Result<Vec<Base>, DockerfileError> {
        let mut found = Vec::with_capacity(stages.stages.len());
        for (index, stage) in stages.stages.iter().enumerate() {
            found.push(self.base(stage, &stages.stages[..index])?);
        }
        Ok(found)
    }

    fn base(&self, stage: &Stage, earlier: &[Stage]) -> Result<Base, DockerfileError> {
        let named = self.named(stage)?;
        if let Some(name) = &stage.name {
            let own = Named {
                written: name.clone(),
                expanded: Ok(name.clone()),
                ..named.clone()
            };
            if let Some(edge) = self.context(&own, stage.line)? {
                return Ok(Base::Context(Box::new(edge)));
            }
        }
        let Ok(name) = &named.expanded else {
            return Ok(Base::Image(named));
        };
        let lower = name.to_lowercase();
        let below = |stage: &Stage| stage.name.as_deref() == Some(&lower);
        Ok(match earlier.iter().rposition(below) {
            Some(below) => Base::Stage(below),
            None if name == "scratch" => Base::Nothing,
            None => Base::Image(named),
        })
    }

    /// A stage's `FROM`, expanded.
    fn named(&self, stage: &Stage) -> Result<Named, DockerfileError> {
        let (expanded, mut args) = self.expanded(&stage.base, stage.line)?;
        let expanded = expanded.and_then(|name| {
            if name.trim().is_empty() {
                Err(blank(&args, "the name of the image"))
            } else {
                Ok(name)
            }
        });
        let platform = match &stage.platform {
            None => Ok(self.options.platform.clone()),
            Some(written) => {
                let (platform, used) = self.expanded(written, stage.line)?;
                let platform = match platform {
                    Ok(text) if text.is_empty() => Err(blank(&used, "the platform")),
                    Ok(text) => Ok(text
                        .parse()
                        .map_err(|error| DockerfileError::new(stage.line, format!("{error}")))?),
                    Err(reason) => Err(reason),
                };
                args.extend(used);
                platform
            }
        };
        Ok(Named {
            written: stage.base.clone(),
            expanded,
            platform,
            args,
        })
    }

    /// A word with its variables replaced, or the reason why they cannot be; and the arguments used.
    #[expect(clippy::type_complexity, reason = "an outcome beside what it used")]
    fn expanded(
        &self,
        word: &str,
        line: u32,
    ) -> Result<(Result<String, String>, BTreeMap<String, Option<String>>), DockerfileError> {
        let (text, used) = expand(word, self.escape, &self.values);
        let text = match text {
            Ok(text) => Ok(text),
            Err(ExpandError::Required(reason)) => Err(reason),
            Err(error @ ExpandError::Syntax(_)) => return Err(failed(error, line)),
        };
        Ok((text, self.all_behind(used)))
    }

    /// The edge to an image, or to the context that stands in its place.
    pub(super) fn edge(
        &self,
        named: Named,
        kind: EdgeKind,
        line: u32,
    ) -> Result<Edge, DockerfileError> {
        if let Some(edge) = self.context(&named, line)? {
            return Ok(edge);
        }
        let (reference, mut unresolved) = match &named.expanded {
            Err(reason) => (None, Some(reason.clone())),
            Ok(name) => match normalised(name) {
                Ok(reference) => (Some(reference), None),
                Err(error) => match missing(&named.args) {
                    // With a value it may well be a name.
                    Some(reason) => (None, Some(reason)),
                    None => {
                        return Err(DockerfileError::new(
                            line,
                            format!("`{name}` is no image: {error}"),
                        ));
                    }
                },
            },
        };
        let platform = match &named.platform {
            Ok(platform) => Some(platform.to_string()),
            Err(reason) => {
                unresolved.get_or_insert_with(|| reason.clone());
                None
            }
        };
        Ok(Edge {
            kind,
            written: named.written,
            expanded: named.expanded.ok(),
            reference: reference.filter(|_| unresolved.is_none()),
            platform,
            line,
            args: named.args,
            unresolved,
        })
    }

    /// The edge to the context that the invocation puts in place of this name.
    fn context(&self, named: &Named, line: u32) -> Result<Option<Edge>, DockerfileError> {
        let Ok(name) = &named.expanded else {
            return Ok(None);
        };
        let key = comparable(name);
        let platform = named.platform.as_ref().ok().map(ToString::to_string);
        let special = platform
            .as_ref()
            .and_then(|platform| self.contexts.get(&format!("{key}::{platform}")));
        let Some(value) = special.or_else(|| self.contexts.get(&key)) else {
            return Ok(None);
        };
        let image = IMAGE_SCHEMES
            .iter()
            .find_map(|scheme| value.strip_prefix(scheme));
        let (reference, unresolved) = match image {
            Some(image) => match normalised(image) {
                Ok(reference) => (Some(reference), None),
                Err(error) => {
                    let message = format!("the context `{name}` is no image: {error}");
                    return Err(DockerfileError::new(line, message));
                }
            },
            None => (
                None,
                Some(format!(
                    "the context `{name}` is {value}, which is no image in a registry"
                )),
            ),
        };
        Ok(Some(Edge {
            kind: EdgeKind::Context,
            written: named.written.clone(),
            expanded: Some(name.clone()),
            reference,
            platform,
            line,
            args: named.args.clone(),
            unresolved,
        }))
    }
}

fn failed(error: ExpandError, line: u32) -> DockerfileError {
    let (ExpandError::Syntax(message) | ExpandError::Required(message)) = error;
    DockerfileError::new(line, message)
}

/// Why something came out empty.
fn blank(args: &BTreeMap<String, Option<String>>, what: &str) -> String {
    missing(args).unwrap_or_else(|| format!("{what} comes out empty"))
}

/// The arguments that have no value, as a reason.
fn missing(args: &BTreeMap<String, Option<String>>) -> Option<String> {
    let names: Vec<&str> = args
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    match names.as_slice() {
        [] => None,
        [name] => Some(format!(
            "the build argument {name} has no value; give it with --build-arg {name}=.."
        )),
        names => Some(format!(
            "the build arguments {} have no values; give them with --build-arg",
            names.join(", ")
        )),
    }
}
