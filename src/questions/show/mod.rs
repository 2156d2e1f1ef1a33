//! One run in detail: where it is, how its cases ended, what is missing.

mod attempts;
mod screen;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Answer, Block, SCHEMA_VERSION};
use crate::model::{RunRow, RunStatus, Status};
use crate::questions::compare::CaseLimit;
use crate::session::{RunEntry, Session, SessionError, cases_named, text_values};
use screen::{NO_EVAL_FILE, case_blocks, counts, facts_table, heading, hint, missing_blocks};
pub(super) use screen::{relative, screen_word};

/// Which cases are shown.
#[derive(Debug, Clone, Default)]
pub struct Show {
    /// Only cases with this status: the stored word, the word on screen, or `missing`.
    pub status: Option<String>,
    /// Only the case with this id, else the cases whose id fits this glob.
    pub case: Option<String>,
    /// Scores that are shown beside the headline score.
    pub metrics: Vec<String>,
    /// How many cases a person is shown; `None` for the usual number.
    pub cases: Option<CaseLimit>,
    /// Folder that paths are shown relative to.
    pub here: std::path::PathBuf,
    /// What the person called the run.
    pub wanted: String,
}

#[derive(Debug, Deserialize)]
struct CaseRow {
    task: String,
    case_id: String,
    model: Option<String>,
    prompt: Option<String>,
    variant: Option<String>,
    epoch: i64,
    status: String,
    passed: Option<bool>,
    attempt: i64,
    score: Option<f64>,
    logprob: Option<f64>,
    confidence: Option<String>,
    review: Option<String>,
    output: Option<String>,
    duration_ms: Option<f64>,
    cost_usd: Option<f64>,
    error_stage: Option<String>,
    error_reason: Option<String>,
    error_message: Option<String>,
    execution: i64,
}

#[derive(Debug, Deserialize)]
struct ScoreCell {
    execution: i64,
    metric: String,
    value: Option<f64>,
    label: Option<String>,
}

#[derive(Debug, Serialize)]
struct CaseEntry {
    task: String,
    case_id: String,
    model: Option<String>,
    prompt: Option<String>,
    variant: Option<String>,
    epoch: i64,
    status: String,
    passed: Option<bool>,
    attempts: i64,
    score: Option<f64>,
    scores: BTreeMap<String, Value>,
    logprob: Option<f64>,
    confidence: Option<String>,
    review: Option<String>,
    /// On screen only: texts would swell the document.
    #[serde(skip)]
    output: Option<String>,
    duration_ms: Option<f64>,
    cost_usd: Option<f64>,
    error_stage: Option<String>,
    error_reason: Option<String>,
    error_message: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Missing {
    task: String,
    case_id: String,
    model: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Counted {
    n: i64,
}

const CASES: &str = "SELECT task, case_id, model, prompt, variant, epoch, status, passed, attempt, score, logprob, \
     confidence, review, output, duration_ms, cost_usd, error_stage, error_reason, error_message, execution FROM latest_results \
     ORDER BY source_row NULLS LAST, task, case_id, model, epoch";

/// What a planned key without a row is called.
const MISSING_WORD: &str = "missing";

const MISSING: &str = "SELECT task, case_id, model FROM failed_rows WHERE status = 'missing' \
     ORDER BY task, case_id, model";

/// Shows one run; the session's scope must hold it alone.
///
/// # Errors
/// When the views cannot be computed.
pub async fn show(session: &mut Session, asked: &Show) -> Result<Answer, SessionError> {
    let Some(entry) = session.runs().first().cloned() else { return Err(SessionError::NoRuns) };
    let overview_rows = session.rows("SELECT * FROM run_overview").await?;
    let overview: Vec<BTreeMap<String, Value>> = overview_rows.read()?;
    let overview = overview.into_iter().next().unwrap_or_default();
    let missing: Vec<Missing> = session.rows(MISSING).await?.read()?;
    let rows = session.rows(CASES).await?;
    let all: Vec<CaseRow> = rows.read()?;
    let counts = counts(&all);
    let wanted = asked.case.as_ref().map(|word| {
        let ids: BTreeSet<String> = all.iter().map(|case| case.case_id.clone()).collect();
        cases_named(&ids, word)
    });
    let asked_for: Vec<bool> = all.iter().map(|case| fits(case, asked, wanted.as_ref())).collect();
    let kept = all.into_iter().zip(&asked_for).filter_map(|(case, fits)| fits.then_some(case)).collect();
    let cases = entries(session, kept, asked).await?;
    let missing_count = missing_count(&entry.run, &overview, &missing);
    let mut blocks = vec![heading(&entry.run)];
    blocks.push(Block::Table(facts_table(&entry.run, &overview, (&counts, asked))));
    blocks.push(Block::Gap);
    let models = overview.get("models").and_then(Value::as_array).map_or(0, Vec::len);
    let only_missing = asked.status.as_deref() == Some(MISSING_WORD);
    match cases.as_slice() {
        [] if only_missing && missing_count.is_some_and(|count| count > 0) => {}
        [] if asked.status.is_some() || asked.case.is_some() => {
            blocks.push(Block::Line("no case fits".to_owned()))
        }
        [] => blocks.push(Block::Line("no results".to_owned())),
        cases => blocks.extend(case_blocks(cases, asked, models > 1)),
    }
    if only_missing || asked.status.is_none() {
        blocks.extend(missing_blocks(&missing, missing_count));
    }
    let failed: Vec<Counted> = session.rows("SELECT count(*) AS n FROM failed_rows").await?.read()?;
    let uncounted = missing_count.unwrap_or(0) - missing.len() as i64;
    blocks.extend(hint(named(&entry, asked), failed.first().map_or(0, |counted| counted.n), uncounted));
    let document = document(&entry.run, &overview, asked, (&cases, &missing, missing_count));
    Ok(Answer {
        blocks,
        document: Some(document),
        ids: Some(match only_missing {
            true => missing.into_iter().map(|key| key.case_id).collect(),
            false => cases.into_iter().map(|case| case.case_id).collect(),
        }),
        records: rows.only(&asked_for)?.into(),
        ..Answer::default()
    })
}

/// What another command is to call the run: a run of no store has no other name than its path.
fn named<'a>(entry: &'a RunEntry, asked: &'a Show) -> &'a str {
    if entry.argument.is_some() && !asked.wanted.is_empty() { &asked.wanted } else { &entry.run.run_id }
}

async fn entries(
    session: &mut Session,
    rows: Vec<CaseRow>,
    asked: &Show,
) -> Result<Vec<CaseEntry>, SessionError> {
    known_metrics(session, asked).await?;
    let mut scores: BTreeMap<i64, BTreeMap<String, Value>> = BTreeMap::new();
    let cells: Vec<ScoreCell> = session
        .rows("SELECT execution, metric, value, label FROM scores WHERE latest ORDER BY metric")
        .await?
        .read()?;
    for cell in cells {
        let value = cell.value.map(Value::from).or(cell.label.map(Value::from)).unwrap_or(Value::Null);
        scores.entry(cell.execution).or_default().insert(cell.metric, value);
    }
    Ok(rows
        .into_iter()
        .map(|row| CaseEntry {
            scores: scores.remove(&row.execution).unwrap_or_default(),
            task: row.task,
            case_id: row.case_id,
            model: row.model,
            prompt: row.prompt,
            variant: row.variant,
            epoch: row.epoch,
            status: row.status,
            passed: row.passed,
            attempts: row.attempt,
            score: row.score,
            logprob: row.logprob,
            confidence: row.confidence,
            review: row.review,
            output: row.output,
            duration_ms: row.duration_ms,
            cost_usd: row.cost_usd,
            error_stage: row.error_stage,
            error_reason: row.error_reason,
            error_message: row.error_message,
        })
        .collect())
}

/// Whether the run has every score that was asked for.
async fn known_metrics(session: &mut Session, asked: &Show) -> Result<(), SessionError> {
    if asked.metrics.is_empty() {
        return Ok(());
    }
    let there = text_values(&session.rows("SELECT DISTINCT metric FROM scores ORDER BY metric").await?, 0);
    match asked.metrics.iter().find(|metric| !there.contains(metric)) {
        Some(unknown) => Err(SessionError::unknown_metric(unknown, &there)),
        None => Ok(()),
    }
}

/// How many planned keys have no row: the listed ones, else the planned count less the keys there are. A complete run
/// has done what it was to do, whatever it planned (AMX's ask plans assets and writes none).
fn missing_count(run: &RunRow, overview: &BTreeMap<String, Value>, missing: &[Missing]) -> Option<i64> {
    if run.planned_keys.is_some() {
        return Some(missing.len() as i64);
    }
    let cases = overview.get("cases").and_then(Value::as_i64).unwrap_or(0);
    let complete = run.status == RunStatus::Complete.as_str();
    run.planned_count.map(|planned| if complete { 0 } else { (planned - cases).max(0) })
}

/// Whether a case is one of those asked for: by its id, and by its status in the stored word or in the one on screen.
fn fits(case: &CaseRow, asked: &Show, wanted: Option<&BTreeSet<String>>) -> bool {
    let has_status = |wanted: &String| {
        case.status == *wanted || screen_word(&case.status, case.passed).replace(' ', "_") == *wanted
    };
    asked.status.as_ref().is_none_or(has_status) && wanted.is_none_or(|ids| ids.contains(&case.case_id))
}

fn document(
    run: &RunRow,
    overview: &BTreeMap<String, Value>,
    asked: &Show,
    cases: (&[CaseEntry], &[Missing], Option<i64>),
) -> Value {
    let (cases, missing, missing_count) = cases;
    let object = |text: &Option<String>| -> Value {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "run_id": run.run_id,
        "name": run.name,
        "tool": run.tool,
        "tool_version": run.tool_version,
        "kind": run.kind,
        "command": run.command,
        "relation": run.relation,
        "parent_run_id": run.parent_run_id,
        "task": run.task,
        "experiment": run.experiment,
        "status": run.status,
        "started_at": run.started_at.map(crate::model::Timestamp::to_rfc3339),
        "ended_at": run.ended_at.map(crate::model::Timestamp::to_rfc3339),
        "source_path": run.source_path,
        "run_dir": relative(&run.source_path, &asked.here),
        "eval_file": run.eval_file,
        "eval_file_reason": run.eval_file.is_none().then_some(NO_EVAL_FILE),
        "tags": object(&run.tags),
        "params": object(&run.params),
        "reported": object(&run.reported),
        "overview": overview,
        "cases": cases,
        "missing": missing,
        "missing_count": missing_count,
    })
}

/// The run of a session whose scope must hold exactly one.
///
/// # Errors
/// When the scope holds several; their ids are named.
pub fn the_only_run(session: &Session) -> Result<(), SessionError> {
    match session.runs() {
        [] => Err(SessionError::NoRuns),
        [_] => Ok(()),
        several => Err(SessionError::SeveralRuns {
            runs: several.iter().map(|entry| entry.run.run_id.clone()).collect(),
        }),
    }
}

/// A status as a person may say it: the stored word, the one on screen, or `missing`. `None` for any other word.
pub fn status_word(word: &str) -> Option<String> {
    let word = word.trim().to_lowercase().replace(' ', "_");
    (word == MISSING_WORD || Status::parse(&word).is_some()).then_some(word)
}
