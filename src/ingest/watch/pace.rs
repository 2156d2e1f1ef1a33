//! How often work may be repeated, so that it stays a small share of the time.

use crate::model::Timestamp;

/// Work is repeated at the earliest after this many times as long as it took.
const REST: i64 = 10;

/// When something was done last, and how long that took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    last: Option<(Timestamp, i64)>,
}

impl Pace {
    /// Notes work that ended at a time and took so many microseconds.
    pub fn worked(&mut self, ended: Timestamp, took: i64) {
        self.last = Some((ended, took.max(0)));
    }

    /// Whether it may be done again, while so many things want to be done: together they keep to the share.
    pub fn is_due(&self, now: Timestamp, wanting: usize) -> bool {
        let Some((ended, took)) = self.last else { return true };
        let wanting = i64::try_from(wanting.max(1)).unwrap_or(i64::MAX);
        let rest = took.saturating_mul(REST).saturating_mul(wanting);
        // A clock that was set back must not stop the work.
        now < ended || now.0.saturating_sub(ended.0) >= rest
    }

    /// Whether so many microseconds have passed since.
    pub fn is_older(&self, now: Timestamp, micros: i64) -> bool {
        self.last.is_some_and(|(ended, _)| now < ended || now.0.saturating_sub(ended.0) >= micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_rests_ten_times_as_long_as_it_took_for_each_that_wants_to() {
        let mut pace = Pace::default();
        assert!(pace.is_due(Timestamp(0), 1));
        pace.worked(Timestamp(1_000), 7);
        for (now, wanting, due) in
            [(1_069, 1, false), (1_070, 1, true), (1_139, 2, false), (1_140, 2, true), (999, 1, true)]
        {
            assert_eq!(pace.is_due(Timestamp(now), wanting), due, "{now} {wanting}");
        }
        assert!(!pace.is_older(Timestamp(1_059), 60) && pace.is_older(Timestamp(1_060), 60));
    }
}
