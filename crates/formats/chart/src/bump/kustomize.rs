//! The `images:` of a kustomization: entries of `name`, and beside it `newName`, `newTag` and `digest`
//! (kustomize, api/types/image.go).

use super::find::ValuesPath;
use super::image::{Edit, Part};
use super::splice::Plan;
use super::tree::{Document, Kind, Node};
use super::{BumpError, ImageRef};

/// Entries that `place` names, by their `name` or as `images[0]`; without a place those whose image it is.
pub(super) fn plan(
    text: &str,
    document: &Document,
    place: Option<&str>,
    new: &ImageRef,
) -> Result<Vec<Plan>, BumpError> {
    let list = ValuesPath::of_key("images");
    let items = document.root.get("images").map_or(&[][..], Node::items);
    let mut plans = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = list.item(index);
        let edit = Edit {
            text,
            document,
            path: &path,
            new,
            line: item.line,
        };
        let is_meant = match place {
            Some(place) => {
                place == path.to_string() || item.get("name").and_then(Node::text) == Some(place)
            }
            None => edit.is_same_name(item),
        };
        if is_meant {
            plans.push(edit.entry(item)?);
        }
    }
    Ok(plans)
}

/// The names of all entries, for errors.
pub(super) fn names(document: &Document) -> Vec<String> {
    let items = document.root.get("images").map_or(&[][..], Node::items);
    let names = items.iter().filter_map(|item| item.get("name"));
    names.filter_map(Node::text).map(str::to_owned).collect()
}

impl<'a> Edit<'a> {
    fn is_same_name(&self, item: &Node) -> bool {
        let names = ["newName", "name"]
            .into_iter()
            .filter_map(|key| item.get(key));
        let mut names = names.filter_map(Node::text);
        names.any(|name| self.reference(name).is_ok_and(|old| self.is_same(&old)))
    }

    fn entry(&self, item: &'a Node) -> Result<Plan, BumpError> {
        let Kind::Map { entries, flow } = &item.kind else {
            return Err(self.form("is no map; write it as - name: IMAGE with newTag: TAG"));
        };
        let mut plan = Plan::new(self.path.clone());
        let Some(name) = self.part(entries, "name")? else {
            return Err(self.form("has no `name`; add it"));
        };
        let new_name = self.part(entries, "newName")?;
        let named = new_name.clone().filter(|part| !part.text().is_empty());
        let old = self.reference(named.as_ref().unwrap_or(&name).text())?;
        if !self.is_same(&old) {
            self.put(
                new_name.as_ref(),
                &name,
                *flow,
                "newName",
                &self.full_name(),
                &mut plan,
            )?;
        }
        let tag = self.part(entries, "newTag")?;
        let digest = self.part(entries, "digest")?;
        for (part, key, new) in [
            (&tag, "newTag", &self.new.tag),
            (&digest, "digest", &self.new.digest),
        ] {
            match (part, new) {
                (_, Some(new)) => self.put(part.as_ref(), &name, *flow, key, new, &mut plan)?,
                // What stays would still be what is pulled.
                (Some(part), None) if !part.text().is_empty() => {
                    self.set_part(part, "", &mut plan)?;
                }
                (_, None) => {}
            }
        }
        Ok(plan)
    }

    fn put(
        &self,
        part: Option<&Part<'_>>,
        beside: &Part<'_>,
        flow: bool,
        key: &str,
        new: &str,
        plan: &mut Plan,
    ) -> Result<(), BumpError> {
        match part {
            Some(part) => self.set_part(part, new, plan),
            None => self.insert(beside, flow, key, new, plan),
        }
    }
}
