//! Spans of time and moments, as they are typed: `30m`, `7d`; `12`, `2026-05-06T08:00`, `3d`.

use std::time::Duration;

use crate::model::Timestamp;
use crate::store::AsOf;

/// Letters of the units and their seconds.
const UNITS: [(&str, u64); 5] = [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600), ("w", 7 * 24 * 3600)];

/// A span of time: a number and a unit.
///
/// # Errors
/// When it is none.
pub fn span(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a number and s, m, h, d or w, such as 30m, 12h or 7d; found {text}");
    let text = text.trim();
    let at = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(expected)?;
    let (number, unit) = text.split_at(at);
    let seconds = UNITS.iter().find(|(letter, _)| *letter == unit).ok_or_else(expected)?.1;
    let number: u64 = number.parse().map_err(|_| expected())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}

/// A span of time in the words that it is typed in: the largest unit that it is whole in.
pub fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let whole = UNITS.iter().take(4).rev().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{seconds}s"), |(letter, unit)| format!("{}{letter}", seconds / unit))
}

/// A moment so long before another.
pub fn before(now: Timestamp, span: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

/// The state of a store that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    /// A version, or the newest one at a time.
    At(AsOf),
    /// The newest one so long ago.
    Ago(Duration),
}

impl Past {
    /// Which version is meant now.
    pub fn at(self, now: Timestamp) -> AsOf {
        match self {
            Self::At(as_of) => as_of,
            Self::Ago(span) => AsOf::Time(before(now, span)),
        }
    }

    /// The word that says it again.
    pub fn in_words(self) -> String {
        match self {
            Self::At(AsOf::Version(version)) => version.to_string(),
            Self::At(AsOf::Time(time)) => time.to_rfc3339(),
            Self::Ago(span) => in_words(span),
        }
    }
}

/// A version, a time, or a span of time ago.
///
/// # Errors
/// When it is none of them.
pub fn past(text: &str) -> Result<Past, String> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text
            .parse()
            .map(|version| Past::At(AsOf::Version(version)))
            .map_err(|error| error.to_string());
    }
    if let Ok(span) = span(text.strip_suffix(" ago").unwrap_or(text)) {
        return Ok(Past::Ago(span));
    }
    // To the minute is enough for a person.
    let time = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}:00")));
    time.map(|time| Past::At(AsOf::Time(time))).ok_or_else(|| {
        format!("expected a version (12), a time in UTC (2026-05-06, 2026-05-06T08:00) or a span ago (3d); found {text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_a_number_and_a_unit() {
        assert_eq!(span("30m"), Ok(Duration::from_secs(1800)));
        assert_eq!(span(" 7d "), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "7", "d", "7 days", "-1h", "1.5h", "99999999999999999999d", "9999999999999999d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            ["90s", "60m", "36h", "7d", "0d"].map(|text| in_words(span(text).unwrap())),
            ["90s", "1h", "36h", "7d", "0s"]
        );
    }

    #[test]
    fn a_state_is_a_version_a_time_or_a_span_ago() {
        let time = |micros| Ok(Past::At(AsOf::Time(Timestamp(micros))));
        assert_eq!(past("12"), Ok(Past::At(AsOf::Version(12))));
        assert_eq!(past("2026-05-06"), time(1_778_025_600_000_000));
        assert_eq!(past("2026-05-06T08:00"), time(1_778_054_400_000_000));
        assert_eq!(past("2026-05-06T10:00:00.5+02:00"), time(1_778_054_400_500_000));
        assert_eq!(past("3d"), Ok(Past::Ago(Duration::from_secs(3 * 86_400))));
        assert!(past("yesterday").is_err() && past("").is_err());
    }
}
