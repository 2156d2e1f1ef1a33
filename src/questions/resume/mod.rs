//! Which rows of a run must run again, why, at what cost, and with which command? Plans, acts on nothing.

mod explain;
mod plan;
pub mod screen;

use std::path::{Path, PathBuf};

use crate::answer::Answer;
use crate::import::rerun::template::Templates;
use crate::import::rerun::{GivenPlaces, RerunMode};
use crate::model::Timestamp;
use crate::session::{Session, SessionError};
use crate::source::Source;

pub use explain::{explain, relation_of};
pub use plan::{Deviation, Estimate, Expected, Left, Missing, Plan, PlannedCommand, PlannedRow, RunPlan};

/// What is asked of a plan.
#[derive(Debug, Clone)]
pub struct Resume {
    /// What is to be run again.
    pub mode: RerunMode,
    /// The predicate of `--where` and `--select`.
    pub predicate: Option<String>,
    /// Only keys of these models; all when empty.
    pub models: Vec<String>,
    /// Only the case with this id, else the cases whose id fits this glob.
    pub case: Option<String>,
    /// Only keys whose latest attempt failed for one of these reasons (reason code, stage or kind); all when empty.
    pub reasons: Vec<String>,
    /// Only keys with fewer attempts than this.
    pub max_attempts: Option<i64>,
    /// Places that the person gave.
    pub places: GivenPlaces,
    /// Words for the tool.
    pub words: Vec<String>,
    /// The user's own commands.
    pub templates: Templates,
    /// Folder the person is in.
    pub here: PathBuf,
    /// The time.
    pub now: Timestamp,
}

/// Plans what is to be run again in the runs in scope.
///
/// # Errors
/// When the predicate does not plan, a model, case or reason is not there, or a view cannot be computed.
pub async fn plan(
    _session: &mut Session,
    _asked: &Resume,
    _source: &dyn Source,
) -> Result<Plan, SessionError> {
    Err(SessionError::NoRuns)
}

/// The plan as an answer.
///
/// # Errors
/// When its rows cannot be brought into columns.
pub fn answer(_plan: &Plan, _here: &Path) -> Result<Answer, SessionError> {
    Err(SessionError::NoRuns)
}

/// The predicate of a mode that has one, as its file says it.
pub const fn predicate_file(mode: RerunMode) -> Option<(&'static str, &'static str)> {
    match mode {
        RerunMode::Resume => Some(("sql/modes/resume.sql", include_str!("../../../sql/modes/resume.sql"))),
        RerunMode::RerunFailed => {
            Some(("sql/modes/rerun_failed.sql", include_str!("../../../sql/modes/rerun_failed.sql")))
        }
        RerunMode::RetryErrors => {
            Some(("sql/modes/retry_errors.sql", include_str!("../../../sql/modes/retry_errors.sql")))
        }
        RerunMode::Where | RerunMode::Select => None,
    }
}
