//! One mount of the disk: FUSE's requests in, answers out.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::content::FileBytes;
use super::disk::{Answer, Attributes, Disk, Folder, Kind, ROOT};
use super::names::{Id, Place};

/// Nobody changes the disk but through the mount: the kernel may remember for long.
const REMEMBER: Duration = Duration::from_hours(1);

/// The size of the disk that statfs tells, in blocks of 4 KiB: 64 GiB.
const BLOCKS: u64 = 16 << 20;

/// fallocate with this flag does not change the size (Linux, `FALLOC_FL_KEEP_SIZE`).
const KEEP_SIZE: i32 = 1;

/// What the kernel talks to.
pub(super) struct Mounted {
    disk: Arc<Mutex<Disk>>,
    life: u64,
    /// Listings are as of the moment the folder was opened.
    listings: Mutex<Listings>,
}

#[derive(Default)]
struct Listings {
    next: u64,
    open: BTreeMap<u64, Vec<(Id, FileType, OsString)>>,
}

impl Mounted {
    pub(super) fn new(disk: Arc<Mutex<Disk>>) -> Self {
        let life = lock(&disk).life();
        Self {
            disk,
            life,
            listings: Mutex::default(),
        }
    }

    /// The disk, unless the power was cut since this mount was made.
    fn disk(&self) -> Answer<MutexGuard<'_, Disk>> {
        let disk = lock(&self.disk);
        if disk.life() == self.life {
            Ok(disk)
        } else {
            Err(Errno::EIO)
        }
    }

    fn attributes(&self, id: Id) -> Answer<FileAttr> {
        file_attr(&*self.disk()?, id)
    }

    /// Makes a node and answers with its attributes, counted as known to the kernel.
    fn make(&self, request: &Request, place: Place, kind: Kind, mode: u32) -> Answer<FileAttr> {
        let attributes = Attributes {
            mode: u16::try_from(mode & 0o7777).unwrap_or(0),
            user: request.uid(),
            group: request.gid(),
            modified: SystemTime::now(),
        };
        let mut disk = self.disk()?;
        let id = disk.create(place, kind, attributes)?;
        disk.looked_up(id);
        file_attr(&disk, id)
    }

    fn look_up(&self, parent: Id, name: &OsStr) -> Answer<FileAttr> {
        let mut disk = self.disk()?;
        let id = disk.find(parent, name)?;
        disk.looked_up(id);
        file_attr(&disk, id)
    }

    fn sync(&self, id: Id) -> Answer<()> {
        let delay = self.disk()?.fsync_delay();
        if !delay.is_zero() {
            // A slow disk; the only sleep here that is meant as one.
            std::thread::sleep(delay);
        }
        self.disk()?.sync(id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn file_attr(disk: &Disk, id: Id) -> Answer<FileAttr> {
    let node = disk.node(id)?;
    let attributes = node.attributes;
    let size = node.size();
    Ok(FileAttr {
        ino: INodeNo(id),
        size,
        blocks: size.div_ceil(512),
        atime: attributes.modified,
        mtime: attributes.modified,
        ctime: attributes.modified,
        crtime: attributes.modified,
        kind: node.kind.file_type(),
        perm: attributes.mode,
        nlink: node.links,
        uid: attributes.user,
        gid: attributes.group,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn place(folder: INodeNo, name: &OsStr) -> Place {
    Place {
        folder: folder.0,
        name: name.to_owned(),
    }
}

fn reply_entry(answer: Answer<FileAttr>, reply: ReplyEntry) {
    match answer {
        Ok(attributes) => reply.entry(&REMEMBER, &attributes, Generation(0)),
        Err(error) => reply.error(error),
    }
}

fn reply_empty(answer: Answer<()>, reply: ReplyEmpty) {
    match answer {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

fn time_of(time: TimeOrNow) -> SystemTime {
    match time {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => SystemTime::now(),
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        reply_entry(self.look_up(parent.0, name), reply);
    }

    fn forget(&self, _: &Request, ino: INodeNo, nlookup: u64) {
        if let Ok(mut disk) = self.disk() {
            disk.forget(ino.0, nlookup);
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(ino.0) {
            Ok(attributes) => reply.attr(&REMEMBER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let change = || -> Answer<FileAttr> {
            let mut disk = self.disk()?;
            if let Some(size) = size {
                disk.resize(ino.0, size)?;
            }
            let attributes = &mut disk.node_mut(ino.0)?.attributes;
            attributes.mode = mode.map_or(attributes.mode, |mode| {
                u16::try_from(mode & 0o7777).unwrap_or(attributes.mode)
            });
            attributes.user = uid.unwrap_or(attributes.user);
            attributes.group = gid.unwrap_or(attributes.group);
            attributes.modified = mtime.map_or(attributes.modified, time_of);
            file_attr(&disk, ino.0)
        };
        match change() {
            Ok(attributes) => reply.attr(&REMEMBER, &attributes),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let target = self.disk().and_then(|disk| match &disk.node(ino.0)?.kind {
            Kind::Link(target) => Ok(target.clone()),
            Kind::File(_) | Kind::Folder(_) => Err(Errno::EINVAL),
        });
        match target {
            Ok(target) => reply.data(target.as_os_str().as_encoded_bytes()),
            Err(error) => reply.error(error),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        let file = Kind::File(FileBytes::default());
        let answer = self.make(request, place(parent, name), file, mode & !umask);
        reply_entry(answer, reply);
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let folder = Kind::Folder(Folder::default());
        let answer = self.make(request, place(parent, name), folder, mode & !umask);
        reply_entry(answer, reply);
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        link_name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let link = Kind::Link(target.to_owned());
        reply_entry(
            self.make(request, place(parent, link_name), link, 0o777),
            reply,
        );
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let file = Kind::File(FileBytes::default());
        match self.make(request, place(parent, name), file, mode & !umask) {
            Ok(attributes) => reply.created(
                &REMEMBER,
                &attributes,
                Generation(0),
                FileHandle(0),
                FopenFlags::FOPEN_KEEP_CACHE,
            ),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self
            .disk()
            .and_then(|mut disk| disk.remove(place(parent, name)));
        reply_empty(removed, reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self
            .disk()
            .and_then(|mut disk| disk.remove(place(parent, name)));
        reply_empty(removed, reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let rename = || -> Answer<()> {
            let mut disk = self.disk()?;
            if flags.intersects(!RenameFlags::RENAME_NOREPLACE) {
                return Err(Errno::EINVAL);
            }
            if flags.contains(RenameFlags::RENAME_NOREPLACE)
                && disk.find(newparent.0, newname).is_ok()
            {
                return Err(Errno::EEXIST);
            }
            disk.rename(place(parent, name), place(newparent, newname))
        };
        reply_empty(rename(), reply);
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        let linked = self.disk().and_then(|mut disk| {
            disk.link(ino.0, place(newparent, newname))?;
            disk.looked_up(ino.0);
            file_attr(&disk, ino.0)
        });
        reply_entry(linked, reply);
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.attributes(ino.0) {
            // The page cache is right: all changes went through it.
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = self
            .disk()
            .and_then(|disk| Ok(disk.node(ino.0)?.file()?.read(offset, size as usize)));
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self
            .disk()
            .and_then(|mut disk| disk.write(ino.0, offset, data));
        match written {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply_empty(self.disk().map(drop), reply);
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        reply_empty(self.sync(ino.0), reply);
    }

    fn fsyncdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        reply_empty(self.sync(ino.0), reply);
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let allocate = || -> Answer<()> {
            let mut disk = self.disk()?;
            let size = disk.node(ino.0)?.file()?.size();
            match mode {
                0 if offset + length > size => disk.resize(ino.0, offset + length),
                0 | KEEP_SIZE => Ok(()),
                _ => Err(Errno::EOPNOTSUPP),
            }
        };
        reply_empty(allocate(), reply);
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let listing = self.disk().and_then(|disk| disk.list(ino.0));
        match listing {
            Ok(listing) => {
                let mut listings = lock(&self.listings);
                listings.next += 1;
                let handle = listings.next;
                listings.open.insert(handle, listing);
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listings = lock(&self.listings);
        let Some(listing) = listings.open.get(&fh.0) else {
            return reply.error(Errno::EBADF);
        };
        // Nothing asks for the number of a parent folder: the root's stands in for it.
        let dots = [
            (ino.0, FileType::Directory, "."),
            (ROOT, FileType::Directory, ".."),
        ];
        let dots = dots.map(|(id, kind, name)| (id, kind, OsString::from(name)));
        let entries = dots.iter().chain(listing).zip(1..);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        for ((id, kind, name), next) in entries.skip(from) {
            if reply.add(INodeNo(*id), next, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, fh: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        lock(&self.listings).open.remove(&fh.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(BLOCKS, BLOCKS, BLOCKS, BLOCKS, BLOCKS, 4096, 255, 4096);
    }
}
