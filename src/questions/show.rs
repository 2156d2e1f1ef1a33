//! One run in detail: where it is, how its cases ended, what is missing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::runs::minute;
use crate::answer::{Answer, Block, Cell, Column, Mark, SCHEMA_VERSION, Table, number};
use crate::model::{RunRow, Status};
use crate::session::{Session, SessionError};

/// Which cases are shown.
#[derive(Debug, Clone, Default)]
pub struct Show {
    /// Only cases with this status (the stored word, or `missing`).
    pub status: Option<String>,
    /// Only cases whose id matches this glob.
    pub case: Option<String>,
    /// Scores that are shown beside the headline score.
    pub metrics: Vec<String>,
    /// Folder that paths are shown relative to.
    pub here: std::path::PathBuf,
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

const CASES: &str = "SELECT task, case_id, model, prompt, variant, epoch, status, passed, attempt, score, duration_ms, \
     cost_usd, error_stage, error_reason, error_message, execution FROM latest_results \
     ORDER BY source_row NULLS LAST, task, case_id, model, epoch";

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
    let cases = entries(session, rows.read()?, asked).await?;
    let missing_count = missing_count(&entry.run, &overview, &missing);
    let mut blocks = vec![heading(&entry.run)];
    blocks.push(Block::Table(facts_table(&entry.run, &overview, asked)));
    blocks.push(Block::Gap);
    let models = overview.get("models").and_then(Value::as_array).map_or(0, Vec::len);
    blocks.push(Block::Table(case_table(&cases, asked, models > 1)));
    if asked.status.as_deref().is_none_or(|status| status == "missing") {
        blocks.extend(missing_blocks(&missing, missing_count));
    }
    let failed: Vec<Counted> = session.rows("SELECT count(*) AS n FROM failed_rows").await?.read()?;
    let uncounted = missing_count.unwrap_or(0) - missing.len() as i64;
    blocks.extend(hint(&entry.run, failed.first().map_or(0, |counted| counted.n), uncounted));
    let document = document(&entry.run, &overview, asked, (&cases, &missing, missing_count));
    Ok(Answer {
        blocks,
        document: Some(document),
        ids: Some(cases.iter().map(|case| case.case_id.clone()).collect()),
        records: rows.into(),
    })
}

async fn entries(
    session: &mut Session,
    rows: Vec<CaseRow>,
    asked: &Show,
) -> Result<Vec<CaseEntry>, SessionError> {
    let pattern = match &asked.case {
        Some(text) => Some(glob::Pattern::new(text).map_err(|error| SessionError::Predicate {
            flag: "--case",
            predicate: text.clone(),
            problem: error.msg.to_owned(),
        })?),
        None => None,
    };
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
        .filter(|row| asked.status.as_ref().is_none_or(|status| *status == row.status))
        .filter(|row| pattern.as_ref().is_none_or(|p| p.matches(&row.case_id) || p.as_str() == row.case_id))
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
            duration_ms: row.duration_ms,
            cost_usd: row.cost_usd,
            error_stage: row.error_stage,
            error_reason: row.error_reason,
            error_message: row.error_message,
        })
        .collect())
}

/// How many planned keys have no row: the listed ones, else the planned count less the keys there are.
fn missing_count(run: &RunRow, overview: &BTreeMap<String, Value>, missing: &[Missing]) -> Option<i64> {
    if run.planned_keys.is_some() {
        return Some(missing.len() as i64);
    }
    let cases = overview.get("cases").and_then(Value::as_i64).unwrap_or(0);
    run.planned_count.map(|planned| (planned - cases).max(0))
}

fn heading(run: &RunRow) -> Block {
    let name = run.name.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
    Block::Headline {
        left: format!("{}{name} · {}", run.run_id, run.task),
        right: format!("{} {}", run.tool, run.tool_version.as_deref().unwrap_or("")).trim_end().to_owned(),
    }
}

fn facts_table(run: &RunRow, overview: &BTreeMap<String, Value>, asked: &Show) -> Table {
    let number_of = |name: &str| overview.get(name).and_then(Value::as_f64);
    let count_of = |name: &str| overview.get(name).and_then(Value::as_i64).unwrap_or(0);
    let rate = |name: &str| number_of(name).map_or_else(|| "—".to_owned(), number::percent);
    let mut facts: Vec<(&str, String)> = vec![
        ("status", run.status.clone()),
        ("cases", counts(overview)),
        (
            "pass rate",
            format!(
                "{} latest · {} scored · {} over all {} attempts",
                rate("pass_rate_latest"),
                rate("pass_rate_scored"),
                rate("pass_rate_attempts"),
                number::count(count_of("attempts"))
            ),
        ),
    ];
    if count_of("superseded") > 0 {
        let (rerun, superseded) = (count_of("rerun_cases"), count_of("superseded"));
        facts.push(("run again", format!("{rerun} cases, {superseded} attempts superseded")));
    }
    if let Some(cost) = number_of("cost_usd") {
        let spent = number_of("cost_usd_spent").unwrap_or(cost);
        let all = if spent > cost {
            format!(", {} with superseded attempts", number::cost(spent))
        } else {
            String::new()
        };
        facts.push(("cost_usd", format!("{}{all}", number::cost(cost))));
    }
    if let Some(tokens) = number_of("total_tokens") {
        facts.push(("tokens", number::count(tokens as i64)));
    }
    if let Some(started) = run.started_at {
        let ended =
            run.ended_at.map_or_else(String::new, |ended| format!(" to {}", minute(&ended.to_rfc3339())));
        facts.push(("ran", format!("{}{ended}", minute(&started.to_rfc3339()))));
    }
    facts.push(("run folder", relative(&run.source_path, &asked.here)));
    facts.push(("eval file", run.eval_file.clone().unwrap_or_else(|| format!("unknown: {}", NO_EVAL_FILE))));
    for (name, object) in [("tags", &run.tags), ("params", &run.params)] {
        if let Some(text) = object {
            facts.push((name, pairs(text)));
        }
    }
    Table {
        columns: vec![Column::whole(""), Column::text("")],
        rows: facts
            .into_iter()
            .map(|(name, value)| vec![Cell::marked(name, Mark::Dim), Cell::plain(value)])
            .collect(),
    }
}

const NO_EVAL_FILE: &str = "the source does not name it";

fn counts(overview: &BTreeMap<String, Value>) -> String {
    let count_of = |name: &str| overview.get(name).and_then(Value::as_i64).unwrap_or(0);
    let mut text = number::count(count_of("cases"));
    for status in Status::ALL {
        let count = count_of(status.as_str());
        if count > 0 {
            text.push_str(&format!(" · {} {}", number::count(count), status.screen_word()));
        }
    }
    text
}

fn pairs(text: &str) -> String {
    let Ok(Value::Object(object)) = serde_json::from_str(text) else { return text.to_owned() };
    object
        .iter()
        .map(|(key, value)| format!("{key}={}", crate::import::json::stored_text(value).unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A path as seen from a folder; itself when it does not lie below.
fn relative(path: &str, here: &Path) -> String {
    match Path::new(path).strip_prefix(here) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.to_owned(),
    }
}

fn case_table(cases: &[CaseEntry], asked: &Show, several_models: bool) -> Table {
    let several_tasks = cases.iter().any(|case| case.task != cases[0].task);
    let several_epochs = cases.iter().any(|case| case.epoch > 1);
    let mut columns = vec![Column::whole("case")];
    if several_models {
        columns.push(Column::text("model"));
    }
    columns.push(Column::whole("status"));
    columns.extend(["attempts", "score"].map(Column::number));
    columns.extend(asked.metrics.iter().map(Column::number));
    columns.extend(["duration_ms", "cost_usd"].map(Column::number));
    columns.push(Column::text("error"));
    let rows = cases
        .iter()
        .map(|case| {
            let mut name =
                if several_tasks { format!("{}/{}", case.task, case.case_id) } else { case.case_id.clone() };
            if several_epochs {
                name = format!("{name} #{}", case.epoch);
            }
            let mut row = vec![Cell::plain(name)];
            if several_models {
                row.push(Cell::plain(case.model.clone().unwrap_or_default()));
            }
            row.extend(case_cells(case, asked));
            row
        })
        .collect();
    Table { columns, rows }
}

fn case_cells(case: &CaseEntry, asked: &Show) -> Vec<Cell> {
    let or_dash = |text: Option<String>| Cell::plain(text.unwrap_or_else(|| "—".to_owned()));
    let status = Status::parse(&case.status)
        .map_or_else(|| case.status.clone(), |status| status.screen_word().to_owned());
    let shown = match (case.status.as_str(), case.passed) {
        ("ok", Some(false)) => "fail".to_owned(),
        _ => status,
    };
    let mut cells = vec![
        Cell::plain(shown),
        Cell::plain(number::count(case.attempts)),
        or_dash(case.score.map(number::score)),
    ];
    cells.extend(asked.metrics.iter().map(|metric| match case.scores.get(metric) {
        Some(Value::Number(value)) => or_dash(value.as_f64().map(number::score)),
        Some(Value::String(label)) => Cell::plain(label.clone()),
        _ => Cell::plain("—"),
    }));
    cells.push(or_dash(case.duration_ms.map(number::duration_ms)));
    cells.push(or_dash(case.cost_usd.map(number::cost)));
    let place: Vec<&str> =
        [case.error_reason.as_deref(), case.error_stage.as_deref()].into_iter().flatten().collect();
    let error = [place.join(" at "), case.error_message.clone().unwrap_or_default()];
    cells.push(Cell::plain(error.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")));
    cells
}

fn missing_blocks(missing: &[Missing], count: Option<i64>) -> Vec<Block> {
    const NAMED: usize = 10;
    match count {
        Some(count) if count > 0 && missing.is_empty() => {
            vec![Block::Line(format!("missing {count} planned cases; which ones the source does not say"))]
        }
        Some(count) if count > 0 => {
            let names: Vec<String> = missing
                .iter()
                .take(NAMED)
                .map(|key| match &key.model {
                    Some(model) => format!("{} ({model})", key.case_id),
                    None => key.case_id.clone(),
                })
                .collect();
            let more = if missing.len() > NAMED {
                format!(" and {} more", missing.len() - NAMED)
            } else {
                String::new()
            };
            vec![Block::Line(format!("missing {count}: {}{more}", names.join(", ")))]
        }
        _ => Vec::new(),
    }
}

/// What to do when rows are open: those of `failed_rows`, and planned keys that the source only counts.
fn hint(run: &RunRow, failed: i64, uncounted: i64) -> Option<Block> {
    let open = failed + uncounted;
    (open > 0).then(|| {
        Block::Line(format!(
            "{open} open, to resume or run again: runq sql \"SELECT * FROM failed_rows\" --run {}",
            shell_word(&run.run_id)
        ))
    })
}

/// A word as a shell takes it.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
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
        several => Err(SessionError::AmbiguousRun {
            name: "this".to_owned(),
            matches: several.iter().map(|entry| entry.run.run_id.clone()).collect(),
        }),
    }
}

/// A status word as the rows have it: both the stored word and the one on screen are taken, and `missing`.
pub fn status_word(word: &str) -> Option<String> {
    if word == "missing" {
        return Some(word.to_owned());
    }
    Status::parse(word).map(|status| status.as_str().to_owned())
}
