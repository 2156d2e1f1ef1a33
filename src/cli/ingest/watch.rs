//! `runq ingest --watch`: looks again and again, and says in a line what has changed.

use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Local, Utc};
use tokio::time::MissedTickBehavior;

use super::{IngestArgs, copies};
use crate::answer::number::counted;
use crate::cli::context::{Context, ProcessSurroundings, shown_path};
use crate::cli::exit::{self, CliError, problem_report};
use crate::cli::interrupt;
use crate::ingest::watch::{Round, Watch};
use crate::ingest::{IngestError, Order, Problem, Summary, Surroundings as _};
use crate::model::{RunRow, RunStatus, shell_word};
use crate::questions::progress::{RunProgress, progress};
use crate::session::{Request, Session};
use crate::source::{LocalDisk, Source as _, is_remote};
use crate::store::Store;

/// Seconds between two looks.
const INTERVALS: std::ops::RangeInclusive<f64> = 0.1..=3600.0;

/// How many runs of the first look have a line of their own.
const FIRST_LINES: usize = 8;

/// Reads `--interval`.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if INTERVALS.contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("expected seconds from {} to {}", INTERVALS.start(), INTERVALS.end())),
    }
}

/// Returns at the first request to stop; never where the program cannot hear of one.
async fn pressed(claim: &mut interrupt::Claim) {
    if claim.requests.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// How a watch ended.
enum End {
    Complete,
    Interrupted,
}

/// A watch with its store and the streams of the program.
struct Watching<'a> {
    watch: Watch,
    store: Store,
    context: &'a Context<'a>,
    /// Why the store could not be written last, so that it is said once.
    refused: Option<String>,
    rounds: usize,
}

/// Watches until the runs are complete, where that was asked for, or until Ctrl-C.
///
/// # Errors
/// What the person is told when it cannot be done.
pub(super) async fn run(args: IngestArgs, order: Order, context: &Context<'_>) -> Result<u8, CliError> {
    let store = context.store_for_writing().await?;
    let progress = ProcessSurroundings::with(context.output.progress("reading"));
    let first = Order { surroundings: Arc::new(progress), ..order.clone() };
    let watch = Watch::new(args.paths.clone(), args.import.from, first);
    let mut watching = Watching { watch, store, context, refused: None, rounds: 0 };
    let mut claim = interrupt::claim();
    let end = watching.until_end(&args, order, pin!(pressed(&mut claim))).await?;
    // A second Ctrl-C ends the last round at once.
    drop(claim);
    let code = watching.finish(args.strict).await?;
    Ok(match end {
        End::Interrupted => exit::INTERRUPTED,
        End::Complete => code,
    })
}

impl Watching<'_> {
    /// Makes round after round.
    async fn until_end(
        &mut self,
        args: &IngestArgs,
        order: Order,
        mut pressed: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<End, CliError> {
        let mut ticks = tokio::time::interval(args.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut pressed => return Ok(End::Interrupted),
                _ = ticks.tick() => {}
            }
            let ended = {
                let mut round = pin!(self.round(args));
                tokio::select! {
                    ended = &mut round => ended?,
                    () = &mut pressed => {
                        round.await?;
                        return Ok(End::Interrupted);
                    }
                }
            };
            if self.rounds == 1 {
                self.watch.set_order(order.clone());
            }
            if ended && args.until_complete {
                return Ok(End::Complete);
            }
        }
    }

    /// One round with what is said of it; whether nothing is left to wait for.
    async fn round(&mut self, args: &IngestArgs) -> Result<bool, CliError> {
        let round = match self.watch.round(&self.store).await {
            Ok(round) => round,
            Err(error) => return self.refused(error).map(|()| false),
        };
        self.rounds += 1;
        if self.refused.take().is_some() && !round.is_quiet() {
            self.context.output.note("the store can be written again");
        }
        if self.rounds == 1 {
            self.begun(args, &round).await;
        } else {
            self.lines(&round.summary, usize::MAX).await;
        }
        self.say(&round);
        Ok(round.is_quiet() && self.watch.is_complete())
    }

    /// A store that cannot be written now may be written later; a bug stays one.
    fn refused(&mut self, error: IngestError) -> Result<(), CliError> {
        if matches!(error, IngestError::Internal(_) | IngestError::Arrow(_) | IngestError::Stored(_)) {
            return Err(error.into());
        }
        let error = CliError::from(error);
        let text = error.report.as_ref().map(|report| report.message.clone()).unwrap_or_default();
        if self.refused.as_ref() != Some(&text)
            && let Some(report) = error.report
        {
            self.context.output.error(&report.hint("the watch goes on and tries again"));
        }
        self.refused = Some(text);
        Ok(())
    }

    /// The first look: what is there already, and that more is waited for.
    async fn begun(&self, args: &IngestArgs, round: &Round) {
        let output = self.context.output;
        let found = self.watch.runs().count();
        if found > 0 {
            output.line(&super::counts(&round.summary, &self.store.label()));
        }
        self.lines(&round.summary, FIRST_LINES).await;
        let paths: Vec<String> = args.paths.iter().map(|path| shown_path(Path::new(path))).collect();
        output.line(&format!(
            "watching {} every {} s; Ctrl-C ends",
            paths.join(" "),
            args.interval.as_secs_f64()
        ));
        let untold: Vec<&RunRow> =
            self.watch.runs().filter(|run| run.status == RunStatus::Unknown.as_str()).collect();
        if let (true, [first, rest @ ..]) = (args.until_complete, untold.as_slice()) {
            let others = match rest.len() {
                0 => String::new(),
                more => format!(" and {}", counted(more, "other run", "other runs")),
            };
            output.note(&format!(
                "nothing tells when {}{others} will be complete; until something does, only Ctrl-C ends the watch",
                first.run_id
            ));
        }
    }

    /// One line per run that has changed.
    async fn lines(&self, summary: &Summary, most: usize) {
        let changed: Vec<&RunRow> = super::taken(summary).collect();
        if changed.is_empty() || changed.len() > most {
            return;
        }
        let output = self.context.output;
        match self.progress(&changed).await {
            Ok(runs) => {
                for run in runs {
                    output.line(&format!("{} {}  {}", clock(), run.run_id, run.in_words()));
                }
            }
            // Taken in they are; how far they are is told by a view, which may be a person's own and broken.
            Err(_) => changed.iter().for_each(|run| {
                let results = usize::try_from(run.result_count).unwrap_or(0);
                output.line(&format!(
                    "{} {}  {}",
                    clock(),
                    run.run_id,
                    counted(results, "result", "results")
                ));
            }),
        }
    }

    async fn progress(&self, changed: &[&RunRow]) -> Result<Vec<RunProgress>, CliError> {
        let mut facts = self.context.stored_facts().await?;
        facts.runs.retain(|entry| changed.iter().any(|run| run.run_id == entry.run.run_id));
        let mut session = Session::open(facts, Request::default()).await?;
        Ok(progress(&mut session).await?)
    }

    /// What else a round brought.
    fn say(&self, round: &Round) {
        let output = self.context.output;
        let summary = &round.summary;
        for path in &round.gone {
            output.line(&format!("{} {} is gone; what is stored of it stays", clock(), shown_path(path)));
        }
        if self.rounds > 1 {
            copies(summary).iter().for_each(|line| output.line(line));
        }
        for run in &summary.lost {
            output.line(&format!("{} {run}: another writer published it at the same time", clock()));
        }
        summary.problems.iter().for_each(|problem| output.line(&waiting(problem)));
        self.context.say_reading(&summary.reading);
        if let Some(litter) = &summary.litter {
            output.note(&format!("{litter}; the next ingest removes it"));
        }
    }

    /// The last look, to the end of every file, and the sum of the watch.
    async fn finish(mut self, strict: bool) -> Result<u8, CliError> {
        let mut round = self.watch.finish(&self.store).await?;
        let problems = std::mem::take(&mut round.summary.problems);
        let output = self.context.output;
        self.rounds += 1;
        self.lines(&round.summary, usize::MAX).await;
        self.say(&round);
        output.line(&sum(&self.watch, &self.store));
        problems.iter().for_each(|problem| output.error(&problem_report(problem)));
        if let Some(next) = next_step(&self.watch) {
            output.line(&format!("try: {next}"));
        }
        Ok(match exit::problems_code(&problems) {
            exit::OK if strict && self.watch.has_skipped() => exit::BAD_DATA,
            code => code,
        })
    }
}

/// What a watch has come to: `3 runs followed: 2 complete, 1 incomplete · 36 results · .runq`.
fn sum(watch: &Watch, store: &Store) -> String {
    let runs: Vec<&RunRow> = watch.runs().collect();
    let place = shown_path(Path::new(&store.label()));
    if runs.is_empty() {
        return format!("no runs came · {place}");
    }
    let of = |status: RunStatus| runs.iter().filter(|run| run.status == status.as_str()).count();
    let statuses: Vec<String> = RunStatus::ALL
        .into_iter()
        .filter(|status| *status != RunStatus::Unknown && of(*status) > 0)
        .map(|status| format!("{} {}", of(status), status.as_str()))
        .collect();
    let told = if statuses.is_empty() { String::new() } else { format!(": {}", statuses.join(", ")) };
    let results: i64 = runs.iter().map(|run| run.result_count).sum();
    let results = counted(usize::try_from(results).unwrap_or(0), "result", "results");
    format!("{} followed{told} · {results} · {place}", counted(runs.len(), "run", "runs"))
}

fn next_step(watch: &Watch) -> Option<String> {
    let runs: Vec<&RunRow> = watch.runs().collect();
    match runs.as_slice() {
        [] => None,
        [run] => Some(format!("runq show {}", shell_word(&run.run_id))),
        _ => Some("runq runs".to_owned()),
    }
}

/// A path that gives no runs yet, in a line: the watch goes on.
fn waiting(problem: &Problem) -> String {
    let path = shown_path(&problem.path);
    if !problem.missing {
        return format!("{} {path}: {}; tried again when it changes", clock(), problem.message);
    }
    let absent = is_remote(&problem.path) || matches!(LocalDisk.entry(&problem.path), Ok(None));
    let near = problem.hint.as_ref().filter(|_| absent).map(|hint| format!(" ({hint})"));
    format!("{path}: {}; waiting{}", problem.message, near.unwrap_or_default())
}

/// The time of day here.
fn clock() -> String {
    let now = ProcessSurroundings::quiet().now();
    let time = DateTime::<Utc>::from_timestamp_micros(now.0).unwrap_or_default();
    time.with_timezone(&Local).format("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_sensible_number_of_seconds() {
        assert_eq!(interval("2"), Ok(Duration::from_secs(2)));
        assert_eq!(interval("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["0", "0.01", "-1", "4000", "nan", "inf", "soon", ""] {
            assert_eq!(interval(wrong), Err("expected seconds from 0.1 to 3600".to_owned()), "{wrong}");
        }
    }
}
