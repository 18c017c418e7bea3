//! Spans of time as people write them: `30s`, `15m`, `24h`, `7d`.

/// A span of whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(i64);

impl Span {
    /// The span in seconds.
    pub(crate) fn seconds(self) -> i64 {
        self.0
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is no span of time; write a number and s, m, h or d, for example 24h")
        };
        let (number, unit_seconds) = [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600)]
            .into_iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
            .ok_or_else(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong())?;
        Ok(Self(i64::from(number) * unit_seconds))
    }
}
