//! Spans of time as people write them: `30s`, `15m`, `24h`, `7d`.

use serde::Deserialize;

/// A span of whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(i64);

impl Span {
    /// The span in seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no span of time; write a number and s, m, h or d, for example 24h");
        let split = text.len().checked_sub(1).filter(|at| text.is_char_boundary(*at)).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(split);
        let unit_seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return Err(wrong()),
        };
        let number: u32 = number.parse().map_err(|_| wrong())?;
        Ok(Self(i64::from(number) * unit_seconds))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
