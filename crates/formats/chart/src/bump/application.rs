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
        let list = Parameters {
            items,
            list: base.child("parameters"),
            plan: Plan::new(base.child("parameters")),
            origin: self,
        };
        if let Some(whole) = list.named(place) {
            return list.whole(whole).map(Some);
        }
        let part = |key: &str| list.named(&format!("{place}.{key}"));
        let (tag, digest) = (part("tag"), part("digest"));
        if tag.is_none() && digest.is_none() {
            return Ok(None);
        }
        let (repository, registry) = (part("repository"), part("registry"));
        let mut list = list;
        match repository {
            Some(repository) => list.name(repository, registry)?,
            None => list.plan.left_out = Some("repository"),
        }
        list.tag_and_digest(tag, digest)?;
        Ok(Some(list.plan))
    }
}

/// A parameter: its position and value.
type Parameter<'a> = (usize, &'a Node);

/// The parameters of a source, and what is to change of them.
struct Parameters<'a, 'b> {
    items: &'a [Node],
    list: ValuesPath,
    plan: Plan,
    origin: &'b Origin<'a>,
}

impl<'a> Parameters<'a, '_> {
    /// The last one of a name, which wins.
    fn named(&self, name: &str) -> Option<Parameter<'a>> {
        let named = |item: &Node| item.get("name").and_then(Node::text) == Some(name);
        let at = self.items.iter().rposition(named)?;
        Some((at, self.items[at].get("value")?))
    }

    fn set(&mut self, (at, value): Parameter<'a>, new: &str) -> Result<(), BumpError> {
        let path = self.list.item(at).child("value");
        let edit = self.origin.edit(&path, value);
        edit.set(None, value, path.clone(), new, &mut self.plan)
    }

    /// A text that is the whole image.
    fn whole(mut self, whole: Parameter<'a>) -> Result<Plan, BumpError> {
        let path = self.list.item(whole.0);
        let edit = self.origin.edit(&path, whole.1);
        let new = edit.whole_text(whole.1.text().unwrap_or_default())?;
        self.set(whole, &new)?;
        Ok(self.plan)
    }

    /// The registry and repository, left alone where they mean the same already.
    fn name(
        &mut self,
        repository: Parameter<'a>,
        registry: Option<Parameter<'a>>,
    ) -> Result<(), BumpError> {
        let path = self.list.item(repository.0);
        let edit = self.origin.edit(&path, repository.1);
        let name = repository.1.text().unwrap_or_default();
        let host = registry.and_then(|(_, node)| node.text());
        let old = match host.filter(|host| !host.is_empty()) {
            Some(host) => format!("{host}/{name}"),
            None => name.to_owned(),
        };
        if edit.is_same(&edit.reference(&old)?) {
            return Ok(());
        }
        let new = self.origin.new;
        match registry {
            Some(registry) => {
                self.set(registry, &new.registry)?;
                self.set(repository, &new.repository)
            }
            None => self.set(repository, &edit.full_name()),
        }
    }

    fn tag_and_digest(
        &mut self,
        tag: Option<Parameter<'a>>,
        digest: Option<Parameter<'a>>,
    ) -> Result<(), BumpError> {
        let new = self.origin.new;
        let form = |reason: &str| BumpError::Form {
            path: self.list.to_string(),
            line: self.items.first().map_or(0, |item| item.line),
            reason: reason.to_owned(),
        };
        match (tag, &new.tag) {
            (Some(tag), Some(new)) => self.set(tag, new)?,
            (None, Some(_)) => {
                return Err(form("know a digest alone; add a parameter for the tag"));
            }
            (_, None) if digest.is_none() => {
                return Err(form(
                    "know a tag alone; give one, or add a parameter for the digest",
                ));
            }
            (_, None) => {}
        }
        match (digest, &new.digest) {
            (Some(digest), new) => self.set(digest, new.as_deref().unwrap_or_default())?,
            (None, Some(_)) => self.plan.left_out = Some("digest"),
            (None, None) => {}
        }
        Ok(())
    }
}
