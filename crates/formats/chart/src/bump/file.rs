//! A file that may be more than values: kustomizations, manifests, HelmReleases and Applications, several documents in one.

use super::find::ValuesPath;
use super::splice::{self, Plan};
use super::tree::{Document, Node, read_all};
use super::{BumpError, Bumped, ImageRef, application, containers, image, in_values, kustomize};

/// An image to write into a file.
#[derive(Debug, Clone, Copy)]
pub struct FileEdit<'a> {
    /// The name of the file, without its folder.
    pub file_name: &'a str,
    /// Its text.
    pub text: &'a str,
    /// Which image: a path in values; the `name` of an entry of a kustomization; a container or an image of manifests. With
    /// `KIND/NAME:` before it, in that object alone. `None`: the images of the new one's repository.
    pub place: Option<&'a str>,
    /// The image.
    pub new: &'a ImageRef,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Values,
    Kustomization,
    HelmRelease,
    Application,
    Manifest,
}

/// Writes an image into a file, by what its documents are. Only documents with `apiVersion` and `kind` are more than values.
///
/// # Errors
/// [`BumpError`] names the place and what to do.
pub fn bump_file(edit: &FileEdit<'_>) -> Result<Bumped, BumpError> {
    let documents = read_all(edit.text)?;
    let forms: Vec<Form> = documents
        .iter()
        .map(|document| form(document, edit.file_name))
        .collect();
    if forms.iter().all(|form| *form == Form::Values) {
        let Some(place) = edit.place else {
            return Err(BumpError::Path(
                "".parse::<ValuesPath>()
                    .err()
                    .unwrap_or_else(|| unreachable!("the empty text is no path")),
            ));
        };
        let path = place.parse()?;
        return splice::apply(
            edit.text,
            &in_values(edit.text, &documents, &path, edit.new)?,
        );
    }
    let (object, place) = object_and_place(edit.place);
    let (mut found, mut missing) = (Found::default(), None);
    for (number, (document, form)) in documents.iter().zip(&forms).enumerate() {
        if object.is_some_and(|object| !holds(document, object)) {
            continue;
        }
        match found.document(edit, place, object, number, document, *form) {
            Err(error @ BumpError::Missing { .. }) => {
                missing.get_or_insert(error);
            }
            other => other?,
        }
    }
    let plan = found.one(edit, &documents, missing)?;
    splice::apply(edit.text, &plan)
}

/// `Deployment/web:app` is `app` of that object.
fn object_and_place(place: Option<&str>) -> (Option<&str>, Option<&str>) {
    let Some(place) = place else {
        return (None, None);
    };
    match place.split_once(':') {
        Some((object, rest))
            if object.starts_with(|first: char| first.is_ascii_uppercase())
                && object.matches('/').count() == 1 =>
        {
            (Some(object), Some(rest))
        }
        _ => (None, Some(place)),
    }
}

fn holds(document: &Document, object: &str) -> bool {
    containers::object(&document.root).as_deref() == Some(object)
        || containers::all(document)
            .iter()
            .any(|container| container.object == object)
}

fn form(document: &Document, file_name: &str) -> Form {
    let root = &document.root;
    let text = |key: &str| root.get(key).and_then(Node::text).unwrap_or_default();
    let (api, kind) = (text("apiVersion"), text("kind"));
    let group = api.split('/').next().unwrap_or_default();
    let kustomization = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    match (group, kind) {
        ("kustomize.config.k8s.io", _) => Form::Kustomization,
        ("helm.toolkit.fluxcd.io", "HelmRelease") => Form::HelmRelease,
        ("argoproj.io", "Application" | "ApplicationSet") => Form::Application,
        ("", _) | (_, "") if kustomization.contains(&file_name) => Form::Kustomization,
        ("", _) | (_, "") => Form::Values,
        _ => Form::Manifest,
    }
}

/// What is to change, of all documents.
#[derive(Default)]
struct Found {
    plans: Vec<Plan>,
    /// Containers of the name, by object and line.
    by_name: Vec<String>,
    /// Objects whose values hold the path.
    by_path: Vec<String>,
}

impl Found {
    fn document(
        &mut self,
        edit: &FileEdit<'_>,
        place: Option<&str>,
        object: Option<&str>,
        number: usize,
        document: &Document,
        form: Form,
    ) -> Result<(), BumpError> {
        let name = || containers::object(&document.root).unwrap_or_default();
        let plans = match form {
            Form::Values => Vec::new(),
            Form::Kustomization => kustomize::plan(edit.text, document, place, edit.new)?,
            Form::HelmRelease => match place {
                Some(place) => {
                    let path = place.parse()?;
                    let plan = application::helm_release(edit.text, document, &path, edit.new)?;
                    self.by_path
                        .push(format!("{} (line {})", name(), document.root.line));
                    vec![plan]
                }
                None => Vec::new(),
            },
            Form::Application => {
                let plans = application::application(edit.text, document, place, edit.new)?;
                let line = document.root.line;
                let names = plans.iter().map(|_| format!("{} (line {line})", name()));
                if place.is_some() {
                    self.by_path.extend(names);
                }
                plans
            }
            Form::Manifest => self.manifest(edit, place, object, document)?,
        };
        self.plans
            .extend(plans.into_iter().map(|plan| plan.of_document(number)));
        Ok(())
    }

    fn manifest(
        &mut self,
        edit: &FileEdit<'_>,
        place: Option<&str>,
        object: Option<&str>,
        document: &Document,
    ) -> Result<Vec<Plan>, BumpError> {
        let mut plans = Vec::new();
        for container in containers::all(document) {
            if object.is_some_and(|object| container.object != object) {
                continue;
            }
            match containers::meant(&container, place, document, edit.new) {
                containers::Meant::None => continue,
                containers::Meant::Image => {}
                containers::Meant::Name => {
                    let at = format!("{} (line {})", container.object, container.line);
                    self.by_name.push(at);
                }
            }
            plans.push(containers::plan(edit.text, document, &container, edit.new)?);
        }
        let path = place.and_then(|place| place.parse::<ValuesPath>().ok());
        if let (true, Some(path)) = (plans.is_empty(), path) {
            let plan = image::at(edit.text, document, &path, edit.new)?;
            let name = containers::object(&document.root).unwrap_or_default();
            self.by_path
                .push(format!("{name} (line {})", document.root.line));
            plans.push(plan);
        }
        Ok(plans)
    }

    /// All of it as one edit, if it can be meant in one way only.
    fn one(
        self,
        edit: &FileEdit<'_>,
        documents: &[Document],
        missing: Option<BumpError>,
    ) -> Result<Plan, BumpError> {
        let place = edit.place.map_or_else(
            || format!("{}/{}", edit.new.registry, edit.new.repository),
            str::to_owned,
        );
        for (what, places) in [("container", &self.by_name), ("path", &self.by_path)] {
            if places.len() > 1 {
                let object = places[0].split(' ').next().unwrap_or_default();
                return Err(BumpError::Ambiguous {
                    reason: format!(
                        "this {what} is in {}; write for example {object}:{place}",
                        places.join(" and ")
                    ),
                    path: place,
                });
            }
        }
        let mut plans = self.plans.into_iter();
        let Some(mut plan) = plans.next() else {
            return Err(missing
                .filter(|_| edit.place.is_some_and(|place| place.contains(['.', '['])))
                .unwrap_or_else(|| unknown(edit, documents, place)));
        };
        for other in plans {
            plan.splices.extend(other.splices);
            plan.left_out = plan.left_out.or(other.left_out);
        }
        Ok(plan)
    }
}

/// Nothing of it is here; what is, is named.
fn unknown(edit: &FileEdit<'_>, documents: &[Document], place: String) -> BumpError {
    let mut there = Vec::new();
    for document in documents {
        there.extend(kustomize::names(document));
        let containers = containers::all(document);
        there.extend(
            containers
                .iter()
                .map(|container| container.image.to_owned()),
        );
    }
    there.dedup();
    there.truncate(5);
    let there: Vec<String> = there.iter().map(|name| format!("`{name}`")).collect();
    BumpError::Missing {
        missing: place.clone(),
        path: place,
        parent: edit.file_name.to_owned(),
        hint: if there.is_empty() {
            "a path in its values".to_owned()
        } else {
            there.join(", ")
        },
    }
}
