//! How far is a run? One line for a person who waits, from `run_overview`.

use serde::Deserialize;

use crate::answer::number::counted;
use crate::model::{RunStatus, Status};
use crate::session::{Session, SessionError};

/// How far a run is.
#[derive(Debug, Clone, Deserialize)]
pub struct RunProgress {
    /// The run.
    pub run_id: String,
    /// Its status, as the tool's files tell it.
    pub status: String,
    /// Cases with a row.
    pub cases: usize,
    /// Planned ones; `None` when the tool does not say.
    pub planned_count: Option<usize>,
    /// Attempts that no longer count.
    pub superseded: usize,
    ok: usize,
    quality_failure: usize,
    execution_error: usize,
    scorer_error: usize,
    limit: usize,
    cancelled: usize,
}

impl RunProgress {
    /// `7 of 12 cases, 5 pass, 1 fail, 1 error`, and whether the run has ended.
    pub fn in_words(&self) -> String {
        let cases = match self.planned_count.filter(|planned| *planned >= self.cases) {
            Some(planned) => format!("{} of {}", self.cases, counted(planned, "case", "cases")),
            None => counted(self.cases, "case", "cases"),
        };
        let statuses = [
            (Status::Ok, self.ok),
            (Status::QualityFailure, self.quality_failure),
            (Status::ExecutionError, self.execution_error),
            (Status::ScorerError, self.scorer_error),
            (Status::Limit, self.limit),
            (Status::Cancelled, self.cancelled),
        ];
        let mut parts = vec![cases];
        for (status, count) in statuses.into_iter().filter(|(_, count)| *count > 0) {
            parts.push(format!("{count} {}", status.screen_word()));
        }
        if self.superseded > 0 {
            parts.push(counted(self.superseded, "earlier attempt", "earlier attempts"));
        }
        let told = [RunStatus::Incomplete, RunStatus::Unknown].map(RunStatus::as_str);
        let status =
            if told.contains(&self.status.as_str()) { String::new() } else { format!(" · {}", self.status) };
        parts.join(", ") + &status
    }
}

/// How far every run in scope is, in the order of the runs.
///
/// # Errors
/// When the view cannot be computed.
pub async fn progress(session: &mut Session) -> Result<Vec<RunProgress>, SessionError> {
    const QUESTION: &str = "SELECT run_id, status, cases, planned_count, superseded, ok, quality_failure, \
        execution_error, scorer_error, \"limit\", cancelled FROM run_overview ORDER BY place";
    session.rows(QUESTION).await?.read()
}
