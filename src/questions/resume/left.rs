//! What a plan leaves untouched, and why: together with its rows it is the planned set.

use std::collections::{BTreeMap, HashMap};

use super::columns::{Columns, text};
use super::select::Selected;
use super::{Left, Missing, Resume};
use crate::import::rerun::RerunMode;
use crate::model::{RunRow, RunStatus};
use crate::session::{Session, SessionError};

/// All keys of each ingest by status and whether they failed; planned keys without a row are `missing` and failed.
pub(super) type Keys = HashMap<String, BTreeMap<(String, bool), i64>>;

const WITH_ROWS: &str = "SELECT ingest_id, status, CASE WHEN status <> 'ok' THEN 1 WHEN passed THEN 0 \
     WHEN passed IS NULL THEN 0 ELSE 1 END AS failed, count(*) AS n FROM latest_results GROUP BY 1, 2, 3";

const WITHOUT_ROWS: &str = "SELECT ingest_id, 'missing' AS status, 1 AS failed, count(*) AS n FROM missing_keys \
     GROUP BY ingest_id";

/// Counts the keys of every run in scope.
///
/// # Errors
/// When the views cannot be computed.
pub(super) async fn keys(session: &mut Session) -> Result<Keys, SessionError> {
    let mut keys = Keys::new();
    for sql in [WITH_ROWS, WITHOUT_ROWS] {
        for batch in &session.rows(sql).await?.batches {
            let columns = Columns(batch);
            let (ingests, statuses) = (columns.texts("ingest_id")?, columns.texts("status")?);
            let (failed, counts) = (columns.integers("failed")?, columns.integers("n")?);
            for row in 0..batch.num_rows() {
                if let (Some(ingest), Some(status)) = (text(&ingests, row), text(&statuses, row)) {
                    let of_run = keys.entry(ingest.to_owned()).or_default();
                    of_run.insert((status.to_owned(), failed.value(row) == 1), counts.value(row));
                }
            }
        }
    }
    Ok(keys)
}

/// The keys of a run that are not in the plan, by status and reason.
pub(super) fn left(
    all: Option<&BTreeMap<(String, bool), i64>>,
    selected: &Selected,
    asked: &Resume,
) -> Vec<Left> {
    let mut groups: BTreeMap<(String, String), i64> = selected.narrowed.clone();
    for ((status, failed), count) in all.into_iter().flatten() {
        let taken = selected.by_status.get(&(status.clone(), *failed)).copied().unwrap_or(0);
        if *count > taken {
            *groups.entry((status.clone(), why(status, *failed, asked.mode))).or_default() += count - taken;
        }
    }
    groups.into_iter().map(|((status, why), keys)| Left { status, why, keys }).collect()
}

fn why(status: &str, failed: bool, mode: RerunMode) -> String {
    let text = match (status, mode) {
        (_, RerunMode::Select) => "not selected",
        ("ok", _) if !failed => "ok",
        (_, RerunMode::Where) => "not selected",
        ("ok" | "quality_failure", RerunMode::Resume) => "--resume leaves verdicts as they are",
        (_, RerunMode::Resume) => "has a score",
        (_, RerunMode::RetryErrors) => "--retry-errors runs errors only",
        (_, RerunMode::RerunFailed) => "not selected",
    };
    text.to_owned()
}

/// Pairs of case and model that a run has rows of.
const PAIRS: &str = "SELECT ingest_id, count(*) AS n FROM (\
     SELECT DISTINCT ingest_id, task, case_id, model, prompt, variant FROM latest_results) GROUP BY ingest_id";

/// What is known of the cases of a run that have no row.
///
/// # Errors
/// When the views cannot be computed.
pub(super) async fn missing(
    session: &mut Session,
    run: &RunRow,
    of_run: Option<&BTreeMap<(String, bool), i64>>,
) -> Result<Missing, SessionError> {
    if run.planned_keys.is_some() || !session.request().planned.is_empty() {
        let known = of_run.and_then(|keys| keys.get(&("missing".to_owned(), true))).copied();
        return Ok(Missing::Known(known.unwrap_or(0)));
    }
    let Some(planned) = run.planned_count else { return Ok(Missing::Unknown) };
    if run.status == RunStatus::Complete.as_str() {
        return Ok(Missing::Known(0));
    }
    let rows = session.rows(PAIRS).await?;
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (ingests, counts) = (columns.texts("ingest_id")?, columns.integers("n")?);
        for row in 0..batch.num_rows() {
            if text(&ingests, row) == Some(&run.ingest_id) {
                return Ok(counted(planned - counts.value(row)));
            }
        }
    }
    Ok(counted(planned))
}

fn counted(missing: i64) -> Missing {
    if missing > 0 { Missing::Counted(missing) } else { Missing::Known(0) }
}
