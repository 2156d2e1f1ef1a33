//! Which runs are there, and how did each go?

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{Answer, Block, Cell, Column, Records, SCHEMA_VERSION, Table, number};
use crate::model::Timestamp;
use crate::session::{Facts, Request, RunEntry, Session, SessionError, text_values};

/// Which runs are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only runs of this model.
    pub model: Option<String>,
    /// Only this status.
    pub status: Option<String>,
    /// Only runs with this label: `key` or `key=value`.
    pub tag: Option<String>,
    /// Only runs whose id, name, task, experiment, command, scope, profiles, tags or path hold this text, whatever its
    /// case.
    pub search: Option<String>,
    /// How many runs a page has.
    pub limit: usize,
    /// Which page, from 1.
    pub page: usize,
}

#[derive(Debug, Deserialize, Serialize)]
struct Overview {
    run_id: String,
    name: Option<String>,
    tool: String,
    kind: String,
    #[serde(default)]
    command: Option<String>,
    #[serde(skip_deserializing)]
    scope: Vec<String>,
    task: String,
    experiment: Option<String>,
    status: String,
    started_at: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    cases: i64,
    attempts: i64,
    superseded: i64,
    ok: i64,
    quality_failure: i64,
    execution_error: i64,
    pass_rate_attempts: Option<f64>,
    pass_rate_latest: Option<f64>,
    pass_rate_scored: Option<f64>,
    total_tokens: Option<i64>,
    cost_usd: Option<f64>,
    cost_usd_spent: Option<f64>,
    duration_ms: Option<f64>,
    #[serde(default)]
    approval_rate: Option<f64>,
}

/// Lists runs, newest first.
///
/// # Errors
/// When the views cannot be computed.
pub async fn runs(mut facts: Facts, filter: &Filter) -> Result<Answer, SessionError> {
    let there = facts.runs.len();
    let origin = facts.origin.clone();
    let columns_of = Facts { runs: facts.runs.iter().take(1).cloned().collect(), ..facts.clone() };
    let mut listed: Vec<RunEntry> = facts.runs.drain(..).filter(|entry| fits(entry, filter)).collect();
    if let Some(model) = &filter.model {
        facts.runs.clone_from(&listed);
        listed = with_model(&facts, listed, model).await?;
    }
    listed.reverse();
    let matching = listed.len();
    let first = filter.limit.saturating_mul(filter.page.saturating_sub(1));
    facts.runs = listed.into_iter().skip(first).take(filter.limit).collect();
    let shown = facts.runs.len();
    let headline = Block::Headline { left: heading(matching, there), right: origin };
    if shown == 0 {
        return empty(headline, matching, columns_of).await;
    }
    let mut session = Session::open(facts, Request::default()).await?;
    let rows =
        session.rows("SELECT * FROM run_overview ORDER BY started_at DESC NULLS LAST, run_id DESC").await?;
    let mut overviews: Vec<Overview> = rows.read()?;
    add_headers(&mut overviews, session.runs());
    let mut blocks = vec![headline, Block::Gap, Block::Table(table(&overviews))];
    let left = matching.saturating_sub(first + shown);
    if left > 0 {
        blocks.push(Block::Line(format!("  {left} more: --page {} or --limit {matching}", filter.page + 1)));
    }
    Ok(Answer {
        blocks,
        document: Some(json!({"schema_version": SCHEMA_VERSION, "total": matching, "runs": overviews})),
        ids: Some(overviews.into_iter().map(|run| run.run_id).collect()),
        records: rows.into(),
        ..Answer::default()
    })
}

/// What a run was told to do and to work on, from its header.
fn add_headers(overviews: &mut [Overview], runs: &[RunEntry]) {
    let headers: std::collections::HashMap<&str, &RunEntry> =
        runs.iter().map(|entry| (entry.run.run_id.as_str(), entry)).collect();
    for overview in overviews {
        let Some(entry) = headers.get(overview.run_id.as_str()) else { continue };
        overview.command.clone_from(&entry.run.command);
        let scope = entry.run.scope.as_deref().and_then(|text| serde_json::from_str(text).ok());
        overview.scope = scope.unwrap_or_default();
    }
}

fn heading(matching: usize, there: usize) -> String {
    match matching {
        _ if matching == there => format!("{}, newest first", number::counted(there, "run", "runs")),
        _ => format!(
            "{} of {}, newest first",
            number::count(matching as i64),
            number::counted(there, "run", "runs")
        ),
    }
}

/// No run: the columns are there all the same, for those who read rows.
async fn empty(headline: Block, matching: usize, columns_of: Facts) -> Result<Answer, SessionError> {
    let records = if columns_of.runs.is_empty() {
        Records { schema: std::sync::Arc::new(arrow::datatypes::Schema::empty()), batches: Vec::new() }
    } else {
        let mut session = Session::open(columns_of, Request::default()).await?;
        session.rows("SELECT * FROM run_overview LIMIT 0").await?.into()
    };
    let why = if matching == 0 { "no run fits" } else { "no run on this page" };
    Ok(Answer {
        blocks: vec![headline, Block::Line(why.to_owned())],
        document: Some(json!({"schema_version": SCHEMA_VERSION, "total": matching, "runs": []})),
        ids: Some(Vec::new()),
        records,
        ..Answer::default()
    })
}

fn fits(entry: &RunEntry, filter: &Filter) -> bool {
    let run = &entry.run;
    let same = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    same(&filter.status, &run.status)
        && filter.tag.as_ref().is_none_or(|tag| has_tag(run.tags.as_deref(), tag))
        && filter.search.as_ref().is_none_or(|text| mentions(entry, &text.to_lowercase()))
}

fn has_tag(tags: Option<&str>, wanted: &str) -> bool {
    let tags: Option<serde_json::Value> = tags.and_then(|text| serde_json::from_str(text).ok());
    let Some(tags) = tags else { return false };
    match wanted.split_once('=') {
        Some((key, value)) => {
            tags.get(key).and_then(crate::import::json::stored_text).as_deref() == Some(value)
        }
        None => tags.get(wanted).is_some(),
    }
}

fn mentions(entry: &RunEntry, text: &str) -> bool {
    let run = &entry.run;
    let texts = [
        Some(&run.run_id),
        Some(&run.task),
        Some(&run.source_path),
        run.name.as_ref(),
        run.experiment.as_ref(),
        run.tags.as_ref(),
        run.eval_file.as_ref(),
        run.command.as_ref(),
        run.scope.as_ref(),
    ];
    texts.into_iter().flatten().any(|value| value.to_lowercase().contains(text))
        || profiles(run.params.as_deref()).any(|value| value.to_lowercase().contains(text))
}

/// The names of the profiles among the settings of a run (AMX: `llm_profile`, `db_profile`, ...).
fn profiles(params: Option<&str>) -> impl Iterator<Item = String> {
    let params: Option<serde_json::Map<String, serde_json::Value>> =
        params.and_then(|text| serde_json::from_str(text).ok());
    params
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.ends_with("profile"))
        .filter_map(|(_, value)| crate::import::json::stored_text(&value))
}

async fn with_model(
    facts: &Facts,
    listed: Vec<RunEntry>,
    model: &str,
) -> Result<Vec<RunEntry>, SessionError> {
    if listed.is_empty() {
        return Ok(listed);
    }
    let mut session = Session::open(facts.clone(), Request::default()).await?;
    let bound = [("model", datafusion::common::ScalarValue::Utf8(Some(model.to_owned())))];
    let rows = session
        .rows_with("SELECT ingest_id FROM run_overview WHERE array_has(models, $model)", &bound)
        .await?;
    let ingests = text_values(&rows, 0);
    Ok(listed.into_iter().filter(|entry| ingests.contains(&entry.run.ingest_id)).collect())
}

/// A line per run; a column that no run on the page fills is left out.
fn table(runs: &[Overview]) -> Table {
    type Text = fn(&Overview) -> Option<String>;
    let columns: [(Column, Text); 18] = [
        (Column::whole("run"), |run| Some(run.run_id.clone())),
        (Column::text("name"), |run| run.name.clone()),
        (Column::whole("command"), |run| run.command.clone()),
        (Column::text("scope"), |run| filled(run.scope.join(", "))),
        (Column::whole("status"), |run| Some(run.status.clone())),
        (Column::text("models"), |run| filled(run.models.join(", "))),
        (Column::number("cases"), |run| Some(number::count(run.cases))),
        (Column::number("pass latest"), |run| run.pass_rate_latest.map(number::percent)),
        (Column::number("cost_usd"), |run| run.cost_usd.map(number::cost)),
        (Column::number("approved"), |run| run.approval_rate.map(number::percent)),
        (Column::number("duration_ms"), |run| run.duration_ms.map(number::duration_ms)),
        (Column::number("tokens").spare(), |run| run.total_tokens.map(number::count)),
        (Column::number("scored").spare(), |run| run.pass_rate_scored.map(number::percent)),
        (Column::number("attempts").spare(), |run| run.pass_rate_attempts.map(number::percent)),
        (Column::number("superseded").spare(), |run| {
            (run.superseded > 0).then(|| number::count(run.superseded))
        }),
        (Column::text("task").spare(), |run| Some(run.task.clone())),
        (Column::whole("kind").spare(), |run| run.command.is_none().then(|| run.kind.clone())),
        (Column::whole("started"), |run| run.started_at.as_deref().map(minute)),
    ];
    let mut table = Table { columns: Vec::new(), rows: vec![Vec::new(); runs.len()] };
    for (column, text) in columns {
        if runs.iter().all(|run| text(run).is_none()) {
            continue;
        }
        table.columns.push(column);
        for (row, run) in table.rows.iter_mut().zip(runs) {
            row.push(Cell::plain(text(run).unwrap_or_else(|| "—".to_owned())));
        }
    }
    table
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// A time to the minute.
pub(super) fn minute(text: &str) -> String {
    Timestamp::parse(text).map_or_else(|| text.to_owned(), |time| time.to_rfc3339()[..16].replace('T', " "))
}
