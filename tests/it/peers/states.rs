//! Every state of every run: the counts and the pass rates that were recorded of it.

use std::collections::BTreeSet;
use std::path::Path;

use futures::StreamExt as _;
use runq::questions::show::{Show, show};
use runq::session::{Request, Session};
use runq::store::Store;

use super::recorded::{Attempt, last_rows, rows, state, states};
use super::{FIRST, Held, LATER, Overview, REWRITING, State, by, held, overviews, rounded, share_passed};
use crate::support::{ingested, session, stored};

/// The states in which AgentV has rewritten rows that stood there before.
fn has_rewritten(version: &str, state: &State) -> bool {
    let crash = ["44-", "45-", "46-", "47-"].iter().any(|step| state.step.starts_with(step));
    version == REWRITING || version == LATER && state.label == "crash" && crash
}

/// Holds what runq says of a state against the recording and against the raw rows.
fn check(version: &str, state: &State, overview: &Overview, held: &Held) {
    let name = format!("{version} {}", state.name());
    let rows = rows(&state.folder);
    let distinct: BTreeSet<Attempt> = rows.iter().cloned().collect();
    assert_eq!(rows.len() as u64, state.count("rows"), "{name}: rows as recorded");
    let (attempts, cases) = match has_rewritten(version, state) {
        true => (distinct.len(), last_rows(&rows).len()),
        false => (state.count("rows") as usize, state.count("cases") as usize),
    };
    assert_eq!(overview.attempts, attempts, "{name}: attempts");
    assert_eq!(overview.cases as u64, state.count("cases"), "{name}: cases");
    assert_eq!(overview.superseded, attempts - cases, "{name}: superseded");
    if !has_rewritten(version, state) {
        assert_eq!(overview.superseded as u64, state.count("superseded_rows"), "{name}: superseded");
    }
    assert_eq!(overview.folded, rows.len() - distinct.len(), "{name}: folded rows");
    assert_eq!(overview.ok, state.status_count("ok"), "{name}: ok");
    assert_eq!(overview.quality_failure, state.status_count("quality_failure"), "{name}: quality_failure");
    assert_eq!(overview.execution_error, state.status_count("execution_error"), "{name}: execution_error");
    check_rows(&name, &rows, held);
    check_pass_rates(version, state, overview, &distinct);
}

fn check_rows(name: &str, rows: &[Attempt], held: &Held) {
    let distinct: BTreeSet<Attempt> = rows.iter().cloned().collect();
    assert_eq!(held.attempts, distinct, "{name}: the attempts themselves");
    assert_eq!(held.count, distinct.len(), "{name}: each once");
    assert_eq!(held.in_source, distinct, "{name}: all of them in the source");
    assert_eq!(held.copies, rows.len(), "{name}: copies add up to the rows");
    assert_eq!(held.latest, last_rows(rows), "{name}: the last row of each case counts");
}

/// The recordings call a score of 0.8 passed; a run with a threshold of its own has the tool's verdict instead.
fn check_pass_rates(version: &str, state: &State, overview: &Overview, distinct: &BTreeSet<Attempt>) {
    let name = format!("{version} {}", state.name());
    let ok = state.status_count("ok") as f64;
    let cases = state.count("cases") as f64;
    let errors = state.status_count("execution_error") as f64;
    assert_eq!(overview.pass_rate_latest, ok / cases, "{name}: pass_rate_latest");
    let scored = (cases > errors).then(|| ok / (cases - errors));
    assert_eq!(overview.pass_rate_scored, scored, "{name}: pass_rate_scored");
    if state.label == "threshold" {
        assert_eq!(overview.pass_rate_attempts, ok / cases, "{name}: the verdict at 0.95 counts");
        return;
    }
    let recorded = |key: &str| state.after[key].as_f64().expect("a recorded pass rate");
    let effective = recorded("pass_rate_effective(score>=0.8 of last rows/cases)");
    assert_eq!(rounded(overview.pass_rate_latest, 6), effective, "{name}: pass rate as recorded");
    let raw = recorded("pass_rate_raw(score>=0.8/rows)");
    if has_rewritten(version, state) {
        assert_eq!(overview.pass_rate_attempts, share_passed(distinct), "{name}: pass_rate_attempts");
    } else {
        assert_eq!(rounded(overview.pass_rate_attempts, 6), raw, "{name}: pass rate over rows as recorded");
    }
}

/// Every state of a version beside the others, each a run of its own, without a store.
async fn check_in_memory(version: &str, at_least: usize) {
    let Some(states) = states(version) else { return };
    assert!(states.len() >= at_least, "{} states", states.len());
    let folders: Vec<&Path> = states.iter().map(|state| state.folder.as_path()).collect();
    let mut session = session(&folders, by("run")).await;
    let (overviews, held) = (overviews(&mut session).await, held(&mut session).await);
    let runs = session.runs().to_vec();
    assert_eq!(runs.len(), states.len());
    for run in runs {
        let state = &states[run.argument.expect("found under a path")];
        check(version, state, &overviews[&run.run.ingest_id], &held[&run.run.ingest_id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_the_first_version_is_counted_as_recorded() {
    check_in_memory(FIRST, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_the_rewriting_version_is_counted_as_recorded() {
    check_in_memory(REWRITING, 23).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_of_the_later_version_is_counted_as_recorded_in_a_store_of_its_own() {
    let Some(states) = states(LATER) else { return };
    assert!(states.len() >= 18, "{} states", states.len());
    let checks = states.iter().map(|state| async move {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::create(folder.path()).await.expect("a store");
        let summary = ingested(&store, &[&state.folder]).await;
        assert!(summary.problems.is_empty(), "{:?}", summary.problems);
        assert_eq!(summary.new.len(), 1, "{}", state.name());
        let mut session = Session::open(stored(&store).await, Request::default()).await.expect("a session");
        let (overviews, held) = (overviews(&mut session).await, held(&mut session).await);
        let ingest = &summary.new[0].ingest_id;
        check(LATER, state, &overviews[ingest], &held[ingest]);
    });
    let checked: Vec<()> = futures::stream::iter(checks).buffer_unordered(4).collect().await;
    assert_eq!(checked.len(), states.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn show_gives_the_pass_rates_that_were_recorded() {
    let Some(states) = states(FIRST) else { return };
    let last = state(&states, "baseline/s5");
    let mut session = session(&[&last.folder], Request::default()).await;
    let answer = show(&mut session, &Show::default()).await.expect("an answer");
    let document = answer.document.expect("show has a document");
    let overview = &document["overview"];
    assert_eq!(overview["attempts"], 23);
    assert_eq!(overview["superseded"], 11);
    let rate = |name: &str| rounded(overview[name].as_f64().expect("a rate"), 6);
    assert_eq!(rate("pass_rate_attempts"), 0.478_261);
    assert_eq!(rate("pass_rate_latest"), 0.916_667);
    let cases = document["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 12);
    for (case, history) in last.after["cases_with_history"].as_object().expect("histories") {
        let (case_id, _) = case.rsplit_once("::").expect("case::target");
        let shown = cases.iter().find(|shown| shown["case_id"] == case_id).expect("the case is shown");
        assert_eq!(shown["attempts"], history.as_array().expect("statuses").len(), "{case}");
        assert_eq!(shown["status"], history[history.as_array().expect("statuses").len() - 1], "{case}");
    }
}
