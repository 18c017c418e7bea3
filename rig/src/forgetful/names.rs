//! The journal of names: which changes to folders are not durable yet.

use std::collections::BTreeSet;
use std::ffi::OsString;

/// The number of a node.
pub(super) type Id = u64;

/// A place in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: Id,
    pub(super) name: OsString,
}

/// One change to the names, whole: a rename between two folders is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NameChange {
    /// `node` got a name, by creation, link or mkdir.
    Link(Place, Id),
    /// A name went, by unlink or rmdir.
    Unlink(Place),
    /// `node` moved, over whatever was there.
    Rename { from: Place, to: Place, node: Id },
}

impl NameChange {
    /// The node that the journal must keep, although it may have no other name.
    pub(super) fn node(&self) -> Option<Id> {
        match self {
            Self::Link(_, node) | Self::Rename { node, .. } => Some(*node),
            Self::Unlink(_) => None,
        }
    }

    fn folders(&self) -> [Id; 2] {
        match self {
            Self::Link(place, _) | Self::Unlink(place) => [place.folder; 2],
            Self::Rename { from, to, .. } => [from.folder, to.folder],
        }
    }
}

/// Takes out of `journal`, in order, what an fsync of `folder` makes durable: the changes
/// that touch it and, where one of them is a rename from or to another folder, everything
/// that happened to that other folder before. Order within a folder is never broken.
pub(super) fn take_for(journal: &mut Vec<NameChange>, folder: Id) -> Vec<NameChange> {
    let mut touched = BTreeSet::from([folder]);
    let mut chosen = vec![false; journal.len()];
    for (index, change) in journal.iter().enumerate().rev() {
        let folders = change.folders();
        if folders.iter().any(|folder| touched.contains(folder)) {
            chosen[index] = true;
            touched.extend(folders);
        }
    }
    let mut taken = Vec::new();
    let mut chosen = chosen.into_iter();
    journal.retain(|change| {
        let take = chosen.next().unwrap_or(false);
        if take {
            taken.push(change.clone());
        }
        !take
    });
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: Id, name: &str) -> Place {
        Place {
            folder,
            name: name.into(),
        }
    }

    #[test]
    fn a_rename_takes_along_what_happened_before_in_both_folders() {
        let create = NameChange::Link(place(1, "a"), 10);
        let elsewhere = NameChange::Link(place(3, "z"), 11);
        let rename = NameChange::Rename {
            from: place(1, "a"),
            to: place(2, "b"),
            node: 10,
        };
        let later = NameChange::Link(place(1, "c"), 12);
        let mut journal = vec![
            create.clone(),
            elsewhere.clone(),
            rename.clone(),
            later.clone(),
        ];
        assert_eq!(take_for(&mut journal, 2), [create, rename]);
        assert_eq!(journal, [elsewhere, later]);
    }
}
