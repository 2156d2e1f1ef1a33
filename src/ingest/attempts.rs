//! Decides which rows of a run are one attempt, and numbers epochs and attempts.
//!
//! Works on a light index of the rows (hashes, no texts), so that a run of any size can be settled in memory.
//! The same rules hold for every tool: DESIGN's words "attempt", "epoch" and "latest".

use std::collections::HashMap;

use crate::import::Repeats;
use crate::model::{Key, execution_id};

/// What is remembered of a row until its run is settled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowMark {
    /// Its key as the source gave it.
    pub key: Key,
    /// What tells it from other attempts of its key.
    pub identity: u128,
    /// Whether it ended in an error.
    pub error: bool,
    /// The source's own number of the attempt; 0 when it has none.
    pub attempt: i64,
    /// How many of the telling columns (output, duration, cost, ...) it has.
    pub richness: u8,
    /// Where the row comes from.
    pub origin: Origin,
}

impl RowMark {
    fn execution(&self, key: Option<Key>) -> i64 {
        match self.origin {
            Origin::Earlier { execution, .. } => execution,
            Origin::Source(_) => execution_id(key.unwrap_or(self.key), self.identity),
        }
    }
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The source, at this row.
    Source(i64),
    /// An earlier ingest of the run, which counted so many copies of it.
    Earlier {
        /// Copies at that time.
        copies: i64,
        /// Its execution, which tells it from the source's rows.
        execution: i64,
    },
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Another row stands for the same attempt.
    Folded,
    /// It is kept.
    Kept(Place),
}

/// Where a kept row stands among the rows of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub epoch: i64,
    pub attempt: i64,
    pub latest: bool,
    pub copies: i64,
    pub in_source: bool,
    /// The first row of the source that stands for it; none when it holds none.
    pub source_row: Option<i64>,
    pub execution: i64,
}

/// The fates of all rows of a run, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Settled {
    pub fates: Vec<Fate>,
    /// Rows of the source that were folded into another.
    pub folded: i64,
    /// Source rows that break the rule that keys are unique.
    pub refused: Vec<i64>,
}

/// Settles a run. Rows of earlier ingests must come before the source's rows.
pub(crate) fn settle(rows: &[RowMark], repeats: Repeats) -> Settled {
    let (keys, refused) = number_epochs(rows, repeats);
    let executions: Vec<i64> = rows.iter().zip(&keys).map(|(row, key)| row.execution(*key)).collect();
    let mut fates = vec![Fate::Folded; rows.len()];
    let mut folded = 0;
    for members in by_key(&keys, rows) {
        let slots = attempts(&members, rows, &executions);
        let last = slots.len();
        for (number, slot) in slots.iter().enumerate() {
            folded += slot.from_source - i64::from(slot.from_source > 0);
            fates[slot.keeper] = Fate::Kept(Place {
                epoch: keys[slot.keeper].map_or(1, |key| key.epoch),
                attempt: number as i64 + 1,
                latest: number + 1 == last,
                copies: if slot.from_source > 0 { slot.from_source } else { slot.earlier_copies },
                in_source: slot.from_source > 0,
                source_row: slot.first_row,
                execution: executions[slot.keeper],
            });
        }
    }
    Settled { fates, folded, refused }
}

/// The key of every row once epochs are numbered; `None` for a row that is refused.
fn number_epochs(rows: &[RowMark], repeats: Repeats) -> (Vec<Option<Key>>, Vec<i64>) {
    let mut last: HashMap<Key, (i64, bool)> = HashMap::new();
    let mut refused = Vec::new();
    let keys = rows
        .iter()
        .map(|row| {
            let Origin::Source(source_row) = row.origin else {
                return Some(row.key);
            };
            let seen = last.get(&row.key).copied();
            let epoch = match (repeats, seen) {
                (Repeats::Attempts, _) | (_, None) => row.key.epoch,
                (Repeats::Refuse, Some(_)) => {
                    refused.push(source_row);
                    return None;
                }
                (Repeats::EpochsUnlessAfterError, Some((epoch, true))) => epoch,
                (Repeats::EpochsUnlessAfterError | Repeats::Epochs, Some((epoch, _))) => epoch + 1,
            };
            last.insert(row.key, (epoch, row.error));
            Some(Key { epoch, ..row.key })
        })
        .collect();
    (keys, refused)
}

/// Rows grouped by key, groups in order of their first row.
fn by_key(keys: &[Option<Key>], rows: &[RowMark]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut index: HashMap<Key, usize> = HashMap::with_capacity(rows.len());
    for (row, key) in keys.iter().enumerate() {
        let Some(key) = key else { continue };
        let group = *index.entry(*key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(row);
    }
    groups
}

/// One attempt and the rows that stand for it.
struct Slot {
    keeper: usize,
    from_source: i64,
    earlier_copies: i64,
    first_row: Option<i64>,
}

/// The attempts of one key in order: earlier ingests first, then the source's order (or its own numbers).
fn attempts(members: &[usize], rows: &[RowMark], executions: &[i64]) -> Vec<Slot> {
    let mut ordered = members.to_vec();
    // Stable: rows without a number keep the source's order, and earlier ingests stay first.
    ordered.sort_by_key(|row| match rows[*row].origin {
        Origin::Earlier { .. } => i64::MIN,
        Origin::Source(_) => rows[*row].attempt,
    });
    let mut slots: Vec<Slot> = Vec::new();
    let mut index: HashMap<i64, usize> = HashMap::new();
    for row in ordered {
        let slot = *index.entry(executions[row]).or_insert_with(|| {
            slots.push(Slot { keeper: row, from_source: 0, earlier_copies: 1, first_row: None });
            slots.len() - 1
        });
        take_into(&mut slots[slot], row, rows);
    }
    slots
}

/// The row with more to tell is kept; of equal ones the source's last, since tools rewrite rows in place.
fn take_into(slot: &mut Slot, row: usize, rows: &[RowMark]) {
    match rows[row].origin {
        Origin::Source(at) => {
            slot.from_source += 1;
            slot.first_row = Some(slot.first_row.map_or(at, |first| first.min(at)));
        }
        Origin::Earlier { copies, .. } => slot.earlier_copies = copies,
    }
    if rows[row].richness >= rows[slot.keeper].richness {
        slot.keeper = row;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(case: u128) -> Key {
        Key { base: case, epoch: 1 }
    }

    fn row(case: u128, identity: u128, error: bool, at: i64) -> RowMark {
        RowMark { key: key(case), identity, error, attempt: 0, richness: 0, origin: Origin::Source(at) }
    }

    fn places(settled: &Settled) -> Vec<Option<(i64, i64, bool, i64)>> {
        settled
            .fates
            .iter()
            .map(|fate| match fate {
                Fate::Folded => None,
                Fate::Kept(place) => Some((place.epoch, place.attempt, place.latest, place.copies)),
            })
            .collect()
    }

    #[test]
    fn a_retried_row_is_a_second_attempt_and_the_last_one_counts() {
        let settled =
            settle(&[row(1, 10, true, 1), row(2, 20, false, 2), row(1, 11, false, 3)], Repeats::Attempts);
        assert_eq!(places(&settled), [Some((1, 1, false, 1)), Some((1, 1, true, 1)), Some((1, 2, true, 1))]);
        assert_eq!(settled.folded, 0);
    }

    #[test]
    fn equal_rows_are_one_attempt_and_the_richer_one_is_kept() {
        let mut full = row(1, 10, false, 1);
        full.richness = 5;
        let settled = settle(&[full, row(1, 10, false, 2), row(1, 10, false, 3)], Repeats::Attempts);
        assert_eq!(places(&settled), [Some((1, 1, true, 3)), None, None]);
        assert_eq!(settled.folded, 2);
    }

    #[test]
    fn copies_stand_where_the_first_of_them_does() {
        let settled =
            settle(&[row(1, 10, false, 4), row(2, 20, false, 5), row(1, 10, false, 9)], Repeats::Attempts);
        let Fate::Kept(copied) = settled.fates[2] else { panic!("the last of equal rows is kept") };
        assert_eq!((copied.copies, copied.source_row), (2, Some(4)));
    }

    #[test]
    fn without_attempts_repeats_are_epochs_but_for_a_row_after_an_error() {
        let rows = [row(1, 1, false, 1), row(1, 1, true, 2), row(1, 3, false, 3), row(1, 4, false, 4)];
        let settled = settle(&rows, Repeats::EpochsUnlessAfterError);
        assert_eq!(
            places(&settled),
            [Some((1, 1, true, 1)), Some((2, 1, false, 1)), Some((2, 2, true, 1)), Some((3, 1, true, 1))]
        );
    }

    #[test]
    fn the_sources_own_attempt_numbers_give_the_order() {
        let mut second = row(1, 10, false, 1);
        second.attempt = 2;
        let mut first = row(1, 11, true, 2);
        first.attempt = 1;
        let settled = settle(&[second, first], Repeats::Attempts);
        assert_eq!(places(&settled), [Some((1, 2, true, 1)), Some((1, 1, false, 1))]);
    }

    #[test]
    fn an_attempt_that_the_source_lost_is_kept_before_what_is_there_now() {
        let mut earlier = row(1, 10, true, 0);
        earlier.origin = Origin::Earlier { copies: 1, execution: execution_id(key(1), 10) };
        let settled = settle(&[earlier, row(1, 11, false, 1), row(1, 11, false, 2)], Repeats::Attempts);
        let Fate::Kept(lost) = settled.fates[0] else { panic!("the earlier attempt is gone") };
        assert!(!lost.in_source && !lost.latest);
        assert_eq!(places(&settled)[2], Some((1, 2, true, 2)));
    }

    #[test]
    fn what_is_stored_already_is_not_taken_twice() {
        let mut earlier = row(1, 0, false, 0);
        earlier.origin = Origin::Earlier { copies: 1, execution: execution_id(key(1), 10) };
        let settled = settle(&[earlier, row(1, 10, false, 1)], Repeats::EpochsUnlessAfterError);
        assert_eq!(places(&settled), [None, Some((1, 1, true, 1))]);
        assert_eq!(settled.folded, 0);
    }

    #[test]
    fn a_refused_repeat_is_named_and_left_out() {
        let settled = settle(&[row(1, 10, false, 1), row(1, 11, false, 7)], Repeats::Refuse);
        assert_eq!(settled.refused, [7]);
        assert_eq!(places(&settled), [Some((1, 1, true, 1)), None]);
    }

    #[test]
    fn equal_epochs_are_not_one_execution() {
        let settled = settle(&[row(1, 10, false, 1), row(1, 10, false, 2)], Repeats::Epochs);
        let executions: Vec<i64> = settled
            .fates
            .iter()
            .filter_map(|fate| match fate {
                Fate::Kept(place) => Some(place.execution),
                Fate::Folded => None,
            })
            .collect();
        assert_eq!(executions.len(), 2);
        assert_ne!(executions[0], executions[1]);
    }
}
