//! The small table of metrics, replaced as a whole: of a name at most two rows, one that a source gave and one that a
//! person gave.

use std::collections::BTreeMap;

use deltalake_core::kernel::Transaction;
use deltalake_core::{DeltaResult, DeltaTable};

use super::commit::{Change, TRIES, added, commit, retry_or};
use super::error::StoreError;
use super::files::files_of;
use super::location::Location;
use super::schema::load_for_writing;
use super::writer::write_files;
use crate::model::{MetricRow, Row};

/// What a publication says of a metric.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Described {
    /// By a source or a person.
    As(MetricRow),
    /// What a person said of it is taken back.
    Forgotten(String),
}

/// Stores descriptions of metrics.
///
/// Returns what failed without undoing anything.
pub(super) async fn describe(
    location: &Location,
    described: &[Described],
) -> Result<Option<String>, StoreError> {
    if described.is_empty() {
        return Ok(None);
    }
    for _ in 0..TRIES {
        let mut table = load_for_writing(location, MetricRow::TABLE).await?;
        let stored = location.rows::<MetricRow>(&table, None).await?;
        let merged = merge(&stored, described);
        if same_rows(&merged, &stored) {
            return Ok(None);
        }
        match replace(location, &mut table, &merged).await {
            Ok(complaint) => return Ok(complaint),
            Err(error) => retry_or(error).map_err(|error| location.error(MetricRow::TABLE, error))?,
        }
    }
    Err(StoreError::Busy { path: location.label(), table: MetricRow::TABLE, tries: TRIES })
}

/// A source's description takes the place of a source's, a person's is laid over the person's; both stay.
fn merge(stored: &[MetricRow], described: &[Described]) -> Vec<MetricRow> {
    let place = |row: &MetricRow| (row.metric.clone(), row.is_a_persons());
    let mut rows: BTreeMap<(String, bool), MetricRow> =
        stored.iter().map(|row| (place(row), row.clone())).collect();
    for described in described {
        match described {
            Described::Forgotten(metric) => {
                rows.remove(&(metric.clone(), true));
            }
            Described::As(row) => {
                let before = rows.remove(&place(row)).filter(|_| row.is_a_persons());
                let row = before.map_or_else(|| row.clone(), |before| row.clone().over(before));
                rows.insert(place(&row), row);
            }
        }
    }
    rows.into_values().collect()
}

fn same_rows(merged: &[MetricRow], stored: &[MetricRow]) -> bool {
    merged.len() == stored.len() && merged.iter().all(|row| stored.contains(row))
}

async fn replace(
    location: &Location,
    table: &mut DeltaTable,
    rows: &[MetricRow],
) -> DeltaResult<Option<String>> {
    let old = files_of(table)?;
    let mut actions = added(write_files(location, (MetricRow::TABLE, table), MetricRow::batch(rows)?).await?);
    actions.extend(old.iter().map(super::files::StoredFile::removal));
    let version = table.version().map_or(0, |version| version as i64);
    // Two writers that both start from an empty table remove nothing; the transaction makes them meet.
    let change = Change::append(actions, "true".to_owned())
        .with_transactions(vec![Transaction::new("metrics", version + 1)]);
    commit(table, change).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(origin: &str, name: &str, direction: Option<&str>, unit: Option<&str>) -> MetricRow {
        MetricRow {
            metric: name.into(),
            direction: direction.map(str::to_owned),
            unit: unit.map(str::to_owned),
            origin: origin.into(),
            ..MetricRow::default()
        }
    }

    #[test]
    fn a_newer_description_of_a_source_replaces_the_one_of_the_same_name() {
        let stored = [by("t", "a", Some("higher"), None), by("t", "b", Some("higher"), Some("s"))];
        let said = [by("u", "b", Some("lower"), None), by("u", "c", None, None)];
        let merged = merge(&stored, &said.clone().map(Described::As));
        assert_eq!(merged, [stored[0].clone(), said[0].clone(), said[1].clone()]);
    }

    #[test]
    fn what_a_person_said_stays_beside_the_source_until_it_is_taken_back() {
        let source = by("lm_eval", "wer", Some("higher"), Some("%"));
        let person = by("user", "wer", Some("lower"), None);
        let both = merge(std::slice::from_ref(&source), &[Described::As(person.clone())]);
        assert_eq!(both, [source.clone(), person]);
        let again = merge(&both, &[Described::As(source.clone())]);
        assert_eq!(again, both, "a source that is taken in again leaves the person's word");
        let more = merge(&both, &[Described::As(by("user", "wer", None, Some("words")))]);
        assert_eq!(more[1], by("user", "wer", Some("lower"), Some("words")));
        assert_eq!(merge(&more, &[Described::Forgotten("wer".into())]), [source]);
    }
}
