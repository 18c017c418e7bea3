//! Numbers, texts and paths as bytes.

/// Writes them.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    last_path: String,
}

impl Writer {
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes
                .push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
            value >>= 7;
        }
        self.bytes.push(u8::try_from(value).unwrap_or_default());
    }

    pub fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.raw(bytes);
    }

    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub fn optional(&mut self, text: Option<&str>) {
        match text {
            None => self.byte(0),
            Some(text) => {
                self.byte(1);
                self.text(text);
            }
        }
    }

    /// A path, as what differs from the one before.
    pub fn path(&mut self, path: &str) {
        let shared = path
            .char_indices()
            .zip(self.last_path.chars())
            .find(|((_, ours), theirs)| ours != theirs)
            .map_or_else(|| path.len().min(self.last_path.len()), |((at, _), _)| at);
        self.length(shared);
        self.text(&path[shared..]);
        self.last_path.truncate(shared);
        self.last_path.push_str(&path[shared..]);
    }

    pub fn reset_path(&mut self) {
        self.last_path.clear();
    }

    pub fn written(&self) -> &[u8] {
        &self.bytes
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads them; `None` at the first byte that does not fit.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    last_path: String,
}

impl<'a> Reader<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            last_path: String::new(),
        }
    }

    pub fn raw(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.raw(1).map(|bytes| bytes[0])
    }

    pub fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.raw(length)
    }

    pub fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.bytes()?).ok().map(str::to_owned)
    }

    // None: damaged. Some(None): not there.
    #[expect(clippy::option_option, reason = "damage and absence are two things")]
    pub fn optional(&mut self) -> Option<Option<String>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.text().map(Some),
            _ => None,
        }
    }

    pub fn path(&mut self) -> Option<String> {
        let shared = usize::try_from(self.number()?).ok()?;
        let own = std::str::from_utf8(self.bytes()?).ok()?;
        let beginning = self.last_path.get(..shared)?;
        let path = format!("{beginning}{own}");
        self.last_path.clone_from(&path);
        Some(path)
    }

    pub fn reset_path(&mut self) {
        self.last_path.clear();
    }

    /// A list with its length in front. No length is believed: each element takes at least a byte.
    pub fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = usize::try_from(self.number()?).ok()?;
        if length > self.rest.len() {
            return None;
        }
        let mut list = Vec::with_capacity(length.min(4096));
        for _ in 0..length {
            list.push(read(self)?);
        }
        Some(list)
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
