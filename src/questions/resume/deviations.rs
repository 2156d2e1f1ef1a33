//! Where a tool's own commands execute more or fewer keys than a plan names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;

use super::columns::{Columns, text, yes};
use super::select::key_of;
use super::{Deviation, PlannedCommand, PlannedRow};
use crate::import::rerun::{Decision, History, RerunCase, RerunMode};
use crate::model::Key;
use crate::session::{Session, SessionError};

/// Fills in what each command of a run executes beside the plan, and what of the plan none executes.
///
/// # Errors
/// When the histories cannot be read.
pub(super) async fn foretell(
    session: &mut Session,
    (ingest_id, rows): (&str, &[PlannedRow]),
    commands: &mut [PlannedCommand],
) -> Result<(), SessionError> {
    if commands.is_empty() {
        return Ok(());
    }
    let planned: HashSet<Key> = rows.iter().map(key_of).collect();
    let mut stream = of_run(session, ingest_id).await?.execute_stream().await?;
    while let Some(batch) = stream.next().await {
        for pair in pairs_of(&batch?)? {
            pair.compare(&planned, commands);
        }
    }
    // A stream gives its rows in another order each time; a plan does not.
    for command in commands {
        command.runs_also.sort();
        command.does_not_run.sort();
    }
    Ok(())
}

/// A case on a model, with what the tool's file holds of it.
struct Pair {
    task: String,
    case_id: String,
    model: Option<String>,
    prompt: Option<String>,
    variant: Option<String>,
    epochs: i64,
    history: History,
}

fn pairs_of(batch: &RecordBatch) -> Result<Vec<Pair>, SessionError> {
    let columns = Columns(batch);
    let [tasks, cases, models, prompts, variants] = [
        columns.texts("task")?,
        columns.texts("case_id")?,
        columns.texts("model")?,
        columns.texts("prompt")?,
        columns.texts("variant")?,
    ];
    let [epochs, rows] = [columns.integers("epochs")?, columns.integers("rows")?];
    let flags: Vec<_> =
        ["ok", "error", "finished", "latest_ok", "latest_error", "case_in_source", "case_error"]
            .into_iter()
            .map(|name| columns.booleans(name))
            .collect::<Result<_, _>>()?;
    let pair = |at: usize| {
        let owned = |column| text(column, at).map(str::to_owned);
        let flag = |place: usize| yes(&flags[place], at);
        Pair {
            task: owned(&tasks).unwrap_or_default(),
            case_id: owned(&cases).unwrap_or_default(),
            model: owned(&models),
            prompt: owned(&prompts),
            variant: owned(&variants),
            epochs: epochs.value(at),
            history: History {
                rows: rows.value(at),
                ok: flag(0),
                error: flag(1),
                finished: flag(2),
                latest_ok: flag(3),
                latest_error: flag(4),
                case_in_source: flag(5),
                case_error: flag(6),
            },
        }
    };
    Ok((0..batch.num_rows()).map(pair).collect())
}

impl Pair {
    /// Its key in the first epoch.
    fn key(&self) -> Key {
        Key::from_parts(&self.task, &self.case_id, [&self.model, &self.prompt, &self.variant], 1)
    }

    fn compare(&self, planned: &HashSet<Key>, commands: &mut [PlannedCommand]) {
        let base = self.key();
        let (wanted, others): (Vec<i64>, Vec<i64>) =
            (1..=self.epochs.max(1)).partition(|epoch| planned.contains(&Key { epoch: *epoch, ..base }));
        let decisions: Vec<Option<Decision>> = commands
            .iter()
            .map(|command| command.command.runs.decide(&self.case_id, self.model.as_deref(), &self.history))
            .collect();
        let running = decisions.iter().position(|decision| matches!(decision, Some(Decision::Runs(_))));
        match running {
            Some(place) => {
                let Some(Decision::Runs(why)) = decisions[place] else { return };
                let why = if wanted.is_empty() { why } else { "repeats all epochs of a case" };
                let command = &mut commands[place];
                let also: Vec<_> =
                    others.iter().map(|epoch| self.deviation(*epoch, &command.tool, why)).collect();
                command.runs_also.extend(also);
            }
            None if wanted.is_empty() => {}
            None => {
                let told = decisions.iter().position(Option::is_some).unwrap_or(0);
                let why = match decisions.get(told).copied().flatten() {
                    Some(Decision::Skips(why)) => why,
                    _ => "is not told about it",
                };
                let command = &mut commands[told];
                let not: Vec<_> =
                    wanted.iter().map(|epoch| self.deviation(*epoch, &command.tool, why)).collect();
                command.does_not_run.extend(not);
            }
        }
    }

    fn deviation(&self, epoch: i64, tool: &str, why: &str) -> Deviation {
        Deviation {
            case_id: self.case_id.clone(),
            model: self.model.clone(),
            epoch,
            why: format!("{tool} {why}"),
        }
    }
}

/// What a tool would do with planned cases that nobody can name.
pub(super) fn of_unnamed(commands: &[PlannedCommand]) -> Option<Decision> {
    let runs = commands.iter().map(|command| &command.command.runs).find(|runs| runs.cases.is_none())?;
    Some((runs.rule)(&History::default()))
}

/// The cases of a plan, each (task, case, model, prompt) once, in its order; with what the tool's file holds of them where
/// the mode leaves it to the tool how they are selected.
///
/// # Errors
/// When the histories cannot be read.
pub(super) async fn cases_of(
    session: &mut Session,
    (ingest_id, rows): (&str, &[PlannedRow]),
    mode: RerunMode,
) -> Result<Vec<RerunCase>, SessionError> {
    let histories = match mode {
        RerunMode::Where => histories(session, ingest_id, rows).await?,
        _ => HashMap::new(),
    };
    let mut seen = HashSet::new();
    let owned = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let cases =
        rows.iter().map(|row| (row, Key { epoch: 1, ..key_of(row) })).filter(|(_, key)| seen.insert(*key));
    let case = |(row, key): (&PlannedRow, Key)| RerunCase {
        task: row.task.to_string(),
        case_id: row.case_id.to_string(),
        model: owned(&row.model),
        prompt: owned(&row.prompt),
        history: histories.get(&key).copied().unwrap_or_default(),
    };
    Ok(cases.map(case).collect())
}

async fn histories(
    session: &mut Session,
    ingest_id: &str,
    rows: &[PlannedRow],
) -> Result<HashMap<Key, History>, SessionError> {
    let wanted: HashSet<Key> = rows.iter().map(|row| Key { epoch: 1, ..key_of(row) }).collect();
    let mut histories = HashMap::new();
    let mut stream = of_run(session, ingest_id).await?.execute_stream().await?;
    while let Some(batch) = stream.next().await {
        let pairs = pairs_of(&batch?)?.into_iter().map(|pair| (pair.key(), pair.history));
        histories.extend(pairs.filter(|(key, _)| wanted.contains(key)));
    }
    Ok(histories)
}

/// What the tool's file holds of each case of a run.
async fn of_run(session: &mut Session, ingest_id: &str) -> Result<DataFrame, SessionError> {
    let frame = session.frame("SELECT * FROM source_histories").await?;
    Ok(frame.filter(col("ingest_id").eq(lit(ingest_id)))?)
}
