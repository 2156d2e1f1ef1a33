//! The real AgentV 4.42.4, driven by `runq resume --exec` from a crash to nothing left.
//!
//! The tool is found by `RUNQ_TEST_AGENTV` (its program); the models are a script. Without the tool the test says that it
//! was skipped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::fixture;
use crate::support::sandbox::{Ran, Sandbox};

const SUITE: &str = "evals/support-bot.eval.yaml";

/// How long the tool may take to write five rows.
const PATIENCE: Duration = Duration::from_secs(90);

fn real_agentv() -> Option<PathBuf> {
    let program = std::env::var_os("RUNQ_TEST_AGENTV").map(PathBuf::from).filter(|path| path.exists());
    if program.is_none() {
        eprintln!("skipped: RUNQ_TEST_AGENTV names no AgentV");
    }
    program
}

/// A project with AgentV beside it.
struct Project {
    sandbox: Sandbox,
    path: String,
}

impl Project {
    fn new(agentv: &Path) -> Self {
        let sandbox = Sandbox::new();
        copy(&fixture("agentv-project"), &sandbox.path(""));
        fs::create_dir_all(sandbox.path("lab/state")).unwrap();
        let bin = agentv.parent().expect("a program has a folder").display();
        let outer = std::env::var("PATH").unwrap_or_default();
        let project = Self { sandbox, path: format!("{bin}:{outer}") };
        // AgentV wants the root of a git repository.
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        assert!(project.tool("git", &["init", "-q", "."], "baseline").status().unwrap().success());
        let commit = [&identity[..], &["commit", "-q", "--allow-empty", "-m", "x"]].concat();
        assert!(project.tool("git", &commit, "baseline").status().unwrap().success());
        project
    }

    fn environment<'a>(&'a self, scenario: &'a str) -> [(&'a str, &'a str); 5] {
        [
            ("PATH", &self.path),
            ("NO_COLOR", "1"),
            ("LAB_SCENARIO", scenario),
            ("LAB_STATE_NS", "t"),
            ("LAB_SLEEP", "0.15"),
        ]
    }

    fn tool(&self, program: &str, arguments: &[&str], scenario: &str) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.sandbox.path("")).env_clear();
        command.env("HOME", self.sandbox.path("")).envs(self.environment(scenario));
        command
    }

    fn runq(&self, scenario: &str, arguments: &[&str]) -> Ran {
        self.sandbox.run_with(&self.environment(scenario), arguments)
    }

    /// Starts the suite and kills it when five rows are written.
    fn crash(&self, agentv: &Path) -> PathBuf {
        let arguments = ["eval", SUITE, "--target", "gpt-x", "--experiment", "e2e", "--workers", "1"];
        let mut command = self.tool(&agentv.display().to_string(), &arguments, "baseline");
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        let index = loop {
            assert!(started.elapsed() < PATIENCE, "AgentV wrote no five rows");
            assert!(child.try_wait().unwrap().is_none(), "AgentV ended before it was killed");
            if let Some(index) = self.index().filter(|index| lines(index).len() >= 5) {
                break index;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        index
    }

    fn index(&self) -> Option<PathBuf> {
        let runs = fs::read_dir(self.sandbox.path(".agentv/results/runs/e2e")).ok()?;
        runs.flatten().map(|run| run.path().join("index.jsonl")).find(|index| index.exists())
    }

    /// The calls of the scripted model so far.
    fn calls(&self) -> Vec<String> {
        let log = fs::read_to_string(self.sandbox.path("lab/state/provider.log.jsonl")).unwrap_or_default();
        let call = |line: &str| serde_json::from_str::<Value>(line).ok()?["test"].as_str().map(str::to_owned);
        log.lines().filter_map(call).collect()
    }

    /// Which tests were called since there were so many calls.
    fn called_since(&self, calls: usize) -> BTreeSet<String> {
        self.calls().split_off(calls).into_iter().collect()
    }

    fn one(&self, sql: &str) -> Value {
        let rows = self.runq("baseline", &["sql", sql, "--json"]).fine().json();
        rows["rows"][0].clone()
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn statuses(index: &Path) -> Vec<String> {
    lines(index).iter().map(|row| row["execution_status"].as_str().unwrap_or_default().to_owned()).collect()
}

fn cases(plan: &Value) -> BTreeSet<String> {
    let rows = plan["rows"].as_array().expect("a plan has rows").iter();
    rows.map(|row| row["case_id"].as_str().expect("a row has a case").to_owned()).collect()
}

#[test]
fn the_real_agentv_is_driven_from_a_crash_to_nothing_left() {
    let Some(agentv) = real_agentv() else { return };
    let project = Project::new(&agentv);
    let index = project.crash(&agentv);
    let before = lines(&index).len();

    // The crashed run, finished: the plan names exactly what AgentV then calls, but for a call that died with it.
    let resume = ["resume", "--resume", "--cases", SUITE, "--suite", SUITE];
    let plan =
        project.runq("baseline", &[&resume[..], &[".agentv/results", "--json"]].concat()).fine().json();
    let seen = project.calls().len();
    project.runq("baseline", &["ingest", ".agentv/results"]).fine();
    let ran = project.runq("baseline", &[&resume[..], &["--exec", "--json"]].concat()).fine();
    assert_eq!(project.called_since(seen), cases(&plan));
    assert_eq!(cases(&plan).len(), 12 - before);
    let account = ran.json();
    assert_eq!(account["before"]["cases"], before, "{account:#}");
    assert_eq!(account["after"]["cases"], 12, "{account:#}");
    assert_eq!(account["ran"], 12 - before, "{account:#}");
    assert_eq!(statuses(&index).len(), 12);
    let failed: BTreeSet<String> = lines(&index)
        .iter()
        .filter(|row| row["execution_status"] != "ok")
        .map(|row| row["test_id"].as_str().expect("a test").to_owned())
        .collect();
    assert!(failed.len() >= 3, "{failed:?}");

    // What failed, once more and then until all of it passes.
    let again = ["resume", "--rerun-failed", "--suite", SUITE];
    let plan = project.runq("baseline", &[&again[..], &["--json"]].concat()).fine().json();
    assert_eq!(cases(&plan), failed);
    let seen = project.calls().len();
    project.runq("baseline", &[&again[..], &["--exec"]].concat()).fine();
    assert_eq!(project.called_since(seen), failed);
    project.runq("allgood", &[&again[..], &["--exec"]].concat()).fine();
    assert_eq!(project.one("SELECT count(*) AS n FROM failed_rows")["n"], 0);
    assert!(statuses_by_latest(&index).iter().all(|status| status == "ok"));
    let calls = project.calls().len();
    let nothing = project.runq("allgood", &[&again[..], &["--exec"]].concat()).fine();
    assert!(nothing.stdout.to_lowercase().contains("nothing"), "{}", nothing.stdout);
    assert_eq!(project.calls().len(), calls);

    // AgentV has rewritten the rows of what failed first; the store still has them.
    let kept = "SELECT count(*) AS n FROM results WHERE status <> 'ok' AND NOT in_source";
    assert!(project.one(kept)["n"].as_i64().unwrap_or(0) > 0, "the failures of before are gone");
    let first = "SELECT count(DISTINCT case_id) AS n FROM results WHERE status <> 'ok'";
    assert_eq!(project.one(first)["n"], failed.len());
}

/// The status of the last row of every test.
fn statuses_by_latest(index: &Path) -> Vec<String> {
    let mut latest = std::collections::BTreeMap::new();
    for row in lines(index) {
        latest.insert(
            row["test_id"].to_string(),
            row["execution_status"].as_str().unwrap_or_default().to_owned(),
        );
    }
    latest.into_values().collect()
}

#[test]
fn nothing_left_is_one_sentence_and_touches_no_file() {
    let Some(agentv) = real_agentv() else { return };
    let project = Project::new(&agentv);
    let arguments = ["eval", SUITE, "--target", "gpt-x", "--experiment", "e2e", "--test-id", "greeting"];
    let mut fresh = project.tool(&agentv.display().to_string(), &arguments, "allgood");
    assert!(fresh.stdin(Stdio::null()).output().unwrap().status.success());
    project.runq("allgood", &["ingest", ".agentv/results"]).fine();
    let before = project.sandbox.files("");
    let calls = project.calls().len();
    for mode in ["--resume", "--rerun-failed", "--retry-errors"] {
        let ran = project.runq("allgood", &["resume", mode, "--exec"]).fine();
        assert!(ran.stdout.to_lowercase().contains("nothing"), "{}", ran.stdout);
    }
    assert_eq!(project.calls().len(), calls);
    assert!(project.sandbox.files("") == before, "a file was touched");
}
