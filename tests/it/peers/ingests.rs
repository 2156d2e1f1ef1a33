//! A run is resumed and taken in again, and again: nothing that was ever seen is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runq::session::{Request, Session};
use runq::store::Store;
use serde_json::json;

use super::recorded::{Attempt, State, last_rows, rows, states};
use super::{FIRST, Held, LATER, Overview, REWRITING, held, overviews, rounded};
use crate::support::{Counted, ingested_by, stored};

/// Where a state is read from.
enum Place<'a> {
    /// From where it was kept, every state in a folder of its own.
    Kept,
    /// From below one folder, each state in the place of the one before, as the tool leaves them.
    Below(&'a Path),
}

impl Place<'_> {
    fn of(&self, state: &State) -> PathBuf {
        match self {
            Place::Kept => state.folder.clone(),
            Place::Below(project) => {
                let folder = project.join(&state.label);
                if folder.exists() {
                    fs::remove_dir_all(&folder).expect("the state before");
                }
                copy(&state.folder, &folder);
                folder
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder can be listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// What a run must hold after some of its states.
#[derive(Default)]
struct Seen {
    ever: BTreeSet<Attempt>,
    now: BTreeSet<Attempt>,
    last: BTreeSet<Attempt>,
    states: Vec<String>,
}

impl Seen {
    fn see(&mut self, state: &State) {
        let rows = rows(&state.folder);
        self.now = rows.iter().cloned().collect();
        self.ever.extend(rows.iter().cloned());
        self.last = last_rows(&rows);
        self.states.push(state.name());
    }

    fn check(&self, held: &Held, overview: &Overview) {
        let name = self.states.join(", ");
        assert_eq!(held.attempts, self.ever, "after {name}: every attempt ever seen");
        assert_eq!(held.count, self.ever.len(), "after {name}: each once");
        assert_eq!(held.latest, self.last, "after {name}: the last state says what counts");
        assert_eq!(held.in_source, self.now, "after {name}: what the source holds now is marked");
        assert_eq!(overview.attempts, self.ever.len(), "after {name}: attempts");
        assert_eq!(overview.cases, self.last.len(), "after {name}: cases");
        assert_eq!(overview.superseded, self.ever.len() - self.last.len(), "after {name}: superseded");
    }
}

/// Takes the states of every label that has several into one store, one state of each at a time.
async fn check_states_one_after_another(version: &str, below: bool) {
    let Some(states) = states(version) else { return };
    let mut by_label: BTreeMap<&str, Vec<&State>> = BTreeMap::new();
    for state in &states {
        by_label.entry(&state.label).or_default().push(state);
    }
    by_label.retain(|_, states| states.len() > 1);
    assert!(by_label.len() >= 4, "{:?}", by_label.keys());
    let project = tempfile::tempdir().expect("a folder");
    let place = if below { Place::Below(project.path()) } else { Place::Kept };
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::create(folder.path()).await.expect("a store");
    let surroundings = Arc::new(Counted::default());
    // By run: the folder that AgentV named, the same in every state of a label.
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let longest = by_label.values().map(Vec::len).max().unwrap_or(0);
    for wave in 0..longest {
        let wave: Vec<&State> = by_label.values().filter_map(|states| states.get(wave).copied()).collect();
        let paths: Vec<PathBuf> = wave.iter().map(|state| place.of(state)).collect();
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let summary = ingested_by(&store, &paths, &surroundings).await;
        assert!(summary.problems.is_empty(), "{:?}", summary.problems);
        let taken = summary.new.len() + summary.replaced.len() + summary.unchanged.len();
        assert_eq!((taken, summary.copies.len(), summary.lost.len()), (wave.len(), 0, 0));
        for state in &wave {
            seen.entry(state.run_id()).or_default().see(state);
        }
        check_store(&store, &seen).await;
        check_again_changes_nothing(&store, &paths, &surroundings).await;
    }
}

async fn check_store(store: &Store, seen: &BTreeMap<String, Seen>) {
    let mut session = Session::open(stored(store).await, Request::default()).await.expect("a session");
    let (overviews, held) = (overviews(&mut session).await, held(&mut session).await);
    assert_eq!(overviews.len(), seen.len(), "one run of each label");
    for (ingest_id, overview) in &overviews {
        let seen = seen.get(&overview.run_id).unwrap_or_else(|| panic!("run {}", overview.run_id));
        seen.check(&held[ingest_id], overview);
    }
}

async fn check_again_changes_nothing(store: &Store, paths: &[&Path], surroundings: &Arc<Counted>) {
    let before = store.snapshot().await.expect("a snapshot");
    let again = ingested_by(store, paths, surroundings).await;
    assert_eq!(again.unchanged.len(), paths.len(), "every run is known");
    assert!(again.new.is_empty() && again.replaced.is_empty() && again.relabelled.is_empty(), "{again:?}");
    let after = store.snapshot().await.expect("a snapshot");
    assert_eq!(after.version(), before.version(), "no commit");
    assert_eq!(after.runs, before.runs);
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_the_first_version_add_up() {
    check_states_one_after_another(FIRST, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_the_rewriting_version_lost_are_kept() {
    check_states_one_after_another(REWRITING, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn states_of_the_later_version_add_up() {
    check_states_one_after_another(LATER, true).await;
}

/// The run of PR #1220: two cases, the budget ends before the second one; then it is run again and its row appended.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_was_run_again_counts_once_in_one_pass_rate_and_not_in_the_others() {
    let project = tempfile::tempdir().expect("a folder");
    let run = project.path().join(".agentv/results/runs/default/2026-05-06T05-36-19-075Z");
    fs::create_dir_all(&run).expect("a folder");
    let row = |case: &str, second: u32, score: f64| {
        json!({
            "timestamp": format!("2026-05-06T05:36:{second:02}.000Z"), "test_id": case, "suite": "resume",
            "target": "azure", "score": score, "execution_status": "ok",
        })
    };
    let mut error = row("second", 21, 0.0);
    error["execution_status"] = json!("execution_error");
    error["failure_stage"] = json!("setup");
    error["failure_reason_code"] = json!("budget_exceeded");
    error["error"] = json!("Budget exceeded");
    let mut rows = vec![row("first", 20, 1.0), error];
    let write = |rows: &[serde_json::Value]| {
        let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(run.join("index.jsonl"), text).expect("a row file");
    };
    let store = Store::create(&project.path().join(".runq")).await.expect("a store");
    let surroundings = Arc::new(Counted::default());

    write(&rows);
    ingested_by(&store, &[&run], &surroundings).await;
    let fresh = only_overview(&store).await;
    assert_eq!((fresh.attempts, fresh.cases, fresh.ok, fresh.execution_error), (2, 2, 1, 1));
    assert_eq!((fresh.pass_rate_attempts, fresh.pass_rate_latest), (0.5, 0.5));
    assert_eq!(fresh.pass_rate_scored, Some(1.0));

    rows.push(row("second", 59, 1.0));
    write(&rows);
    let summary = ingested_by(&store, &[&run], &surroundings).await;
    assert_eq!(summary.replaced.iter().map(|(_, more)| *more).collect::<Vec<_>>(), [1]);
    let resumed = only_overview(&store).await;
    assert_eq!((resumed.attempts, resumed.cases, resumed.superseded), (3, 2, 1));
    assert_eq!((resumed.ok, resumed.execution_error), (2, 0));
    assert_eq!(rounded(resumed.pass_rate_attempts, 3), 0.667);
    assert_eq!((resumed.pass_rate_latest, resumed.pass_rate_scored), (1.0, Some(1.0)));
}

async fn only_overview(store: &Store) -> Overview {
    let mut session = Session::open(stored(store).await, Request::default()).await.expect("a session");
    let overviews = overviews(&mut session).await;
    assert_eq!(overviews.len(), 1);
    overviews.into_values().next().expect("one run")
}
