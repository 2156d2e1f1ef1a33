//! Which column of a table becomes what: the mapping first, then the well-known names.

use std::path::Path;

use serde_json::{Map, Value};

use super::columns::{Column, normalised, observe};
use super::guess;
use super::mapping::{Mapping, nearest};
use super::names::metric_rank;
use super::score;
use super::target::{Slot, Target};
use super::value;
use crate::import::ImportError;
use crate::model::{Status, few};

/// A column that fills a target.
#[derive(Debug)]
pub(super) struct Binding {
    /// What it fills.
    pub target: &'static Target,
    /// Where it stands in a row.
    pub path: String,
    /// Whether a person said so.
    pub mapped: bool,
    /// Whether a row had it.
    pub seen: bool,
}

/// A column that is a metric, or that holds one per field.
#[derive(Debug)]
pub(super) struct Metric {
    /// Its name; `None` when every field is a metric of its own.
    pub name: Option<String>,
    /// Where it stands in a row.
    pub path: String,
    /// Whether a person said so.
    pub mapped: bool,
    /// Whether a row had it.
    pub seen: bool,
}

/// How every row of a table is read.
#[derive(Debug)]
pub(super) struct Plan {
    /// Columns that fill targets.
    pub bindings: Vec<Binding>,
    /// Columns that are metrics.
    pub metrics: Vec<Metric>,
    /// Metric whose value is the score, when no column is the headline score.
    pub primary: Option<String>,
    /// Column whose content makes the case id, when there is no id.
    pub hashed: Option<String>,
    /// Whether epochs are counted from 0 in the source.
    pub epochs_from_zero: bool,
    /// Whether attempts are counted from 0 in the source.
    pub attempts_from_zero: bool,
    /// What words of the status column mean.
    pub status_words: Vec<(String, Status)>,
    /// Paths of the columns that the first rows have.
    known: Vec<String>,
}

impl Plan {
    /// Decides by the mapping and the first rows.
    ///
    /// # Errors
    /// When nothing can be a case id, or a mapped column is missing for certain (`fixed`: every row has the same
    /// columns).
    pub(super) fn new(
        mapping: &Mapping,
        rows: &[&Map<String, Value>],
        (path, fixed): (&Path, bool),
    ) -> Result<Self, ImportError> {
        let columns = observe(rows.iter().copied());
        let mut plan = Self {
            bindings: mapped_bindings(mapping),
            metrics: mapped_metrics(mapping),
            primary: None,
            hashed: None,
            epochs_from_zero: false,
            attempts_from_zero: false,
            status_words: mapping.status_words.clone(),
            known: columns.iter().map(|column| column.path.clone()).collect(),
        };
        plan.check_sample(rows, (path, fixed))?;
        guess::complete(&mut plan, &guess::Sample { rows, columns: &columns });
        plan.hashed = plan.hashed_column(path)?;
        plan.primary = plan.primary_metric(&columns);
        plan.epochs_from_zero = plan.begins_at_zero("epoch", rows);
        plan.attempts_from_zero = plan.begins_at_zero("attempt", rows);
        Ok(plan)
    }

    /// The column that fills a stored column.
    pub(super) fn binding(&self, column: &str) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.target.column == column)
    }

    /// Whether a column is used, so that it is not kept as an extra and not taken again.
    pub(super) fn uses(&self, path: &str) -> bool {
        self.bindings.iter().any(|binding| binding.path == path)
            || self.metrics.iter().any(|metric| metric.path == path)
    }

    /// An error when a mapped column was in no row at all.
    pub(super) fn check_seen(&self, path: &Path) -> Result<(), ImportError> {
        let bindings = self.bindings.iter().map(|one| (one.target.name, &one.path, one.mapped && !one.seen));
        let metrics = self
            .metrics
            .iter()
            .map(|one| (one.name.as_deref().unwrap_or("metrics"), &one.path, one.mapped && !one.seen));
        match bindings.chain(metrics).find(|(_, _, missing)| *missing) {
            Some((name, column, _)) => Err(no_such_column(path, (name, column), &self.known)),
            None => Ok(()),
        }
    }

    /// Fails early when a mapped column cannot turn up any more, or when no row can be read without it.
    fn check_sample(
        &self,
        rows: &[&Map<String, Value>],
        (path, fixed): (&Path, bool),
    ) -> Result<(), ImportError> {
        let missing = |column: &str| !rows.iter().any(|row| super::path::find(row, column).is_some());
        let needed = |binding: &&Binding| fixed || matches!(binding.target.slot, Slot::CaseId | Slot::Run);
        let bindings =
            self.bindings.iter().filter(needed).map(|binding| (binding.target.name, binding.path.as_str()));
        let metrics = self
            .metrics
            .iter()
            .filter(|_| fixed)
            .map(|metric| (metric.name.as_deref().unwrap_or("metrics"), metric.path.as_str()));
        match bindings.chain(metrics).find(|(_, column)| missing(column)) {
            Some(wrong) => Err(no_such_column(path, wrong, &self.known)),
            None => Ok(()),
        }
    }

    /// The column to hash when there is no id: what was asked, else what was answered.
    fn hashed_column(&self, path: &Path) -> Result<Option<String>, ImportError> {
        if self.binding("case_id").is_some() {
            return Ok(None);
        }
        let content = self.binding("input").or_else(|| self.binding("output"));
        content.map(|binding| Some(binding.path.clone())).ok_or_else(|| {
            let message = format!(
                "no column can be the case id, and there is no input or output to make one from; \
                 the columns are {}",
                listed(&self.known)
            );
            ImportError::unreadable(path, None, message, Some("say which one it is: --map case_id=COLUMN"))
        })
    }

    /// The metric that is the score: the first one that was mapped, else the one whose name ranks first.
    fn primary_metric(&self, columns: &[Column<'_>]) -> Option<String> {
        if self.binding("score").is_some() {
            return None;
        }
        if let Some(metric) = self.metrics.iter().find(|metric| metric.mapped) {
            return metric.name.clone();
        }
        let names = self.metrics.iter().flat_map(|metric| match &metric.name {
            Some(name) => vec![name.clone()],
            None => self.group_names(&metric.path, columns),
        });
        names.min_by_key(|name| metric_rank(&normalised(name)).unwrap_or(usize::MAX))
    }

    /// The metrics that a group has in the sampled rows.
    fn group_names(&self, group: &str, columns: &[Column<'_>]) -> Vec<String> {
        let values = columns.iter().filter(|column| column.path == group).flat_map(|column| &column.values);
        let mut names = Vec::new();
        for value in values {
            for (name, member) in score::members(value) {
                let unused = !self.uses(&format!("{group}.{name}"));
                if unused && score::is_numeric(member) && !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
        }
        names
    }

    /// Whether a count has a 0 in the sampled rows.
    fn begins_at_zero(&self, column: &str, rows: &[&Map<String, Value>]) -> bool {
        let Some(binding) = self.binding(column) else { return false };
        rows.iter()
            .filter_map(|row| super::path::find(row, &binding.path))
            .any(|cell| value::count(&cell) == Ok(Some(0)))
    }
}

fn mapped_bindings(mapping: &Mapping) -> Vec<Binding> {
    mapping
        .targets()
        .map(|(target, path)| Binding { target, path: path.to_owned(), mapped: true, seen: false })
        .collect()
}

fn mapped_metrics(mapping: &Mapping) -> Vec<Metric> {
    mapping
        .metrics
        .iter()
        .map(|(name, path)| Metric {
            name: Some(name.clone()),
            path: path.clone(),
            mapped: true,
            seen: false,
        })
        .collect()
}

fn no_such_column(path: &Path, (target, column): (&str, &str), known: &[String]) -> ImportError {
    let near = nearest(column, known.iter().map(String::as_str));
    let hint = near.map(|near| format!("did you mean {target}={near}?"));
    let message = format!(
        "{target} is mapped to {column:?}, but no row has such a column; the columns are {}",
        listed(known)
    );
    ImportError::unreadable(path, None, message, hint.as_deref())
}

/// Names for a message, not more than fit.
pub(super) fn listed(names: &[String]) -> String {
    few(names, 30)
}
