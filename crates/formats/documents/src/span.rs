//! Spans of time as people write them: `30s`, `15m`, `24h`, `7d`.

/// A span of whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(i64);

impl Span {
    /// A span of so many seconds.
    pub fn of_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The span in seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let units = [("d", 24 * 3600), ("h", 3600), ("m", 60)];
        let whole = units
            .into_iter()
            .find(|(_, seconds)| self.0 >= *seconds && self.0 % seconds == 0);
        match whole {
            Some((unit, seconds)) => write!(formatter, "{}{unit}", self.0 / seconds),
            None => write!(formatter, "{}s", self.0),
        }
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let text: String = text.chars().take(80).collect();
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

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn reads_what_it_writes() {
        for text in ["30s", "15m", "24h", "7d", "90s", "0s"] {
            let span: Span = text.parse().expect("a span");
            let again: Span = span.to_string().parse().expect("its own text");
            assert_eq!(span, again, "{text}");
        }
        for text in ["", "15", "m", "1.5h", "-1s", "1w"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
