//! Which commands did runq start, and how did they end?

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::runs::minute;
use crate::answer::{Answer, Block, Cell, Column, Records, SCHEMA_VERSION, Table, number};
use crate::jobs::{Found, Job, Seen};
use crate::model::{Timestamp, shell_line};
use crate::session::SessionError;

const NONE: &str = "—";

/// Lists the jobs of a store, newest first, at most so many.
///
/// # Errors
/// When they cannot be brought into columns.
pub fn jobs(found: &Found, most: usize, (origin, now): (String, Timestamp)) -> Result<Answer, SessionError> {
    let there = found.jobs.len();
    let shown = &found.jobs[..there.min(most)];
    let left = match there {
        0 => "no command was started from this store".to_owned(),
        there => format!("{}, newest first", number::counted(there, "job", "jobs")),
    };
    let mut blocks = vec![Block::Headline { left, right: origin }];
    if !shown.is_empty() {
        blocks.extend([Block::Gap, Block::Table(table(shown, now))]);
    }
    if there > shown.len() {
        blocks.push(Block::Line(format!("  {} more: --limit {there}", there - shown.len())));
    }
    for (id, problem) in &found.broken {
        blocks.push(Block::Note(format!("the record of job {id} cannot be read: {problem}")));
    }
    let broken: Vec<Value> =
        found.broken.iter().map(|(id, problem)| json!({"job_id": id, "problem": problem})).collect();
    let documents = shown.iter().map(document).collect::<Result<Vec<_>, _>>()?;
    Ok(Answer {
        blocks,
        document: Some(json!({
            "schema_version": SCHEMA_VERSION, "total": there, "jobs": documents, "broken": broken,
        })),
        records: records(shown)?,
        ids: Some(shown.iter().map(|seen| seen.job.job_id.clone()).collect()),
        ..Answer::default()
    })
}

/// What a person is shown of a job's log.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Its lines, the last ones when it is long.
    pub lines: Vec<String>,
    /// Whether there are lines before them.
    pub cut: bool,
}

/// Shows one job with its log.
///
/// # Errors
/// When it cannot be brought into columns.
pub fn job(seen: &Seen, log: &Log, now: Timestamp) -> Result<Answer, SessionError> {
    let job = &seen.job;
    let left = format!("job {} · {}", job.job_id, in_words(seen));
    let mut blocks = vec![Block::Headline { left, right: job.run_id.clone() }, Block::Gap];
    blocks.push(Block::Table(facts(seen, now)));
    blocks.push(Block::Gap);
    match log.lines.as_slice() {
        [] => blocks.push(Block::Line("the tool printed nothing".to_owned())),
        lines => {
            if log.cut {
                blocks.push(Block::Line(format!("the last {} lines; --log shows all", lines.len())));
            }
            blocks.extend(lines.iter().map(|line| Block::Line(format!("  {line}"))));
        }
    }
    let mut document = document(seen)?;
    document["log"] = json!({"lines": log.lines, "cut": log.cut});
    Ok(Answer {
        blocks,
        document: Some(document),
        records: records(std::slice::from_ref(seen))?,
        ids: Some(vec![job.job_id.clone()]),
        ..Answer::default()
    })
}

/// How a job stands, with what that means where it is not plain.
fn in_words(seen: &Seen) -> String {
    let status = seen.status.as_str();
    match (seen.tool_lives, seen.job.tool_pid, seen.job.end_in_words()) {
        (true, Some(pid), _) => {
            format!("{status}: its runq is gone, {} still works (pid {pid})", seen.job.tool)
        }
        (true, None, _) => format!("{status}: its runq is gone, {} still works", seen.job.tool),
        (false, _, Some(end)) => format!("{status}, {end}"),
        (false, ..) => match &seen.job.problem {
            Some(problem) => format!("{status}: {problem}"),
            None => status.to_owned(),
        },
    }
}

fn document(seen: &Seen) -> Result<Value, SessionError> {
    let mut value = serde_json::to_value(&seen.job)
        .map_err(|error| SessionError::Internal(format!("record of a job: {error}")))?;
    value["status"] = json!(seen.status.as_str());
    value["tool_lives"] = json!(seen.tool_lives);
    Ok(value)
}

/// How long a job took in milliseconds: to its end, else to now where it still runs.
pub(super) fn span_of(job: &Job, now: Option<Timestamp>) -> Option<f64> {
    let start = Timestamp::parse(job.started_at.as_deref()?)?;
    let end = match job.ended_at.as_deref() {
        Some(end) => Timestamp::parse(end)?,
        None => now?,
    };
    Some((end.0 - start.0) as f64 / 1000.0)
}

fn took(seen: &Seen, now: Timestamp) -> Option<f64> {
    let runs = seen.status == crate::jobs::JobStatus::Running;
    span_of(&seen.job, runs.then_some(now))
}

fn table(jobs: &[Seen], now: Timestamp) -> Table {
    let columns = vec![
        Column::whole("job"),
        Column::whole("status"),
        Column::text("run").key(),
        Column::whole("mode"),
        Column::whole("ran"),
        Column::number("exit"),
        Column::number("took"),
        Column::whole("started"),
        Column::whole("tool").spare(),
        Column::number("cost_usd").spare(),
    ];
    let or_none = |text: Option<String>| Cell::plain(text.unwrap_or_else(|| NONE.to_owned()));
    let row = |seen: &Seen| {
        let job = &seen.job;
        let exit = job.exit_code.map(|code| code.to_string());
        vec![
            Cell::plain(&job.job_id),
            Cell::plain(seen.status.as_str()),
            Cell::plain(&job.run_id),
            Cell::plain(&job.mode),
            Cell::plain(ran_of(job)),
            or_none(exit.or_else(|| job.signal.map(|signal| format!("signal {signal}")))),
            or_none(took(seen, now).map(number::span)),
            or_none(job.started_at.as_deref().map(minute)),
            Cell::plain(&job.tool),
            or_none(job.spent.cost_usd.map(number::cost)),
        ]
    };
    Table { columns, rows: jobs.iter().map(row).collect() }
}

/// `12 of 2`: a tool may run more than was planned.
fn ran_of(job: &Job) -> String {
    let ran = job.ran.map_or_else(|| NONE.to_owned(), number::count);
    format!("{ran} of {}", number::count(job.planned))
}

fn facts(seen: &Seen, now: Timestamp) -> Table {
    let job = &seen.job;
    let mut table = Table { columns: vec![Column::whole(""), Column::wrapping("")], rows: Vec::new() };
    let mut row = |name: &str, text: Option<String>| {
        if let Some(text) = text {
            table.rows.push(vec![Cell::plain(name), Cell::plain(text)]);
        }
    };
    let rate = |standing: &Option<crate::jobs::Standing>| {
        standing
            .as_ref()
            .and_then(|run| run.pass_rate_latest)
            .map_or_else(|| NONE.to_owned(), number::percent)
    };
    row("command", Some(shell_line(&job.argv)));
    row("folder", Some(job.folder.clone()));
    row("output", job.output.clone());
    row("mode", Some(job.mode.clone()));
    row("started", job.started_at.clone());
    row("ended", job.ended_at.clone());
    row("took", took(seen, now).map(number::span));
    row("ran", Some(format!("{} planned", ran_of(job))));
    if job.before.is_some() || job.after.is_some() {
        row("pass rate", Some(format!("{} before, {} after", rate(&job.before), rate(&job.after))));
    }
    row("spent", job.spent.cost_usd.map(|cost| format!("${}", number::cost(cost))));
    row("expected", job.expected.cost_usd.map(|cost| format!("${}", number::cost(cost))));
    row("by", Some(format!("runq pid {} on {}", job.pid, job.host)));
    table
}

/// Jobs as rows.
pub(super) fn records(jobs: &[Seen]) -> Result<Records, SessionError> {
    let texts = |of: &dyn Fn(&Seen) -> Option<String>| -> ArrayRef {
        Arc::new(jobs.iter().map(of).collect::<StringArray>())
    };
    let numbers = |of: &dyn Fn(&Seen) -> Option<i64>| -> ArrayRef {
        Arc::new(jobs.iter().map(of).collect::<Int64Array>())
    };
    let costs = |of: &dyn Fn(&Seen) -> Option<f64>| -> ArrayRef {
        Arc::new(jobs.iter().map(of).collect::<Float64Array>())
    };
    let rate = |of: fn(&Job) -> &Option<crate::jobs::Standing>| {
        costs(&move |seen: &Seen| of(&seen.job).as_ref().and_then(|run| run.pass_rate_latest))
    };
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("job_id", texts(&|seen| Some(seen.job.job_id.clone())), false),
        ("status", texts(&|seen| Some(seen.status.as_str().to_owned())), false),
        ("run_id", texts(&|seen| Some(seen.job.run_id.clone())), false),
        ("tool", texts(&|seen| Some(seen.job.tool.clone())), false),
        ("mode", texts(&|seen| Some(seen.job.mode.clone())), false),
        ("command", texts(&|seen| Some(shell_line(&seen.job.argv))), false),
        ("folder", texts(&|seen| Some(seen.job.folder.clone())), false),
        ("planned", numbers(&|seen| Some(seen.job.planned)), false),
        ("ran", numbers(&|seen| seen.job.ran), true),
        ("exit_code", numbers(&|seen| seen.job.exit_code.map(i64::from)), true),
        ("signal", numbers(&|seen| seen.job.signal.map(i64::from)), true),
        ("started_at", texts(&|seen| seen.job.started_at.clone()), true),
        ("ended_at", texts(&|seen| seen.job.ended_at.clone()), true),
        ("expected_cost_usd", costs(&|seen| seen.job.expected.cost_usd), true),
        ("spent_cost_usd", costs(&|seen| seen.job.spent.cost_usd), true),
        ("pass_rate_before", rate(|job| &job.before), true),
        ("pass_rate_after", rate(|job| &job.after), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    Ok(Records { schema: batch.schema(), batches: vec![batch] })
}
