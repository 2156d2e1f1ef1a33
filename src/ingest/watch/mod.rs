//! Follows runs that are still being written: looks for files that are new or have changed and takes them in again.
//!
//! A round is one look; whoever watches calls [`Watch::round`] from time to time, and [`Watch::finish`] at the end. What a
//! round costs: one listing of the folders, and the stamps of the files that were read; a file is opened only when it or a
//! file that was read with it has changed. A run is published as a whole, so the work of a round grows with the size of
//! the runs that have changed, and a run is taken in again at the earliest after ten times as long as that took last.

mod beginning;
mod file;
mod looking;
mod pace;
mod said;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::file::{Outcome, Underway, WatchedFile};
use self::looking::{Footprint, Looking};
use self::pace::Pace;
use self::said::Said;
use super::discover::{discover_by, importer_of};
use super::{Discovery, Found, IngestError, Order, Problem, Summary, ingest};
use crate::import::Importer;
use crate::model::{RunRow, RunStatus};
use crate::source::{Entry, SourceError};
use crate::store::Store;

/// Runs that are being followed.
pub struct Watch {
    paths: Vec<String>,
    from: Option<&'static dyn Importer>,
    order: Order,
    verdicts: HashMap<PathBuf, Verdict>,
    files: BTreeMap<PathBuf, WatchedFile>,
    runs: BTreeMap<String, RunRow>,
    /// Whether a path that was named has no runs yet.
    awaited: bool,
    looking: Pace,
    said: Said,
}

/// Who reads a file, as long as what told so stands.
struct Verdict {
    footprint: Footprint,
    importer: Result<Option<&'static dyn Importer>, Problem>,
}

/// What a round brought.
#[derive(Debug, Default)]
pub struct Round {
    /// What became of the runs that were taken in, with those notes, skipped lines and problems that are news.
    pub summary: Summary,
    /// Files that were read and are gone now. What is stored of them stays.
    pub gone: Vec<PathBuf>,
    /// Whether something is left for later rounds: it has changed and its turn has not come.
    pub waiting: bool,
}

impl Round {
    /// Whether nothing happened and nothing waits.
    pub fn is_quiet(&self) -> bool {
        let summary = &self.summary;
        let taken = summary.new.len() + summary.replaced.len() + summary.relabelled.len();
        !self.waiting && self.gone.is_empty() && taken + summary.lost.len() == 0
    }
}

impl Watch {
    /// A watch over paths, which need not be there yet. `from` names an importer instead of asking them all.
    pub fn new(paths: Vec<String>, from: Option<&'static dyn Importer>, order: Order) -> Self {
        Self {
            paths,
            from,
            order,
            verdicts: HashMap::new(),
            files: BTreeMap::new(),
            runs: BTreeMap::new(),
            awaited: false,
            looking: Pace::default(),
            said: Said::default(),
        }
    }

    /// Another order for the rounds to come, such as one without a progress bar.
    pub fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    /// The runs that are being followed, as they were taken in last.
    pub fn runs(&self) -> impl Iterator<Item = &RunRow> {
        self.runs.values()
    }

    /// Whether every path has runs and nothing more is to come of any: each is complete, or its tool says that it failed or
    /// was cancelled.
    pub fn is_complete(&self) -> bool {
        let ended = [RunStatus::Complete, RunStatus::Failed, RunStatus::Cancelled].map(RunStatus::as_str);
        let came = !self.runs.is_empty() && !self.awaited;
        came && self.runs.values().all(|run| ended.contains(&run.status.as_str()))
    }

    /// Whether lines of the files were skipped when they were read last.
    pub fn has_skipped(&self) -> bool {
        self.files.values().any(|file| file.faulty) || self.runs.values().any(|run| run.skipped_count > 0)
    }

    /// Looks once, and takes in what has changed and whose turn it is.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached. What was to be taken in is tried again by a later round.
    pub async fn round(&mut self, store: &Store) -> Result<Round, IngestError> {
        if !self.looking.is_due(self.order.surroundings.now(), 1) {
            return Ok(Round { waiting: true, ..Round::default() });
        }
        let (mut round, mut problems) = self.look();
        let now = self.order.surroundings.now();
        let source = Arc::clone(&self.order.source);
        let changed: Vec<PathBuf> = self.with(|file| file.has_news(source.as_ref(), now));
        let due: Vec<PathBuf> = changed
            .iter()
            .filter(|path| self.files[*path].pace.is_due(now, changed.len()))
            .cloned()
            .collect();
        round.waiting = due.len() < changed.len();
        self.take((store, false), due, &mut round).await?;
        problems.extend(self.files.values().filter_map(|file| file.problem.clone()));
        round.summary.problems = self.said.problems(problems);
        Ok(round)
    }

    /// Ends the watch: takes in whatever is left, to the very end of every file; a half last line is a skipped line now.
    /// The problems are all that there are, said before or not.
    ///
    /// # Errors
    /// When the store refuses or cannot be reached.
    pub async fn finish(&mut self, store: &Store) -> Result<Round, IngestError> {
        let (mut round, mut problems) = self.look();
        let now = self.order.surroundings.now();
        let source = Arc::clone(&self.order.source);
        let left =
            self.with(|file| file.half || file.problem.is_some() || file.has_news(source.as_ref(), now));
        self.take((store, true), left, &mut round).await?;
        problems.extend(self.files.values().filter_map(|file| file.problem.clone()));
        round.summary.problems = problems;
        Ok(round)
    }

    fn with(&self, wanted: impl Fn(&WatchedFile) -> bool) -> Vec<PathBuf> {
        self.files.iter().filter(|(_, file)| wanted(file)).map(|(path, _)| path.clone()).collect()
    }

    /// Finds the files, and forgets those that are gone.
    fn look(&mut self) -> (Round, Vec<Problem>) {
        let began = self.order.surroundings.now();
        self.order.source.refresh();
        let discovery = self.discover();
        self.awaited = discovery.problems.iter().any(|problem| problem.missing);
        let mut round = Round::default();
        for found in discovery.found {
            self.files.entry(found.path.clone()).or_insert_with(|| WatchedFile::new(found));
        }
        let source = Arc::clone(&self.order.source);
        self.files.retain(|path, _| {
            let stands = !matches!(source.stamp(path), Ok(None));
            round.gone.extend((!stands).then(|| path.clone()));
            stands
        });
        self.runs.retain(|_, run| !round.gone.iter().any(|path| path == Path::new(&run.source_file)));
        let now = self.order.surroundings.now();
        self.looking.worked(now, now.0.saturating_sub(began.0));
        (round, discovery.problems)
    }

    fn discover(&mut self) -> Discovery {
        let source = Arc::clone(&self.order.source);
        let (from, verdicts) = (self.from, &mut self.verdicts);
        let mut seen = HashSet::new();
        let mut choose = |file: &Entry, named: bool| {
            seen.insert(file.path.clone());
            if let Some(verdict) =
                verdicts.get(&file.path).filter(|known| known.footprint.is_current(source.as_ref()))
            {
                return verdict.importer.clone();
            }
            let looking = Looking::new(Arc::clone(&source));
            looking.look(&file.path);
            let importer = importer_of(&looking, file, named, from);
            let verdict = Verdict { footprint: looking.footprint(), importer: importer.clone() };
            verdicts.insert(file.path.clone(), verdict);
            importer
        };
        let discovery = discover_by(source.as_ref(), &self.paths, &mut choose);
        self.verdicts.retain(|path, _| seen.contains(path));
        discovery
    }

    /// Takes files in, to their last whole row or to their very end.
    async fn take(
        &mut self,
        (store, to_the_end): (&Store, bool),
        paths: Vec<PathBuf>,
        round: &mut Round,
    ) -> Result<(), IngestError> {
        let began = self.order.surroundings.now();
        let underway: Vec<Underway> =
            paths.iter().filter_map(|path| self.prepare(path, to_the_end)).collect();
        if underway.is_empty() {
            return Ok(());
        }
        let found: Vec<Found> = underway.iter().map(|file| file.found.clone()).collect();
        let taken = ingest(store, Discovery { found, problems: Vec::new() }, &self.order).await;
        self.charge(&underway, began.0);
        let mut summary = taken?;
        for file in &underway {
            if let Some(watched) = self.files.get_mut(&file.found.path) {
                watched.read(file, outcome(&summary, &file.found.path));
            }
        }
        self.follow(&summary);
        self.said.reading(&mut summary.reading);
        round.summary = summary;
        Ok(())
    }

    /// Makes a file ready; one that cannot be read has a problem from now on, and the others go on.
    fn prepare(&mut self, path: &Path, to_the_end: bool) -> Option<Underway> {
        let now = self.order.surroundings.now();
        let file = self.files.get_mut(path)?;
        file.prepare(&self.order.source, to_the_end).unwrap_or_else(|error| {
            let looking = Looking::new(Arc::clone(&self.order.source));
            looking.look(path);
            file.footprint = Some(looking.footprint());
            file.problem = Some(problem_of(path, error));
            file.pace.worked(now, 0);
            None
        })
    }

    /// The time since then is charged to the files by their size.
    fn charge(&mut self, underway: &[Underway], began: i64) {
        let ended = self.order.surroundings.now();
        let took = ended.0.saturating_sub(began) as f64;
        let weight = |file: &Underway| file.found.size.max(1) as f64;
        let all: f64 = underway.iter().map(weight).sum();
        for file in underway {
            if let Some(watched) = self.files.get_mut(&file.found.path) {
                watched.pace.worked(ended, (took * weight(file) / all) as i64);
            }
        }
    }

    /// Notes the runs as they are now. What was the copy of a run that has changed may be a run of its own.
    fn follow(&mut self, summary: &Summary) {
        let replaced = summary.replaced.iter().map(|(run, _)| run);
        for run in summary.new.iter().chain(replaced).chain(&summary.unchanged).chain(&summary.relabelled) {
            self.runs.insert(run.run_id.clone(), run.clone());
        }
        for file in self.files.values_mut() {
            if file.copy_of.iter().any(|id| summary.replaced.iter().any(|(run, _)| run.run_id == *id)) {
                file.footprint = None;
                file.copy_of.clear();
            }
        }
    }
}

/// What an ingest says of one of its files.
fn outcome(summary: &Summary, path: &Path) -> Outcome {
    let runs =
        summary.new.iter().chain(summary.replaced.iter().map(|(run, _)| run)).chain(&summary.unchanged);
    let of_file = runs.filter(|run| Path::new(&run.source_file) == path);
    Outcome {
        problem: summary.problems.iter().find(|problem| problem.path == path).cloned(),
        ingests: of_file.map(|run| run.ingest_id.clone()).collect(),
        copy_of: summary.copies.iter().filter(|(copy, _)| copy == path).map(|(_, run)| run.clone()).collect(),
        faulty: summary.reading.faults.iter().any(|fault| fault.path == path),
        again: !summary.lost.is_empty(),
    }
}

fn problem_of(path: &Path, error: SourceError) -> Problem {
    Problem { path: path.to_owned(), ..Problem::of_source(error) }
}
