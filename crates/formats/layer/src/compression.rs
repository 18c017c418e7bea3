//! Plain, gzip and zstd layers, told apart by their first bytes as container runtimes do; the media type only says
//! whether the layer may be read at all.

use crate::LayerError;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// How a layer's bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// Gzip, any number of members.
    Gzip,
    /// Zstandard, any number of frames.
    Zstd,
}

/// How many bytes are read from the source at once.
const CHUNK_BYTES: usize = 128 * 1024;

/// Media types of layers that hold files (image-spec, media-types.md; Docker image manifest schema 2).
const LAYER_TYPES: [&str; 8] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/x-tar",
    "application/octet-stream",
];

/// True for layers that can be indexed. Encrypted and foreign (non-distributable) ones cannot.
pub fn is_readable(media_type: &str) -> bool {
    media_type.is_empty() || LAYER_TYPES.contains(&media_type)
}

/// A reader of the uncompressed bytes, and a counter of the compressed ones.
pub(crate) struct Opened<'a> {
    pub compression: Compression,
    pub reader: Box<dyn Read + 'a>,
    pub taken: Rc<Cell<u64>>,
}

pub(crate) fn open<'a>(source: impl Read + 'a, media_type: &str) -> Result<Opened<'a>, LayerError> {
    if !is_readable(media_type) {
        return Err(LayerError::MediaType(media_type.to_owned()));
    }
    let taken = Rc::new(Cell::new(0));
    let mut source = Counted {
        source,
        taken: Rc::clone(&taken),
    };
    let mut head = Vec::new();
    source
        .by_ref()
        .take(4)
        .read_to_end(&mut head)
        .map_err(LayerError::Read)?;
    let compression = match head.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        _ => Compression::Plain,
    };
    let whole = BufReader::with_capacity(CHUNK_BYTES, io::Cursor::new(head).chain(source));
    let reader: Box<dyn Read + 'a> = match compression {
        Compression::Plain => Box::new(whole),
        Compression::Gzip => Box::new(MultiGzDecoder::new(whole)),
        Compression::Zstd => Box::new(Frames::new(whole)),
    };
    Ok(Opened {
        compression,
        reader,
        taken,
    })
}

struct Counted<R> {
    source: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.taken.set(self.taken.get() + read as u64);
        Ok(read)
    }
}

/// All frames of a zstd stream, one after the other; skippable ones (tables of contents) are skipped (RFC 8878, 3.1.2).
struct Frames<R> {
    source: R,
    decoder: FrameDecoder,
    is_inside: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(source: R) -> Self {
        Self {
            source,
            decoder: FrameDecoder::new(),
            is_inside: false,
        }
    }

    /// Begins the next frame; `false` at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.is_inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped =
                        io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
                    if skipped != length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(damaged(error)),
            }
        }
        Ok(false)
    }
}

fn damaged(error: FrameDecoderError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.is_inside {
                if self.decoder.can_collect() > 0 {
                    return self.decoder.read(buffer);
                }
                if self.decoder.is_finished() {
                    self.is_inside = false;
                } else {
                    self.decoder
                        .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                        .map_err(damaged)?;
                }
            } else if !self.begin()? {
                return Ok(0);
            }
        }
    }
}
