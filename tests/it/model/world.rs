//! A store, the truth about it, and rounds of work in which several processes meet.

use std::sync::Arc;

use datafusion::prelude::SessionContext;
use object_store::ObjectStore;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use runq::model::Timestamp;
use runq::store::{Access, Store, StoreSnapshot};
use url::Url;

use super::objects::{Death, Shaken};
use super::process::{Done, Past, Process, Work};
use super::reading::read;
use super::truth::{Truth, may_be_seen, may_stay};

/// Few names, so that processes meet.
const RUNS: usize = 6;
/// Processes that live through all rounds and keep what they have read.
const LIVING: usize = 3;
/// Services tell times in whole seconds.
const MARGIN_MICROS: i64 = 1_100_000;
/// Snapshots that are kept for later, at most.
const HELD: usize = 4;

/// The objects, the truth, and what chance is left.
pub struct World {
    objects: Arc<dyn ObjectStore>,
    root: Url,
    /// Of this world alone: an engine knows objects by their URL, and other worlds have the same.
    engine: SessionContext,
    random: StdRng,
    /// Looks when the others are done.
    looker: Store,
    living: Vec<Store>,
    truth: Truth,
    ingests: usize,
    held: Vec<Held>,
    past: Vec<Past>,
    /// Up to here files of older versions may be gone.
    vacuumed: Timestamp,
    /// Steps that were done.
    pub steps: usize,
    /// What they did all together.
    pub all: Done,
    /// The rounds, for who reads why a test failed.
    told: Vec<String>,
}

/// What a reader has taken and not yet let go.
struct Held {
    snapshot: StoreSnapshot,
    truth: Truth,
    /// Before it was taken.
    since: Timestamp,
}

impl World {
    /// A new store.
    pub async fn new(objects: Arc<dyn ObjectStore>, root: Url, seed: u64) -> Self {
        Store::create_with(Arc::clone(&objects), &root).await.expect("a store can be made");
        let looker = opened(&objects, &root).await;
        let random = StdRng::seed_from_u64(seed);
        let mut world = Self {
            objects,
            root,
            engine: SessionContext::new(),
            random,
            looker,
            living: Vec::new(),
            truth: Truth::new(),
            ingests: 0,
            held: Vec::new(),
            past: Vec::new(),
            vacuumed: Timestamp(0),
            steps: 0,
            all: Done::default(),
            told: Vec::new(),
        };
        for _ in 0..LIVING {
            let store = world.store(Death::Never).await;
            world.living.push(store);
        }
        world
    }

    /// Works until so many steps are done.
    pub async fn live(&mut self, steps: usize) {
        while self.steps < steps {
            self.round().await;
        }
    }

    async fn store(&mut self, death: Death) -> Store {
        let objects = Shaken::new(Arc::clone(&self.objects), self.random.random(), death);
        Store::open_with(Arc::new(objects), &self.root, Access::ReadWrite).await.expect("the store is there")
    }

    /// Some processes work side by side; afterwards the store is what one of their orders makes of it.
    async fn round(&mut self) {
        let mut processes = Vec::new();
        for _ in 0..self.random.random_range(1..=4) {
            processes.push(self.process().await);
        }
        let named: Vec<String> = processes.iter().map(|process| format!("{process:?}")).collect();
        let tasks: Vec<_> = processes.into_iter().map(|process| tokio::spawn(process.run())).collect();
        let mut all = Done::default();
        for task in tasks {
            all.add(task.await.expect("a process ends"));
        }
        self.steps += named.len();
        self.note(&all);
        self.told.push(format!("{}: {named:?}\n   {all:?}", self.steps));
        let (step, before) = (self.steps, self.truth.clone());
        let rounds = self.told.join("\n");
        let told = |problem: String| panic!("step {step}: {problem}\nbefore: {before:#?}\n{rounds}");
        for seen in &all.seen {
            may_be_seen(seen, &before, &all.attempts).unwrap_or_else(told);
        }
        if self.random.random_bool(0.2) {
            self.looker = opened(&self.objects, &self.root).await;
        }
        let since = now();
        let snapshot = self.looker.snapshot().await.expect("nobody else works");
        let after = read(&self.engine, &snapshot).await.unwrap_or_else(|problem| {
            told(problem);
            Truth::new()
        });
        may_stay(&after, &before, &all.attempts).unwrap_or_else(told);
        self.truth = after;
        let (version, truth) = (snapshot.version(), self.truth.clone());
        self.past.push(Past { version, truth: truth.clone(), at: since });
        self.look_at_the_held(Held { snapshot, truth, since }).await;
    }

    /// What was kept of the past may only be gone when somebody was allowed to remove it.
    fn note(&mut self, done: &Done) {
        for past in &done.forgotten {
            assert!(past.at < self.vacuumed, "step {}: {past:?} is gone", self.steps);
        }
        self.all.merged += done.merged;
        self.all.removed += done.removed;
        self.all.remembered += done.remembered;
        self.all.failed.extend(done.failed.iter().cloned());
    }

    /// What a reader has taken stays as it was, whatever the others do.
    async fn look_at_the_held(&mut self, newest: Held) {
        if self.held.len() == HELD || (!self.held.is_empty() && self.random.random_bool(0.4)) {
            let held = self.held.remove(self.random.random_range(0..self.held.len()));
            let seen = read(&self.engine, &held.snapshot).await;
            assert_eq!(seen.as_ref(), Ok(&held.truth), "step {}: a reader's view changed", self.steps);
        }
        if self.random.random_bool(0.2) {
            self.held.push(newest);
        }
    }

    /// Long enough ago that no process and no reader of now needs what is older.
    fn long_ago(&self) -> Timestamp {
        let oldest = self.held.iter().map(|held| held.since).min().unwrap_or(Timestamp(i64::MAX));
        Timestamp(oldest.min(now()).0 - MARGIN_MICROS)
    }

    async fn process(&mut self) -> Process {
        let work = self.work();
        let dies = self.random.random_bool(0.25);
        let store = if dies {
            let writes = self.random.random_range(1..=14);
            self.store(Death::AfterWrites(writes)).await
        } else if self.random.random_bool(0.2) {
            self.store(Death::Never).await
        } else {
            self.living.choose(&mut self.random).expect("somebody lives").clone()
        };
        Process { work, store, engine: self.engine.clone() }
    }

    fn work(&mut self) -> Work {
        match self.random.random_range(0..100) {
            0..45 => {
                let runs = (0..self.random.random_range(1..=3)).map(|_| {
                    let run = format!("run-{}", self.random.random_range(0..RUNS));
                    self.ingests += 1;
                    (run, format!("ingest-{:06}", self.ingests), self.random.random_range(0..=9))
                });
                let mut runs: Vec<_> = runs.collect();
                runs.sort();
                runs.dedup_by(|a, b| a.0 == b.0);
                Work::Ingest(runs)
            }
            45..60 => {
                self.ingests += 1;
                let run = format!("run-{}", self.random.random_range(0..RUNS));
                Work::Rename(run, format!("name {}", self.ingests))
            }
            60..66 => Work::Optimize(self.long_ago()),
            66..72 => {
                let cutoff = self.long_ago();
                self.vacuumed = self.vacuumed.max(cutoff);
                Work::Vacuum(cutoff)
            }
            72..76 => Work::Check,
            76..84 if !self.past.is_empty() => {
                Work::Past(self.past.choose(&mut self.random).expect("there is a past").clone())
            }
            _ => Work::Read(self.random.random_range(1..=2)),
        }
    }
}

async fn opened(objects: &Arc<dyn ObjectStore>, root: &Url) -> Store {
    Store::open_with(Arc::clone(objects), root, Access::ReadOnly).await.expect("the store is there")
}

#[expect(clippy::disallowed_methods, reason = "files have the system's time")]
fn now() -> Timestamp {
    Timestamp(chrono::Utc::now().timestamp_micros())
}
