//! A plan as data: what every face shows and `--exec` carries out.

use std::sync::Arc;

use serde::Serialize;

use crate::import::rerun::{RerunCommand, RerunError, RerunMode};
use crate::model::RunRow;

/// What is to be run again, in one run or several.
#[derive(Debug)]
pub struct Plan {
    /// What was asked for.
    pub mode: RerunMode,
    /// One plan per run, in the order in which the runs were named.
    pub runs: Vec<RunPlan>,
    /// What all rows will probably take, the runs one after the other.
    pub expected: Expected,
    /// What a person should know about the whole.
    pub notes: Vec<String>,
}

/// What is to be run again in one run.
#[derive(Debug)]
pub struct RunPlan {
    /// The run as it is stored, or was read.
    pub run: RunRow,
    /// Models of the run, in the order in which rows first name them.
    pub models: Vec<String>,
    /// The keys to run, in source order, missing ones last.
    pub rows: Vec<PlannedRow>,
    /// What stays untouched, and why. With `rows` it adds up to the planned set.
    pub left: Vec<Left>,
    /// What is known of cases without a row.
    pub missing: Missing,
    /// What the rows will probably take.
    pub expected: Expected,
    /// The commands, or why there is none. Empty when there is nothing to run.
    pub commands: Result<Vec<PlannedCommand>, RerunError>,
    /// Keys that the tool's own command of this mode would execute although there is nothing to run.
    pub unasked: Vec<Deviation>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// One key that is to run. Texts that repeat are shared: a plan may hold many rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PlannedRow {
    /// Run it belongs to.
    pub run_id: Arc<str>,
    /// Its task.
    pub task: Arc<str>,
    /// Its case.
    pub case_id: Arc<str>,
    /// Its model.
    pub model: Option<Arc<str>>,
    /// Its prompt.
    pub prompt: Option<Arc<str>>,
    /// Its variant.
    pub variant: Option<Arc<str>>,
    /// Its epoch.
    pub epoch: i64,
    /// Status of the latest attempt, or `missing`.
    pub status: Arc<str>,
    /// Why it is selected, for a person: `budget_exceeded at agent`, `0.700 < 0.800`, `no row`.
    pub reason: Arc<str>,
    /// Class of the latest attempt's error.
    pub error_kind: Option<Arc<str>>,
    /// Where it failed.
    pub error_stage: Option<Arc<str>>,
    /// The tool's reason code.
    pub error_reason: Option<Arc<str>>,
    /// Score of the latest attempt.
    pub score: Option<f64>,
    /// Attempts so far.
    pub attempts: i64,
    /// Message of the latest attempt's error.
    pub last_error: Option<Arc<str>>,
}

/// Keys that stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Status of their latest attempt, or `missing`.
    pub status: String,
    /// Why they are left, as a fragment: `passed`, `--resume leaves verdicts as they are`, `other model`.
    pub why: String,
    /// How many keys.
    pub keys: i64,
}

/// What is known of planned keys without a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The planned set is known: that many keys of it have no row (and stand in the rows or in what is left).
    Known(i64),
    /// That many are missing, which ones is not said anywhere.
    Counted(i64),
    /// Nothing says what was planned.
    Unknown,
}

/// What rows will probably take, from the run's own finished rows of the same model.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Expected {
    /// All tokens.
    pub tokens: Option<Estimate>,
    /// US dollars.
    pub cost_usd: Option<Estimate>,
    /// Time by the clock, in milliseconds.
    pub duration_ms: Option<Estimate>,
    /// Rows of models without a finished row that says anything; they are in no estimate.
    pub unknown_rows: i64,
}

/// A sum over rows that have not run yet, with its 80 % range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Lower end of the range; null where one finished row alone gives no range.
    pub low: Option<f64>,
    /// Upper end of the range.
    pub high: Option<f64>,
}

/// A command of the plan, with what it does beside the plan.
#[derive(Debug, Clone)]
pub struct PlannedCommand {
    /// Name of the tool.
    pub tool: String,
    /// The command.
    pub command: RerunCommand,
    /// The command as one line for a shell, in its folder.
    pub line: String,
    /// All that a shell needs from where the person is: the folder, the files that the command reads, the line.
    pub shell: String,
    /// Keys that it executes although the plan does not name them.
    pub runs_also: Vec<Deviation>,
    /// Keys of the plan that no command of it executes.
    pub does_not_run: Vec<Deviation>,
}

/// A key that a tool treats otherwise than the plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Deviation {
    /// The case.
    pub case_id: String,
    /// The model.
    pub model: Option<String>,
    /// The epoch.
    pub epoch: i64,
    /// Why, in the tool's terms.
    pub why: String,
}

impl RunPlan {
    /// Whether there is anything to run: rows, or planned cases that nobody can name and the tool finds by itself.
    pub fn has_work(&self) -> bool {
        !self.rows.is_empty() || !matches!(&self.commands, Ok(commands) if commands.is_empty())
    }
}
