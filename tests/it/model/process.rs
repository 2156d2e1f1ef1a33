//! One process at work on a store, as the commands of runq work.

use std::fmt;

use datafusion::prelude::SessionContext;
use runq::model::{ResultRow, Row as _, ScoreRow, StepRow, Timestamp};
use runq::store::{AsOf, Depth, Optimization, Publication, Published, Store, StoreError};

use super::reading::read;
use super::truth::{Attempt, End, State, Truth};

/// What a process is there for.
#[derive(Debug, Clone)]
pub enum Work {
    /// Publishes runs: name, ingest, cases.
    Ingest(Vec<(String, String, usize)>),
    /// Gives a run another name, when it is there.
    Rename(String, String),
    /// Looks so many times.
    Read(usize),
    /// Merges files; what no run names goes when it is older.
    Optimize(Timestamp),
    /// Removes files that nobody has needed since.
    Vacuum(Timestamp),
    /// Looks whether everything is whole.
    Check,
    /// Looks at the store as it was.
    Past(Past),
}

/// What the store was when nobody was at work.
#[derive(Debug, Clone)]
pub struct Past {
    /// Of the table `runs`.
    pub version: u64,
    pub truth: Truth,
    pub at: Timestamp,
}

/// A process and its store.
pub struct Process {
    pub work: Work,
    pub store: Store,
    /// What reads the rows.
    pub engine: SessionContext,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.work.fmt(f)
    }
}

/// What processes did, and what they saw.
#[derive(Debug, Default)]
pub struct Done {
    pub attempts: Vec<Attempt>,
    pub seen: Vec<Truth>,
    /// Files that were merged, files that were removed, and views of the past that are gone.
    pub merged: usize,
    pub removed: usize,
    pub forgotten: Vec<Past>,
    /// Views of the past that were right.
    pub remembered: usize,
    /// Failures, for who reads why a test failed.
    pub failed: Vec<String>,
}

impl Done {
    pub fn add(&mut self, other: Self) {
        self.attempts.extend(other.attempts);
        self.seen.extend(other.seen);
        self.merged += other.merged;
        self.removed += other.removed;
        self.forgotten.extend(other.forgotten);
        self.remembered += other.remembered;
        self.failed.extend(other.failed);
    }

    fn ended(&mut self, tried: Vec<(String, State)>, published: Result<Published, StoreError>) {
        let end = |run: &String| match &published {
            Ok(published) if published.runs.contains(run) => End::Landed,
            Ok(_) => End::Lost,
            Err(_) => End::Unknown,
        };
        self.attempts.extend(tried.into_iter().map(|(run, state)| Attempt { end: end(&run), run, state }));
        self.failed.extend(published.err().map(|error| format!("{error:?}")));
    }
}

impl Process {
    /// Does its work. A dead store is no reason to panic.
    pub async fn run(self) -> Done {
        let mut done = Done::default();
        match &self.work {
            Work::Ingest(runs) => self.ingest(runs, &mut done).await,
            Work::Rename(run, name) => self.rename(run, name, &mut done).await,
            Work::Read(times) => self.look(*times, &mut done).await,
            Work::Optimize(before) => self.optimize(*before, &mut done).await,
            Work::Vacuum(cutoff) => match self.store.vacuum(*cutoff).await {
                Ok(vacuumed) => done.removed = vacuumed.removed(),
                Err(error) => done.failed.push(format!("{error:?}")),
            },
            Work::Check => match self.store.check(Depth::Footers).await {
                Ok(checked) => assert!(checked.is_whole(), "{:#?}", checked.troubles),
                Err(error) => done.failed.push(format!("{error:?}")),
            },
            Work::Past(past) => self.remember(past, &mut done).await,
        }
        done
    }

    async fn ingest(&self, runs: &[(String, String, usize)], done: &mut Done) {
        let Some(stored) = self.stored(done).await else { return };
        let tried: Vec<(String, State)> = runs
            .iter()
            .map(|(run, ingest, cases)| {
                let generation = stored.get(run).map_or(1, |state| state.generation + 1);
                (
                    run.clone(),
                    State { ingest: ingest.clone(), generation, cases: *cases, name: String::new() },
                )
            })
            .collect();
        let published = match self.store.publish().await {
            Ok(publication) => write(publication, &tried).await,
            Err(error) => Err(error),
        };
        done.ended(tried, published);
    }

    async fn rename(&self, run: &str, name: &str, done: &mut Done) {
        let Some(stored) = self.stored(done).await else { return };
        let Some(state) = stored.get(run) else { return };
        let state = State { generation: state.generation + 1, name: name.to_owned(), ..state.clone() };
        let header = state.header(run);
        let published = match self.store.publish().await {
            Ok(mut publication) => {
                publication.run(header);
                publication.commit().await
            }
            Err(error) => Err(error),
        };
        done.ended(vec![(run.to_owned(), state)], published);
    }

    async fn optimize(&self, before: Timestamp, done: &mut Done) {
        match self.store.optimize(&Optimization::new(before), &|_| {}).await {
            Ok(optimized) => done.merged = optimized.tables.iter().map(|table| table.merged).sum(),
            Err(error) => done.failed.push(format!("{error:?}")),
        }
    }

    async fn remember(&self, past: &Past, done: &mut Done) {
        match self.store.snapshot_as_of(AsOf::Version(past.version)).await {
            Ok(snapshot) => {
                let seen = read(&self.engine, &snapshot).await;
                assert_eq!(seen.as_ref(), Ok(&past.truth), "version {} was another one", past.version);
                done.remembered += 1;
            }
            Err(StoreError::HistoryGone { .. }) => done.forgotten.push(past.clone()),
            Err(error) => done.failed.push(format!("{error:?}")),
        }
    }

    /// The runs as the headers have them.
    async fn stored(&self, done: &mut Done) -> Option<Truth> {
        match self.store.snapshot().await {
            Ok(snapshot) => Some(super::reading::headers(&snapshot)),
            Err(error) => {
                done.failed.push(format!("{error:?}"));
                None
            }
        }
    }

    async fn look(&self, times: usize, done: &mut Done) {
        let mut newest = Truth::new();
        for _ in 0..times {
            let Ok(snapshot) = self.store.snapshot().await else { return };
            match read(&self.engine, &snapshot).await {
                Ok(seen) => {
                    for (run, state) in &newest {
                        let now = seen.get(run).map_or(0, |state| state.generation);
                        assert!(now >= state.generation, "run {run} went back in time: {state:?}, {seen:#?}");
                    }
                    newest.clone_from(&seen);
                    done.seen.push(seen);
                }
                // A dead process reads nothing; half a run is another matter.
                Err(problem) => assert!(problem.contains("died"), "{problem}"),
            }
        }
    }
}

async fn write(mut publication: Publication<'_>, runs: &[(String, State)]) -> Result<Published, StoreError> {
    for (run, state) in runs {
        for (table, batch) in [
            (ResultRow::TABLE, ResultRow::batch(&state.results(run))),
            (ScoreRow::TABLE, ScoreRow::batch(&state.scores(run))),
            (StepRow::TABLE, StepRow::batch(&state.steps(run))),
        ] {
            publication.write(table, batch.expect("rows make a batch")).await?;
        }
        publication.run(state.header(run));
    }
    publication.commit().await
}
