//! Documents that hold values for a chart: Flux's HelmRelease (`spec.values`) and Argo CD's Application and ApplicationSet
//! (`helm.parameters` over `helm.valuesObject` over `helm.values`, and `kustomize.images`).

use super::find::{ValuesPath, find};
use super::image::{self, Edit};
use super::splice::Plan;
use super::tree::{Document, Node};
use super::{BumpError, ImageRef, embedded};

/// The edit of a HelmRelease.
pub(super) fn helm_release(
    text: &str,
    document: &Document,
    path: &ValuesPath,
    new: &ImageRef,
) -> Result<Plan, BumpError> {
    let base = ValuesPath::of_keys(&["spec", "values"]);
    let path = if path.to_string().starts_with("spec.values.") {
        path.clone()
    } else {
        path.below(&base)
    };
    image::at(text, document, &path, new)
}

/// The edits of an Application or ApplicationSet, one for each of its sources that holds the place.
pub(super) fn application(
    text: &str,
    document: &Document,
    place: Option<&str>,
    new: &ImageRef,
) -> Result<Vec<Plan>, BumpError> {
    let mut plans = Vec::new();
    let mut missing = None;
    for (path, source) in sources(document) {
        let origin = Origin {
            text,
            document,
            path,
            new,
        };
        match origin.plan(source, place) {
            Ok(found) => plans.extend(found),
            Err(error @ BumpError::Missing { .. }) => {
                missing.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    match (plans.is_empty(), missing) {
        (true, Some(error)) => Err(error),
        _ => Ok(plans),
    }
}

/// `spec.source`, `spec.sources[i]`; of an ApplicationSet those of its template.
fn sources(document: &Document) -> Vec<(ValuesPath, &Node)> {
    let mut found = Vec::new();
    for keys in [&["spec"][..], &["spec", "template", "spec"]] {
        let mut node = Some(&document.root);
        for key in keys {
            node = node.and_then(|node| node.get(key));
        }
        let Some(spec) = node else { continue };
        let path = ValuesPath::of_keys(keys);
        if let Some(source) = spec.get("source") {
            found.push((path.child("source"), source));
        }
        let list = spec.get("sources").map_or(&[][..], Node::items);
        let list = list.iter().enumerate();
        found.extend(list.map(|(at, source)| (path.child("sources").item(at), source)));
    }
    found
}

/// One source of an Application.
struct Origin<'a> {
    text: &'a str,
    document: &'a Document,
    path: ValuesPath,
    new: &'a ImageRef,
}

impl<'a> Origin<'a> {
    fn plan(&self, source: &'a Node, place: Option<&str>) -> Result<Vec<Plan>, BumpError> {
        if let Some(images) = source.get("kustomize").and_then(|node| node.get("images")) {
            return self.kustomize(images, place);
        }
        let (Some(helm), Some(place)) = (source.get("helm"), place) else {
            return Ok(Vec::new());
        };
        let base = self.path.child("helm");
        let parameters = helm.get("parameters").map_or(&[][..], Node::items);
        if let Some(plan) = self.parameters(parameters, &base, place)? {
            return Ok(vec![plan]);
        }
        let path: ValuesPath = place.parse()?;
        let object = base.child("valuesObject");
        // As Argo CD: an object hides the text beside it.
        if helm.get("valuesObject").is_some() {
            return Ok(vec![image::at(
                self.text,
                self.document,
                &path.below(&object),
                self.new,
            )?]);
        }
        match helm.get("values") {
            Some(node) => {
                let outer = base.child("values");
                find(self.document, &outer)?;
                Ok(vec![embedded::plan(
                    self.text, node, &outer, &path, self.new,
                )?])
            }
            None => Ok(Vec::new()),
        }
    }

    /// Texts `[name=]image`, of which the name or the image is meant.
    fn kustomize(&self, images: &'a Node, place: Option<&str>) -> Result<Vec<Plan>, BumpError> {
        let list = self.path.child("kustomize").child("images");
        let mut plans = Vec::new();
        for (index, item) in images.items().iter().enumerate() {
            let path = list.item(index);
            let edit = self.edit(&path, item);
            let Some(text) = item.text() else { continue };
            let (name, image) = match text.split_once('=') {
                Some((name, image)) => (Some(name), image),
                None => (None, text),
            };
            let old = edit.reference(image)?;
            let same = |text: &str| {
                let other = edit.reference(text);
                other.is_ok_and(|other| {
                    other.registry == old.registry && other.repository == old.repository
                })
            };
            let is_meant = match (place, name) {
                (Some(place), Some(name)) => place == name || same(place),
                (Some(place), None) => same(place),
                (None, _) => edit.is_same(&old),
            };
            if !is_meant {
                continue;
            }
            let new = edit.whole_text(image)?;
            // Without a name the image is what is replaced: another name would replace nothing.
            let new = match name {
                Some(name) => format!("{name}={new}"),
                None if edit.is_same(&old) => new,
                None => {
                    let bare = image.split(['@']).next().unwrap_or(image);
                    let bare = bare.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'));
                    format!("{}={new}", bare.map_or(image, |(bare, _)| bare))
                }
            };
            let mut plan = Plan::new(path.clone());
            edit.set(None, item, path.clone(), &new, &mut plan)?;
            plans.push(plan);
        }
        Ok(plans)
    }

    fn edit<'b>(&'b self, path: &'b ValuesPath, node: &Node) -> Edit<'b> {
        Edit {
            text: self.text,
            document: self.document,
            path,
            new: self.new,
            line: node.line,
        }
    }

    /// `- name: web.image.tag` with `value`. None if no parameter is about the place.
    fn parameters(
        &self,
        items: &'a [Node],
        base: &ValuesPath,
        place: &str,
    ) -> Result<Option<Plan>, BumpError> {
        let place = place.strip_suffix(".tag").unwrap_or(place);
        let find = |name: &str| {
            let named = |item: &&Node| item.get("name").and_then(Node::text) == Some(name);
            let at = items.iter().rposition(|item| named(&item))?;
            Some((at, items[at].get("value")?))
        };
        let part = |key: &str| find(&format!("{place}.{key}"));
        let list = base.child("parameters");
        let mut plan = Plan::new(list.clone());
        let path = |at: usize| list.item(at).child("value");
        if let Some((at, value)) = find(place) {
            let path = path(at);
            let edit = self.edit(&path, value);
            let new = edit.whole_text(value.text().unwrap_or_default())?;
            edit.set(None, value, path.clone(), &new, &mut plan)?;
            return Ok(Some(plan));
        }
        let (tag, digest, repository) = (part("tag"), part("digest"), part("repository"));
        let Some((first, _)) = tag.or(digest) else {
            return Ok(None);
        };
        let first = path(first);
        let mut set = |at: usize, value: &Node, new: &str| {
            let path = path(at);
            self.edit(&path, value)
                .set(None, value, path.clone(), new, &mut plan)
        };
        let edit = self.edit(&first, &items[0]);
        let mut left_out = None;
        match (repository, part("registry")) {
            (Some((at, value)), registry) => {
                let host = registry
                    .and_then(|(_, node)| node.text())
                    .unwrap_or_default();
                let name = value.text().unwrap_or_default();
                let old = if host.is_empty() {
                    name.to_owned()
                } else {
                    format!("{host}/{name}")
                };
                if !edit.is_same(&edit.reference(&old)?) {
                    match registry {
                        Some((at_registry, node)) => {
                            set(at_registry, node, &self.new.registry)?;
                            set(at, value, &self.new.repository)?;
                        }
                        None => set(at, value, &edit.full_name())?,
                    }
                }
            }
            (None, _) => left_out = Some("repository"),
        }
        match (tag, &self.new.tag) {
            (Some((at, value)), Some(new)) => set(at, value, new)?,
            (None, Some(_)) => {
                return Err(edit.form("is about a digest alone; add a parameter for the tag"));
            }
            (_, None) if digest.is_none() => {
                return Err(
                    edit.form("is about a tag; give one, or add a parameter for the digest")
                );
            }
            (_, None) => {}
        }
        match (digest, &self.new.digest) {
            (Some((at, value)), new) => set(at, value, new.as_deref().unwrap_or_default())?,
            (None, Some(_)) => left_out = Some("digest"),
            (None, None) => {}
        }
        plan.left_out = left_out;
        Ok(Some(plan))
    }
}
