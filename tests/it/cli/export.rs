//! `export`: the same answers as the commands, in files that are whole or not there.

use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::fixture;
use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

fn export(words: &[&str]) -> String {
    let ran = SAMPLES.run(&[&["export"], words].concat()).fine();
    assert_eq!(ran.stderr, "", "{words:?}");
    ran.stdout
}

/// What is left in the folder of exports, in the order of names.
fn listed(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path(folder)).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_question_is_exported_with_its_own_arguments() {
    let questions: [&[&str]; 6] = [
        &["compare", "baseline", "candidate", "--errors-as", "zero"],
        &["show", "candidate", "--status", "error"],
        &["metrics", "baseline"],
        &["views"],
        &["runs", "--search", "matrix"],
        &["sql", "SELECT run_id, task FROM runs ORDER BY started_at"],
    ];
    for words in questions {
        let [csv, ..] = ["csv", "jsonl", "json", "markdown"].map(|format| {
            let said = SAMPLES.run(&[words, &["--format", format]].concat()).fine().stdout;
            assert_eq!(export(&[words, &["--format", format]].concat()), said, "{words:?} {format}");
            said
        });
        assert_eq!(export(words), csv, "csv without a word");
        assert_eq!(export(&[words, &["-o", "-"]].concat()), csv, "- is standard output");
    }
}

#[test]
fn a_relation_is_exported_with_all_its_rows_in_scope() {
    let rows = |text: &str| {
        let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
        rows.sort();
        rows
    };
    for relation in ["results", "scores", "steps", "metric_winners", "run_overview"] {
        let sql = format!("SELECT * FROM {relation}");
        let selected = SAMPLES.run(&["sql", &sql, "--last", "2"]).fine().stdout;
        assert_eq!(rows(&export(&[relation, "--last", "2"])), rows(&selected), "{relation}");
        assert_eq!(rows(&export(&[&sql, "--last", "2"])), rows(&selected), "{relation} by SQL");
        assert_eq!(export(&[relation]), export(&[relation]), "{relation}: the same order again");
    }
    let path = fixture("agentv/matrix").display().to_string();
    let of_path = export(&["results", "--path", &path, "--format", "jsonl"]);
    assert_eq!(of_path.lines().count(), 36, "the matrix has 12 tests for 3 targets");
}

#[test]
fn the_ending_says_the_format_and_a_flag_says_it_better() {
    let sandbox = Sandbox::with_samples();
    fs::create_dir(sandbox.path("out")).expect("a folder");
    for (file, begin) in [
        ("a.csv", "run_id,"),
        ("a.tsv", "run_id\t"),
        ("a.json", "{\n  \"schema_version\": 1,"),
        ("a.jsonl", "{\"run_id\":"),
        ("a.md", "| run_id"),
        ("a.parquet", "PAR1"),
        ("a.arrow", "ARROW1"),
        ("plain", "run_id,"),
    ] {
        let path = format!("out/{file}");
        let ran = sandbox.run(&["export", "-o", &path, "results", "--last", "1"]).fine();
        let bytes = fs::read(sandbox.path(&path)).expect("a file");
        assert!(bytes.starts_with(begin.as_bytes()), "{file}: {:?}", String::from_utf8_lossy(&bytes[..20]));
        assert_eq!(ran.stdout, "");
        let bytes = thousands(bytes.len());
        assert!(
            ran.stderr.starts_with(&format!("wrote out/{file}: 36 rows, {bytes} bytes of ")),
            "{}",
            ran.stderr
        );
    }
    sandbox.run(&["export", "results", "--format", "jsonl", "-o", "out/odd.csv"]).fine();
    assert!(fs::read_to_string(sandbox.path("out/odd.csv")).expect("a file").starts_with('{'));
    let names = listed(&sandbox, "out");
    assert_eq!(
        names,
        ["a.arrow", "a.csv", "a.json", "a.jsonl", "a.md", "a.parquet", "a.tsv", "odd.csv", "plain"]
    );
}

fn thousands(number: usize) -> String {
    let text = number.to_string();
    let (head, tail) = text.split_at(text.len().saturating_sub(3));
    if head.is_empty() { tail.to_owned() } else { format!("{head},{tail}") }
}

#[test]
fn what_cannot_be_written_is_said_and_nothing_is_left() {
    let sandbox = Sandbox::with_samples();
    fs::create_dir(sandbox.path("out")).expect("a folder");
    let refused = |words: &[&str], code: i32, said: &str| {
        let ran = sandbox.run(&[&["export"], words].concat()).exits(code);
        assert_eq!(ran.stdout, "", "{words:?}");
        assert!(ran.stderr.contains(said), "{words:?}: {}", ran.stderr);
    };
    refused(&["results", "-o", "out"], 2, "-o out: this is a folder");
    refused(&["results", "-o", "out/a.xlsx"], 2, "no format is meant by the ending .xlsx");
    refused(&["results", "-o", "nowhere/a.csv"], 66, "there is no folder nowhere");
    refused(
        &["results", "-o", "/dev/full", "--format", "csv"],
        69,
        "-o /dev/full: it cannot be written: No space",
    );
    refused(&["SELECT 1; SELECT 2", "-o", "out/a.csv"], 2, "2 statements: one file holds the answer of one");
    refused(&["SELECT 1 / 0 AS x", "-o", "out/a.csv"], 2, "divided by zero");
    refused(&["compare", "baseline", "-o", "out/a.csv", "--format", "ids", "--baseline", "no"], 66, "no");
    refused(&["comapre"], 66, "did you mean compare?");
    refused(&["resluts"], 66, "did you mean results?");
    refused(&["comapre baseline"], 2, "did you mean the question compare?");
    refused(&["results", "--frmat", "csv"], 2, "--frmat");
    assert_eq!(listed(&sandbox, "out"), [""; 0]);
}

#[test]
fn an_earlier_file_is_replaced_only_by_a_whole_one() {
    let sandbox = Sandbox::with_samples();
    let earlier = "what was there";
    let file = sandbox.write("out/a.csv", earlier);
    let left = || fs::read_to_string(&file).expect("a file");
    sandbox.run(&["export", "SELECT 1 / 0 AS x", "-o", "out/a.csv"]).exits(2);
    assert_eq!(left(), earlier);
    // A disk that is full after some kilobytes: the shell's limit on the size of a file.
    let full = sandbox.shell("trap '' XFSZ; ulimit -f 8; runq export results -o out/a.csv");
    assert_eq!(full.code, 69, "{}", full.stderr);
    assert!(full.stderr.contains("-o out/a.csv: it cannot be written: File too large"), "{}", full.stderr);
    assert_eq!((left().as_str(), listed(&sandbox, "out")), (earlier, vec!["a.csv".to_owned()]));
    sandbox.run(&["export", "SELECT 1 AS x", "-o", "out/a.csv"]).fine();
    assert_eq!((left().as_str(), listed(&sandbox, "out")), ("x\n1\n", vec!["a.csv".to_owned()]));
}

#[cfg(unix)]
#[test]
fn a_link_and_the_rights_of_a_file_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let sandbox = Sandbox::new();
    let file = sandbox.write("real/a.csv", "");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("rights");
    symlink("real/a.csv", sandbox.path("link.csv")).expect("a link");
    let path = fixture("agentv/matrix").display().to_string();
    let words = ["export", "SELECT 1 AS x", "--path", &path, "-o"];
    sandbox.run(&[&words[..], &["link.csv"]].concat()).fine();
    sandbox.run(&[&words[..], &["new.csv"]].concat()).fine();
    assert!(sandbox.path("link.csv").is_symlink());
    assert_eq!(fs::read_to_string(&file).expect("a file"), "x\n1\n");
    let mode = |name: &str| fs::metadata(sandbox.path(name)).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode("real/a.csv"), 0o600);
    assert_ne!(mode("new.csv") & 0o044, 0, "whoever the umask lets read it may");
}

#[test]
fn an_export_of_runs_is_no_page() {
    let sandbox = Sandbox::new();
    for day in 1..=22 {
        sandbox.agentv("nightly", day, &[("greeting", "gpt-x", 1.0, "ok")]);
    }
    sandbox.run(&["ingest", "results"]).fine();
    let listed = |words: &[&str]| sandbox.run(words).fine().stdout.lines().count() - 1;
    assert_eq!(listed(&["export", "runs"]), 22);
    assert_eq!(listed(&["export", "runs", "--limit", "5"]), 5);
    assert_eq!(listed(&["runs", "--format", "csv"]), 20);
}

#[test]
fn another_tools_json_is_json() {
    let [baseline, candidate] =
        ["baseline", "candidate"].map(|name| fixture(&format!("agentv/{name}")).display().to_string());
    let words = ["export", "compare", &baseline, &candidate, "--as"];
    let agentv = SAMPLES.run(&[&words[..], &["agentv"]].concat()).fine();
    let document = agentv.json();
    let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["matched", "unmatched", "summary"]);
    assert_eq!(document["summary"]["total"], json!(24));
    SAMPLES.run(&[&words[..], &["agentv", "-o", "agentv.txt"]].concat()).fine();
    assert_eq!(fs::read_to_string(SAMPLES.path("agentv.txt")).expect("a file"), agentv.stdout);
    // The threshold is AgentV's unless another is given: 0.70 to 0.80 is a win at 0.1 and none at 0.2.
    let wins = |more: &[&str]| {
        let ran = SAMPLES.run(&[&words[..], &["agentv"], more].concat()).fine();
        ran.json()["summary"]["wins"].as_u64().expect("wins")
    };
    assert_eq!(wins(&[]), wins(&["--threshold", "0.2"]) + 1);
    let refused = |more: &[&str], said: &str| {
        let ran = SAMPLES.run(&[&words[..], more].concat()).exits(2);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    };
    refused(&["agentv", "--format", "csv"], "--as agentv is JSON, and csv was asked for");
    refused(&["honeyhive", "-o", "a.parquet"], "--as honeyhive is JSON, and parquet was asked for");
    refused(&["agentvv"], "did you mean agentv?");
    SAMPLES.run(&["export", "runs", "--as", "agentv"]).exits(2);
}

#[test]
fn a_target_that_agentv_would_drop_is_named() {
    let matrix = fixture("agentv/matrix").display().to_string();
    let words = ["export", "compare", "--by", "model", &matrix, "--as", "agentv"];
    let ran = SAMPLES.run(&[&words[..], &["--targets", "gpt-x", "--targets", "nope"]].concat()).fine();
    assert_eq!(ran.json()["targets"], json!(["gpt-x"]));
    assert_eq!(ran.stderr, "note  there is no model nope\n");
    SAMPLES.run(&[&words[..], &["--targets", "nope"]].concat()).exits(66);
    let pair = SAMPLES.run(&[&words[..], &["--baseline", "gpt-x", "--candidate", "llama-z"]].concat()).fine();
    assert_eq!(pair.json()["summary"]["matched"], json!(12));
}

/// An interpreter with DuckDB and pandas; where `RUNQ_TEST_PYTHON` names one, it must have them.
fn python() -> Option<String> {
    let named = std::env::var("RUNQ_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import duckdb, pandas"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(named.is_none(), "{python} has no duckdb and pandas");
    eprintln!("skipped: python3 with duckdb and pandas is not there");
    None
}

#[test]
fn duckdb_and_pandas_read_what_was_exported() {
    let Some(python) = python() else { return };
    let sandbox = Sandbox::with_samples();
    for file in ["results.parquet", "results.csv"] {
        sandbox.run(&["export", "results", "-o", file]).fine();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/read_back.py");
    let output = Command::new(python)
        .arg(script)
        .args([sandbox.path("results.parquet"), sandbox.path("results.csv")])
        .output()
        .expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let asked = sandbox
        .run(&["sql", "SELECT count(*) AS n, avg(score) AS mean FROM results", "--json"])
        .fine()
        .json();
    let expected = &asked["rows"][0];
    assert_eq!((&read["rows"], &read["pandas_rows"]), (&expected["n"], &expected["n"]));
    assert_eq!((&read["only_parquet"], &read["only_csv"]), (&json!(0), &json!(0)));
    assert_eq!(read["columns"], read["pandas_columns"]);
    for mean in ["mean_score", "pandas_mean_score"] {
        let difference = read[mean].as_f64().expect("a mean") - expected["mean"].as_f64().expect("a mean");
        assert!(difference.abs() < 1e-12, "{mean}: {difference}");
    }
}
