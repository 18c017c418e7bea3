//! Tar archives: ustar, PAX and GNU long names, as container runtimes read them (Go's archive/tar), and nothing else.
//!
//! The reader is our own because each difference to the runtimes would be a file that is judged and another that
//! runs, and because no length in a header is believed before it is compared with a cap. Sparse files, multi-volume
//! archives and unknown types are refused by name.

use crate::LayerError;
use crate::limits::{
    EXTENSION_BYTES_MAX, LAYER_BYTES_MAX, RATIO_FREE_BYTES, RATIO_MAX, XATTRS_BYTES_MAX,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;

mod header;
mod records;

use header::Raw;
use records::Records;

const BLOCK: usize = 512;
/// What is read at once. It stays near the processor while it is hashed twice and searched; a multiple of [`BLOCK`].
const WINDOW_BYTES: usize = 256 * 1024;

/// One member, ready to be indexed.
pub(crate) struct Member {
    pub path: Vec<u8>,
    pub link: Vec<u8>,
    pub what: What,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub size: u64,
    pub device: (u32, u32),
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    File,
    Hardlink,
    Symlink,
    Character,
    Block,
    Directory,
    Fifo,
}

/// Reads members in order, and hands what it has read to whoever hashes it.
pub(crate) struct Archive<'a> {
    reader: Box<dyn Read + 'a>,
    taken: Rc<Cell<u64>>,
    // Takes the DiffID.
    hashing: &'a mut dyn FnMut(&[u8]),
    // What was read and not looked at yet is `window[at..end]`. It is filled to its end or to the archive's, so that a
    // header never lies across two of them.
    window: Box<[u8]>,
    at: usize,
    end: usize,
    // Bytes read, the window's rest among them.
    read: u64,
    // Bytes of the present member that nobody has asked for yet, and the padding after it.
    content_left: u64,
    padding: usize,
}

impl<'a> Archive<'a> {
    /// What is read is handed to `hashing` in order, whole windows at once.
    pub fn new(
        reader: Box<dyn Read + 'a>,
        taken: Rc<Cell<u64>>,
        hashing: &'a mut dyn FnMut(&[u8]),
    ) -> Self {
        Self {
            reader,
            taken,
            hashing,
            window: vec![0; WINDOW_BYTES].into_boxed_slice(),
            at: 0,
            end: 0,
            read: 0,
            content_left: 0,
            padding: 0,
        }
    }

    fn error(&self, what: impl Into<String>) -> LayerError {
        LayerError::Archive {
            what: what.into(),
            offset: self.read - (self.end - self.at) as u64,
        }
    }

    /// Reads the next window; `false` at the end of the archive. What was left of the present one is lost.
    fn refill(&mut self) -> Result<bool, LayerError> {
        (self.at, self.end) = (0, 0);
        while self.end < self.window.len() {
            match self.reader.read(&mut self.window[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LayerError::Read(error)),
            }
        }
        (self.hashing)(&self.window[..self.end]);
        self.read += self.end as u64;
        if self.read > LAYER_BYTES_MAX {
            return Err(LayerError::Limit {
                what: "bytes of the layer",
                limit: LAYER_BYTES_MAX,
            });
        }
        let allowed = self.taken.get().saturating_mul(RATIO_MAX);
        if self.read > RATIO_FREE_BYTES && self.read > allowed {
            return Err(LayerError::Limit {
                what: "uncompressed bytes per compressed byte",
                limit: RATIO_MAX,
            });
        }
        Ok(self.end > 0)
    }

    /// Hands the next `length` bytes to `sink`, window by window.
    fn pass(&mut self, mut length: u64, mut sink: impl FnMut(&[u8])) -> Result<(), LayerError> {
        while length > 0 {
            if self.at == self.end && !self.refill()? {
                return Err(LayerError::Read(std::io::ErrorKind::UnexpectedEof.into()));
            }
            let there = &self.window[self.at..self.end];
            let taken = usize::try_from(length).map_or(there.len(), |left| left.min(there.len()));
            sink(&there[..taken]);
            self.at += taken;
            length -= taken as u64;
        }
        Ok(())
    }

    /// The next member; none at the end of the archive.
    pub fn next(&mut self) -> Result<Option<Member>, LayerError> {
        self.content(|_| {})?;
        let mut records = Records::default();
        let mut long_name = None;
        let mut long_link = None;
        loop {
            let Some(raw) = self.header()? else {
                return Ok(None);
            };
            match raw.kind {
                b'x' => {
                    let bytes = self.extension(raw.size)?;
                    records = Records::parse(&bytes).map_err(|what| self.error(what))?;
                }
                b'g' => {
                    let bytes = self.extension(raw.size)?;
                    let global = Records::parse(&bytes).map_err(|what| self.error(what))?;
                    // Runtimes ignore them; a path in one would be read in two ways.
                    if global.is_about_members() {
                        return Err(self.error("global headers that rename or resize members"));
                    }
                }
                b'L' => long_name = Some(until_nul(self.extension(raw.size)?)),
                b'K' => long_link = Some(until_nul(self.extension(raw.size)?)),
                _ => return self.member(raw, records, long_name, long_link).map(Some),
            }
        }
    }

    fn member(
        &mut self,
        raw: Raw,
        records: Records,
        long_name: Option<Vec<u8>>,
        long_link: Option<Vec<u8>>,
    ) -> Result<Member, LayerError> {
        if records.is_sparse {
            return Err(self.error("a sparse file"));
        }
        let attributes: usize = records
            .xattrs
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        if attributes > XATTRS_BYTES_MAX {
            return Err(LayerError::Limit {
                what: "bytes of extended attributes",
                limit: XATTRS_BYTES_MAX as u64,
            });
        }
        let path = long_name.or(records.path).unwrap_or(raw.path);
        let ends_in_slash = path.ends_with(b"/");
        let what = match raw.kind {
            0 if ends_in_slash => What::Directory,
            b'0' if ends_in_slash => return Err(self.error("a file whose name ends in a slash")),
            0 | b'0' => What::File,
            b'1' => What::Hardlink,
            b'2' => What::Symlink,
            b'3' => What::Character,
            b'4' => What::Block,
            b'5' => What::Directory,
            b'6' => What::Fifo,
            other => {
                let what = format!("a member of type `{}`", char::from(other).escape_default());
                return Err(self.error(what));
            }
        };
        let size = match what {
            What::File => records.size.unwrap_or(raw.size),
            // Nothing follows these, whatever the header says.
            _ => 0,
        };
        self.content_left = size;
        self.padding = padding(size);
        Ok(Member {
            path,
            link: long_link.or(records.link).unwrap_or(raw.link),
            what,
            mode: raw.mode & 0o7777,
            uid: records.uid.unwrap_or(raw.uid),
            gid: records.gid.unwrap_or(raw.gid),
            size,
            device: raw.device,
            xattrs: records.xattrs,
        })
    }

    /// The next header that is not zero; none at the end.
    fn header(&mut self) -> Result<Option<Raw>, LayerError> {
        let Some(block) = self.block()? else {
            return Ok(None);
        };
        if block.iter().all(|byte| *byte == 0) {
            if self.at == self.end && !self.refill()? {
                return Ok(None);
            }
            let second = self.window[self.at..self.end].iter().take(BLOCK);
            if second.clone().any(|byte| *byte != 0) {
                return Err(self.error("a single block of zeros before a header"));
            }
            self.at += second.len();
            return Ok(None);
        }
        Raw::parse(&block)
            .map(Some)
            .map_err(|what| self.error(what))
    }

    /// The next block; none at the end of the archive.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, LayerError> {
        if self.at == self.end && !self.refill()? {
            return Ok(None);
        }
        let block = self.window[self.at..self.end].first_chunk().copied();
        let block =
            block.ok_or_else(|| LayerError::Read(std::io::ErrorKind::UnexpectedEof.into()))?;
        self.at += BLOCK;
        Ok(Some(block))
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, LayerError> {
        if size > EXTENSION_BYTES_MAX {
            return Err(LayerError::Limit {
                what: "bytes of an extension header",
                limit: EXTENSION_BYTES_MAX,
            });
        }
        let mut bytes = Vec::new();
        self.pass(size, |chunk| bytes.extend_from_slice(chunk))?;
        self.pass(padding(size) as u64, |_| {})?;
        Ok(bytes)
    }

    /// The member's content at once, if all of it is at hand. It is taken then.
    pub fn whole(&mut self) -> Result<Option<&[u8]>, LayerError> {
        if self.at == self.end && self.content_left > 0 {
            self.refill()?;
        }
        let there = &self.window[self.at..self.end];
        let length = usize::try_from(self.content_left).unwrap_or(usize::MAX);
        let Some(content) = there.get(..length) else {
            return Ok(None);
        };
        self.at += length;
        self.content_left = 0;
        Ok(Some(content))
    }

    /// Hands what is left of the member's content to `sink`, in chunks, and passes over the padding.
    pub fn content(&mut self, sink: impl FnMut(&[u8])) -> Result<(), LayerError> {
        let left = std::mem::take(&mut self.content_left);
        self.pass(left, sink)?;
        let padding = std::mem::take(&mut self.padding);
        self.pass(padding as u64, |_| {})
    }

    /// Reads what follows the archive and gives the length of all bytes.
    pub fn finish(mut self) -> Result<u64, LayerError> {
        while self.refill()? {}
        Ok(self.read)
    }
}

fn padding(size: u64) -> usize {
    usize::try_from(size % BLOCK as u64).map_or(0, |over| (BLOCK - over) % BLOCK)
}

fn until_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    bytes
}
