//! The small table of metrics: one row per name, replaced as a whole.

use std::collections::BTreeMap;

use deltalake_core::kernel::Transaction;
use deltalake_core::{DeltaResult, DeltaTable};

use super::commit::{Change, TRIES, added, commit, retry_or};
use super::error::StoreError;
use super::files::files_of;
use super::location::Location;
use super::writer::write_files;
use crate::model::{MetricRow, Row};

/// Stores descriptions of metrics, each in place of the one with the same name.
///
/// Returns what failed without undoing anything.
pub(super) async fn describe(
    location: &Location,
    described: &[MetricRow],
) -> Result<Option<String>, StoreError> {
    if described.is_empty() {
        return Ok(None);
    }
    for _ in 0..TRIES {
        let mut table = location.load(MetricRow::TABLE).await?;
        let stored = location.rows::<MetricRow>(&table, None).await?;
        let merged = merge(&stored, described);
        if merged == stored {
            return Ok(None);
        }
        match replace(location, &mut table, &merged).await {
            Ok(complaint) => return Ok(complaint),
            Err(error) => retry_or(error).map_err(|error| location.error(MetricRow::TABLE, error))?,
        }
    }
    Err(StoreError::Busy { path: location.label(), table: MetricRow::TABLE, tries: TRIES })
}

/// Both by name; the described ones win.
fn merge(stored: &[MetricRow], described: &[MetricRow]) -> Vec<MetricRow> {
    let by_name: BTreeMap<&str, &MetricRow> =
        stored.iter().chain(described).map(|row| (row.metric.as_str(), row)).collect();
    by_name.into_values().cloned().collect()
}

async fn replace(
    location: &Location,
    table: &mut DeltaTable,
    rows: &[MetricRow],
) -> DeltaResult<Option<String>> {
    let old = files_of(table)?;
    let mut actions = added(write_files(location, table, MetricRow::batch(rows)?).await?);
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

    fn metric(name: &str, direction: &str) -> MetricRow {
        MetricRow { metric: name.into(), direction: Some(direction.into()), ..MetricRow::default() }
    }

    #[test]
    fn the_newer_description_replaces_the_one_of_the_same_name() {
        let merged = merge(
            &[metric("a", "higher"), metric("b", "higher")],
            &[metric("b", "lower"), metric("c", "none")],
        );
        assert_eq!(merged, [metric("a", "higher"), metric("b", "lower"), metric("c", "none")]);
    }
}
