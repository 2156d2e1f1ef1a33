//! A run of AgentV, a fake tool that is a shell script, and `--exec` of a hand-made plan in a process of its own, so that
//! it can be stopped and killed.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use clap::Parser;
use runq::cli::args::GlobalArgs;
use runq::cli::context::Context;
use runq::cli::exit::CliError;
use runq::cli::output::{ColorChoice, Environment, Output, Wish};
use runq::cli::resume::{Execution, exec};
use runq::import::rerun::template::Templates;
use runq::import::rerun::{Decision, GivenPlaces, RerunCommand, RerunFile, RerunMode, Runs};
use runq::model::{RunRow, Timestamp};
use runq::questions::resume::{
    Estimate, Expected, Missing, Plan, PlannedCommand, PlannedRow, Resume, RunPlan,
};
use runq::render::{TABLE, renderer};
use runq::store::{Access, Store};
use serde_json::{Value, json};

use crate::support::in_memory;
use crate::support::sandbox::{Ran, Row, Sandbox};

const SPEC: &str = "RUNQ_TEST_EXEC";

/// A sandbox with a store that holds one run, and a folder for tools.
pub struct Stage {
    pub sandbox: Sandbox,
    /// The run's folder within the sandbox.
    pub folder: String,
}

pub const RUN: &str = "nightly::2026-05-01T08-00-00-000Z";

/// Three cases: one passed, one failed, one broke.
pub const ROWS: [Row; 3] = [
    ("a", "gpt-x", 1.0, "ok"),
    ("b", "gpt-x", 0.5, "quality_failure"),
    ("c", "gpt-x", 0.0, "execution_error"),
];

impl Stage {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let folder = sandbox.agentv("nightly", 1, &ROWS);
        sandbox.run(&["ingest", "results"]).fine();
        Self { sandbox, folder }
    }

    /// Makes a program on the path of commands.
    pub fn tool(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.sandbox.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
    }

    /// Rows as the tool writes them, a day later, in a file that a script can copy.
    pub fn rows(&self, name: &str, rows: &[Row]) -> PathBuf {
        let folder = self.sandbox.agentv(&format!("made-{name}"), 2, rows);
        let lines = fs::read(self.sandbox.path(&folder).join("index.jsonl")).expect("rows");
        fs::remove_dir_all(self.sandbox.path(&format!("results/runs/made-{name}"))).expect("a folder");
        self.sandbox.write(name, lines)
    }

    /// The plan that is carried out: `argv` in the sandbox, for the cases that did not pass.
    pub fn spec(&self, argv: &[&str]) -> Value {
        json!({
            "folder": self.sandbox.path(""), "argv": [argv], "cases": ["b", "c"], "files": [],
            "output": null, "read_only": false, "run": RUN, "format": "json", "expected": null,
        })
    }

    /// `--exec` of a plan, ready to be started.
    pub fn command(&self, spec: &Value) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["exec::stage::carries_out_what_it_is_told", "--exact", "--ignored", "--nocapture"]);
        command.current_dir(self.sandbox.path("")).env_clear().env(SPEC, spec.to_string());
        let path = format!("{}:/usr/bin:/bin", self.sandbox.path("bin").display());
        command.env("HOME", self.sandbox.path("")).env("PATH", path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn exec(&self, spec: &Value) -> Ran {
        self.ended(self.started(spec))
    }

    pub fn started(&self, spec: &Value) -> Child {
        self.command(spec).spawn().expect("it starts")
    }

    /// Waits for it; without what the test harness says on stdout.
    pub fn ended(&self, child: Child) -> Ran {
        let output = child.wait_with_output().expect("it ends");
        let stdout = self.sandbox.redacted(&output.stdout);
        let answer = stdout.trim_start_matches("\nrunning 1 test\n").to_owned();
        let stderr = self.sandbox.redacted(&output.stderr);
        Ran { stdout: answer, stderr, code: output.status.code().unwrap_or(-1) }
    }

    /// The jobs as the binary lists them.
    pub fn jobs(&self) -> Value {
        self.sandbox.run(&["jobs", "--json"]).fine().json()
    }

    /// Attempts of the run, oldest first, as `case attempt status`.
    pub fn attempts(&self) -> Vec<String> {
        let sql = "SELECT case_id || ' ' || CAST(attempt AS VARCHAR) || ' ' || status AS a FROM results \
                   ORDER BY case_id, attempt";
        let ran = self.sandbox.run(&["sql", sql, "--run", RUN, "--format", "jsonl"]).fine();
        ran.documents().iter().map(|row| row["a"].as_str().expect("a text").to_owned()).collect()
    }

    pub fn index(&self) -> String {
        self.sandbox.path(&self.folder).join("index.jsonl").display().to_string()
    }

    /// A pipe that a tool can wait on.
    pub fn fifo(&self, name: &str) -> PathBuf {
        let path = self.sandbox.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
        path
    }
}

/// Returns once a condition holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "not reached: {what}");
        std::thread::yield_now();
    }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    global: GlobalArgs,
}

/// Not a test: the process in which a test carries a plan out.
#[ignore = "started by other tests with a plan"]
#[test]
fn carries_out_what_it_is_told() {
    let Ok(spec) = std::env::var(SPEC) else { return };
    let spec: Value = serde_json::from_str(&spec).expect("a plan");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runq::cli::interrupt::listen();
    let wish = Wish { color: ColorChoice::Never, format: renderer(text(&spec["format"])).ok(), piped: TABLE };
    let output = Output::of_process(Environment::PIPES, &wish);
    let mut global = Line::parse_from(["runq"]).global;
    global.read_only = spec["read_only"] == true;
    let context = Context::new(global, &output);
    let code = runtime.block_on(async {
        let asked = execution(&spec).await;
        exec::exec(asked, &context).await
    });
    let code = code.unwrap_or_else(|CliError { code, report }| {
        report.iter().for_each(|report| output.error(report));
        code
    });
    std::process::exit(i32::from(code));
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

async fn execution(spec: &Value) -> Execution {
    let run = run(text(&spec["run"])).await;
    let commands =
        spec["argv"].as_array().expect("commands").iter().map(|argv| command(spec, argv)).collect();
    let expected = spec["expected"].as_f64().map(|value| Estimate { value, low: None, high: None });
    let plan = RunPlan {
        rows: texts(&spec["cases"]).iter().map(|case| row(&run, case)).collect(),
        run,
        models: vec!["gpt-x".to_owned()],
        left: Vec::new(),
        missing: Missing::Unknown,
        expected: Expected { cost_usd: expected, ..Expected::default() },
        commands: Ok(commands),
        unasked: Vec::new(),
        notes: Vec::new(),
    };
    let resume = Resume {
        mode: RerunMode::RerunFailed,
        predicate: None,
        models: Vec::new(),
        case: None,
        reasons: Vec::new(),
        max_attempts: None,
        places: GivenPlaces::default(),
        words: Vec::new(),
        templates: Templates::default(),
        here: PathBuf::from(text(&spec["folder"])),
        now: Timestamp(0),
    };
    Execution {
        plan: Plan {
            mode: RerunMode::RerunFailed,
            runs: vec![plan],
            expected: Expected::default(),
            notes: Vec::new(),
        },
        resume,
        import: Default::default(),
        names: Vec::new(),
        planned: Vec::new(),
    }
}

/// A run of the store, else the one that lies at a path.
async fn run(name: &str) -> RunRow {
    if let Ok(store) = Store::open(&PathBuf::from(".runq"), Access::ReadOnly).await {
        let snapshot = store.snapshot().await.expect("a snapshot");
        if let Some(run) = snapshot.runs.iter().find(|run| run.run_id == name) {
            return run.clone();
        }
    }
    in_memory(&[&PathBuf::from(name)], &Default::default()).runs.remove(0).header
}

fn row(run: &RunRow, case: &str) -> PlannedRow {
    PlannedRow {
        run_id: Arc::from(run.run_id.as_str()),
        task: Arc::from("support-bot"),
        case_id: Arc::from(case),
        model: Some(Arc::from("gpt-x")),
        epoch: 1,
        status: Arc::from("quality_failure"),
        reason: Arc::from("0.50 < 0.80"),
        attempts: 1,
        ..PlannedRow::default()
    }
}

fn command(spec: &Value, argv: &Value) -> PlannedCommand {
    let files = spec["files"].as_array().into_iter().flatten();
    PlannedCommand {
        tool: "mytool".to_owned(),
        command: RerunCommand {
            argv: texts(argv),
            folder: PathBuf::from(text(&spec["folder"])),
            files: files
                .map(|file| RerunFile { name: text(&file[0]).to_owned(), text: text(&file[1]).to_owned() })
                .collect(),
            output: spec["output"].as_str().map(PathBuf::from),
            runs: Runs {
                cases: None,
                models: None,
                pairs: None,
                rule: |_| Decision::Runs("a fake tool runs all"),
            },
            notes: Vec::new(),
        },
        shell: String::new(),
        line: String::new(),
        runs_also: Vec::new(),
        does_not_run: Vec::new(),
    }
}
