//! The forms in which values hold an image, and which scalars of them change.

use super::find::{Place, ValuesPath, entry, find, shared};
use super::splice::{Plan, Splice, SpliceKind};
use super::tree::{Document, Kind, Node};
use super::{BumpError, ImageRef, scalar};
use granit_parser::ScalarStyle;
use refloat_oci::{Reference, RegistryHost};

/// Keys that may hold the repository; at most one of them may.
const REPOSITORY_KEYS: [&str; 4] = ["repository", "repo", "image", "name"];

/// Which scalars change so that the image at `path` is `new`; the path may also name the tag or digest of a split image.
pub(super) fn at(
    text: &str,
    document: &Document,
    path: &ValuesPath,
    new: &ImageRef,
) -> Result<Plan, BumpError> {
    if let Some((above, "tag" | "digest")) = path.split_key() {
        let exact = find(document, path)?;
        let place = find(document, &above)?;
        if exact.node.text().is_some() && !place.node.entries().is_empty() {
            return plan(text, document, &place, new);
        }
    }
    if let Some((above, key)) = path.split_key()
        && REPOSITORY_KEYS.contains(&key)
    {
        let exact = find(document, path)?;
        let place = find(document, &above)?;
        if exact.node.text().is_some_and(is_bare) {
            if ["tag", "digest"]
                .iter()
                .any(|key| place.node.get(key).is_some())
            {
                return plan(text, document, &place, new);
            }
            let tags = [
                format!("{key}Tag"),
                format!("{key}_tag"),
                format!("{key}-tag"),
            ];
            if let Some(beside) = tags.iter().find(|key| place.node.get(key).is_some()) {
                return Err(BumpError::Ambiguous {
                    path: path.to_string(),
                    reason: format!("its tag stands beside it, in `{beside}`; edit that by hand"),
                });
            }
        }
    }
    plan(text, document, &find(document, path)?, new)
}

/// Whether a text names an image without tag and digest.
fn is_bare(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or(text);
    !text.is_empty() && !last.contains([':', '@'])
}

/// Which scalars change so that the image at `place` is `new`.
pub(super) fn plan(
    text: &str,
    document: &Document,
    place: &Place<'_>,
    new: &ImageRef,
) -> Result<Plan, BumpError> {
    let edit = Edit {
        text,
        document,
        path: &place.path,
        new,
        line: place.node.line,
    };
    let mut plan = Plan::new(place.path.clone());
    if new.tag.is_none() && new.digest.is_none() {
        return Err(edit.form("needs a tag or digest; give it with the reference"));
    }
    match &place.node.kind {
        Kind::Scalar { .. } => edit.whole(place, &mut plan)?,
        Kind::Map { entries, flow } => edit.split(entries, *flow, &mut plan)?,
        Kind::List(_) => {
            return Err(edit.form("is a list; name one of its items, for example [0]"));
        }
        Kind::Alias(_) => {
            return Err(edit.form("is an alias; change it where its anchor stands"));
        }
    }
    Ok(plan)
}

/// An image that is to be written at a place of a document.
pub(super) struct Edit<'a> {
    pub(super) text: &'a str,
    pub(super) document: &'a Document,
    pub(super) path: &'a ValuesPath,
    pub(super) new: &'a ImageRef,
    pub(super) line: usize,
}

/// An entry of the map that holds a split image.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub(super) key: &'a Node,
    pub(super) value: &'a Node,
    /// What an alias shows; it is written elsewhere.
    shown: Option<&'a Node>,
    pub(super) path: ValuesPath,
}

impl Part<'_> {
    /// What is written; null and absent are the empty text.
    pub(super) fn text(&self) -> &str {
        let node = self.shown.unwrap_or(self.value);
        if node.is_null() {
            ""
        } else {
            node.text().unwrap_or_default()
        }
    }
}

impl<'a> Edit<'a> {
    /// One text: `name[:tag][@digest]`.
    fn whole(&self, place: &Place<'_>, plan: &mut Plan) -> Result<(), BumpError> {
        let old = place.node.text().unwrap_or_default();
        let old = if place.node.is_null() { "" } else { old };
        let image = self.whole_text(old)?;
        self.set(place.key, place.node, place.path.clone(), &image, plan)
    }

    /// The new image as one text, its name written as it was where it means the same.
    pub(super) fn whole_text(&self, old: &str) -> Result<String, BumpError> {
        let name = if old.is_empty() {
            self.full_name()
        } else {
            let reference = self.reference(old)?;
            if reference.tag.is_none() && reference.digest.is_none() && !old.contains('/') {
                return Err(self.form(&format!(
                    "is `{old}`, a word without tag or digest; give the path of the whole image, which is a text such as `apps/web:1.2` or a map with `repository` and `tag`"
                )));
            }
            if self.is_same(&reference) {
                written_name(old).to_owned()
            } else {
                self.full_name()
            }
        };
        let mut image = name;
        if let Some(tag) = &self.new.tag {
            image = format!("{image}:{tag}");
        }
        if let Some(digest) = &self.new.digest {
            image = format!("{image}@{digest}");
        }
        Ok(image)
    }

    /// A map of `repository` and what stands beside it.
    fn split(
        &self,
        entries: &'a [(Node, Node)],
        flow: bool,
        plan: &mut Plan,
    ) -> Result<(), BumpError> {
        let registry = self.part(entries, "registry")?;
        let tag = self.part(entries, "tag")?;
        let digest = self.part(entries, "digest")?;
        let anchor = match self.repository(entries)? {
            Some(repository) => {
                self.name(&repository, registry.as_ref(), plan)?;
                repository
            }
            // Another file says which image it is; this one says which of its tags.
            None => match (tag.clone().or(digest.clone()), registry) {
                (Some(part), None) => {
                    plan.left_out = Some("repository");
                    part
                }
                _ => {
                    return Err(self.form(
                        "is a map without `repository` and `tag`; give the path of an image",
                    ));
                }
            },
        };
        match (&tag, &self.new.tag) {
            (Some(tag), Some(new)) => self.set_part(tag, new, plan)?,
            (None, Some(new)) => self.insert(&anchor, flow, "tag", new, plan)?,
            (_, None) => {}
        }
        match (&digest, &self.new.digest) {
            (Some(digest), Some(new)) => self.set_part(digest, new, plan)?,
            // A digest that stays would still be what is pulled.
            (Some(digest), None) if !digest.text().is_empty() => self.set_part(digest, "", plan)?,
            (None, Some(_)) if self.new.tag.is_some() => plan.left_out = Some("digest"),
            (None, Some(_)) => {
                return Err(
                    self.form("has no key `digest`; add `digest: \"\"` to it, or give a tag")
                );
            }
            (_, None) => {}
        }
        Ok(())
    }

    /// The one entry that holds the repository.
    fn repository(&self, entries: &'a [(Node, Node)]) -> Result<Option<Part<'a>>, BumpError> {
        let mut found = Vec::new();
        for key in REPOSITORY_KEYS {
            found.extend(self.part(entries, key)?);
        }
        // `name` beside a repository is the name of a container.
        if found.len() > 1 {
            found.retain(|part| part.key.text() != Some("name"));
        }
        if let [one, two, ..] = found.as_slice() {
            return Err(BumpError::Ambiguous {
                path: self.path.to_string(),
                reason: format!(
                    "the image stands twice, in `{}` at line {} and `{}` at line {}; remove one",
                    one.path, one.key.line, two.path, two.key.line
                ),
            });
        }
        Ok(found.pop())
    }

    /// The registry and repository, left alone where they mean the same already.
    fn name(
        &self,
        repository: &Part<'_>,
        registry: Option<&Part<'_>>,
        plan: &mut Plan,
    ) -> Result<(), BumpError> {
        let host = registry.map(Part::text).unwrap_or_default();
        let old = if host.is_empty() {
            repository.text().to_owned()
        } else {
            format!("{}/{}", host.trim_end_matches('/'), repository.text())
        };
        if repository.text().is_empty() {
            // The chart's own default was used until now.
            return self.rename(repository, registry, host, plan);
        }
        let reference = self.reference(&old)?;
        if reference.tag.is_some() || reference.digest.is_some() {
            return Err(BumpError::Ambiguous {
                path: self.path.to_string(),
                reason: format!(
                    "the tag stands in `{}` at line {} and has a key of its own; keep one of them",
                    repository.path, repository.key.line
                ),
            });
        }
        if self.is_same(&reference) {
            return Ok(());
        }
        self.rename(repository, registry, host, plan)
    }

    /// Writes the name: split where a registry stands beside the repository.
    fn rename(
        &self,
        repository: &Part<'_>,
        registry: Option<&Part<'_>>,
        host: &str,
        plan: &mut Plan,
    ) -> Result<(), BumpError> {
        match registry {
            Some(registry) if !host.is_empty() => {
                self.set_part(registry, &self.new.registry, plan)?;
                self.set_part(repository, &self.new.repository, plan)
            }
            _ => self.set_part(repository, &self.full_name(), plan),
        }
    }

    pub(super) fn part(
        &self,
        entries: &'a [(Node, Node)],
        name: &str,
    ) -> Result<Option<Part<'a>>, BumpError> {
        let ambiguous = |reason: String| BumpError::Ambiguous {
            path: self.path.to_string(),
            reason,
        };
        let Some((key, value)) = entry(entries, name).map_err(ambiguous)? else {
            return Ok(None);
        };
        let path = self.path.child(name);
        let part = |shown| Part {
            key,
            value,
            shown,
            path,
        };
        match &value.kind {
            Kind::Scalar { .. } => Ok(Some(part(None))),
            Kind::Alias(anchor) => match self.document.root.anchored(*anchor) {
                Some(shown) if shown.text().is_some() => Ok(Some(part(Some(shown)))),
                _ => Ok(None),
            },
            // `image: {image: {..}}` and the like: a map of that name is no repository.
            Kind::Map { .. } | Kind::List(_) => Ok(None),
        }
    }

    pub(super) fn set_part(
        &self,
        part: &Part<'_>,
        new: &str,
        plan: &mut Plan,
    ) -> Result<(), BumpError> {
        if part.shown.is_some() {
            return if part.text() == new {
                Ok(())
            } else {
                Err(self.ambiguous(format!(
                    "`{}` at line {} is an alias, so it is written elsewhere; write it out here",
                    part.path, part.value.line
                )))
            };
        }
        self.set(Some(part.key), part.value, part.path.clone(), new, plan)
    }

    /// Plans to make a scalar `new`; nothing if it is so already.
    pub(super) fn set(
        &self,
        key: Option<&Node>,
        value: &Node,
        path: ValuesPath,
        new: &str,
        plan: &mut Plan,
    ) -> Result<(), BumpError> {
        let Kind::Scalar { text: old, style } = &value.kind else {
            return Err(self.form("holds no text"));
        };
        let is_text = *style != ScalarStyle::Plain || !value.is_null();
        if is_text && old == new {
            return Ok(());
        }
        shared(self.document, value).map_err(|reason| self.ambiguous(reason))?;
        let written = scalar::write(new, *style).ok_or_else(|| {
            self.form(&format!(
                "has `{path}` as a block of lines (`|` or `>`); write it on one line"
            ))
        })?;
        let (range, written) = match key {
            Some(key) if value.is_absent() => {
                let colon = self.behind_colon(key)?;
                (colon..colon, format!(" {written}"))
            }
            _ => (value.span.clone(), written),
        };
        if self.text[range.clone()].contains('\n') {
            return Err(self.form(&format!(
                "has `{path}` over several lines; write it on one line"
            )));
        }
        plan.splices.push(Splice {
            range,
            text: written,
            line: if value.is_absent() {
                key.map_or(value.line, |key| key.line)
            } else {
                value.line
            },
            kind: SpliceKind::Within,
            path,
            old: is_text.then(|| old.clone()),
            new: new.to_owned(),
            document: 0,
            within: None,
        });
        Ok(())
    }

    fn behind_colon(&self, key: &Node) -> Result<usize, BumpError> {
        let rest = &self.text[key.span.end..];
        let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if rest[spaces..].starts_with(':') {
            Ok(key.span.end + spaces + 1)
        } else {
            Err(self
                .form("has an empty value in a form that is not known; write it as `key: value`"))
        }
    }

    /// A new key on a line of its own, behind the repository's.
    pub(super) fn insert(
        &self,
        repository: &Part<'_>,
        flow: bool,
        name: &str,
        new: &str,
        plan: &mut Plan,
    ) -> Result<(), BumpError> {
        let one_line =
            repository.key.line == repository.value.line && !repository.value.is_absent();
        if !one_line {
            return Err(self.form(&format!("has no key `{name}`; add it once by hand")));
        }
        let written = scalar::write(new, ScalarStyle::Plain).unwrap_or_default();
        let (at, text, kind) = if flow {
            let at = repository.value.span.end;
            (at, format!(", {name}: {written}"), SpliceKind::Within)
        } else {
            let (at, line_end) = self.line_end(repository.value.span.end);
            let indent = " ".repeat(repository.key.column);
            let text = format!("{line_end}{indent}{name}: {written}");
            (at, text, SpliceKind::NewLine)
        };
        plan.splices.push(Splice {
            range: at..at,
            text,
            line: repository.key.line,
            kind,
            path: self.path.child(name),
            old: None,
            new: new.to_owned(),
            document: 0,
            within: None,
        });
        Ok(())
    }

    /// Where the line of a place ends, and how lines end there.
    fn line_end(&self, from: usize) -> (usize, &'static str) {
        let end = self.text[from..].find('\n');
        let at = end.map_or(self.text.len(), |end| from + end);
        if self.text[..at].ends_with('\r') {
            (at - 1, "\r\n")
        } else {
            (at, "\n")
        }
    }

    pub(super) fn reference(&self, text: &str) -> Result<Reference, BumpError> {
        let hub: Result<RegistryHost, _> = RegistryHost::DOCKER_HUB.parse();
        let read = hub.and_then(|hub| Reference::parse(text, Some(&hub)));
        read.map_err(|error| self.form(&format!("is `{text}`, which is no image: {error}")))
    }

    pub(super) fn is_same(&self, old: &Reference) -> bool {
        old.registry.as_str() == self.new.registry && old.repository.as_str() == self.new.repository
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.new.registry, self.new.repository)
    }

    fn ambiguous(&self, reason: String) -> BumpError {
        BumpError::Ambiguous {
            path: self.path.to_string(),
            reason,
        }
    }

    pub(super) fn form(&self, reason: &str) -> BumpError {
        BumpError::Form {
            path: self.path.to_string(),
            line: self.line,
            reason: reason.to_owned(),
        }
    }
}

/// A reference without its tag and digest.
fn written_name(text: &str) -> &str {
    let name = text.split('@').next().unwrap_or(text);
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}
