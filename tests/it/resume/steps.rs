//! Every recorded step of AgentV that resumes, reruns or retries: the plan made from the state before it, against the
//! tests whose provider was really called.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use runq::import::ImportOptions;
use runq::import::rerun::RerunMode;
use runq::questions::resume::{Plan, plan};
use runq::session::{PlannedCase, Request, Session};
use runq::source::LocalDisk;
use serde_json::Value;

use super::all_of;
use crate::support::shared;
use crate::support::tables::facts;

const VERSIONS: [&str; 3] = ["agentv-a-4.25.6", "agentv-n-4.42.4", "agentv-b-5.3.1"];

/// The tests of the suite, as its file names them.
const SUITE: [&str; 12] = [
    "refund-policy",
    "reset-password",
    "order-status",
    "greeting",
    "json-ticket",
    "tone-check",
    "summary-quality",
    "translation-de",
    "escalation",
    "flaky-tool",
    "slow-lookup",
    "edge [x] (v2)*",
];

/// A step that ran part of a run again.
struct Step {
    name: String,
    mode: RerunMode,
    /// State of the run folder before it, `label/sK`.
    before: String,
    run_dir: String,
    /// Rows of its file then.
    rows: usize,
    /// Targets it named.
    targets: Vec<String>,
    /// `test::target` of every provider call.
    ran: BTreeSet<String>,
    /// Whether it was killed or its budget ended.
    cut: bool,
}

/// The steps of a version, in the order in which they ran.
fn steps(version: &Path) -> Vec<Step> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(version.join("steps"))
        .expect("steps")
        .map(|entry| entry.expect("a step").path())
        .collect();
    folders.sort();
    let mut states: BTreeMap<String, (String, usize)> = BTreeMap::new();
    let mut steps = Vec::new();
    for folder in folders {
        let text = std::fs::read_to_string(folder.join("step.json")).expect("a step");
        let step: Value = serde_json::from_str(&text).expect("a step");
        let text = |name: &str| step[name].as_str().map(str::to_owned);
        if let Some(found) = rerun(&step, &states) {
            steps.push(found);
        }
        if let (Some(run_dir), Some(state)) = (text("run_dir"), text("state_after")) {
            let rows = step["rows_after"].as_u64().unwrap_or(0) as usize;
            states.insert(run_dir, (state, rows));
        }
    }
    steps
}

fn rerun(step: &Value, states: &BTreeMap<String, (String, usize)>) -> Option<Step> {
    let argv: Vec<&str> = step["argv"].as_array()?.iter().filter_map(Value::as_str).collect();
    let after =
        |flag: &str| argv.iter().position(|word| *word == flag).and_then(|at| argv.get(at + 1)).copied();
    let has = |flag: &str| argv.contains(&flag);
    let run_dir = match after("--retry-errors") {
        Some(source) => source,
        None if has("--resume") || has("--rerun-failed") => step["run_dir"].as_str()?,
        None => return None,
    };
    let mode = match (has("--retry-errors"), has("--rerun-failed")) {
        (true, _) => RerunMode::RetryErrors,
        (_, true) => RerunMode::RerunFailed,
        _ => RerunMode::Resume,
    };
    let targets = argv.windows(2).filter(|pair| pair[0] == "--target" || pair[0] == "--provider");
    let (_, rows) = states.get(run_dir)?;
    Some(Step {
        rows: *rows,
        name: step["step"].as_str()?.to_owned(),
        mode,
        before: states.get(run_dir)?.0.clone(),
        run_dir: run_dir.to_owned(),
        targets: targets.map(|pair| pair[1].to_owned()).collect(),
        ran: step["tests_really_run"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        cut: !step["killed"].is_null()
            || step["exit_code"].as_i64().is_some_and(|code| code < 0)
            || has("--budget-usd"),
    })
}

/// The run folder before a step, where it was kept: one that nothing had changed is the one before it; some were trimmed.
fn state(version: &Path, step: &Step) -> Option<PathBuf> {
    let (label, number) = step.before.rsplit_once("/s").expect("label/sK");
    let number: usize = number.parse().expect("a number");
    let folder = |number: usize| version.join(format!("states/{label}/s{number}")).join(&step.run_dir);
    let kept = (0..=number).rev().map(folder).find(|folder| folder.exists())?;
    (rows(&kept) == step.rows).then_some(kept)
}

fn rows(run: &Path) -> usize {
    let index = [run.join(".internal/index.jsonl"), run.join("index.jsonl")];
    let text = index.iter().find_map(|index| std::fs::read_to_string(index).ok());
    text.unwrap_or_default().lines().count()
}

async fn planned(version: &Path, step: &Step, folder: &Path) -> Plan {
    let facts = facts(&[folder], &ImportOptions::default());
    let models: BTreeSet<String> = step.targets.iter().cloned().collect();
    // The suite's tests on every target of the run, as `--cases` gives them.
    let cases = SUITE.iter().map(|id| PlannedCase { case_id: (*id).to_owned(), ..PlannedCase::default() });
    let request = Request { planned: cases.collect(), ..Request::default() };
    let mut session = Session::open(facts, request).await.expect("a session");
    let held = session.rows("SELECT DISTINCT model FROM results").await.expect("models");
    let there: usize = held.batches.iter().map(|batch| batch.num_rows()).sum();
    let suite = version.join("project/evals/support-bot.eval.yaml");
    let mut asked = all_of(step.mode, version, Some(suite));
    if models.len() < there {
        asked.models = models.into_iter().collect();
    }
    plan(&mut session, &asked, &LocalDisk).await.expect("a plan")
}

fn named(case_id: &str, model: Option<&str>) -> String {
    format!("{case_id}::{}", model.unwrap_or_default())
}

/// What the plan names, and what it foretells that the tool will do.
fn foretold(plan: &Plan) -> (BTreeSet<String>, BTreeSet<String>) {
    let rows: BTreeSet<String> = plan.rows().map(|row| named(&row.case_id, row.model.as_deref())).collect();
    let mut will = rows.clone();
    for run in &plan.runs {
        will.extend(run.unasked.iter().map(|also| named(&also.case_id, also.model.as_deref())));
        for command in run.commands.as_ref().unwrap_or_else(|error| panic!("{error}")) {
            for deviation in &command.does_not_run {
                will.remove(&named(&deviation.case_id, deviation.model.as_deref()));
            }
            will.extend(command.runs_also.iter().map(|also| named(&also.case_id, also.model.as_deref())));
        }
    }
    (rows, will)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_from_the_state_before_a_step_foretells_which_tests_ran() {
    let mut checked = 0;
    for name in VERSIONS {
        let Some(version) = shared(&format!("peers/{name}")) else { return };
        for step in steps(&version) {
            let Some(folder) = state(&version, &step) else { continue };
            let plan = planned(&version, &step, &folder).await;
            let (rows, will) = foretold(&plan);
            let said =
                format!("{name} {}: planned {rows:?}, foretold {will:?}, ran {:?}", step.name, step.ran);
            if step.cut {
                assert!(will.is_superset(&step.ran), "{said}");
            } else {
                assert_eq!(will, step.ran, "{said}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 50, "only {checked} steps were found");
}

/// Where what AgentV ran is not what the plan names, and why that is so by design.
const BY_DESIGN: [(&str, &str); 11] = [
    (
        "agentv-a-4.25.6 16-retry-errors-of-final",
        "a retry goes by any error row, though all of them passed since",
    ),
    ("agentv-a-4.25.6 36-matrix-retry-errors", "a retry runs a test on all targets"),
    ("agentv-a-4.25.6 43-crash-retry-errors", "a retry runs tests without a row too"),
    ("agentv-a-4.25.6 55-retry-errors-wins-over-resume", "any error row, though all of them passed since"),
    ("agentv-b-5.3.1 16-retry-errors-of-final", "any error row, though all of them passed since"),
    ("agentv-b-5.3.1 36-matrix-retry-errors", "a retry runs a test on all targets"),
    ("agentv-b-5.3.1 43-crash-retry-errors", "a retry runs tests without a row too"),
    ("agentv-b-5.3.1 44-crash-rerun-failed", "5.3 runs no test without a row with --rerun-failed"),
    ("agentv-b-5.3.1 56-retry-errors-wins-over-resume", "any error row, though all of them passed since"),
    ("agentv-n-4.42.4 36-matrix-retry-errors", "a retry runs a test on all targets"),
    ("agentv-n-4.42.4 43-crash-retry-errors", "a retry runs tests without a row too"),
];

#[tokio::test(flavor = "multi_thread")]
async fn where_agentv_goes_by_another_rule_the_plan_says_so() {
    let mut differing = BTreeMap::new();
    for name in VERSIONS {
        let Some(version) = shared(&format!("peers/{name}")) else { return };
        for step in steps(&version) {
            let Some(folder) = state(&version, &step) else { continue };
            let plan = planned(&version, &step, &folder).await;
            let (rows, _) = foretold(&plan);
            if rows != step.ran && !step.cut {
                differing.insert(format!("{name} {}", step.name), (rows, step.ran));
            }
        }
    }
    let known: BTreeSet<String> = BY_DESIGN.iter().map(|(step, _)| (*step).to_owned()).collect();
    let found: BTreeSet<String> = differing.keys().cloned().collect();
    assert_eq!(found, known, "{differing:#?}");
}
