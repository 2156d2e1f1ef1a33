//! What a column of a table can be mapped to: the stored columns of a result, and a few spellings of them.

use std::fmt;

use crate::model::ResultRow;

/// A text field of a result.
pub(super) type TextField = fn(&mut ResultRow) -> &mut Option<String>;
/// A number field of a result.
pub(super) type NumberField = fn(&mut ResultRow) -> &mut Option<f64>;
/// A whole-number field of a result.
pub(super) type CountField = fn(&mut ResultRow) -> &mut Option<i64>;

/// How a cell becomes part of a result.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    /// Which run the row belongs to.
    Run,
    /// The case's id.
    CaseId,
    /// The task.
    Task,
    /// The planned repeat.
    Epoch,
    /// Which execution of its key the row is.
    Attempt,
    /// The status word.
    Status,
    /// Passed or not.
    Verdict,
    /// The headline score.
    Score,
    /// Name of the metric that the score holds.
    PrimaryMetric,
    /// The error; anything but null makes the row an execution error.
    Error,
    /// Label of the prompt; a long one is kept as its hash.
    Prompt,
    /// When the row was recorded.
    Time,
    /// A short text.
    Label(TextField),
    /// A text or JSON of any length.
    Body(TextField),
    /// A number, multiplied to come to the stored unit.
    Number(NumberField, f64),
    /// A whole number.
    Count(CountField),
}

/// One thing that a column can be mapped to.
pub(super) struct Target {
    /// Left side of a mapping.
    pub name: &'static str,
    /// Stored column that it fills; equal for spellings of the same thing.
    pub column: &'static str,
    /// How.
    pub slot: Slot,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn target(name: &'static str, slot: Slot) -> Target {
    Target { name, column: name, slot }
}

const fn spelling(name: &'static str, column: &'static str, slot: Slot) -> Target {
    Target { name, column, slot }
}

const SECONDS: Slot = Slot::Number(|row| &mut row.duration_ms, 1000.0);

/// Every target, in the order help shows them.
pub(super) static TARGETS: &[Target] = &[
    target("case_id", Slot::CaseId),
    target("score", Slot::Score),
    target("status", Slot::Status),
    target("verdict", Slot::Verdict),
    spelling("passed", "verdict", Slot::Verdict),
    target("model", Slot::Label(|row| &mut row.model)),
    target("provider", Slot::Label(|row| &mut row.provider)),
    target("prompt", Slot::Prompt),
    target("variant", Slot::Label(|row| &mut row.variant)),
    target("experiment", Slot::Label(|row| &mut row.experiment)),
    target("task", Slot::Task),
    target("run", Slot::Run),
    target("epoch", Slot::Epoch),
    target("attempt", Slot::Attempt),
    target("recorded_at", Slot::Time),
    spelling("timestamp", "recorded_at", Slot::Time),
    target("error_message", Slot::Error),
    spelling("error", "error_message", Slot::Error),
    target("error_kind", Slot::Label(|row| &mut row.error_kind)),
    target("error_stage", Slot::Label(|row| &mut row.error_stage)),
    target("error_reason", Slot::Label(|row| &mut row.error_reason)),
    target("duration_ms", Slot::Number(|row| &mut row.duration_ms, 1.0)),
    spelling("latency_ms", "duration_ms", Slot::Number(|row| &mut row.duration_ms, 1.0)),
    spelling("duration_s", "duration_ms", SECONDS),
    spelling("latency_s", "duration_ms", SECONDS),
    target("cost_usd", Slot::Number(|row| &mut row.cost_usd, 1.0)),
    target("input_tokens", Slot::Count(|row| &mut row.input_tokens)),
    target("output_tokens", Slot::Count(|row| &mut row.output_tokens)),
    target("total_tokens", Slot::Count(|row| &mut row.total_tokens)),
    target("cached_tokens", Slot::Count(|row| &mut row.cached_tokens)),
    target("reasoning_tokens", Slot::Count(|row| &mut row.reasoning_tokens)),
    target("logprob", Slot::Number(|row| &mut row.logprob, 1.0)),
    target("confidence", Slot::Label(|row| &mut row.confidence)),
    target("category", Slot::Label(|row| &mut row.category)),
    target("input", Slot::Body(|row| &mut row.input)),
    target("output", Slot::Body(|row| &mut row.output)),
    target("expected", Slot::Body(|row| &mut row.expected)),
    target("native_id", Slot::Label(|row| &mut row.native_id)),
    target("primary_metric", Slot::PrimaryMetric),
];

/// The target of that name.
pub(super) fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Row;

    /// What the importer or whoever takes its rows fills, not a column of the table.
    const NOT_MAPPED: [&str; 7] =
        ["run_id", "ingest_id", "latest", "copies", "in_source", "source_row", "execution"];

    /// The lineage and review of tools that keep their answers; columns of these names are something else in a table.
    const LINEAGE: [&str; 7] =
        ["parent_result_id", "rerun_seq", "mode", "seed_id", "seed_text", "alternatives", "review"];

    #[test]
    fn every_stored_column_can_be_mapped_or_is_filled_by_the_reading() {
        for column in ResultRow::columns() {
            let filled = [&NOT_MAPPED[..], &LINEAGE, &["extra"]].concat().contains(&column.name);
            assert_ne!(find(column.name).is_some(), filled, "{}", column.name);
        }
    }

    #[test]
    fn every_spelling_fills_a_column_that_can_be_mapped() {
        for target in TARGETS {
            assert!(find(target.column).is_some(), "{target:?}");
        }
    }
}
