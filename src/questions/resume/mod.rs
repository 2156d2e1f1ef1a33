//! Which rows of a run must run again, why, at what cost, and with which command? Plans, acts on nothing.

mod columns;
mod commands;
mod deviations;
mod document;
mod expected;
mod explain;
mod left;
mod notes;
mod plan;
mod screen;
mod select;

use std::path::PathBuf;

use datafusion::common::ScalarValue;

use crate::import::rerun::template::Templates;
use crate::import::rerun::{GivenPlaces, RerunMode};
use crate::model::{RunRow, Timestamp};
use crate::session::{Session, SessionError, text_values};
use crate::source::Source;

pub use document::answer;
pub use explain::explain;
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
pub async fn plan(session: &mut Session, asked: &Resume, source: &dyn Source) -> Result<Plan, SessionError> {
    let mut selected = select::selected(session, asked).await?;
    let keys = left::keys(session).await?;
    let usage = expected::usage(session).await?;
    let mut plan =
        Plan { mode: asked.mode, runs: Vec::new(), expected: Expected::default(), notes: Vec::new() };
    let mut all = Vec::new();
    for run in session.runs().iter().map(|entry| entry.run.clone()).collect::<Vec<_>>() {
        let of_run = keys.get(&run.ingest_id);
        let selected = selected.remove(&run.ingest_id).unwrap_or_default();
        let mut of_plan = RunPlan {
            models: models(session, &run).await?,
            left: left::left(of_run, &selected, asked),
            missing: left::missing(session, &run, of_run).await?,
            expected: Expected::default(),
            rows: selected.rows,
            commands: Ok(Vec::new()),
            unasked: Vec::new(),
            notes: Vec::new(),
            run,
        };
        let groups = expected::groups(&of_plan, asked.unnamed(&of_plan), &usage);
        of_plan.expected = expected::expected(&groups);
        commands::add(session, &mut of_plan, (asked, source)).await?;
        of_plan.notes.extend(notes::of(&of_plan, asked));
        all.extend(groups);
        plan.runs.push(of_plan);
    }
    plan.expected = expected::expected(&all);
    Ok(plan)
}

/// The models of a run, in the order in which its rows first name them.
async fn models(session: &mut Session, run: &RunRow) -> Result<Vec<String>, SessionError> {
    let rows = session
        .rows_with(
            "SELECT model FROM results WHERE ingest_id = $ingest AND model IS NOT NULL \
             GROUP BY model ORDER BY min(source_row) NULLS LAST, model",
            &[("ingest", ScalarValue::Utf8(Some(run.ingest_id.clone())))],
        )
        .await?;
    Ok(text_values(&rows, 0))
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
