//! What did the outputs become, from one arm to another: changed cases, each with the exact hunks of its text.

mod document;
mod screen;

pub(super) use document::change as change_document;

use datafusion::common::ScalarValue;
use serde::Deserialize;
use serde_json::Value;

use super::compare::{CaseLimit, Outcome};
use crate::answer::Answer;
use crate::diff::{Diff, Level, diff};
use crate::session::{Session, SessionError};

/// What is asked beyond the session and the two arms.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// At which level texts are compared; the one that fits each case when `None`.
    pub level: Option<Level>,
    /// How many cases to show; `None` for the default of the format.
    pub cases: Option<CaseLimit>,
    /// Whether people too are shown every case and all of each text.
    pub all: bool,
}

/// A row of `output_changes`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OutputChange {
    pub task: String,
    pub case_id: String,
    pub outcome: Outcome,
    pub changed: Option<bool>,
    pub missing: Option<String>,
    pub baseline_value: Option<f64>,
    pub candidate_value: Option<f64>,
    pub delta: Option<f64>,
    pub baseline_status: Option<String>,
    pub candidate_status: Option<String>,
    pub baseline_passed: Option<bool>,
    pub candidate_passed: Option<bool>,
    pub baseline_error: Option<String>,
    pub candidate_error: Option<String>,
    pub baseline_results: Option<i64>,
    pub candidate_results: Option<i64>,
    pub baseline_output: Option<String>,
    pub candidate_output: Option<String>,
}

/// A changed case with what changed in its text.
pub(crate) struct ChangedCase {
    pub row: OutputChange,
    pub diff: Diff,
}

/// How many cases there are of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub changed: usize,
    pub unchanged: usize,
    /// Run by both, and a source keeps no output.
    pub not_kept: usize,
    pub baseline_only: usize,
    pub candidate_only: usize,
}

impl Counts {
    fn common(&self) -> usize {
        self.changed + self.unchanged + self.not_kept
    }
}

/// Everything that is known of two arms' outputs.
pub(crate) struct Outputs {
    pub by: String,
    pub baseline: String,
    pub candidate: String,
    pub metric: String,
    pub unit: Option<String>,
    pub counts: Counts,
    /// The changed ones, those whose value changed most first.
    pub cases: Vec<ChangedCase>,
    pub notes: Vec<String>,
}

/// An answer, and whether the arms have a case in common.
pub struct Differences {
    /// The answer.
    pub answer: Answer,
    /// False when no case was run by both.
    pub comparable: bool,
}

/// What changed from the session's baseline to a candidate.
///
/// # Errors
/// When the metric that was asked for does not exist, or the views cannot be computed.
pub async fn differences(
    session: &mut Session,
    candidate: &str,
    asked: &Asked,
) -> Result<Differences, SessionError> {
    let outputs = outputs(session, candidate, asked).await?;
    let ids = outputs.cases.iter().map(|case| case.row.case_id.clone()).collect();
    let answer = Answer {
        blocks: screen::blocks(&outputs, session, asked),
        document: Some(document::of(&outputs, asked)),
        records: document::records(&outputs)?,
        ids: Some(ids),
        ..Answer::default()
    };
    Ok(Differences { answer, comparable: outputs.counts.common() > 0 })
}

/// Adds to an answer what changed in the outputs, from the baseline to every other arm.
///
/// # Errors
/// As [`differences`].
pub async fn append(session: &mut Session, answer: &mut Answer, asked: &Asked) -> Result<(), SessionError> {
    let baseline = session.baseline().await?;
    let arms = session.arms().await?;
    let mut documents = Vec::new();
    for arm in arms.iter().filter(|arm| **arm != baseline) {
        let outputs = outputs(session, arm, asked).await?;
        answer.blocks.push(crate::answer::Block::Gap);
        answer.blocks.extend(screen::blocks(&outputs, session, asked));
        documents.push(document::of(&outputs, asked));
    }
    if let Some(Value::Object(document)) = &mut answer.document {
        document.insert("diffs".to_owned(), Value::Array(documents));
    }
    Ok(())
}

const OUTPUTS: &str = "SELECT task, case_id, outcome, changed, missing, baseline_value, candidate_value, delta, \
     baseline_status, candidate_status, baseline_passed, candidate_passed, baseline_error, candidate_error, baseline_results, candidate_results, \
     baseline_output, candidate_output FROM output_changes WHERE candidate = $candidate ORDER BY task, case_id";

#[derive(Deserialize)]
struct Metric {
    metric: String,
    unit: Option<String>,
}

async fn outputs(session: &mut Session, candidate: &str, asked: &Asked) -> Result<Outputs, SessionError> {
    let baseline = session.baseline().await?;
    let metrics: Vec<Metric> =
        session.rows("SELECT metric, unit FROM metric_coverage ORDER BY metric").await?.read()?;
    let metric = session.primary().to_owned();
    let unit = metrics.iter().find(|known| known.metric == metric).and_then(|known| known.unit.clone());
    if session.request().options.primary.is_some() && !metrics.iter().any(|known| known.metric == metric) {
        let names: Vec<String> = metrics.into_iter().map(|known| known.metric).collect();
        return Err(SessionError::unknown_metric(&metric, &names));
    }
    let bound = [("candidate", ScalarValue::Utf8(Some(candidate.to_owned())))];
    let rows: Vec<OutputChange> = session.rows_with(OUTPUTS, &bound).await?.read()?;
    let counts = counted(&rows);
    let notes = notes(&rows);
    Ok(Outputs {
        by: session.by().to_owned(),
        baseline,
        candidate: candidate.to_owned(),
        metric,
        unit,
        counts,
        cases: changed_cases(rows, asked),
        notes,
    })
}

fn counted(rows: &[OutputChange]) -> Counts {
    let mut counts = Counts::default();
    for row in rows {
        match (row.changed, row.outcome) {
            (Some(true), _) => counts.changed += 1,
            (Some(false), _) => counts.unchanged += 1,
            (None, Outcome::BaselineOnly) => counts.baseline_only += 1,
            (None, Outcome::CandidateOnly) => counts.candidate_only += 1,
            (None, _) => counts.not_kept += 1,
        }
    }
    counts
}

/// The changed cases, those whose value changed most first, then those whose status did.
fn changed_cases(rows: Vec<OutputChange>, asked: &Asked) -> Vec<ChangedCase> {
    let mut rows: Vec<OutputChange> = rows.into_iter().filter(|row| row.changed == Some(true)).collect();
    let change = |row: &OutputChange| row.delta.unwrap_or(0.0).abs();
    let same_status = |row: &OutputChange| {
        (&row.baseline_status, row.baseline_passed) == (&row.candidate_status, row.candidate_passed)
    };
    rows.sort_by(|left, right| {
        (change(right).total_cmp(&change(left)))
            .then_with(|| same_status(left).cmp(&same_status(right)))
            .then_with(|| (&left.task, &left.case_id).cmp(&(&right.task, &right.case_id)))
    });
    let cases = rows.into_iter().map(|row| {
        let text = |output: &Option<String>| output.clone().unwrap_or_default();
        let diff = diff(&text(&row.baseline_output), &text(&row.candidate_output), asked.level);
        ChangedCase { row, diff }
    });
    cases.collect()
}

fn notes(rows: &[OutputChange]) -> Vec<String> {
    let mut notes = Vec::new();
    let most = rows.iter().flat_map(|row| [row.baseline_results, row.candidate_results]).flatten().max();
    if most > Some(1) {
        notes.push(
            "several results of a case (epochs or pooled runs): the output of the first one stands for it, values \
             are means over all"
                .to_owned(),
        );
    }
    notes
}
