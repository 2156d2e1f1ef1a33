//! Tools of the user's own behind `runq resume --exec`: the built binary, a template in the store's config, and a script
//! that notes what it is given.

use std::fs;

use serde_json::{Value, json};

use crate::json_schemas::check;
use crate::support::AWKWARD_IDS as IDS;
use crate::support::sandbox::{Row, Sandbox};

/// Notes its words, each ended by a NUL, and keeps copies of the files that it is given.
const RECORDER: &str = r#"printf '%s\0' "$@" > words
while [ $# -gt 0 ]; do
  case $1 in --json) cp "$2" given.json;; --rows) cp "$2" given.jsonl;; --ids) cp "$2" given.txt;; --) break;; esac
  shift
done"#;

/// A sandbox with a store, whose runs are run again by scripts.
struct Bench {
    sandbox: Sandbox,
}

impl Bench {
    /// A store with runs of these rows, one experiment each, and a template.
    fn new(runs: &[(&str, &[Row])], command: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        for (at, (experiment, rows)) in runs.iter().enumerate() {
            sandbox.agentv(experiment, 1 + at as u32, rows);
        }
        sandbox.run(&["ingest", "results"]).fine();
        let words: Vec<String> = command.iter().map(|word| format!("'{word}'")).collect();
        let config = format!("[[resume]]\ntool = 'agentv'\ncommand = [{}]\n", words.join(", "));
        sandbox.write(".runq/config.toml", config);
        Self { sandbox }
    }

    /// A program in the sandbox, to be named by `./NAME`.
    fn tool(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.sandbox.write(name, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("modes can be set");
    }

    /// Rows as the tool will write them, in a file of the sandbox.
    fn rows(&self, name: &str, rows: &[Row]) {
        let folder = self.sandbox.agentv("made", 9, rows);
        let lines = fs::read(self.sandbox.path(&folder).join("index.jsonl")).expect("rows");
        fs::remove_dir_all(self.sandbox.path("results/runs/made")).expect("a folder");
        self.sandbox.write(name, lines);
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.sandbox.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn words(&self) -> Vec<String> {
        self.read("words").split_terminator('\0').map(str::to_owned).collect()
    }

    /// The plan as a document, held against its schema.
    fn plan(&self, arguments: &[&str]) -> Value {
        let document = self.sandbox.run(&[&["resume"], arguments, &["--json"]].concat()).fine().json();
        check("resume", &document);
        document
    }

    fn jobs(&self) -> Value {
        self.sandbox.run(&["jobs", "--json"]).fine().json()
    }

    /// Numbers of attempts and of latest ones that are in the store.
    fn stored(&self) -> String {
        let sql = "SELECT count(*) AS n, sum(CASE WHEN latest THEN 1 ELSE 0 END) AS latest FROM results";
        self.sandbox.run(&["sql", sql, "--format", "csv"]).fine().lines()[1].to_owned()
    }
}

fn errors(ids: &[&'static str]) -> Vec<Row> {
    ids.iter().map(|id| (*id, "gpt-x", 0.0, "execution_error")).collect()
}

fn cases(document: &Value) -> Vec<&str> {
    let rows = document["rows"].as_array().expect("rows");
    rows.iter().map(|row| row["case_id"].as_str().expect("an id")).collect()
}

/// What the recorder must have been given, whoever started it.
fn check_given(bench: &Bench, run_dir: &str) {
    let words = bench.words();
    let files = [&words[3], &words[5]];
    assert!(files.iter().all(|file| file.ends_with("ids.json") || file.ends_with("rows.jsonl")), "{files:?}");
    let mut expected =
        vec!["--out", run_dir, "--json", files[0], "--rows", files[1], "--model", "gpt-x", "--"];
    expected.extend(IDS);
    expected.extend(["--workers", "4 $x"]);
    assert_eq!(words, expected);
    let ids: Vec<String> = serde_json::from_str(&bench.read("given.json")).expect("a list");
    assert_eq!(ids, IDS);
    let rows: Vec<Value> =
        bench.read("given.jsonl").lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    assert_eq!(rows.len(), IDS.len());
    let row = json!({"task": "support-bot", "case_id": "two\nlines", "model": "gpt-x", "prompt": null});
    assert_eq!(rows[3], row);
}

#[test]
fn strange_ids_survive_the_plan_the_start_and_the_printed_script() {
    let command = [
        "./mytool",
        "--out",
        "{run_dir}",
        "--json",
        "{ids_json}",
        "--rows",
        "{rows_file}",
        "--model",
        "{model}",
        "--",
        "{ids}",
        "{words}",
    ];
    let bench = Bench::new(&[("nightly", &errors(&IDS))], &command);
    bench.tool("mytool", RECORDER);
    let run_dir = bench.sandbox.path("results/runs/nightly/2026-05-01T08-00-00-000Z").display().to_string();
    assert_eq!(cases(&bench.plan(&["--rerun-failed"])), IDS);
    let ran = bench.sandbox.run(&["resume", "--rerun-failed", "--exec", "--json", "--", "--workers", "4 $x"]);
    let account = ran.fine().json();
    assert_eq!((account["planned"].as_i64(), account["ran"].as_i64()), (Some(10), Some(0)));
    check_given(&bench, &run_dir);
    for file in ["words", "given.json", "given.jsonl"] {
        fs::remove_file(bench.sandbox.path(file)).expect("it was written");
    }
    let script = "runq resume --rerun-failed --format sh -- --workers '4 $x' > again.sh && /bin/sh again.sh";
    bench.sandbox.shell(script).fine();
    check_given(&bench, &run_dir);
    // A line break in an id would be two ids in a file of lines; the list of ids has the same trouble.
    let said = bench.sandbox.run(&["resume", "--rerun-failed", "--format", "ids"]).exits(2).stderr;
    assert!(said.contains("line break"), "{said}");
}

#[test]
fn a_file_of_lines_holds_every_id_but_those_with_a_line_break() {
    let bench = Bench::new(&[("nightly", &errors(&IDS))], &["./mytool", "--ids", "{ids_file}"]);
    bench.tool("mytool", RECORDER);
    let refused = bench.sandbox.run(&["resume", "--rerun-failed", "--exec"]).exits(2);
    assert!(refused.stderr.contains("line break"), "{}", refused.stderr);
    assert!(!bench.sandbox.path("words").exists() && !bench.sandbox.path(".runq/jobs").exists());
    let narrowed = ["resume", "--where", "position('\n' IN case_id) = 0", "--exec", "--json"];
    assert_eq!(bench.sandbox.run(&narrowed).fine().json()["planned"], 9);
    let one_per_line: Vec<&str> = IDS.into_iter().filter(|id| !id.contains('\n')).collect();
    assert_eq!(bench.read("given.txt").lines().collect::<Vec<_>>(), one_per_line);
}

#[test]
fn flags_narrow_to_ids_as_they_are_and_the_rest_is_accounted_for() {
    let mut rows = errors(&IDS);
    rows.extend([("axbc?", "gpt-x", 0.0, "execution_error"), ("fine", "gpt-x", 1.0, "ok")]);
    rows.extend([
        ("two\nlines", "gpt-y", 0.2, "quality_failure"),
        (" spaced ", "gpt-x", 0.0, "execution_error"),
    ]);
    let bench = Bench::new(&[("nightly", &rows)], &["./mytool", "{ids}"]);
    let planned = |arguments: &[&str]| {
        let plan = bench.plan(&[&["--rerun-failed"], arguments].concat());
        let left = plan["left"].as_array().expect("left").iter();
        let left: i64 = left.map(|left| left["keys"].as_i64().expect("a number")).sum();
        assert_eq!(cases(&plan).len() as i64 + left, 13, "rows and left are all keys: {plan}");
        cases(&plan).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(planned(&[]).len(), 12);
    for id in IDS {
        let found = planned(&["--model", "gpt-x", &format!("--case={id}")]);
        assert_eq!(found, [id]);
    }
    assert_eq!(planned(&["--case", "a*"]), ["a*[b]{c}?", "axbc?"], "no id, so a glob");
    assert_eq!(planned(&["--model", "gpt-y"]), ["two\nlines"]);
    assert_eq!(planned(&["--max-attempts", "2"]).len(), 11, "one was tried twice");
    assert_eq!(planned(&["--reason", "provider_error"]).len(), 11);
    assert_eq!(planned(&["--reason", "agent", "--case", "back\\slash"]), ["back\\slash"]);
}

#[test]
fn the_planned_cases_may_come_from_a_pipe() {
    let rows = [("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.0, "execution_error")];
    let bench = Bench::new(&[("nightly", &rows)], &["./mytool", "{ids}"]);
    bench.tool("mytool", RECORDER);
    let fed = "a\nb\n$(c)\n";
    let arguments = ["resume", "nightly", "--resume", "--cases", "-"];
    let plan = bench.sandbox.run_fed(fed, &[&arguments[..], &["--json"]].concat()).fine().json();
    check("resume", &plan);
    assert_eq!(cases(&plan), ["b", "$(c)"]);
    assert_eq!((&plan["rows"][1]["status"], &plan["rows"][1]["attempts"]), (&json!("missing"), &json!(0)));
    assert_eq!(plan["totals"]["keys"], 3);
    bench.sandbox.run_fed(fed, &[&arguments[..], &["--exec"]].concat()).fine();
    assert_eq!(bench.words(), ["b", "$(c)"]);
}

#[test]
fn a_tool_that_runs_everything_and_rewrites_its_rows_is_told_and_nothing_is_lost() {
    const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let all: Vec<Row> = NAMES.map(|id| (id, "gpt-x", 1.0, "ok")).to_vec();
    let mut before = all.clone();
    before[3] = ("d", "gpt-x", 0.0, "execution_error");
    before[7] = ("h", "gpt-x", 0.5, "quality_failure");
    let bench = Bench::new(&[("nightly", &before)], &["./mytool", "{run_dir}"]);
    bench.rows("all.jsonl", &all);
    bench.tool("mytool", "cat all.jsonl > \"$1/index.jsonl\"");
    let account = bench.sandbox.run(&["resume", "--rerun-failed", "--exec", "--json"]).fine().json();
    check("resume_exec", &account);
    assert_eq!((account["planned"].as_i64(), account["ran"].as_i64()), (Some(2), Some(12)));
    assert_eq!(account["notes"], json!(["planned 2, ran 12"]));
    assert_eq!(account["open"], 0);
    assert_eq!(bench.stored(), "24,12", "the rows that were rewritten are earlier attempts");
    let sql = "SELECT count(*) AS n FROM results WHERE in_source";
    assert_eq!(bench.sandbox.run(&["sql", sql, "--format", "csv"]).fine().lines()[1], "12");
    let again = bench.sandbox.run(&["resume", "nightly", "--rerun-failed"]).fine();
    let mut lines = again.stdout.lines();
    assert_eq!(lines.next(), Some("nothing to run in nightly::2026-05-01T08-00-00-000Z: 12 ok"));
    assert!(lines.next().is_some_and(|note| note.starts_with("note  whether planned cases have no row")));
}

#[test]
fn a_tool_that_fails_ends_the_command_and_what_it_wrote_is_kept() {
    let rows = errors(&["a", "b"]);
    let bench = Bench::new(&[("nightly", &rows), ("weekly", &rows)], &["./mytool", "{run_dir}"]);
    bench.rows("one.jsonl", &[("a", "gpt-x", 1.0, "ok")]);
    bench.tool("mytool", "cat one.jsonl >> \"$1/index.jsonl\"; echo no more money >&2; exit 3");
    let ran = bench.sandbox.run(&["resume", "nightly", "weekly", "--retry-errors", "--exec"]).exits(75);
    assert!(ran.stderr.contains("no more money\n"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("note  nothing was started for weekly::2026-05-02T08-00-00-000Z\n"),
        "{}",
        ran.stderr
    );
    let job = bench.jobs()["jobs"][0].clone();
    let id = job["job_id"].as_str().expect("an id").to_owned();
    let said = format!(
        "error: mytool ended with exit code 3; what it wrote is in the store\n  hint: runq jobs show {id}\n"
    );
    assert!(ran.stderr.ends_with(&said), "{}", ran.stderr);
    assert_eq!((bench.jobs()["total"].as_i64(), job["exit_code"].as_i64()), (Some(1), Some(3)));
    assert_eq!(bench.stored(), "5,4", "two runs of two cases, and the one attempt that came of it");
    assert!(bench.sandbox.run(&["jobs", "show", &id]).fine().stdout.contains("no more money"));
}

#[test]
fn several_runs_are_carried_out_one_after_the_other() {
    let rows = errors(&["a"]);
    let bench = Bench::new(&[("nightly", &rows), ("weekly", &rows)], &["./mytool", "{run_dir}"]);
    bench.rows("one.jsonl", &[("a", "gpt-x", 1.0, "ok")]);
    bench.tool("mytool", "cat one.jsonl >> \"$1/index.jsonl\"");
    let plan = bench.plan(&["nightly", "weekly", "--rerun-failed"]);
    assert_eq!((&plan["run_id"], plan["runs"].as_array().map(Vec::len)), (&Value::Null, Some(2)));
    assert_eq!(plan["commands"].as_array().map(Vec::len), Some(2));
    let ran =
        bench.sandbox.run(&["resume", "nightly", "weekly", "--rerun-failed", "--exec", "--json"]).fine();
    let accounts = ran.documents();
    let told: Vec<(&Value, &Value)> =
        accounts.iter().map(|account| (&account["after"]["pass_rate_latest"], &account["open"])).collect();
    assert_eq!(told, [(&json!(1.0), &json!(0)), (&json!(1.0), &json!(0))]);
    assert_eq!(bench.jobs()["total"], 2);
}

#[test]
fn a_tool_that_is_not_on_the_path_starts_nothing_and_leaves_nothing() {
    let bench = Bench::new(&[("nightly", &errors(&["a"]))], &["no-such-tool", "{ids}"]);
    let before = bench.sandbox.files("");
    bench.sandbox.run(&["resume", "--rerun-failed", "--exec", "nightly"]).refuses(
        66,
        "error: no-such-tool is not on the PATH; nothing was started\n  hint: install no-such-tool, or put its folder \
         on the PATH; --format sh prints the command",
    );
    assert_eq!(bench.sandbox.files(""), before);
}
