//! `calibrate`: images of a sample built on the old base, rebased, and rebuilt; verdicts held against what came out.

use super::cache::FolderCache;
use super::failed::{failed, of_place};
use super::places::{AlonePlaces, Opened};
use crate::builds;
use refloat_builders::GitProgram;
use refloat_cli::alone::{Alone, Stage};
use refloat_cli::arguments::CalibrateArguments;
use refloat_cli::error::CliError;
use refloat_cli::invocation_options;
use refloat_core::RunId;
use refloat_dockerfile::{Edge, EdgeKind, Options, edges};
use refloat_images::{Bases, CompareOptions, Depth, Destination, RebaseRequest, Sample};
use refloat_oci::{Location, Reference, TagName};
use refloat_ports::builder::{BuildRequest, Source, TestRequest};
use refloat_ports::{Git as _, GitRepository, Place, Places as _};
use refloat_verdict::GraphFacts;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One image of the sample, not yet built.
struct Recipe {
    name: String,
    source: Source,
    context: String,
    dockerfile: String,
    /// The Dockerfile.
    text: String,
    options: Options,
    tests: Vec<Vec<String>>,
}

/// Where the bases are, and where the images go.
struct Bench<'a> {
    alone: &'a Alone,
    places: AlonePlaces,
    old: (Opened, Reference),
    new: (Opened, Reference),
    to: Reference,
    timeout_seconds: u64,
    cache: FolderCache,
}

/// `calibrate`
pub(crate) fn calibrate(
    arguments: &CalibrateArguments,
    tasks: &[Value],
    alone: &Alone,
) -> Result<Value, CliError> {
    builds::check_builder()?;
    super::run(async move {
        let bench = Bench::new(arguments, alone).await?;
        let options = invocation_options(&arguments.invocation)?;
        let (mut samples, mut left_out) = (Vec::new(), Vec::new());
        for folder in &arguments.folders {
            let name = folder.display().to_string();
            let made = of_folder(folder, &options, &arguments.tests);
            bench.take(&name, made, &mut samples, &mut left_out).await;
        }
        for task in tasks {
            let name = task["name"].as_str().unwrap_or_default().to_owned();
            let made = of_task(task, &options).await;
            bench.take(&name, made, &mut samples, &mut left_out).await;
        }
        let mut report = refloat_images::calibration(&samples);
        report["old_base"] = json!(bench.old.1.to_string());
        report["new_base"] = json!(bench.new.1.to_string());
        report["left_out"] = Value::Array(left_out);
        Ok(report)
    })
}

/// The Dockerfile of a folder.
fn of_folder(folder: &Path, options: &Options, tests: &[String]) -> Result<Recipe, CliError> {
    let folder = std::path::absolute(folder).map_err(|error| wrong(&error))?;
    let dockerfile = folder.join("Dockerfile");
    let text = std::fs::read_to_string(&dockerfile)
        .map_err(|error| wrong(&format!("{}: {error}", dockerfile.display())))?;
    let words = |line: &String| line.split_whitespace().map(str::to_owned).collect();
    Ok(Recipe {
        name: folder.display().to_string(),
        source: Source::Folder {
            folder: folder.to_string_lossy().into_owned(),
        },
        context: ".".to_owned(),
        dockerfile: dockerfile.to_string_lossy().into_owned(),
        text,
        options: options.clone(),
        tests: tests.iter().map(words).collect(),
    })
}

/// The Dockerfile of a task as its branch stands.
async fn of_task(task: &Value, options: &Options) -> Result<Recipe, CliError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let source = &task["source"];
    if !source["credential"].is_null()
        || task["secrets"].as_object().is_some_and(|it| !it.is_empty())
    {
        return Err(wrong(
            &"its secrets stay on the server: calibrate a checkout of it as a folder",
        ));
    }
    let git = text(&source["git"]).ok_or_else(|| wrong(&"its source is not in git"))?;
    let branch = text(&source["branch"]).unwrap_or_else(|| "main".to_owned());
    let context = text(&source["context"]).unwrap_or_else(|| ".".to_owned());
    let dockerfile = text(&source["dockerfile"]).unwrap_or_else(|| "Dockerfile".to_owned());
    let repository = GitRepository {
        url: git.clone(),
        credential: None,
    };
    let commit = GitProgram.resolve(&repository, &branch).await;
    let commit = commit.map_err(|error| wrong(&error))?;
    let commit = commit.ok_or_else(|| wrong(&format!("{git} has no branch {branch}")))?;
    let path = match context.trim_matches('/') {
        "" | "." => dockerfile.clone(),
        folder => format!("{folder}/{dockerfile}"),
    };
    let files = GitProgram.read(&repository, &commit, &path).await;
    let bytes = files.map_err(|error| wrong(&error))?.into_values().next();
    let bytes = bytes.ok_or_else(|| wrong(&format!("{path} is not in {commit}")))?;
    let mut options = options.clone();
    for (name, value) in task["build_args"].as_object().into_iter().flatten() {
        let value = text(value).unwrap_or_else(|| value.to_string());
        options.build_args.entry(name.clone()).or_insert(value);
    }
    let tests = task["tests"].as_array().into_iter().flatten();
    let words = |test: &Value| -> Vec<String> {
        let words = test["run"].as_array().into_iter().flatten();
        words.filter_map(text).collect()
    };
    Ok(Recipe {
        name: format!("task {}", task["name"].as_str().unwrap_or_default()),
        source: Source::Git {
            git,
            commit,
            credential: None,
        },
        context,
        dockerfile,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        options,
        tests: tests.map(words).filter(|words| !words.is_empty()).collect(),
    })
}

impl<'a> Bench<'a> {
    async fn new(arguments: &CalibrateArguments, alone: &'a Alone) -> Result<Self, CliError> {
        let places = AlonePlaces::new(alone.server.clone())?;
        let old = base(&places, &arguments.old_base).await?;
        let new = base(&places, &arguments.onto).await?;
        let mut to = Reference::parse(&arguments.to, alone.server.as_ref())?;
        (to.tag, to.digest) = (None, None);
        Ok(Self {
            alone,
            places,
            old,
            new,
            to,
            timeout_seconds: builds::timeout_seconds(&arguments.timeout)?,
            cache: FolderCache::of_user(),
        })
    }

    /// Tries one; what cannot be tried is told, and the others go on.
    async fn take(
        &self,
        name: &str,
        recipe: Result<Recipe, CliError>,
        samples: &mut Vec<Sample>,
        left_out: &mut Vec<Value>,
    ) {
        let done = match recipe {
            Ok(recipe) => self.tried(&recipe).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(sample) => samples.push(sample),
            Err(error) => left_out.push(json!({ "name": name, "reason": error.message })),
        }
    }

    async fn tried(&self, recipe: &Recipe) -> Result<Sample, CliError> {
        let found = edges(&recipe.text, &recipe.options).map_err(|error| wrong(&error))?;
        let name = self.base_of(&found.edges)?;
        let mut bases = builds::pinned(&self.places, &found.edges).await?;
        bases.insert(name.clone(), self.old.1.clone());
        let old = &self.built(recipe, &found.edges, &bases, "old").await?;
        bases.insert(name, self.new.1.clone());
        let rebuilt = &self.built(recipe, &found.edges, &bases, "rebuilt").await?;
        let observer = super::observer(&self.alone.watch);
        let judged = self.judged(old, &observer).await?;
        let tier = judged.tier();
        let reasons = judged
            .platforms
            .iter()
            .flat_map(|platform| &platform.verdict.reasons);
        let codes = reasons.filter(|reason| reason.tier == tier);
        let mut sample = Sample {
            name: recipe.name.clone(),
            tier,
            codes: codes.map(|reason| reason.code.word().to_owned()).collect(),
            differences: Vec::new(),
            tests: None,
        };
        let destination = self.destination(old, recipe).await?;
        let digest =
            match refloat_images::write(&judged, &destination, &self.cache, &observer).await {
                Ok(done) => done.digest,
                Err(error) => {
                    sample.differences = vec![format!("it cannot be rebased: {error}")];
                    return Ok(sample);
                }
            };
        let rebased = Reference {
            digest: Some(digest),
            ..self.to.clone()
        };
        let differences = self.compared(&rebased, rebuilt).await?;
        if !differences.is_empty() {
            // What two builds of the same do not agree on says nothing about the rebase.
            let again = self.built(recipe, &found.edges, &bases, "again").await?;
            let noise = self.compared(rebuilt, &again).await?;
            sample.differences = differences.difference(&noise).cloned().collect();
        }
        if !recipe.tests.is_empty() {
            self.note(&format!("testing {}", recipe.name));
            sample.tests = Some((
                self.passes(&rebased, recipe).await?,
                self.passes(rebuilt, recipe).await?,
            ));
        }
        Ok(sample)
    }

    /// The name by which the Dockerfile calls the base.
    fn base_of(&self, edges: &[Edge]) -> Result<String, CliError> {
        let runtime = edges.iter().rfind(|edge| edge.kind == EdgeKind::Runtime);
        let runtime = runtime.ok_or_else(|| wrong(&"it stands on no image"))?;
        let is_of = |base: &Reference| {
            let reference = runtime.reference.as_ref();
            reference
                .is_some_and(|it| it.registry == base.registry && it.repository == base.repository)
        };
        if is_of(&self.old.1) || is_of(&self.new.1) {
            return Ok(runtime.written.clone());
        }
        Err(wrong(&format!(
            "it stands on {}, which is another base",
            runtime.written
        )))
    }

    async fn built(
        &self,
        recipe: &Recipe,
        edges: &[Edge],
        bases: &BTreeMap<String, Reference>,
        kind: &str,
    ) -> Result<Reference, CliError> {
        self.note(&format!("building {} ({kind})", recipe.name));
        let destination = Reference {
            tag: Some(tag(recipe, kind)?),
            ..self.to.clone()
        };
        let server = self.alone.server.as_ref();
        let request = BuildRequest {
            run: RunId::from_ulid(ulid::Ulid::new()),
            source: recipe.source.clone(),
            context: recipe.context.clone(),
            dockerfile: recipe.dockerfile.clone(),
            target: recipe.options.target.clone(),
            platform: recipe.options.platform.to_string(),
            arguments: recipe.options.build_args.clone(),
            annotations: builds::annotations(edges, bases),
            logins: builds::logins(&destination, bases, server)?,
            bases: bases.clone(),
            secrets: BTreeMap::new(),
            destination: destination.clone(),
            timeout_seconds: self.timeout_seconds,
            tests: Vec::new(),
        };
        let (digest, _) = builds::built(request).await?;
        Ok(Reference {
            tag: None,
            digest: Some(digest),
            ..destination
        })
    }

    async fn judged(
        &self,
        image: &Reference,
        observer: &refloat_images::Observer,
    ) -> Result<refloat_images::Judged, CliError> {
        let request = RebaseRequest {
            image: self.place(image).await?,
            onto: self.new.0.place.clone(),
            bases: Bases {
                given: Some(self.old.0.place.clone()),
                near: Vec::new(),
            },
            places: &self.places,
            graph: GraphFacts::default(),
        };
        let judged = refloat_images::judge_rebase(&request, &self.cache, observer).await;
        judged.map_err(failed)
    }

    async fn destination(
        &self,
        image: &Reference,
        recipe: &Recipe,
    ) -> Result<Destination, CliError> {
        Ok(Destination {
            place: self.place(image).await?,
            tag: Some(tag(recipe, "rebased")?),
            base_name: None,
            created: None,
            annotations: BTreeMap::new(),
        })
    }

    async fn compared(
        &self,
        one: &Reference,
        two: &Reference,
    ) -> Result<BTreeSet<String>, CliError> {
        let (one, two) = (self.place(one).await?, self.place(two).await?);
        let options = CompareOptions {
            depth: Depth::Meaning,
            platform: None,
        };
        let observer = super::observer(&self.alone.watch);
        let found = refloat_images::compare(&one, &two, &options, &self.cache, &observer).await;
        Ok(refloat_images::differences(&found.map_err(failed)?))
    }

    async fn passes(&self, image: &Reference, recipe: &Recipe) -> Result<bool, CliError> {
        let logins = builds::logins(image, &BTreeMap::new(), self.alone.server.as_ref())?;
        let done = builds::tested(TestRequest {
            run: RunId::from_ulid(ulid::Ulid::new()),
            image: image.clone(),
            tests: recipe.tests.clone(),
            logins,
            timeout_seconds: self.timeout_seconds,
        });
        match done.await {
            Ok(_) => Ok(true),
            Err(error) if error.code == "build_failed" => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn place(&self, reference: &Reference) -> Result<Place, CliError> {
        let location = Location::Registry(reference.clone());
        let place = self.places.open(&location).await;
        place.map_err(|error| of_place(&error))
    }

    fn note(&self, text: &str) {
        (self.alone.watch)(Stage::Note(text.to_owned()));
    }
}

/// A base, and the digest that its name has now.
async fn base(places: &AlonePlaces, text: &str) -> Result<(Opened, Reference), CliError> {
    let opened = places.named(text).await?;
    let Location::Registry(reference) = &opened.location else {
        let message = format!("`{text}` is in no registry, and builders pull from registries only");
        return Err(CliError::usage(
            message,
            "push the base to a registry first",
        ));
    };
    let pinned = builds::pin(places, reference).await?;
    Ok((opened, pinned))
}

/// `web-3f2a-old`: of the name, so that two folders of the same name do not meet.
fn tag(recipe: &Recipe, kind: &str) -> Result<TagName, CliError> {
    let digest = refloat_oci::Digest::sha256(recipe.name.as_bytes()).to_string();
    let short: String = digest.chars().skip("sha256:".len()).take(8).collect();
    let last = recipe.name.rsplit(['/', ' ']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(*letter))
        .take(60)
        .collect();
    let plain = plain.trim_start_matches(['-', '.']).to_owned();
    let text = format!(
        "{}{short}-{kind}",
        if plain.is_empty() {
            String::new()
        } else {
            format!("{plain}-")
        }
    );
    text.parse().map_err(|error| wrong(&error))
}

fn wrong(error: &impl std::fmt::Display) -> CliError {
    CliError::failed("failed", error.to_string(), "")
}
