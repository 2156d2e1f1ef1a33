//! `runq ingest`.

mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::args::{ImportArgs, pair};
use super::context::{Context, ProcessSurroundings, shown_path};
use super::exit::{self, CliError, problem_report};
use crate::answer::number::counted;
use crate::ingest::{Order, Summary, discover, ingest};
use crate::model::RunRow;
use crate::model::shell_word;
use crate::objects::AT_ONCE;
use crate::source::{Source, everywhere, is_remote};

/// How many files of S3 are read side by side at least: half of the requests that may be under way.
const FAR_READERS: usize = AT_ONCE / 2;

/// Take runs into the store: files, folders (searched), zip archives and globs, here or in S3 (s3://BUCKET/KEY), many
/// at once.
///
/// The store is --store, RUNQ_STORE, or .runq here or in a folder above; the first ingest makes .runq here. A run that
/// is there already and has not changed is left alone; one that was resumed or rewritten replaces its earlier state,
/// and attempts that the tool threw away are kept. A bad line is skipped and named, a bad file never hides the others.
///
/// --watch follows runs that are still being written: it looks every --interval seconds for new runs and for files that
/// have changed, and takes them in again. A half-written last line waits for its end. A run is stored as a whole, so a
/// large one is taken in again at the earliest after ten times as long as that took last. Ctrl-C ends the watch with a
/// last look, in which a half last line is a skipped one; again, at once.
///
/// Exit code 0 when everything was taken in (skipped lines included), 65 when a whole file was unreadable or, with
/// --strict, any line; 66 when a path holds no runs; 69 when a place cannot be reached; 77 when the store is read-only;
/// 130 when a watch was ended by Ctrl-C, as it usually is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq ingest .agentv/results
  runq ingest outputs/*.jsonl --map case_id=id,score=metrics.accuracy --task support-bot --tag branch=main
  runq ingest scores.csv --run-column run --name nightly
  runq ingest --watch .agentv/results --until-complete && runq show last")]
pub struct IngestArgs {
    /// Files, folders or globs.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// Label for the runs. May be repeated.
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,

    /// Setting of the runs. May be repeated.
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    params: Vec<(String, String)>,

    /// Exit with 65 when any line was skipped.
    #[arg(long)]
    strict: bool,

    /// Let go of attempts that the source no longer holds.
    #[arg(long, conflicts_with = "watch")]
    forget: bool,

    /// Follow runs that are still being written, until Ctrl-C.
    #[arg(long)]
    pub(super) watch: bool,

    /// How often to look, in seconds, from 0.1 to 3600 [default: 2].
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = watch::interval,
        default_value = "2",
        hide_default_value = true,
        requires = "watch"
    )]
    interval: std::time::Duration,

    /// End the watch when every path has runs and none of them may go on: each is complete, failed or cancelled, and a look
    /// brought nothing new. A file that says of itself neither that it is complete nor how much was planned never is.
    #[arg(long, requires = "watch")]
    until_complete: bool,

    #[command(flatten)]
    import: ImportArgs,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be done.
pub async fn run(args: IngestArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let options = args.import.options(context.global.session.task.as_ref())?;
    context.refuse_read_only()?;
    let mut labels = args.import.labels();
    labels.tags.clone_from(&args.tags);
    labels.params.clone_from(&args.params);
    let source = Arc::new(everywhere());
    let mut order = Order {
        source: Arc::clone(&source) as Arc<dyn Source>,
        options: Arc::new(options),
        labels: Arc::new(labels),
        surroundings: Arc::new(ProcessSurroundings::quiet()),
        forget: args.forget,
        readers: readers(&args.paths),
    };
    if args.watch {
        return watch::run(args, order, context).await;
    }
    let discovery = discover(source.as_ref(), &args.paths, args.import.from);
    if discovery.found.is_empty() {
        for problem in &discovery.problems {
            context.output.error(&problem_report(problem));
        }
        return Err(CliError::silent(exit::problems_code(&discovery.problems).max(exit::BAD_DATA)));
    }
    let store = context.store_for_writing().await?;
    order.surroundings = Arc::new(context.surroundings(&discovery, "reading"));
    let summary = ingest(&store, discovery, &order).await?;
    drop(order);
    say(&summary, context, &store.label());
    Ok(code(&summary, args.strict))
}

/// How many files are read side by side: as many as there are processors, more where most of the time is waited.
fn readers(paths: &[String]) -> usize {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let far = paths.iter().any(|path| is_remote(Path::new(path)));
    if far { processors.max(FAR_READERS) } else { processors }
}

fn code(summary: &Summary, strict: bool) -> u8 {
    match exit::problems_code(&summary.problems) {
        exit::OK if strict && !summary.reading.faults.is_empty() => exit::BAD_DATA,
        // Some of what was asked for came in: a path without runs beside it is told, and the code says so.
        code => code,
    }
}

/// What became of everything, on stderr: an ingest has no answer.
fn say(summary: &Summary, context: &Context<'_>, store: &str) {
    let output = context.output;
    output.line(&counts(summary, store));
    let tools = tools(summary);
    if !tools.is_empty() {
        output.line(&format!("  {tools}"));
    }
    for line in copies(summary) {
        output.line(&line);
    }
    for run in &summary.lost {
        output.line(&format!("{run}: another writer published it at the same time; its version stands"));
    }
    for problem in &summary.problems {
        output.error(&problem_report(problem));
    }
    context.say_reading(&summary.reading);
    if let Some(litter) = &summary.litter {
        output.note(&format!("{litter}; the next ingest removes it"));
    }
    if let Some(next) = next_step(summary) {
        output.line(&format!("try: {next}"));
    }
}

fn counts(summary: &Summary, store: &str) -> String {
    let total = summary.new.len()
        + summary.replaced.len()
        + summary.unchanged.len()
        + summary.relabelled.len()
        + summary.lost.len();
    let mut parts = Vec::new();
    let mut part = |count: usize, text: String| {
        if count > 0 {
            parts.push(text);
        }
    };
    part(summary.new.len(), format!("{} new", summary.new.len()));
    part(summary.replaced.len(), format!("{} replaced ({})", summary.replaced.len(), more(summary)));
    part(summary.unchanged.len(), format!("{} unchanged", summary.unchanged.len()));
    part(summary.relabelled.len(), format!("{} relabelled", summary.relabelled.len()));
    part(summary.lost.len(), format!("{} published by another writer", summary.lost.len()));
    part(summary.copies.len(), counted(summary.copies.len(), "copy", "copies"));
    part(summary.problems.len(), format!("{} not readable", summary.problems.len()));
    let results: i64 = taken(summary).map(|run| run.result_count).sum();
    let folded: i64 = taken(summary).map(|run| run.folded_count).sum();
    part(folded as usize, counted(folded as usize, "equal row folded", "equal rows folded"));
    part(
        summary.reading.faults.len(),
        counted(summary.reading.faults.len(), "line skipped", "lines skipped"),
    );
    let runs = counted(total, "run", "runs");
    let taken_in = match results {
        0 => String::new(),
        results => format!(" · {}", counted(results as usize, "result", "results")),
    };
    format!("{runs}: {}{taken_in} · {}", parts.join(", "), shown_path(std::path::Path::new(store)))
}

fn taken(summary: &Summary) -> impl Iterator<Item = &RunRow> {
    summary.new.iter().chain(summary.replaced.iter().map(|(run, _)| run))
}

fn more(summary: &Summary) -> String {
    let more: i64 = summary.replaced.iter().map(|(_, more)| more).sum();
    match more {
        0 => "the same number of rows".to_owned(),
        1 => "1 row more".to_owned(),
        -1 => "1 row fewer".to_owned(),
        more if more > 0 => format!("{more} rows more"),
        fewer => format!("{} rows fewer", -fewer),
    }
}

fn tools(summary: &Summary) -> String {
    let mut tools: BTreeMap<&str, usize> = BTreeMap::new();
    for run in taken(summary) {
        *tools.entry(&run.tool).or_default() += 1;
    }
    tools.into_iter().map(|(tool, count)| format!("{tool} {count}")).collect::<Vec<_>>().join(" · ")
}

fn next_step(summary: &Summary) -> Option<String> {
    let runs: Vec<&RunRow> = taken(summary).collect();
    match runs.as_slice() {
        [] => None,
        // Not `last`: the run that was taken in just now may have run before others that are there.
        [run] => Some(format!("runq show {}", shell_word(&run.run_id))),
        _ => Some("runq compare --last 2".to_owned()),
    }
}

/// One line per file whose runs are there already; a file of many runs names the first and the last.
fn copies(summary: &Summary) -> Vec<String> {
    let mut files: Vec<(&Path, Vec<&str>)> = Vec::new();
    for (path, run) in &summary.copies {
        match files.last_mut().filter(|(known, _)| known == path) {
            Some((_, runs)) => runs.push(run),
            None => files.push((path, vec![run])),
        }
    }
    let line = |(path, runs): (&Path, Vec<&str>)| match runs.as_slice() {
        [run] => format!("{}: the same run as {run}, taken once", shown_path(path)),
        [first, .., last] => {
            format!("{}: the same {} runs as {first} to {last}, taken once", shown_path(path), runs.len())
        }
        [] => String::new(),
    };
    files.into_iter().map(line).collect()
}
