//! Every history of a key up to four attempts: what a plan selects, and what it foretells of AgentV, against the table of
//! its rules (`run-eval.ts` and `retry-errors.ts` of 4.25 and 5.3), written down here once more and apart.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runq::import::ImportOptions;
use runq::import::rerun::RerunMode;
use runq::questions::resume::{Plan, plan};
use runq::session::{PlannedCase, Request, Session};
use runq::source::LocalDisk;
use serde_json::json;

use super::all_of;
use crate::support::synthetic::iso;
use crate::support::tables::facts;

const STATUSES: [&str; 3] = ["ok", "quality_failure", "execution_error"];

/// Every history of up to four attempts, none at all included.
fn histories() -> Vec<Vec<&'static str>> {
    let mut all = vec![Vec::new()];
    let mut longest = all.clone();
    for _ in 0..4 {
        longest = longest
            .iter()
            .flat_map(|history| STATUSES.map(|status| history.iter().copied().chain([status]).collect()))
            .collect();
        all.extend(longest.iter().cloned());
    }
    all
}

fn name(history: &[&str]) -> String {
    match history {
        [] => "none".to_owned(),
        some => some.iter().map(|status| status[..1].to_owned()).collect::<Vec<_>>().join("-"),
    }
}

/// The layouts of the three versions: folder of the rows, and what tells the version in a row.
#[derive(Clone, Copy, PartialEq)]
enum Version {
    First,
    Rewriting,
    Later,
}

/// A run folder that holds every history as a test.
fn written(root: &Path, version: Version) -> PathBuf {
    let run = root.join(match version {
        Version::Later => ".agentv/results/2026-05-06T05-36-19-075Z",
        _ => ".agentv/results/runs/default/2026-05-06T05-36-19-075Z",
    });
    let rows = if version == Version::Later { run.join(".internal") } else { run.clone() };
    std::fs::create_dir_all(&rows).unwrap();
    let mut lines = String::new();
    let mut clock = 1_778_045_779_000;
    // Attempt by attempt over all tests, as a tool appends them.
    for attempt in 0..4 {
        for history in histories() {
            let Some(status) = history.get(attempt) else { continue };
            clock += 1000;
            let mut row = json!({
                "timestamp": iso(clock), "test_id": name(&history), "suite": "s", "target": "t",
                "score": if *status == "ok" { 1.0 } else { 0.0 }, "execution_status": status,
            });
            if version == Version::Rewriting {
                row["projection_identity"] = json!({"id": clock});
            }
            lines.push_str(&format!("{row}\n"));
        }
    }
    std::fs::write(rows.join("index.jsonl"), lines).unwrap();
    let suite = root.join("evals/s.eval.yaml");
    std::fs::create_dir_all(suite.parent().unwrap()).unwrap();
    std::fs::write(suite, "name: s\n").unwrap();
    run
}

async fn planned(root: &Path, run: &Path, mode: RerunMode) -> Plan {
    let cases = histories()
        .into_iter()
        .map(|history| PlannedCase { case_id: name(&history), ..PlannedCase::default() });
    let request = Request { planned: cases.collect(), ..Request::default() };
    let mut session = Session::open(facts(&[run], &ImportOptions::default()), request).await.unwrap();
    let asked = all_of(mode, root, Some(root.join("evals/s.eval.yaml")));
    plan(&mut session, &asked, &LocalDisk).await.unwrap()
}

/// Ours: the latest attempt decides.
fn ours(history: &[&str], mode: RerunMode) -> bool {
    match (mode, history.last()) {
        (RerunMode::Resume, last) => matches!(last, None | Some(&"execution_error")),
        (RerunMode::RerunFailed, last) => last != Some(&"ok"),
        (RerunMode::RetryErrors, last) => last == Some(&"execution_error"),
        _ => unreachable!("no mode of this table"),
    }
}

/// AgentV's, from its sources: up to 4.42 any row counts, in 5.3 the last one; a retry goes by any error row and by tests
/// without a row in all versions; 5.3 runs no missing test with `--rerun-failed`.
fn agentv(history: &[&str], mode: RerunMode, version: Version) -> bool {
    let any = |status: &str| history.contains(&status);
    match (mode, version) {
        (RerunMode::RetryErrors, _) => history.is_empty() || any("execution_error"),
        (RerunMode::Resume, Version::Later) => history.last().is_none_or(|last| *last == "execution_error"),
        (RerunMode::RerunFailed, Version::Later) => history.last().is_some_and(|last| *last != "ok"),
        (RerunMode::Resume, _) => !(any("ok") || any("quality_failure")),
        (RerunMode::RerunFailed, _) => !any("ok"),
        _ => unreachable!("no mode of this table"),
    }
}

fn of(wanted: impl Fn(&[&str]) -> bool) -> BTreeSet<String> {
    histories().into_iter().filter(|history| wanted(history)).map(|history| name(&history)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_and_what_they_foretell_agree_with_the_table() {
    for version in [Version::First, Version::Rewriting, Version::Later] {
        let root = tempfile::tempdir().unwrap();
        let run = written(root.path(), version);
        for mode in [RerunMode::Resume, RerunMode::RerunFailed, RerunMode::RetryErrors] {
            let plan = planned(root.path(), &run, mode).await;
            let rows: BTreeSet<String> = plan.rows().map(|row| row.case_id.to_string()).collect();
            assert_eq!(rows, of(|history| ours(history, mode)), "{}", mode.as_str());
            let left: i64 = plan.runs[0].left.iter().map(|left| left.keys).sum();
            assert_eq!(
                rows.len() as i64 + left,
                histories().len() as i64,
                "{}: {:?}",
                mode.as_str(),
                plan.runs[0].left
            );
            let mut will = rows.clone();
            for command in plan.runs[0].commands.as_ref().unwrap() {
                command.does_not_run.iter().for_each(|not| assert!(will.remove(&not.case_id), "{not:?}"));
                will.extend(command.runs_also.iter().map(|also| also.case_id.clone()));
            }
            let said =
                format!("{} of {}", mode.as_str(), plan.runs[0].run.tool_version.clone().unwrap_or_default());
            assert_eq!(will, of(|history| agentv(history, mode, version)), "{said}");
        }
    }
}

/// The table of the reference, row by row (`resume A`, `rerun-failed A`, `retry-errors A`, `rerun-failed B`).
#[test]
fn the_rules_written_down_here_are_those_of_the_reference() {
    let rows: [(&[&str], [bool; 4]); 9] = [
        (&[], [true, true, true, false]),
        (&["ok"], [false, false, false, false]),
        (&["quality_failure"], [false, true, false, true]),
        (&["execution_error"], [true, true, true, true]),
        (&["execution_error", "ok"], [false, false, true, false]),
        (&["ok", "execution_error"], [false, false, true, true]),
        (&["execution_error", "quality_failure"], [false, true, true, true]),
        (&["quality_failure", "ok"], [false, false, false, false]),
        (&["ok", "quality_failure"], [false, false, false, true]),
    ];
    for (history, expected) in rows {
        let said = [
            agentv(history, RerunMode::Resume, Version::First),
            agentv(history, RerunMode::RerunFailed, Version::First),
            agentv(history, RerunMode::RetryErrors, Version::First),
            agentv(history, RerunMode::RerunFailed, Version::Later),
        ];
        assert_eq!(said, expected, "{history:?}");
    }
}
