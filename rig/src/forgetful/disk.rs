//! The nodes of the file system, their names, and what a power cut does to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use fuser::{Errno, FileType};

use super::content::FileBytes;
use super::names::{Id, NameChange, Place, take_for};
use super::{Faults, Unsynced};

/// The root folder's number is fixed by FUSE.
pub(super) const ROOT: Id = 1;

/// Everything that can go wrong is an errno.
pub(super) type Answer<T> = Result<T, Errno>;

/// The part of a node's attributes that programs set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    pub(super) mode: u16,
    pub(super) user: u32,
    pub(super) group: u32,
    pub(super) modified: SystemTime,
}

/// A file, a folder or a symbolic link.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) attributes: Attributes,
    durable_attributes: Attributes,
    pub(super) kind: Kind,
    /// Names it has now.
    pub(super) links: u32,
    /// Durable names and journal entries: it cannot be freed while there are any.
    anchors: u32,
    /// References that the kernel holds.
    lookups: u64,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Kind {
    File(FileBytes),
    Folder(Folder),
    Link(PathBuf),
}

/// The names in a folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    current: BTreeMap<OsString, Id>,
    durable: BTreeMap<OsString, Id>,
}

/// The whole disk.
#[derive(Debug)]
pub(super) struct Disk {
    nodes: BTreeMap<Id, Node>,
    next: Id,
    journal: Vec<NameChange>,
    faults: Faults,
    fsyncs: u64,
    /// Counts power cuts: a mount of an earlier life gets EIO for everything.
    life: u64,
}

impl Disk {
    pub(super) fn new() -> Self {
        let attributes = Attributes {
            mode: 0o755,
            user: rustix::process::geteuid().as_raw(),
            group: rustix::process::getegid().as_raw(),
            modified: SystemTime::now(),
        };
        let mut root = Node::new(Kind::Folder(Folder::default()), attributes);
        root.links = 1;
        root.anchors = 1;
        Self {
            nodes: BTreeMap::from([(ROOT, root)]),
            next: ROOT + 1,
            journal: Vec::new(),
            faults: Faults::default(),
            fsyncs: 0,
            life: 0,
        }
    }

    pub(super) fn life(&self) -> u64 {
        self.life
    }

    pub(super) fn fsyncs(&self) -> u64 {
        self.fsyncs
    }

    pub(super) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(super) fn fsync_delay(&self) -> Duration {
        self.faults.fsync_delay
    }

    /// From now on no mount is served any more.
    pub(super) fn retire(&mut self) {
        self.life += 1;
    }

    pub(super) fn node(&self, id: Id) -> Answer<&Node> {
        self.nodes.get(&id).ok_or(Errno::ENOENT)
    }

    pub(super) fn node_mut(&mut self, id: Id) -> Answer<&mut Node> {
        self.nodes.get_mut(&id).ok_or(Errno::ENOENT)
    }

    pub(super) fn find(&self, folder: Id, name: &OsStr) -> Answer<Id> {
        let folder = self.node(folder)?.folder()?;
        folder.current.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// The entries of a folder.
    pub(super) fn list(&self, folder: Id) -> Answer<Vec<(Id, FileType, OsString)>> {
        let names = &self.node(folder)?.folder()?.current;
        let entries = names.iter().filter_map(|(name, id)| {
            Some((*id, self.nodes.get(id)?.kind.file_type(), name.clone()))
        });
        Ok(entries.collect())
    }

    /// Makes a node under a name that nobody has.
    pub(super) fn create(
        &mut self,
        place: Place,
        kind: Kind,
        attributes: Attributes,
    ) -> Answer<Id> {
        self.check_alive()?;
        if self.find(place.folder, &place.name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, Node::new(kind, attributes));
        self.add_name(place, id)?;
        Ok(id)
    }

    /// A second name for a file.
    pub(super) fn link(&mut self, id: Id, place: Place) -> Answer<()> {
        self.check_alive()?;
        if self.find(place.folder, &place.name).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.add_name(place, id)
    }

    fn add_name(&mut self, place: Place, id: Id) -> Answer<()> {
        let folder = self.node_mut(place.folder)?.folder_mut()?;
        folder.current.insert(place.name.clone(), id);
        self.node_mut(id)?.links += 1;
        self.touch(place.folder);
        self.record(NameChange::Link(place, id));
        Ok(())
    }

    /// unlink and rmdir.
    pub(super) fn remove(&mut self, place: Place) -> Answer<()> {
        self.check_alive()?;
        let id = self.find(place.folder, &place.name)?;
        self.check_empty(id)?;
        self.node_mut(place.folder)?
            .folder_mut()?
            .current
            .remove(&place.name);
        self.node_mut(id)?.links -= 1;
        self.touch(place.folder);
        self.record(NameChange::Unlink(place));
        self.free(id);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: Place, to: Place) -> Answer<()> {
        self.check_alive()?;
        let id = self.find(from.folder, &from.name)?;
        let replaced = self.find(to.folder, &to.name).ok();
        if replaced == Some(id) {
            // Two names of one file: POSIX says that nothing happens.
            return Ok(());
        }
        if let Some(replaced) = replaced {
            self.check_empty(replaced)?;
            self.node_mut(replaced)?.links -= 1;
        }
        self.node_mut(from.folder)?
            .folder_mut()?
            .current
            .remove(&from.name);
        self.node_mut(to.folder)?
            .folder_mut()?
            .current
            .insert(to.name.clone(), id);
        self.touch(from.folder);
        self.touch(to.folder);
        self.record(NameChange::Rename { from, to, node: id });
        if let Some(replaced) = replaced {
            self.free(replaced);
        }
        Ok(())
    }

    pub(super) fn write(&mut self, id: Id, offset: u64, bytes: &[u8]) -> Answer<()> {
        self.check_alive()?;
        if let Some(left) = self.faults.bytes_left {
            let rest = left.checked_sub(bytes.len() as u64).ok_or(Errno::ENOSPC)?;
            self.faults.bytes_left = Some(rest);
        }
        let node = self.node_mut(id)?;
        node.attributes.modified = SystemTime::now();
        node.file_mut()?.write(offset, bytes);
        Ok(())
    }

    pub(super) fn resize(&mut self, id: Id, size: u64) -> Answer<()> {
        self.check_alive()?;
        let node = self.node_mut(id)?;
        node.attributes.modified = SystemTime::now();
        node.file_mut()?.resize(size);
        Ok(())
    }

    /// fsync of a file or of a folder.
    pub(super) fn sync(&mut self, id: Id) -> Answer<()> {
        self.check_alive()?;
        if self.faults.failing_fsync_after == Some(0) {
            self.faults.failing_fsync_after = None;
            if let Kind::File(bytes) = &mut self.node_mut(id)?.kind {
                bytes.lose_pending();
            }
            return Err(Errno::EIO);
        }
        let node = self.node_mut(id)?;
        node.durable_attributes = node.attributes;
        match &mut node.kind {
            Kind::File(bytes) => bytes.sync(),
            Kind::Folder(_) => self.sync_names(id),
            Kind::Link(_) => {}
        }
        self.fsyncs += 1;
        self.faults.failing_fsync_after = self.faults.failing_fsync_after.map(|after| after - 1);
        self.faults.gone_after_fsyncs = self
            .faults
            .gone_after_fsyncs
            .map(|after| after.saturating_sub(1));
        Ok(())
    }

    fn sync_names(&mut self, folder: Id) {
        for change in take_for(&mut self.journal, folder) {
            self.make_durable(&change);
        }
    }

    /// The kernel knows the node once more.
    pub(super) fn looked_up(&mut self, id: Id) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.lookups += 1;
        }
    }

    /// The kernel has forgotten the node so many times.
    pub(super) fn forget(&mut self, id: Id, times: u64) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.lookups = node.lookups.saturating_sub(times);
        }
        self.free(id);
    }

    /// Everything that was not durable is gone, but for what `unsynced` draws.
    pub(super) fn power_cut(&mut self, unsynced: Unsynced) {
        let mut drawn = match unsynced {
            Unsynced::Lost => None,
            Unsynced::Drawn(seed) => Some(seed),
        };
        let journal = std::mem::take(&mut self.journal);
        if let Some(seed) = &mut drawn {
            // File systems with a journal write names in order: a prefix survives.
            let bound = journal.len() as u64 + 1;
            let kept = usize::try_from(seed.below(bound)).unwrap_or(0);
            for change in &journal[..kept] {
                self.make_durable(change);
            }
        }
        for node in self.nodes.values_mut() {
            node.attributes = node.durable_attributes;
            match &mut node.kind {
                Kind::File(bytes) => bytes.cut(drawn.as_mut()),
                Kind::Folder(folder) => folder.current = folder.durable.clone(),
                Kind::Link(_) => {}
            }
        }
        self.count_again();
        self.faults = Faults::default();
        self.life += 1;
    }

    /// After a cut: only what the root reaches exists, and names are counted afresh.
    fn count_again(&mut self) {
        let mut names: BTreeMap<Id, u32> = BTreeMap::from([(ROOT, 1)]);
        let mut seen = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            let Some(Kind::Folder(folder)) = self.nodes.get(&id).map(|node| &node.kind) else {
                continue;
            };
            for child in folder.durable.values() {
                *names.entry(*child).or_default() += 1;
                if seen.insert(*child) {
                    open.push(*child);
                }
            }
        }
        self.nodes.retain(|id, _| names.contains_key(id));
        for (id, node) in &mut self.nodes {
            let count = names.get(id).copied().unwrap_or(0);
            node.links = count;
            node.anchors = count;
            node.lookups = 0;
        }
    }

    fn record(&mut self, change: NameChange) {
        if let Some(node) = change.node().and_then(|id| self.nodes.get_mut(&id)) {
            node.anchors += 1;
        }
        self.journal.push(change);
    }

    /// One change reaches the disk. Doing it twice, or on a folder that has gone, is
    /// harmless.
    fn make_durable(&mut self, change: &NameChange) {
        match change {
            NameChange::Link(place, id) => self.set_durable(place, Some(*id)),
            NameChange::Unlink(place) => self.set_durable(place, None),
            NameChange::Rename { from, to, node } => {
                self.set_durable(to, Some(*node));
                self.set_durable(from, None);
            }
        }
        if let Some(id) = change.node() {
            self.release(id);
        }
    }

    fn set_durable(&mut self, place: &Place, id: Option<Id>) {
        let Some(Kind::Folder(folder)) =
            self.nodes.get_mut(&place.folder).map(|node| &mut node.kind)
        else {
            return;
        };
        let before = match id {
            Some(id) => folder.durable.insert(place.name.clone(), id),
            None => folder.durable.remove(&place.name),
        };
        if let Some(node) = id.and_then(|id| self.nodes.get_mut(&id)) {
            node.anchors += 1;
        }
        if let Some(before) = before {
            self.release(before);
        }
    }

    fn release(&mut self, id: Id) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.anchors = node.anchors.saturating_sub(1);
        }
        self.free(id);
    }

    /// Drops a node that has no name, no durable name, and nobody who has it open.
    fn free(&mut self, id: Id) {
        let unused = |node: &Node| node.links == 0 && node.anchors == 0 && node.lookups == 0;
        if !self.nodes.get(&id).is_some_and(unused) {
            return;
        }
        if let Some(Node {
            kind: Kind::Folder(folder),
            ..
        }) = self.nodes.remove(&id)
        {
            for child in folder.durable.into_values() {
                self.release(child);
            }
        }
    }

    fn touch(&mut self, id: Id) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.attributes.modified = SystemTime::now();
        }
    }

    fn check_empty(&self, id: Id) -> Answer<()> {
        match &self.node(id)?.kind {
            Kind::Folder(folder) if !folder.current.is_empty() => Err(Errno::ENOTEMPTY),
            Kind::Folder(_) | Kind::File(_) | Kind::Link(_) => Ok(()),
        }
    }

    pub(super) fn check_alive(&self) -> Answer<()> {
        if self.faults.gone_after_fsyncs == Some(0) {
            return Err(Errno::EIO);
        }
        Ok(())
    }
}

impl Node {
    fn new(kind: Kind, attributes: Attributes) -> Self {
        Self {
            attributes,
            durable_attributes: attributes,
            kind,
            links: 0,
            anchors: 0,
            lookups: 0,
        }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(bytes) => bytes.size(),
            Kind::Folder(folder) => folder.current.len() as u64,
            Kind::Link(target) => target.as_os_str().len() as u64,
        }
    }

    pub(super) fn file(&self) -> Answer<&FileBytes> {
        match &self.kind {
            Kind::File(bytes) => Ok(bytes),
            Kind::Folder(_) => Err(Errno::EISDIR),
            Kind::Link(_) => Err(Errno::EINVAL),
        }
    }

    fn file_mut(&mut self) -> Answer<&mut FileBytes> {
        match &mut self.kind {
            Kind::File(bytes) => Ok(bytes),
            Kind::Folder(_) => Err(Errno::EISDIR),
            Kind::Link(_) => Err(Errno::EINVAL),
        }
    }

    fn folder(&self) -> Answer<&Folder> {
        match &self.kind {
            Kind::Folder(folder) => Ok(folder),
            Kind::File(_) | Kind::Link(_) => Err(Errno::ENOTDIR),
        }
    }

    fn folder_mut(&mut self) -> Answer<&mut Folder> {
        match &mut self.kind {
            Kind::Folder(folder) => Ok(folder),
            Kind::File(_) | Kind::Link(_) => Err(Errno::ENOTDIR),
        }
    }
}

impl Kind {
    pub(super) fn file_type(&self) -> FileType {
        match self {
            Self::File(_) => FileType::RegularFile,
            Self::Folder(_) => FileType::Directory,
            Self::Link(_) => FileType::Symlink,
        }
    }
}
