//! What did a command that was started do: how did its run stand before and after, what ran, what did it cost, what is
//! still open?
//!
//! Counts come from `run_overview` and `failed_rows`; what ran are the attempts that were not in the store before.

mod screen;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::jobs::records;
use super::resume::{Expected, predicate_file};
use crate::answer::{Answer, SCHEMA_VERSION};
use crate::import::rerun::RerunMode;
use crate::jobs::{Job, JobStatus, Seen, Standing};
use crate::session::{By, Facts, Request, Scope, Session, SessionError};

/// Attempts of the runs in scope that are not among those of before.
const ADDED: &str = "SELECT count(*) AS ran, exact_sum(cost_usd) AS cost_usd, sum(total_tokens) AS total_tokens \
     FROM (SELECT results.execution, max(results.cost_usd) AS cost_usd, max(results.total_tokens) AS total_tokens \
     FROM results LEFT JOIN executions_before ON results.execution = executions_before.execution \
     WHERE executions_before.execution IS NULL GROUP BY results.execution) AS added";

const OVERVIEW: &str = "SELECT run_id, cases, attempts, superseded, ok, quality_failure, execution_error, scorer_error, \
     \"limit\", cancelled, pass_rate_attempts, pass_rate_latest, pass_rate_scored, total_tokens, cost_usd, \
     cost_usd_spent FROM run_overview ORDER BY run_id";

/// How runs stand at a moment.
#[derive(Debug)]
pub struct Measured {
    /// Each of the runs and of their re-runs and variations.
    pub runs: Vec<RunStanding>,
    executions: (SchemaRef, Vec<RecordBatch>),
}

/// How one run stands.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct RunStanding {
    /// The run.
    pub run_id: String,
    /// How it stands.
    #[serde(flatten)]
    pub standing: Standing,
}

/// What came to runs between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
pub struct Added {
    /// How many attempts.
    pub ran: i64,
    /// What they cost in US dollars; null when nobody tells.
    #[serde(default)]
    pub cost_usd: Option<f64>,
    /// Their tokens; null when nobody tells.
    #[serde(default)]
    pub total_tokens: Option<i64>,
}

impl Measured {
    /// How a run stands, empty when it was not there.
    pub fn of(&self, run_id: &str) -> Standing {
        let found = self.runs.iter().find(|run| run.run_id == run_id);
        found.map(|run| run.standing.clone()).unwrap_or_default()
    }

    /// The runs that were not there before.
    pub fn made_since(&self, before: &Self) -> Vec<RunStanding> {
        let known = |run: &&RunStanding| !before.runs.iter().any(|earlier| earlier.run_id == run.run_id);
        self.runs.iter().filter(known).cloned().collect()
    }

    /// What the runs that were not there before cost, where the tool counts by run and not by case.
    fn cost_of_made(&self, before: &Self) -> Option<f64> {
        let costs = self.made_since(before).into_iter().filter_map(|run| run.standing.cost_usd_spent);
        costs.reduce(|sum, cost| sum + cost)
    }
}

/// How some runs and what was made of them stand now.
///
/// # Errors
/// When the views cannot be computed.
pub async fn measure(facts: &Facts, request: &Request, runs: &[String]) -> Result<Measured, SessionError> {
    let mut session = session_of(facts, request, runs).await?;
    measured(&mut session).await
}

/// How they stand now, and what was added since.
///
/// # Errors
/// When the views cannot be computed.
pub async fn measure_since(
    facts: &Facts,
    request: &Request,
    (runs, before): (&[String], &Measured),
) -> Result<(Measured, Added), SessionError> {
    let mut session = session_of(facts, request, runs).await?;
    let after = measured(&mut session).await?;
    session.add_rows("executions_before", &before.executions.0, before.executions.1.clone())?;
    let added: Vec<Added> = session.rows(ADDED).await?.read()?;
    let mut added = added.into_iter().next().unwrap_or_default();
    if added.cost_usd.is_none() {
        added.cost_usd = after.cost_of_made(before);
    }
    Ok((after, added))
}

/// How many keys of a run a mode would still select, whatever narrowed it before.
///
/// # Errors
/// When the views cannot be computed, or a person's predicate does not plan.
pub async fn still_open(
    facts: &Facts,
    request: &Request,
    (run_id, mode, predicate): (&str, RerunMode, Option<&str>),
) -> Result<i64, SessionError> {
    let mut session = only(facts, request, &[run_id.to_owned()]).await?;
    let (flag, text) = match (mode, predicate_file(mode)) {
        (_, Some((_, text))) => ("--where", text),
        (RerunMode::Where, None) => ("--where", predicate.unwrap_or("TRUE")),
        // What was selected ran because it was asked for; what is open are failures.
        (_, None) => ("--select", "TRUE"),
    };
    let open = session.filtered("failed_rows", (flag, text)).await?.count().await?;
    Ok(i64::try_from(open).unwrap_or(i64::MAX))
}

/// A session over runs and all that descend from them, each an arm of its own.
async fn session_of(facts: &Facts, request: &Request, runs: &[String]) -> Result<Session, SessionError> {
    #[derive(Deserialize)]
    struct Below {
        root_run_id: String,
        run_id: String,
    }
    let scope = Scope { runs: runs.to_vec(), ..Scope::default() };
    let asked = Request { scope, by: By::Dimension("run".to_owned()), baseline: None, ..request.clone() };
    let mut session = Session::open(facts.clone(), asked).await?;
    let below: Vec<Below> = session
        .rows("SELECT root_run_id, run_id FROM run_descendants WHERE problem IS NULL")
        .await?
        .read()?;
    let below = below.into_iter().filter(|below| runs.contains(&below.root_run_id));
    let all: Vec<String> = runs.iter().cloned().chain(below.map(|below| below.run_id)).collect();
    only(facts, request, &all).await
}

/// A session over exactly these runs.
async fn only(facts: &Facts, request: &Request, runs: &[String]) -> Result<Session, SessionError> {
    let mut facts = facts.clone();
    facts.runs.retain(|entry| runs.contains(&entry.run.run_id));
    let by = By::Dimension("run".to_owned());
    let asked = Request { scope: Scope::default(), by, baseline: None, ..request.clone() };
    Session::open(facts, asked).await
}

async fn measured(session: &mut Session) -> Result<Measured, SessionError> {
    let runs = session.rows(OVERVIEW).await?.read()?;
    let rows = session.rows("SELECT DISTINCT execution FROM results").await?;
    Ok(Measured { runs, executions: (Arc::clone(&rows.schema), rows.batches) })
}

/// What became of a plan that was carried out, for one run.
#[derive(Debug)]
pub struct Account {
    /// The commands that were started, in that order, with their records.
    pub jobs: Vec<Job>,
    /// Commands that were not started, since one before them failed, as a shell takes them.
    pub not_started: Vec<String>,
    /// The run.
    pub run_id: String,
    /// How it stood before.
    pub before: Standing,
    /// How it stands now.
    pub after: Standing,
    /// Runs that came of it: in a new output, or as re-runs of it.
    pub made: Vec<RunStanding>,
    /// How many keys were planned.
    pub planned: i64,
    /// How many keys the tool was said to run beside and not to run, with the first reason.
    pub foretold: Option<(i64, String)>,
    /// What ran.
    pub added: Added,
    /// What it was expected to take.
    pub expected: Expected,
    /// How many keys the same mode would still select, in the run or, where there is one, in its new output.
    pub open: i64,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// An account as an answer.
///
/// # Errors
/// When its jobs cannot be brought into columns.
pub fn answer(account: &Account) -> Result<Answer, SessionError> {
    let seen: Vec<Seen> = account
        .jobs
        .iter()
        .map(|job| Seen { job: job.clone(), status: job.status, tool_lives: false })
        .collect();
    Ok(Answer {
        blocks: screen::blocks(account),
        document: Some(document(account)?),
        records: records(&seen)?,
        ids: Some(account.jobs.iter().map(|job| job.job_id.clone()).collect()),
        ..Answer::default()
    })
}

impl Account {
    /// The command that was started last: the one whose end is the end of all.
    fn last(&self) -> Job {
        self.jobs.last().cloned().unwrap_or_default()
    }

    /// Whether a request to stop ended it.
    pub fn is_cancelled(&self) -> bool {
        self.last().status == JobStatus::Cancelled
    }

    /// Whether the tool failed.
    pub fn is_failed(&self) -> bool {
        self.last().status == JobStatus::Failed
    }

    /// What a person should know, with what the numbers say.
    fn all_notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        if self.added.ran != self.planned {
            let foretold = match &self.foretold {
                Some((keys, why)) if *keys == self.added.ran => format!(", as the plan foretold: {why}"),
                Some((keys, why)) => format!("; the plan foretold {keys}: {why}"),
                None => String::new(),
            };
            notes.push(format!("planned {}, ran {}{foretold}", self.planned, self.added.ran));
        }
        notes
    }
}

fn document(account: &Account) -> Result<Value, SessionError> {
    let internal = |error: serde_json::Error| SessionError::Internal(format!("account of a job: {error}"));
    let job = account.last();
    let command = |job: &Job| json!({"argv": job.argv, "folder": job.folder, "output": job.output});
    let jobs: Vec<Value> = account
        .jobs
        .iter()
        .map(|job| {
            json!({
                "job_id": job.job_id, "command": command(job), "status": job.status.as_str(),
                "exit_code": job.exit_code, "signal": job.signal, "started_at": job.started_at,
                "ended_at": job.ended_at, "planned": job.planned, "ran": job.ran,
            })
        })
        .collect();
    Ok(json!({
        "schema_version": SCHEMA_VERSION,
        "job_id": job.job_id,
        "run_id": account.run_id,
        "mode": job.mode,
        "status": job.status.as_str(),
        "command": command(&job),
        "exit_code": job.exit_code,
        "signal": job.signal,
        "started_at": account.jobs.first().and_then(|job| job.started_at.clone()),
        "ended_at": job.ended_at,
        "before": serde_json::to_value(&account.before).map_err(internal)?,
        "after": serde_json::to_value(&account.after).map_err(internal)?,
        "new_runs": serde_json::to_value(&account.made).map_err(internal)?,
        "planned": account.planned,
        "ran": account.added.ran,
        "open": account.open,
        "expected": serde_json::to_value(&account.expected).map_err(internal)?,
        "spent": {"cost_usd": account.added.cost_usd, "tokens": account.added.total_tokens},
        "jobs": jobs,
        "not_started": account.not_started,
        "notes": account.all_notes(),
    }))
}
