//! Tar archives: ustar, PAX and GNU long names, as container runtimes read them (Go's archive/tar), and nothing else.
//!
//! The reader is our own because each difference to the runtimes would be a file that is judged and another that
//! runs, and because no length in a header is believed before it is compared with a cap. Sparse files, multi-volume
//! archives and unknown types are refused by name.

use crate::LayerError;
use crate::limits::{
    EXTENSION_BYTES_MAX, LAYER_BYTES_MAX, RATIO_FREE_BYTES, RATIO_MAX, XATTRS_BYTES_MAX,
};
use refloat_oci::{Algorithm, Digest, Hasher};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;

mod header;
mod records;

use header::Raw;
use records::Records;

const BLOCK: usize = 512;
const CHUNK_BYTES: usize = 128 * 1024;

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

/// Reads members in order; what it has read is hashed.
pub(crate) struct Archive<'a> {
    reader: Box<dyn Read + 'a>,
    taken: Rc<Cell<u64>>,
    hasher: Hasher,
    offset: u64,
    // Bytes of the present member that nobody has asked for yet, and the padding after it.
    content_left: u64,
    padding: usize,
}

impl<'a> Archive<'a> {
    pub fn new(reader: Box<dyn Read + 'a>, taken: Rc<Cell<u64>>) -> Self {
        Self {
            reader,
            taken,
            hasher: Hasher::new(Algorithm::Sha256),
            offset: 0,
            content_left: 0,
            padding: 0,
        }
    }

    fn error(&self, what: impl Into<String>) -> LayerError {
        LayerError::Archive {
            what: what.into(),
            offset: self.offset,
        }
    }

    /// Reads as many bytes as there are, up to the buffer's length.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LayerError::Read(error)),
            }
        }
        self.hasher.update(&buffer[..filled]);
        self.offset += filled as u64;
        if self.offset > LAYER_BYTES_MAX {
            return Err(LayerError::Limit {
                what: "bytes of the layer",
                limit: LAYER_BYTES_MAX,
            });
        }
        let allowed = self.taken.get().saturating_mul(RATIO_MAX);
        if self.offset > RATIO_FREE_BYTES && self.offset > allowed {
            return Err(LayerError::Limit {
                what: "uncompressed bytes per compressed byte",
                limit: RATIO_MAX,
            });
        }
        Ok(filled)
    }

    fn exactly(&mut self, buffer: &mut [u8]) -> Result<(), LayerError> {
        if self.fill(buffer)? == buffer.len() {
            Ok(())
        } else {
            Err(LayerError::Read(std::io::ErrorKind::UnexpectedEof.into()))
        }
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
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => return Ok(None),
            BLOCK => {}
            _ => return Err(LayerError::Read(std::io::ErrorKind::UnexpectedEof.into())),
        }
        if block.iter().all(|byte| *byte == 0) {
            let filled = self.fill(&mut block)?;
            if block[..filled].iter().any(|byte| *byte != 0) {
                return Err(self.error("a single block of zeros before a header"));
            }
            return Ok(None);
        }
        Raw::parse(&block)
            .map(Some)
            .map_err(|what| self.error(what))
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, LayerError> {
        if size > EXTENSION_BYTES_MAX {
            return Err(LayerError::Limit {
                what: "bytes of an extension header",
                limit: EXTENSION_BYTES_MAX,
            });
        }
        let length = usize::try_from(size).expect("the cap fits");
        let mut bytes = vec![0; length + padding(size)];
        self.exactly(&mut bytes)?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Hands what is left of the member's content to `sink`, in chunks.
    pub fn content(&mut self, mut sink: impl FnMut(&[u8])) -> Result<(), LayerError> {
        let mut chunk = vec![
            0;
            usize::try_from(self.content_left)
                .unwrap_or(CHUNK_BYTES)
                .min(CHUNK_BYTES)
        ];
        while self.content_left > 0 {
            let length = usize::try_from(self.content_left)
                .unwrap_or(CHUNK_BYTES)
                .min(CHUNK_BYTES);
            self.exactly(&mut chunk[..length])?;
            self.content_left -= length as u64;
            sink(&chunk[..length]);
        }
        let mut rest = [0; BLOCK];
        let padding = std::mem::take(&mut self.padding);
        self.exactly(&mut rest[..padding])
    }

    /// Reads what follows the archive and gives the digest and length of all bytes.
    pub fn finish(mut self) -> Result<(Digest, u64), LayerError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut is_over = false;
        while !is_over {
            is_over = self.fill(&mut chunk)? < chunk.len();
        }
        Ok((self.hasher.finish(), self.offset))
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
