//! Takes the runs of a plan into the store, before and after their commands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Execution;
use crate::cli::context::{Context, shown_path};
use crate::cli::exit::{CliError, problem_report, problems_code};
use crate::import::{IMPORTERS, Importer};
use crate::ingest::{Order, Summary, discover, ingest};
use crate::model::RunRow;
use crate::questions::resume::plan;
use crate::session::{Facts, Request, Scope, Session};
use crate::source::LocalDisk;
use crate::store::Store;

/// Takes the runs in as they are now, and plans again when that changed one of them: new rows, or another id.
pub(super) async fn up_to_date(
    asked: Execution,
    context: &Context<'_>,
    store: &Store,
) -> Result<Execution, CliError> {
    let mut ids = Vec::new();
    let mut changed = false;
    for run in &asked.plan.runs {
        let place = place_of(&asked, &run.run);
        let summary = take_in(&asked, context, (store, &[place], &run.run.tool)).await?;
        changed |= !summary.replaced.is_empty();
        say_problems(&summary, context);
        ids.push(stored_id(store, &run.run, &summary).await?);
    }
    let same = asked.plan.runs.iter().zip(&ids).all(|(run, id)| run.run.run_id == *id);
    if same && !changed {
        return Ok(asked);
    }
    let mut request = context.global.session.request()?;
    // The runs are known by now; what narrows their cases stands in what was asked of the plan.
    let scope = std::mem::take(&mut request.scope);
    request.scope = Scope { runs: ids, task: scope.task, asset: scope.asset, ..Scope::default() };
    request.planned.clone_from(&asked.planned);
    let mut session = Session::open(context.stored_facts().await?, request).await?;
    let plan = plan(&mut session, &asked.resume, &LocalDisk).await?;
    context.output.note("the run has changed since it was taken in, so it was planned again");
    Ok(Execution { plan, ..asked })
}

/// What questions about a run are asked with: the person's options, and no narrowing.
pub(super) fn request_of(asked: &Execution, context: &Context<'_>) -> Result<Request, CliError> {
    let request = context.global.session.request()?;
    let planned = asked.planned.clone();
    Ok(Request { scope: Scope::default(), planned, ..request })
}

/// Takes places in and says what could not be read. Gives the exit code that this calls for.
pub(super) async fn take_in_again(
    asked: &Execution,
    context: &Context<'_>,
    (store, run, output): (&Store, &RunRow, Option<&Path>),
) -> Result<u8, CliError> {
    let mut places = vec![place_of(asked, run)];
    places.extend(output.filter(|output| output.exists()).map(Path::to_owned));
    let summary = take_in(asked, context, (store, &places, &run.tool)).await?;
    context.say_reading(&summary.reading);
    say_problems(&summary, context);
    for (path, of) in &summary.copies {
        context.output.note(&format!("{} holds nothing that {of} does not hold", shown_path(path)));
    }
    Ok(problems_code(&summary.problems))
}

async fn take_in(
    asked: &Execution,
    context: &Context<'_>,
    (store, places, tool): (&Store, &[PathBuf], &str),
) -> Result<Summary, CliError> {
    let words: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    let discovery = discover(&LocalDisk, &words, asked.import.from.or_else(|| importer(tool)));
    let order = Order {
        source: Arc::new(LocalDisk),
        options: Arc::new(asked.import.options(context.global.session.task.as_ref())?),
        labels: Arc::new(asked.import.labels()),
        surroundings: Arc::new(context.surroundings(&discovery, "reading")),
        forget: false,
        readers: 1,
    };
    Ok(ingest(store, discovery, &order).await?)
}

fn importer(tool: &str) -> Option<&'static dyn Importer> {
    IMPORTERS.iter().copied().find(|importer| importer.name() == tool)
}

fn say_problems(summary: &Summary, context: &Context<'_>) {
    for problem in &summary.problems {
        context.output.error(&problem_report(problem));
    }
}

/// Where a run's rows are now: where the person says, else its file, else its folder (a tool may move its file within).
fn place_of(asked: &Execution, run: &RunRow) -> PathBuf {
    let (file, folder) = (PathBuf::from(&run.source_file), PathBuf::from(&run.source_path));
    match &asked.resume.places.run_dir {
        Some(given) => asked.resume.here.join(given),
        None if file.exists() || !folder.exists() => file,
        None => folder,
    }
}

/// What a run is called in the store: as it was, or by the id that its file got there.
async fn stored_id(store: &Store, run: &RunRow, summary: &Summary) -> Result<String, CliError> {
    let snapshot = store.snapshot().await?;
    if snapshot.runs.iter().any(|stored| stored.run_id == run.run_id) {
        return Ok(run.run_id.clone());
    }
    let of_file = |stored: &&RunRow| stored.source_file == run.source_file;
    let of_same_start = |stored: &&RunRow| stored.started_at == run.started_at;
    let found = snapshot.runs.iter().filter(of_file).find(of_same_start);
    let copied = summary.copies.iter().find(|(path, _)| path == Path::new(&run.source_file));
    found.map(|stored| stored.run_id.clone()).or_else(|| copied.map(|(_, id)| id.clone())).ok_or_else(|| {
        CliError::not_found(
            format!("{} could not be taken into the store; nothing was started", run.run_id),
            Some("runq ingest says why"),
        )
    })
}

/// The runs of the store that lie in one of the outputs.
pub(super) fn runs_in(facts: &Facts, outputs: &[&Path]) -> Vec<String> {
    let inside = |run: &RunRow| outputs.iter().any(|output| Path::new(&run.source_file).starts_with(output));
    facts
        .runs
        .iter()
        .map(|entry| &entry.run)
        .filter(|run| inside(run))
        .map(|run| run.run_id.clone())
        .collect()
}
