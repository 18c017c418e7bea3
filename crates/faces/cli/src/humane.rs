//! Times and durations as people read and write them.

use jiff::{Timestamp, Unit};

/// `3 hours ago`, `in 2 days`; the text itself if it is no instant.
pub(crate) fn ago(text: &str, now: Timestamp) -> String {
    let Ok(instant) = text.parse::<Timestamp>() else {
        return text.to_owned();
    };
    let seconds = now
        .since(instant)
        .and_then(|span| span.total(Unit::Second))
        .unwrap_or(0.0);
    let (words, past) = (span(seconds.abs()), seconds >= 0.0);
    match words.as_str() {
        "now" => words,
        _ if past => format!("{words} ago"),
        _ => format!("in {words}"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "spans are whole seconds of a few centuries"
)]
fn span(seconds: f64) -> String {
    let seconds = seconds as u64;
    let (count, unit) = match seconds {
        0..=4 => return "now".to_owned(),
        5..=119 => (seconds, "second"),
        120..=7_199 => (seconds / 60, "minute"),
        7_200..=172_799 => (seconds / 3600, "hour"),
        172_800..=5_183_999 => (seconds / 86_400, "day"),
        _ => (seconds / 2_592_000, "month"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `12.3 MiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// `30d`, `12h`, `45m`, `90s`, `2w` in seconds.
///
/// # Errors
/// A sentence, for clap.
pub(crate) fn duration_seconds(text: &str) -> Result<i64, String> {
    let wrong = || {
        format!("`{text}` is not a duration; write a number and s, m, h, d or w, for example 30d")
    };
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let count: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let all = count
        .checked_mul(seconds)
        .filter(|all| *all > 0 && *all <= 100 * 365 * 86_400);
    all.ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_do() {
        let now: Timestamp = "2026-01-10T12:00:00Z".parse().expect("an instant");
        for (at, text) in [
            ("2026-01-10T11:59:58Z", "now"),
            ("2026-01-10T11:59:00Z", "60 seconds ago"),
            ("2026-01-10T10:00:00Z", "2 hours ago"),
            ("2026-01-01T12:00:00Z", "9 days ago"),
            ("2026-02-09T12:00:00Z", "in 30 days"),
            ("whenever", "whenever"),
        ] {
            assert_eq!(ago(at, now), text);
        }
    }

    #[test]
    fn sizes_have_three_digits() {
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(12_900_000), "12.3 MiB");
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration_seconds("30d"), Ok(2_592_000));
        assert_eq!(duration_seconds("90s"), Ok(90));
        for bad in ["", "d", "30", "-1d", "0s", "30y", "9999999999999w", "3é"] {
            assert!(duration_seconds(bad).is_err(), "{bad}");
        }
    }
}
