//! Every command as a person sees it, at 80 and at 200 columns. The pictures are in `snapshots`; whoever changes one
//! looks at it as the person at the terminal does.

use std::path::Path;

use runq::answer::Answer;
use runq::import::ImportOptions;
use runq::questions::compare::{Compare, StepChoice, compare};
use runq::questions::diff::{Asked, differences};
use runq::questions::distribution::distribution;
use runq::questions::metrics::metrics;
use runq::questions::runs::{Filter, runs};
use runq::questions::show::{Show, show};
use runq::questions::versions::{Versions, versions};
use runq::render::{Screen, TABLE};
use runq::session::{By, Facts, Request, Scope, Session};
use unicode_width::UnicodeWidthStr;

use crate::support::{fixture, in_memory, session};

const WIDTHS: [usize; 2] = [80, 200];

/// The answer on a screen; no line of it is wider.
fn on_screen(answer: &Answer, width: usize, color: bool) -> String {
    let mut out = Vec::new();
    TABLE.render(answer, &Screen { width: Some(width), color }, &mut out).expect("an answer");
    let text = String::from_utf8(out).expect("text");
    for line in plain(&text).lines() {
        assert!(line.width() <= width, "{width}: {line}");
    }
    text
}

/// A text without its colours.
fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| shown + part.split_once('m').expect("a colour ends").1)
}

fn assert_screens(name: &str, answer: &Answer) {
    for width in WIDTHS {
        insta::assert_snapshot!(format!("{name}_{width}"), on_screen(answer, width, false));
    }
}

/// With colours the same letters stand in the same places: marks never are a matter of colour alone.
fn assert_colored_screens(name: &str, answer: &Answer) {
    for width in WIDTHS {
        let colored = on_screen(answer, width, true);
        assert_ne!(colored, plain(&colored), "no colours at all");
        insta::assert_snapshot!(format!("{name}_{width}_colored"), colored.replace('\u{1b}', "␛"));
    }
}

async fn agentv(runs: &[&str], by: &str) -> Session {
    let paths: Vec<_> = runs.iter().map(|run| fixture(&format!("agentv/{run}"))).collect();
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
    session(&paths, Request { by: By::Dimension(by.into()), ..Request::default() }).await
}

async fn amx(runs: &[&str]) -> Session {
    let scope = Scope { runs: runs.iter().map(|run| (*run).to_owned()).collect(), ..Scope::default() };
    session(&[&fixture("amx/history.db")], Request { scope, ..Request::default() }).await
}

async fn honeyhive() -> Session {
    let [baseline, candidate] = ["honeyhive/baseline", "honeyhive/candidate"].map(fixture);
    session(&[&baseline, &candidate], Request::default()).await
}

async fn compared(session: &mut Session, asked: Compare) -> Answer {
    compare(session, &asked).await.expect("a comparison").answer
}

fn steps(name: Option<&str>) -> Compare {
    let choice = StepChoice { name: name.map(str::to_owned), kind: None };
    Compare { steps: Some(choice), ..Compare::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_of_two_runs() {
    let mut session = agentv(&["baseline", "candidate"], "run").await;
    let answer = compared(&mut session, Compare::default()).await;
    assert_screens("compare", &answer);
    assert_colored_screens("compare", &answer);
    let outputs = Compare { outputs: true, ..Compare::default() };
    assert_screens("compare_outputs", &compared(&mut session, outputs).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_of_three_models() {
    let answer = compared(&mut agentv(&["matrix"], "model").await, Compare::default()).await;
    assert_screens("compare_models", &answer);
    assert_colored_screens("compare_models", &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_of_three_histories() {
    let mut session = amx(&["1", "2", "3"]).await;
    assert_screens("compare_amx", &compared(&mut session, Compare::default()).await);
    let versions = Compare { versions: true, ..Compare::default() };
    assert_screens("compare_versions", &compared(&mut session, versions).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_of_steps() {
    let mut session = honeyhive().await;
    assert_screens("compare_steps", &compared(&mut session, steps(None)).await);
    assert_screens("compare_step_draft", &compared(&mut session, steps(Some("draft"))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn diff_of_two_runs() {
    let answer =
        differences(&mut amx(&["1", "2"]).await, "2", &Asked::default()).await.expect("differences").answer;
    assert_screens("diff", &answer);
    assert_colored_screens("diff", &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn distribution_of_scores_and_durations() {
    let mut session = agentv(&["matrix"], "model").await;
    let asked = ["score".to_owned(), "duration_ms".to_owned()];
    let answer = distribution(&mut session, &asked).await.expect("a distribution");
    assert_screens("distribution", &answer);
    assert_colored_screens("distribution", &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_a_history() {
    let mut session = amx(&["1", "8"]).await;
    let answer = versions(&mut session, &Versions::default()).await.expect("versions");
    assert_screens("versions", &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_several_tools() {
    let paths = ["amx/history.db", "agentv", "honeyhive"].map(fixture);
    for (name, paths) in [("runs_amx", &paths[..1]), ("runs", &paths[..])] {
        let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).collect();
        let memory = in_memory(&paths, &ImportOptions::default());
        let facts = Facts::in_memory(memory, "test".to_owned()).expect("tables");
        let filter = Filter { limit: 20, page: 1, ..Filter::default() };
        assert_screens(name, &runs(facts, &filter).await.expect("runs"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_two_tools() {
    let answer = metrics(&mut agentv(&["matrix"], "model").await).await.expect("metrics");
    assert_screens("metrics", &answer);
    let answer = metrics(&mut honeyhive().await).await.expect("metrics");
    assert_screens("metrics_honeyhive", &answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn show_of_a_run() {
    let asked = Show { here: Path::new(env!("CARGO_MANIFEST_DIR")).to_owned(), ..Show::default() };
    let answer = show(&mut agentv(&["retried"], "run").await, &asked).await.expect("a run");
    assert_screens("show", &answer);
    let answer = show(&mut amx(&["1"]).await, &asked).await.expect("a run");
    assert_screens("show_amx", &answer);
}
