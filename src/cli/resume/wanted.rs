//! Which run is meant when none is named, whether its files have changed since, and which suite it is of.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Deserialize;

use super::super::context::{Asked, Context, here, shown_path};
use super::super::exit::CliError;
use crate::model::{RunRow, RunStatus, Timestamp, shell_word};
use crate::session::{Facts, Request, RunEntry, Session, resolve_run};
use crate::source::{LocalDisk, Source};

/// Where AgentV remembers its last run.
const AGENTV_CACHE: &str = ".agentv/cache.json";

/// Statuses of a run that did not come to its end. `unknown` is none of them: what its rows say decides.
const UNFINISHED: [RunStatus; 4] =
    [RunStatus::Incomplete, RunStatus::Running, RunStatus::Failed, RunStatus::Cancelled];

/// A run that nobody named.
pub(super) struct Wanted {
    /// Its name: an id of the store, or a path.
    pub name: String,
    /// Which one it is and why, as a sentence.
    pub said: String,
}

/// AgentV's last run here, else the newest run in scope that is unfinished, else the newest with failed rows, else the
/// newest.
///
/// # Errors
/// When there are no runs, or the store cannot be read.
pub(super) async fn wanted(context: &Context<'_>) -> Result<Wanted, CliError> {
    let session = &context.global.session;
    let mut request = session.request()?;
    request.scope.case = None;
    let last = agentv_run(context);
    let facts = match (context.stored().await?, &last) {
        (Some(facts), _) => facts,
        (None, Some(folder)) => return Ok(of_agentv(shown_path(folder))),
        (None, None) => context.stored_facts().await?,
    };
    let narrowed = !request.scope.kinds.is_empty()
        || request.scope.task.is_some()
        || request.scope.predicate.is_some()
        || request.scope.asset.is_some();
    let facts = facts.within(&request.scope).await?;
    if let Some(folder) = last {
        let full = LocalDisk.full_name(&folder);
        let stored = facts.runs.iter().find(|entry| Path::new(&entry.run.source_path) == full);
        match stored {
            Some(entry) => return Ok(of_agentv(entry.run.run_id.clone())),
            None if !narrowed => return Ok(of_agentv(shown_path(&folder))),
            None => {}
        }
    }
    newest(facts, request).await
}

fn of_agentv(name: String) -> Wanted {
    let said = format!("{name}: AgentV's last run here ({AGENTV_CACHE})");
    Wanted { name, said }
}

async fn newest(facts: Facts, request: Request) -> Result<Wanted, CliError> {
    let chosen = |run: &RunRow, why: &str| Wanted {
        name: run.run_id.clone(),
        said: format!("{}: the newest run {why}", run.run_id),
    };
    let is_unfinished = |run: &RunRow| UNFINISHED.iter().any(|status| status.as_str() == run.status);
    // A question that worked on no case has none to run again.
    let mut runs = facts.runs.iter().rev().map(|entry| &entry.run).filter(|run| run.kind != "ask");
    if let Some(run) = runs.find(|run| is_unfinished(run)) {
        return Ok(chosen(run, &format!("that did not finish ({})", run.status)));
    }
    let entries = facts.runs.clone();
    let mut session = Session::open(facts, request).await?;
    let failed = session.rows("SELECT DISTINCT ingest_id FROM failed_rows").await?;
    let failed = failed.read::<Failed>()?;
    let newest = entries.iter().rev().map(|entry| &entry.run);
    let has_failed = |run: &&RunRow| failed.iter().any(|row| row.ingest_id == run.ingest_id);
    if let Some(run) = newest.clone().find(has_failed) {
        return Ok(chosen(run, "with failed rows"));
    }
    match newest.clone().find(|run| run.kind != "ask").or_else(|| newest.clone().next()) {
        Some(run) => Ok(chosen(run, "(none is unfinished, none has failed rows)")),
        None => Err(crate::session::SessionError::NoRuns.into()),
    }
}

#[derive(Deserialize)]
struct Failed {
    ingest_id: String,
}

/// What AgentV writes into its cache after each eval (`run-cache.ts`; era A and B).
#[derive(Deserialize)]
struct AgentVCache {
    #[serde(rename = "lastRunDir")]
    last_run_dir: Option<PathBuf>,
}

/// The folder of AgentV's last run here, when it is still there.
fn agentv_run(context: &Context<'_>) -> Option<PathBuf> {
    let text = std::fs::read_to_string(here().join(AGENTV_CACHE)).ok()?;
    let cache: AgentVCache = match serde_json::from_str(&text) {
        Ok(cache) => cache,
        Err(error) => {
            context.output.note(&format!("{AGENTV_CACHE} is passed over: {error}"));
            return None;
        }
    };
    let folder = here().join(cache.last_run_dir?);
    if folder.is_dir() {
        return Some(folder);
    }
    context.output.note(&format!("{AGENTV_CACHE} names {}, which is not there", shown_path(&folder)));
    None
}

/// A note for every stored run whose file is newer than what the store has of it.
pub(super) fn changed(runs: &[RunEntry]) -> Vec<String> {
    let stored = runs.iter().filter(|entry| entry.argument.is_none()).map(|entry| &entry.run);
    stored.filter(|run| is_older_than_its_file(run)).map(changed_note).collect()
}

fn changed_note(run: &RunRow) -> String {
    let path = shell_word(&shown_path(Path::new(&run.source_path)));
    format!("the files of {} changed after they were taken in: runq ingest {path}", run.run_id)
}

fn is_older_than_its_file(run: &RunRow) -> bool {
    let written = std::fs::metadata(&run.source_file).and_then(|metadata| metadata.modified()).ok();
    let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_micros()).ok()).map(Timestamp);
    matches!((written, run.ingested_at), (Some(written), Some(taken)) if written > taken)
}

/// The suite of the newest other run of the same tool and task that names one, and that run's id; when no run that is
/// asked about names its own, and all are of one task.
pub(super) async fn suite_of_another(
    asked: &Asked,
    context: &Context<'_>,
) -> Result<Option<(PathBuf, String)>, CliError> {
    let mine = asked_about(asked);
    let Some(first) = mine.first() else { return Ok(None) };
    let is_alike = |run: &RunRow| run.task == first.task && run.tool == first.tool;
    if mine.iter().any(|run| run.eval_file.is_some() || !is_alike(run)) {
        return Ok(None);
    }
    let is_other = |run: &&RunRow| is_alike(run) && !mine.iter().any(|own| own.run_id == run.run_id);
    let newest =
        |runs: &[RunEntry]| runs.iter().rev().map(|entry| &entry.run).filter(is_other).find_map(suite_of);
    if let Some(found) = newest(&asked.facts.runs) {
        return Ok(Some(found));
    }
    // Runs that were read from paths stand alone; the store may know others of their task.
    Ok(context.stored().await?.and_then(|facts| newest(&facts.runs)))
}

/// The runs that names stand for; all where none is named.
fn asked_about(asked: &Asked) -> Vec<&RunRow> {
    let (runs, names) = (&asked.facts.runs, &asked.request.scope.runs);
    if names.is_empty() {
        return runs.iter().map(|entry| &entry.run).collect();
    }
    let found = names.iter().filter_map(|name| resolve_run(runs, name).ok()).flatten();
    found.map(|entry| &entry.run).collect()
}

/// The suite that a run names, as it is to be found from anywhere: a tool writes it relative to the project that the run's
/// folder lies in.
fn suite_of(run: &RunRow) -> Option<(PathBuf, String)> {
    let suite = Path::new(run.eval_file.as_deref()?);
    let above = Path::new(&run.source_path).ancestors().map(|folder| folder.join(suite));
    let found = above.into_iter().find(|path| path.is_file());
    Some((found.unwrap_or_else(|| suite.to_owned()), run.run_id.clone()))
}
