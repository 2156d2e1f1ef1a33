//! What `ingest` says and leaves: new, unchanged, replaced, copies, bad lines and bad files, tables of any shape.

use std::fs;

use crate::support::sandbox::{Row, Sandbox};

const ROWS: [Row; 3] = [
    ("a", "gpt-x", 1.0, "ok"),
    ("b", "gpt-x", 0.5, "quality_failure"),
    ("c", "gpt-x", 0.0, "execution_error"),
];

fn counts(sandbox: &Sandbox, sql: &str) -> Vec<i64> {
    let rows = sandbox.run(&["sql", sql, "--json"]).fine().json()["rows"].clone();
    rows[0].as_object().expect("one row").values().map(|value| value.as_i64().expect("a count")).collect()
}

#[test]
fn a_second_ingest_changes_nothing_and_commits_nothing() {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &ROWS);
    sandbox.run(&["ingest", "results"]).fine();
    let before = sandbox.files(".runq");
    let ran = sandbox.run(&["ingest", "results", "results/runs/*/*/index.jsonl"]).fine();
    assert_eq!(ran.stderr, "2 runs: 2 unchanged · .runq\n");
    assert_eq!(sandbox.files(".runq"), before);
}

#[test]
fn a_resumed_run_replaces_its_earlier_state() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &ROWS);
    sandbox.run(&["ingest", "results"]).fine();
    sandbox.agentv("nightly", 1, &[ROWS[0], ROWS[1], ROWS[2], ("c", "gpt-x", 1.0, "ok")]);
    let ran = sandbox.run(&["ingest", "results"]).fine();
    assert_eq!(
        ran.stderr,
        "1 run: 1 replaced (1 row more) · 4 results · .runq\n  agentv 1\n\
         try: runq show nightly::2026-05-01T08-00-00-000Z\n"
    );
    let attempts = "SELECT count(*) AS n, sum(CASE WHEN latest THEN 1 ELSE 0 END) AS latest FROM results";
    assert_eq!(counts(&sandbox, attempts), [4, 3]);
    assert_eq!(sandbox.run(&["show", &run, "--format", "ids"]).fine().lines().len(), 3);
}

#[test]
fn a_truncated_last_line_is_named_and_the_rest_is_there() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &ROWS);
    let index = sandbox.path(&run).join("index.jsonl");
    let text = fs::read_to_string(&index).unwrap();
    fs::write(&index, &text[..text.len() - 40]).unwrap();
    let ran = sandbox.run(&["ingest", "results"]).fine();
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines[0], "1 run: 1 new, 1 line skipped · 2 results · .runq");
    assert!(lines[2].starts_with(&format!("{run}/index.jsonl:3: the last line ends")), "{}", lines[2]);
    assert!(lines[2].ends_with("(line skipped)"), "{}", lines[2]);
    assert_eq!(counts(&sandbox, "SELECT count(*) AS n FROM results"), [2]);
    let strict = sandbox.run(&["ingest", "results", "--strict"]).exits(65);
    assert!(strict.stderr.starts_with("1 run: 1 unchanged, 1 line skipped"), "{}", strict.stderr);
    let other = sandbox.run(&["ingest", "results", "--strict", "--store", "other"]).exits(65);
    assert!(other.stderr.starts_with("1 run: 1 new"), "strict hid what could be read: {}", other.stderr);
    sandbox.run(&["show", &run]).fine();
}

#[test]
fn a_binary_file_is_told_and_never_hides_the_others() {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &ROWS);
    let noise: Vec<u8> = (0_u32..4096).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let broken = "results/runs/broken/2026-05-02T08-00-00-000Z/index.jsonl";
    sandbox.write(broken, noise);
    let ran = sandbox.run(&["ingest", "results", "nowhere"]).exits(65);
    assert!(ran.stderr.starts_with("1 run: 1 new, 2 not readable · 3 results · .runq\n"), "{}", ran.stderr);
    let told = format!("error: {broken}: expected one JSON object per line, found binary data");
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: nowhere: there is no such file or folder"), "{}", ran.stderr);
    assert_eq!(counts(&sandbox, "SELECT count(*) AS n FROM runs"), [1]);
    // A question about it answers from what can be read, and the code says that something could not.
    let asked = sandbox.run(&["compare", "results/runs/nightly", "results/runs/broken"]).exits(65);
    assert!(
        asked.stdout.contains("only one run, nightly") && asked.stderr.contains("binary data"),
        "{asked:?}"
    );
    sandbox.run(&["show", "results/runs/broken"]).exits(65);
}

#[test]
fn a_path_that_is_missing_beside_good_ones_is_the_only_complaint() {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &ROWS);
    let ran = sandbox.run(&["ingest", "nowhere/*.jsonl", "results"]).exits(66);
    assert!(
        ran.stderr.contains("error: nowhere/*.jsonl: no file or folder matches this glob"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.starts_with("1 run: 1 new, 1 not readable"), "{}", ran.stderr);
}

#[test]
fn files_folders_and_globs_come_in_together_and_a_copy_comes_in_once() {
    let sandbox = Sandbox::new();
    let first = sandbox.agentv("nightly", 1, &ROWS);
    sandbox.agentv("weekly", 2, &ROWS[..2]);
    let copied = fs::read(sandbox.path(&first).join("index.jsonl")).unwrap();
    sandbox.write("export/index.jsonl", copied);
    sandbox.write("tables/x.csv", "id,score,model\nq1,1,m\nq2,0,m\n");
    let ran = sandbox.run(&["ingest", "results", "export", "tables/*.csv"]).fine();
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines[0], "3 runs: 3 new, 1 copy · 7 results · .runq");
    assert_eq!(lines[1], "  agentv 2 · table 1");
    assert_eq!(lines[2], "export/index.jsonl: the same run as nightly::2026-05-01T08-00-00-000Z, taken once");
    assert_eq!(lines[3], "note  x.csv: case_id from id, score from score, model from model");
    assert_eq!(lines[4], "try: runq compare --last 2");
    assert_eq!(counts(&sandbox, "SELECT count(*) AS n FROM runs"), [3]);
}

#[test]
fn one_name_in_two_folders_is_two_runs_wherever_one_stands() {
    let sandbox = Sandbox::new();
    sandbox.write("a/x.jsonl", "{\"id\":\"q1\",\"score\":0.5}\n{\"id\":\"q2\",\"score\":1}\n");
    sandbox.write("b/x.jsonl", "{\"id\":\"q1\",\"score\":0.75}\n{\"id\":\"q2\",\"score\":0.25}\n");
    sandbox.run(&["ingest", "a/x.jsonl"]).fine();
    assert!(sandbox.run_in("a", &["ingest", "x.jsonl"]).fine().stderr.starts_with("1 run: 1 unchanged"));
    assert!(sandbox.run_in("b", &["ingest", "x.jsonl"]).fine().stderr.starts_with("1 run: 1 new"));
    assert!(sandbox.run(&["ingest", "a", "./b/../b"]).fine().stderr.starts_with("2 runs: 2 unchanged"));
    let means = "SELECT run_id, mean_score FROM run_overview ORDER BY run_id";
    let means = sandbox.run(&["sql", means]).fine();
    assert_eq!(means.stdout, "run_id,mean_score\nb/x,0.5\nx,0.75\n");
    let shown = sandbox.run_in("b", &["show", "b/x", "--json"]).fine().json();
    assert_eq!(shown["run_dir"], "x.jsonl");
    assert_eq!(shown["source_path"], "[sandbox]/b/x.jsonl");
    // Seen from a folder beside it there is no shorter name than the whole path.
    let beside = sandbox.run_in("a", &["show", "b/x", "--json"]).fine().json();
    assert_eq!(beside["run_dir"], beside["source_path"]);
}

#[test]
fn a_run_is_the_same_run_from_inside_its_folder() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &ROWS);
    sandbox.run(&["ingest", "results"]).fine();
    for name in [".", "index.jsonl", "../2026-05-01T08-00-00-000Z"] {
        let ran = sandbox.run_in(&run, &["ingest", name]).fine();
        assert!(ran.stderr.starts_with("1 run: 1 unchanged"), "{name}: {}", ran.stderr);
    }
    let shown = sandbox.run_in(&run, &["show", ".", "--json"]).fine().json();
    assert_eq!(shown["run_id"], "nightly::2026-05-01T08-00-00-000Z");
    assert_eq!(shown["run_dir"], ".");
}

#[test]
fn a_mapping_says_which_column_is_what() {
    let sandbox = Sandbox::new();
    let rows = "question_key,llm,grade,run_label\nq1,m1,0.25,r1\nq2,m1,1,r1\nq1,m2,0.5,r2\n";
    sandbox.write("out.csv", rows);
    sandbox
        .write("mapping.toml", "[columns]\ncase_id = \"question_key\"\nscore = \"grade\"\nmodel = \"llm\"\n");
    let by_flags = ["ingest", "out.csv", "--map", "case_id=question_key,score=grade", "--map", "model=llm"];
    let by_file = ["ingest", "out.csv", "--mapping", "mapping.toml", "--store", "other"];
    sandbox.run(&[&by_flags[..], &["--run-column", "run_label", "--task", "trivia"]].concat()).fine();
    sandbox.run(&[&by_file[..], &["--run-column", "run_label", "--task", "trivia"]].concat()).fine();
    let sql = "SELECT run_id, task, case_id, model, score FROM results ORDER BY 1, 3";
    let first = sandbox.run(&["sql", sql]).fine().stdout;
    let second = sandbox.run(&["sql", sql, "--store", "other"]).fine().stdout;
    assert_eq!(first, second);
    let rows: Vec<&str> = first.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{first}");
    assert!(rows[0].ends_with(",trivia,q1,m1,0.25") && rows[2].ends_with(",trivia,q1,m2,0.5"), "{first}");
    sandbox.run(&["ingest", "out.csv", "--mapping", "nowhere.toml"]).exits(66);
    let wrong = sandbox.run(&["ingest", "out.csv", "--map", "case_id"]).exits(2);
    assert!(wrong.stderr.contains("hint: --map case_id=id,score=metrics.accuracy"), "{}", wrong.stderr);
}

#[test]
fn a_tool_can_be_named() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &ROWS);
    let file = format!("{run}/index.jsonl");
    let as_table = sandbox.run(&["ingest", &file, "--from", "table", "--store", "plain"]).fine();
    assert!(as_table.stderr.contains("\n  table 1\n"), "{}", as_table.stderr);
    let as_agentv = sandbox.run(&["ingest", &file, "--from", "agentv"]).fine();
    assert!(as_agentv.stderr.contains("\n  agentv 1\n"), "{}", as_agentv.stderr);
    sandbox.write("t.csv", "id,score\nq1,1\n");
    let not_its = sandbox.run(&["ingest", "t.csv", "--from", "agentv", "--store", "none"]).exits(65);
    assert!(not_its.stderr.contains("error: t.csv: "), "{}", not_its.stderr);
}
