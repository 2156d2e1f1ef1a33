//! Which dimension makes the arms, and what each run or row has of it.
//!
//! A dimension of runs (run, tool, tags.KEY, ...) is known from their headers; one of rows is a column of `results`.

use std::collections::HashMap;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, cast, lit};
use datafusion::prelude::{coalesce, col};
use serde_json::Value;

use super::SessionError;
use super::facts::RunEntry;
use crate::model::{ResultRow, Row, RunRow, ScoreRow, nearest};

/// The arm of rows that have no value in the dimension.
pub(crate) const NONE: &str = "none";

/// Dimensions that `auto` looks at, in this order, before it takes the run.
pub(crate) const AUTO: [&str; 5] = ["model", "prompt", "experiment", "provider", "variant"];

/// Dimensions that every store has: those of `auto`, the run, and columns that are seldom arms.
pub(crate) fn usual() -> impl Iterator<Item = &'static str> {
    AUTO.into_iter().chain(["run", "task", "tool", "tool_version", "kind", "mode", "category", "confidence"])
}

/// How the arm of a row is found.
#[derive(Debug, Clone)]
pub(crate) enum Dimension {
    /// By the run it belongs to: the arm of each ingest.
    Run(HashMap<String, String>),
    /// By a column that stands on results and on scores.
    Row(String),
    /// By a column that only results have.
    Result(String),
}

impl Dimension {
    /// The dimension of that name over the runs in scope.
    ///
    /// # Errors
    /// When there is no such column; the nearest one is named.
    pub fn named(name: &str, runs: &[RunEntry]) -> Result<Self, SessionError> {
        if name == "run" {
            return Ok(Self::Run(run_labels(runs)));
        }
        if let Some((object, key)) =
            name.split_once('.').filter(|(object, _)| ["tags", "params"].contains(object))
        {
            return Ok(Self::Run(entries(runs, object, key)));
        }
        if ScoreRow::columns().iter().any(|column| column.name == name) && is_row_dimension(name) {
            return Ok(Self::Row(name.to_owned()));
        }
        if ResultRow::columns().iter().any(|column| column.name == name) {
            return Ok(Self::Result(name.to_owned()));
        }
        if RunRow::columns().iter().any(|column| column.name == name) {
            return of_run_column(name, runs);
        }
        let near = near_setting(name, runs).or_else(|| near_dimension(name));
        Err(SessionError::UnknownDimension { name: name.to_owned(), near })
    }

    /// The arm of a row as an expression over its table; `None` when a lookup by ingest is needed.
    pub fn expression(&self) -> Option<Expr> {
        match self {
            Self::Row(column) | Self::Result(column) => {
                Some(coalesce(vec![cast(col(column.as_str()), arrow::datatypes::DataType::Utf8), lit(NONE)]))
            }
            Self::Run(arms) => {
                let mut distinct: Vec<&String> = arms.values().collect();
                distinct.sort();
                distinct.dedup();
                match distinct.as_slice() {
                    [only] => Some(lit(ScalarValue::Utf8(Some((*only).clone())))),
                    _ => None,
                }
            }
        }
    }
}

/// Columns of scores that repeat a dimension of the result, rather than say something of the score.
fn is_row_dimension(name: &str) -> bool {
    const OF_THE_SCORE: [&str; 11] = [
        "metric",
        "scorer",
        "value",
        "label",
        "passed",
        "weight",
        "reason",
        "parent_metric",
        "step",
        "step_kind",
        "extra",
    ];
    !OF_THE_SCORE.contains(&name)
}

/// The label of each run: its id; where one run came in under two paths, the id and which state it is.
pub(crate) fn run_labels(runs: &[RunEntry]) -> HashMap<String, String> {
    runs.iter()
        .map(|entry| {
            let states: Vec<&RunEntry> =
                runs.iter().filter(|other| other.run.run_id == entry.run.run_id).collect();
            let label = match states.len() {
                1 => entry.run.run_id.clone(),
                _ => format!("{} ({})", entry.run.run_id, state_label(entry, &states)),
            };
            (entry.run.ingest_id.clone(), label)
        })
        .collect()
}

/// What tells one state of a run from its others: the part of its path that differs, else its number.
fn state_label(entry: &RunEntry, states: &[&RunEntry]) -> String {
    let parts = |entry: &RunEntry| -> Vec<String> {
        entry.run.source_path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let own = parts(entry);
    for (place, part) in own.iter().enumerate() {
        let same = states.iter().filter(|other| parts(other).get(place) == Some(part)).count();
        if same == 1 {
            return part.clone();
        }
    }
    let number = states.iter().position(|other| other.run.ingest_id == entry.run.ingest_id).unwrap_or(0);
    format!("state {}", number + 1)
}

fn entries(runs: &[RunEntry], object: &str, key: &str) -> HashMap<String, String> {
    let value = |run: &RunRow| -> Option<String> {
        let text = if object == "tags" { &run.tags } else { &run.params };
        let map: Value = serde_json::from_str(text.as_deref()?).ok()?;
        crate::import::json::stored_text(map.get(key)?)
    };
    runs.iter()
        .map(|entry| (entry.run.ingest_id.clone(), value(&entry.run).unwrap_or_else(|| NONE.to_owned())))
        .collect()
}

fn of_run_column(name: &str, runs: &[RunEntry]) -> Result<Dimension, SessionError> {
    let rows: Vec<RunRow> = runs.iter().map(|entry| entry.run.clone()).collect();
    let batch = RunRow::batch(&rows)?;
    let Some(column) = batch.column_by_name(name) else {
        return Err(SessionError::UnknownDimension { name: name.to_owned(), near: None });
    };
    let texts = arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8)?;
    let arms = rows
        .iter()
        .enumerate()
        .map(|(row, run)| {
            let text = <Option<String> as crate::model::Stored>::from_array(&texts, row).flatten();
            (run.ingest_id.clone(), text.unwrap_or_else(|| NONE.to_owned()))
        })
        .collect();
    Ok(Dimension::Run(arms))
}

/// `params.KEY` or `tags.KEY` of a run where the key alone was given.
fn near_setting(name: &str, runs: &[RunEntry]) -> Option<String> {
    let has = |text: &Option<String>| {
        let map: Option<Value> = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        map.is_some_and(|map| map.get(name).is_some())
    };
    let of = |object: &str, has_it: bool| has_it.then(|| format!("{object}.{name}"));
    of("params", runs.iter().any(|entry| has(&entry.run.params)))
        .or_else(|| of("tags", runs.iter().any(|entry| has(&entry.run.tags))))
}

fn near_dimension(name: &str) -> Option<String> {
    let mut names: Vec<&'static str> = vec!["run"];
    names.extend(ResultRow::columns().iter().map(|column| column.name));
    names.extend(RunRow::columns().iter().map(|column| column.name));
    // Of two that are equally near the last one is taken: the one that people compare by.
    names.extend(AUTO);
    nearest(name, names.into_iter()).map(str::to_owned)
}

/// A column, or a path into the JSON of one: `extra.metadata.topic`, or `$.topic` for `extra.topic`.
///
/// # Errors
/// When there is no such column.
pub(crate) fn path_expression(path: &str) -> Result<Expr, SessionError> {
    let columns = ResultRow::columns();
    let unknown = || SessionError::UnknownColumn {
        name: path.to_owned(),
        relation: "results".to_owned(),
        near: nearest(path, columns.iter().map(|column| column.name)).map(str::to_owned),
    };
    if columns.iter().any(|column| column.name == path) {
        return Ok(cast(col(path), arrow::datatypes::DataType::Utf8));
    }
    let (column, keys) = match path.strip_prefix("$.") {
        Some(rest) => ("extra", rest),
        None => path.split_once('.').ok_or_else(unknown)?,
    };
    if !columns.iter().any(|known| known.name == column) {
        return Err(unknown());
    }
    let mut arguments = vec![col(column)];
    arguments.extend(keys.split('.').map(lit));
    Ok(datafusion_functions_json::udfs::json_as_text_udf().call(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run_id: &str, ingest_id: &str, path: &str) -> RunEntry {
        RunEntry {
            run: RunRow {
                run_id: run_id.into(),
                ingest_id: ingest_id.into(),
                source_path: path.into(),
                ..RunRow::default()
            },
            argument: Some(0),
        }
    }

    #[test]
    fn two_states_of_a_run_are_told_apart_by_their_paths() {
        let labels = run_labels(&[
            entry("r", "1", "/data/s0/runs/r"),
            entry("r", "2", "/data/s5/runs/r"),
            entry("q", "3", "/data/s5/runs/q"),
        ]);
        assert_eq!(labels["1"], "r (s0)");
        assert_eq!(labels["2"], "r (s5)");
        assert_eq!(labels["3"], "q");
    }

    #[test]
    fn an_unknown_dimension_names_the_near_one() {
        let Err(SessionError::UnknownDimension { near, .. }) = Dimension::named("modle", &[]) else {
            panic!()
        };
        assert_eq!(near.as_deref(), Some("model"));
    }
}
