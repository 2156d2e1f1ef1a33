//! What the log tells of a table's files without opening them: which runs and ingests they may hold.

use std::collections::BTreeSet;
use std::ops::Bound;

use deltalake_core::kernel::{Action, Remove};
use deltalake_core::{DeltaResult, DeltaTable};
use object_store::path::Path as Key;
use serde_json::Value;

/// Smallest and largest value of a column in a file, as the log has them; a long value is only a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    /// The log says nothing: any value may be inside.
    Unknown,
    /// Every value lies between these two, both included.
    Between(String, String),
}

impl Span {
    fn of(stats: &Value, column: &str) -> Self {
        let bound = |side: &str| stats.get(side)?.get(column)?.as_str().map(str::to_owned);
        match (bound("minValues"), bound("maxValues")) {
            (Some(low), Some(high)) => Self::Between(low, high),
            _ => Self::Unknown,
        }
    }

    /// The only value in the file. A shortened bound differs from the other one, so equal bounds are whole values.
    pub(super) fn only(&self) -> Option<&str> {
        match self {
            Self::Between(low, high) if low == high => Some(low),
            _ => None,
        }
    }

    /// A value that no smaller one is in the file; empty where nothing is known.
    pub(super) fn low(&self) -> &str {
        match self {
            Self::Unknown => "",
            Self::Between(low, _) => low,
        }
    }

    /// A value that no larger one is in the file; none where nothing is known.
    pub(super) fn high(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Between(_, high) => Some(high),
        }
    }

    /// Whether one of the values may be in the file.
    pub(super) fn may_hold(&self, values: &BTreeSet<&str>) -> bool {
        match self {
            Self::Unknown => !values.is_empty(),
            Self::Between(low, high) => {
                let from = (Bound::Included(low.as_str()), Bound::<&str>::Unbounded);
                values.range::<&str, _>(from).next().is_some_and(|value| *value <= high.as_str())
            }
        }
    }
}

/// One data file of a table.
#[derive(Debug, Clone)]
pub(super) struct StoredFile {
    /// Path below the table's folder.
    pub(super) path: String,
    /// Runs it may hold.
    pub(super) runs: Span,
    /// Ingests it may hold.
    pub(super) ingests: Span,
    /// Its size in bytes.
    pub(super) size: u64,
    /// How many rows it holds; none where the log does not say.
    pub(super) rows: Option<u64>,
    /// When it was written, in milliseconds since 1970, by the clock of its writer.
    pub(super) written: i64,
    remove: Remove,
}

impl StoredFile {
    /// Where it is, for an object store at the table's folder.
    pub(super) fn key(&self) -> Key {
        key_of(&self.path)
    }

    /// A file of which nothing but its size and its runs is known.
    #[cfg(test)]
    pub(super) fn made(path: &str, runs: Span, size: u64) -> Self {
        let remove = Remove { path: path.to_owned(), data_change: true, ..Remove::default() };
        let (path, ingests) = (path.to_owned(), Span::Unknown);
        Self { path, runs, ingests, size, rows: None, written: 0, remove }
    }

    /// The action that takes the file out of the table.
    pub(super) fn removal(&self) -> Action {
        Action::Remove(self.remove.clone())
    }
}

/// Where a path of the log is, for an object store at the table's folder: the log encodes paths as URLs do.
pub(super) fn key_of(path: &str) -> Key {
    Key::from_url_path(path).unwrap_or_else(|_| Key::from(path))
}

/// The paths of the files of a loaded table.
pub(super) fn paths_of(table: &DeltaTable) -> DeltaResult<BTreeSet<String>> {
    Ok(table.snapshot()?.log_data().iter().map(|view| view.path().into_owned()).collect())
}

/// The files of a loaded table.
pub(super) fn files_of(table: &DeltaTable) -> DeltaResult<Vec<StoredFile>> {
    Ok(table
        .snapshot()?
        .log_data()
        .iter()
        .map(|view| {
            let stats = view
                .stats()
                .and_then(|text| serde_json::from_str::<Value>(&text).ok())
                .unwrap_or(Value::Null);
            StoredFile {
                path: view.path().into_owned(),
                size: view.size().try_into().unwrap_or_default(),
                rows: view.num_records().map(|rows| rows as u64),
                written: view.modification_time(),
                runs: Span::of(&stats, "run_id"),
                ingests: Span::of(&stats, "ingest_id"),
                remove: view.remove_action(true),
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_what_lies_between_its_bounds() {
        let stats = serde_json::json!({"minValues": {"a": "c", "b": "x"}, "maxValues": {"a": "f", "b": "x"}});
        let span = Span::of(&stats, "a");
        assert!(span.may_hold(&BTreeSet::from(["a", "f"])));
        assert!(!span.may_hold(&BTreeSet::from(["a", "g"])));
        assert_eq!(span.only(), None);
        assert_eq!(Span::of(&stats, "b").only(), Some("x"));
    }

    #[test]
    fn without_statistics_anything_may_be_inside() {
        let span = Span::of(&Value::Null, "a");
        assert_eq!(span, Span::Unknown);
        assert!(span.may_hold(&BTreeSet::from(["z"])));
    }
}
