//! `package`, `push`, `pull`: charts as archives and in registries.

use super::provenance;
use super::sign;
use super::source::{self, Origin, Wish};
use crate::Local;
use crate::arguments::{PackageArguments, PullArguments, PushArguments};
use crate::error::CliError;
use crate::output::{Answer, View};
use crate::settings::Settings;
use refloat_chart::artifact::{tag_of, version_of};
use refloat_chart::load::archive::unpack;
use refloat_chart::package::file_name;
use refloat_chart::{Chart, ChartArtifact, artifact, package as pack};
use refloat_oci::{Location, Reference};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

pub(in super::super) fn package(
    arguments: &PackageArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let key = sign::Key::of(arguments)?;
    let (folders, reference) = folders(&arguments.charts)?;
    let mut all = Vec::new();
    for folder in folders {
        let chart = prepared(arguments, folder, settings, local)?;
        all.push(packaged(
            arguments,
            chart,
            reference,
            key.as_ref(),
            settings,
            local,
        )?);
    }
    Ok(together(all, "packaged"))
}

/// What lies on the disk as a chart is one; a single other word behind one is where it is kept.
fn folders(words: &[String]) -> Result<(Vec<&Path>, Option<&str>), CliError> {
    let is_chart = |word: &&String| Path::new(word).join("Chart.yaml").is_file();
    match words {
        [folder, reference] if !is_chart(&reference) => {
            Ok((vec![Path::new(folder)], Some(reference)))
        }
        [_] => Ok((words.iter().map(Path::new).collect(), None)),
        _ => match words.iter().find(|word| !is_chart(word)) {
            None => Ok((words.iter().map(Path::new).collect(), None)),
            Some(other) => Err(CliError::usage(
                format!("{other} is no folder of a chart"),
                "package one chart under a reference: package DIR REF",
            )),
        },
    }
}

fn prepared(
    arguments: &PackageArguments,
    folder: &Path,
    settings: &Settings,
    local: &Local,
) -> Result<Chart, CliError> {
    if arguments.dependency_update {
        super::dependency::bring(folder, &arguments.access, settings, local)?;
    }
    let mut chart = source::folder(folder)?;
    if let Some(version) = &arguments.version {
        chart.metadata.version.clone_from(version);
    }
    if let Some(version) = &arguments.app_version {
        chart.metadata.app_version.clone_from(version);
    }
    Ok(chart)
}

fn packaged(
    arguments: &PackageArguments,
    mut chart: Chart,
    reference: Option<&str>,
    key: Option<&sign::Key>,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let Some(reference) = reference else {
        let bytes = packed(&mut chart)?;
        let name = file_name(&chart);
        let proof = key.map(|key| key.sign(&chart, &bytes, &name)).transpose()?;
        let mut answer = written(&chart, &bytes, &arguments.destination, &name, "packaged")?;
        if let Some(proof) = proof {
            let path = arguments.destination.join(format!("{name}.prov"));
            fs::write(&path, proof).map_err(|error| unwritable(&path, &error))?;
            answer.json["provenance"] = path.display().to_string().into();
        }
        return Ok(answer);
    };
    let mut reference = parse(reference, settings)?;
    under_reference(&mut chart, &mut reference, arguments.version.is_some())?;
    let bytes = packed(&mut chart)?;
    let place = Origin::Place(Location::Registry(reference.clone()));
    let name = place.file_name(&chart);
    let proof = key.map(|key| key.sign(&chart, &bytes, &name)).transpose()?;
    let mut artifact = made(bytes)?;
    if let Some(proof) = proof {
        artifact = artifact.with_provenance(proof.into_bytes());
    }
    let wish = Wish::with(&arguments.access);
    push_to(&chart, &reference, artifact, &wish, settings, local)
}

/// The answers of several charts as one; that of one chart as it is.
fn together(mut all: Vec<Answer>, key: &str) -> Answer {
    if all.len() == 1
        && let Some(only) = all.pop()
    {
        return only;
    }
    let changed = all.iter().any(|answer| answer.changed == Some(true));
    let items: Vec<_> = all.iter().map(|answer| answer.json.clone()).collect();
    let brief = all.iter().flat_map(|answer| answer.brief.clone()).collect();
    let lines = all.into_iter().flat_map(|answer| match answer.view {
        View::Lines(lines) => lines,
        View::Table(..) => Vec::new(),
    });
    let lines = lines.collect();
    let mut answer = Answer::done(json!({ key: items }), changed, "").with_brief(brief);
    answer.view = View::Lines(lines);
    answer
}

/// The chart takes the version that the tag says. Its name stays: templates name resources after it.
fn under_reference(
    chart: &mut Chart,
    reference: &mut Reference,
    version_given: bool,
) -> Result<(), CliError> {
    if reference.digest.is_some() {
        return Err(CliError::usage(
            format!("`{reference}` names a digest"),
            "a chart is kept under a tag; its digest is what comes out",
        ));
    }
    match &reference.tag {
        Some(tag) => {
            let version = version_of(tag.as_str());
            if version_given && version != chart.metadata.version {
                return Err(CliError::usage(
                    format!(
                        "--version {} is not the tag `{tag}`",
                        chart.metadata.version
                    ),
                    "leave one of them out",
                ));
            }
            if !refloat_chart::version::is_lenient(&version) {
                return Err(CliError::usage(
                    format!("the tag `{tag}` is no version"),
                    "a chart's tag is its version, for example 1.4.2; a channel is moved by `channel promote`",
                ));
            }
            chart.metadata.version = version;
        }
        None => {
            reference.tag = Some(
                tag_of(&chart.metadata.version)
                    .parse()
                    .map_err(refloat_oci::ReferenceError::from)?,
            );
        }
    }
    Ok(())
}

fn packed(chart: &mut Chart) -> Result<Vec<u8>, CliError> {
    chart
        .metadata
        .validate()
        .map_err(|error| source::wrong(&error))?;
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        return Err(CliError::failed(
            "dependencies",
            format!(
                "found in Chart.yaml, but missing in charts/ directory: {}",
                missing.join(", ")
            ),
            "fetch them with `refloat dependency update`, or put them below charts/",
        ));
    }
    pack(chart).map_err(|error| source::wrong(&error))
}

/// The provenance file beside an archive goes with it.
fn with_proof(artifact: ChartArtifact, file: &Path) -> Result<ChartArtifact, CliError> {
    let mut beside = file.to_owned().into_os_string();
    beside.push(".prov");
    let beside = PathBuf::from(beside);
    if !beside.is_file() {
        return Ok(artifact);
    }
    Ok(artifact.with_provenance(source::read(&beside)?))
}

fn made(bytes: Vec<u8>) -> Result<ChartArtifact, CliError> {
    // No creation time: the same chart is the same artifact, whenever it is pushed.
    artifact(bytes, None).map_err(|error| source::wrong(&error))
}

fn written(
    chart: &Chart,
    bytes: &[u8],
    folder: &Path,
    name: &str,
    done: &str,
) -> Result<Answer, CliError> {
    let path = folder.join(name);
    let same = fs::read(&path).is_ok_and(|old| old == bytes);
    if !same {
        let stored = fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes));
        stored.map_err(|error| unwritable(&path, &error))?;
    }
    let shown = path.display().to_string();
    let json = json!({ "name": chart.name(), "version": chart.metadata.version, "file": shown });
    Ok(Answer::done(json, !same, format!("{done} {shown}")).with_brief(vec![shown]))
}

pub(in super::super) fn push(
    arguments: &PushArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let bytes = source::read(&arguments.file)?;
    let chart = source::archive(&bytes)?;
    let mut reference = parse(&arguments.reference, settings)?;
    if reference.tag.is_none() {
        let path = format!("{}/{}", reference.repository, chart.name());
        reference.repository = path.parse().map_err(refloat_oci::ReferenceError::from)?;
        reference.tag = Some(
            tag_of(&chart.metadata.version)
                .parse()
                .map_err(refloat_oci::ReferenceError::from)?,
        );
    }
    let artifact = with_proof(made(bytes)?, &arguments.file)?;
    let tag = reference
        .tag
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    if tag != artifact.tag {
        return Err(CliError::usage(
            format!(
                "{} is version {}, but the tag is `{tag}`",
                arguments.file.display(),
                chart.metadata.version
            ),
            "a chart's tag is its version; `package DIR REF` packages it as the version of the tag",
        ));
    }
    let wish = Wish::with(&arguments.access);
    push_to(&chart, &reference, artifact, &wish, settings, local)
}

fn push_to(
    chart: &Chart,
    reference: &Reference,
    artifact: ChartArtifact,
    wish: &Wish<'_>,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let location = Location::Registry(reference.clone());
    let reach = wish.reach(&location, settings)?;
    let pushed = (local.charts.push)(&location, artifact, &reach)?;
    let json = json!({
        "name": chart.name(),
        "version": chart.metadata.version,
        "reference": reference.to_string(),
        "digest": pushed.digest,
    });
    let line = if pushed.changed {
        format!("pushed {reference}\ndigest {}", pushed.digest)
    } else {
        format!("{reference} is there already\ndigest {}", pushed.digest)
    };
    Ok(Answer::done(json, pushed.changed, line).with_brief(vec![pushed.digest]))
}

pub(in super::super) fn pull(
    arguments: &PullArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let one = |text: &String| pulled(text, arguments, settings, local);
    let all: Result<Vec<_>, _> = arguments.references.iter().map(one).collect();
    Ok(together(all?, "pulled"))
}

fn pulled(
    text: &str,
    arguments: &PullArguments,
    settings: &Settings,
    local: &Local,
) -> Result<Answer, CliError> {
    let wish = Wish::of(&arguments.source);
    let pulled = source::pulled(text, &wish, settings, local)?;
    let chart = source::archive(&pulled.archive)?;
    let name = pulled.origin.file_name(&chart);
    let mut proof = None;
    let mut said = Vec::new();
    if wish.keyring.is_some() || arguments.prov {
        proof = pulled.origin.provenance(&wish, settings, local)?;
    }
    if let Some(keyring) = wish.keyring {
        let bytes = proof.as_deref().ok_or_else(|| provenance::missing(&name))?;
        let keyring = provenance::keyring(keyring)?;
        let found = provenance::proven(&pulled.archive, &name, bytes, &keyring)?;
        said = provenance::lines(&found);
    }
    let mut answer = if arguments.untar {
        let folder = arguments.destination.join(&arguments.untardir);
        unpacked(&chart, &pulled.archive, &folder)?
    } else {
        written(
            &chart,
            &pulled.archive,
            &arguments.destination,
            &name,
            "pulled",
        )?
    };
    if let Some(bytes) = proof.filter(|_| !arguments.untar) {
        let path = arguments.destination.join(format!("{name}.prov"));
        fs::write(&path, bytes).map_err(|error| unwritable(&path, &error))?;
        answer.json["provenance"] = path.display().to_string().into();
    }
    if let Some(digest) = pulled.digest {
        answer.json["digest"] = digest.into();
    }
    if !said.is_empty() {
        answer.json["verified"] = true.into();
    }
    if let View::Lines(lines) = &mut answer.view {
        said.append(lines);
        *lines = said;
    }
    Ok(answer)
}

fn unpacked(chart: &Chart, bytes: &[u8], destination: &Path) -> Result<Answer, CliError> {
    let folder = destination.join(chart.name());
    if folder.exists() {
        return Err(CliError::failed(
            "exists",
            format!("{} is there already", folder.display()),
            "remove it, or choose another --destination",
        ));
    }
    for file in unpack(bytes).map_err(|error| source::wrong(&error))? {
        let path = folder.join(&file.name);
        let parent = path.parent().unwrap_or(&folder);
        let done = fs::create_dir_all(parent).and_then(|()| fs::write(&path, &file.data));
        done.map_err(|error| unwritable(&path, &error))?;
    }
    let shown = folder.display().to_string();
    let json = json!({ "name": chart.name(), "version": chart.metadata.version, "folder": shown });
    Ok(Answer::done(json, true, format!("pulled into {shown}")).with_brief(vec![shown]))
}

fn parse(text: &str, settings: &Settings) -> Result<Reference, CliError> {
    match source::location(text, None, settings)? {
        Location::Registry(reference) => Ok(reference),
        Location::Layout(_) | Location::OciArchive(_) | Location::DockerArchive(_) => {
            Err(CliError::unsupported(&format!("a chart in `{text}`")))
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> CliError {
    CliError::failed(
        "failed",
        format!("cannot write {}: {error}", path.display()),
        "check the disk and permissions",
    )
}
