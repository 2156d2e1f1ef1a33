//! `runs`, `show`, `metrics` and `views`: what a person reads, and what a script reads of the same answer.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::sandbox::{Row, Sandbox};

const FIRST: [Row; 3] = [
    ("a", "gpt-x", 1.0, "ok"),
    ("b", "gpt-x", 0.5, "quality_failure"),
    ("edge [x] (v2)*", "gpt-x", 0.0, "execution_error"),
];
const SECOND: [Row; 2] = [("a", "claude-y", 1.0, "ok"), ("b", "llama-z", 1.0, "ok")];

/// Three runs on three days, one of them labelled; tests only read it.
static STORE: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    let first = sandbox.agentv("nightly", 1, &FIRST);
    let second = sandbox.agentv("weekly", 2, &SECOND);
    let third = sandbox.agentv("nightly", 3, &FIRST[..2]);
    sandbox.run(&["ingest", &third]).fine();
    sandbox.run(&["ingest", &first, "--tag", "owner=ann"]).fine();
    sandbox.run(&["ingest", &second, "--name", "both"]).fine();
    sandbox
});

const NIGHTLY_1: &str = "nightly::2026-05-01T08-00-00-000Z";
const WEEKLY_2: &str = "weekly::2026-05-02T08-00-00-000Z";
const NIGHTLY_3: &str = "nightly::2026-05-03T08-00-00-000Z";

fn ids(arguments: &[&str]) -> Vec<String> {
    let arguments = [&["runs", "--format", "ids"], arguments].concat();
    STORE.run(&arguments).fine().lines().into_iter().map(str::to_owned).collect()
}

#[test]
fn runs_come_newest_first_and_by_page() {
    assert_eq!(ids(&[]), [NIGHTLY_3, WEEKLY_2, NIGHTLY_1]);
    assert_eq!(ids(&["--limit", "2"]), [NIGHTLY_3, WEEKLY_2]);
    assert_eq!(ids(&["--limit", "2", "--page", "2"]), [NIGHTLY_1]);
    assert_eq!(ids(&["--limit", "2", "--page", "3"]), [""; 0]);
    let first_page = STORE.run(&["runs", "--limit", "2"]).fine();
    assert!(first_page.stdout.starts_with("3 runs, newest first"), "{}", first_page.stdout);
    assert!(first_page.stdout.ends_with("  1 more: --page 2 or --limit 3\n"), "{}", first_page.stdout);
    STORE.run(&["runs", "--limit", "0"]).exits(2);
}

#[test]
fn each_filter_narrows() {
    assert_eq!(ids(&["--model", "llama-z"]), [WEEKLY_2]);
    assert_eq!(ids(&["--tag", "owner=ann"]), [NIGHTLY_1]);
    assert_eq!(ids(&["--tag", "owner=bob"]), [""; 0]);
    assert_eq!(ids(&["--search", "NIGHT"]), [NIGHTLY_3, NIGHTLY_1]);
    assert_eq!(ids(&["--search", "both"]), [WEEKLY_2]);
    assert_eq!(ids(&["--kind", "eval"]).len(), 3);
    assert_eq!(ids(&["--case", "edge [x] (v2)*"]), [NIGHTLY_1]);
    assert_eq!(ids(&["--case", "[ab]", "--last", "2"]), [NIGHTLY_3, WEEKLY_2]);
    let status = STORE.run(&["show", "last", "--json"]).fine().json()["status"].clone();
    assert_eq!(ids(&["--status", status.as_str().unwrap()])[0], NIGHTLY_3);
    assert_eq!(ids(&["--scope", "experiment = 'weekly'"]), [WEEKLY_2]);
    assert_eq!(ids(&["--last", "1"]), [NIGHTLY_3]);
    assert_eq!(ids(&["--run", "nightly*", "--run", "both"]).len(), 3);
    let none = STORE.run(&["runs", "--search", "zebra"]).fine();
    assert_eq!(none.lines(), ["0 of 3 runs, newest first  .runq", "no run fits"]);
}

#[test]
fn runs_as_json_and_csv_have_the_three_pass_rates() {
    let document = STORE.run(&["runs", "--json"]).fine().json();
    assert_eq!((&document["schema_version"], &document["total"]), (&json!(1), &json!(3)));
    let first = &document["runs"][2];
    assert_eq!((&first["run_id"], &first["cases"]), (&json!(NIGHTLY_1), &json!(3)));
    assert_eq!(first["pass_rate_latest"], json!(1.0 / 3.0));
    assert_eq!(first["pass_rate_scored"], json!(0.5));
    assert_eq!(first["pass_rate_attempts"], json!(1.0 / 3.0));
    assert_eq!(document["runs"][1]["models"], json!(["claude-y", "llama-z"]));
    let csv = STORE.run(&["runs", "--format", "csv"]).fine();
    let nothing = STORE.run(&["runs", "--format", "csv", "--search", "zebra"]).fine();
    assert_eq!(nothing.lines(), &csv.lines()[..1], "the head stands without rows too");
    assert_eq!(csv.lines().len(), 4);
}

#[test]
fn one_run_as_a_person_reads_it() {
    let shown = STORE.run(&["show", NIGHTLY_1]).fine();
    insta::assert_snapshot!(shown.stdout, @r#"
    nightly::2026-05-01T08-00-00-000Z · support-bot  agentv era-a
    status      unknown
    cases       3 · 1 pass · 1 fail · 1 error
    pass rate   33 % latest · 50 % scored · 33 % over all 3 attempts
    score       0.750 over 2 of 3 cases
    bounds      0.500 to 0.833, whatever the one without a score would have scored
    cost_usd    0.002
    ran         2026-05-01 08:00 to 2026-05-01 08:00
    run folder  results/runs/nightly/2026-05-01T08-00-00-000Z
    eval file   unknown: the source does not name it
    tags        owner=ann

    case            status  attempts  score  duration_ms  cost_usd  error
    a               pass           1  1.000          100     0.001
    b               fail           1  0.500          110     0.001
    edge [x] (v2)*  error          1  0.000            —         —  provider_error at agent: upstream 503 (exit code 7)
    2 open, to run again:
      runq resume nightly::2026-05-01T08-00-00-000Z --rerun-failed
    "#);
}

#[test]
fn show_as_json_says_where_the_run_is_and_how_its_cases_ended() {
    let document = STORE.run(&["show", NIGHTLY_1, "--json"]).fine().json();
    let folder = "results/runs/nightly/2026-05-01T08-00-00-000Z";
    assert_eq!(document["source_path"], format!("[sandbox]/{folder}"));
    assert_eq!(document["run_dir"], folder);
    assert_eq!(document["eval_file"], Value::Null);
    assert_eq!(document["eval_file_reason"], "the source does not name it");
    assert_eq!(document["tags"], json!({"owner": "ann"}));
    let cases = document["cases"].as_array().unwrap();
    let words: Vec<[&Value; 4]> =
        cases.iter().map(|case| ["case_id", "status", "attempts", "score"].map(|name| &case[name])).collect();
    assert_eq!(
        json!(words),
        json!([
            ["a", "ok", 1, 1.0],
            ["b", "quality_failure", 1, 0.5],
            ["edge [x] (v2)*", "execution_error", 1, 0.0],
        ])
    );
    assert_eq!(cases[0]["scores"], json!({"quality": 1.0}));
    assert_eq!(cases[2]["scores"], json!({}));
    assert_eq!(cases[2]["error_message"], "upstream 503 (exit code 7)");
    assert_eq!((&document["missing"], &document["overview"]["cases"]), (&json!([]), &json!(3)));
}

#[test]
fn cases_are_chosen_by_either_word_of_a_status_and_by_glob_or_by_the_very_id() {
    let cases = |filter: &[&str]| -> Vec<String> {
        let arguments = [&["show", NIGHTLY_1, "--format", "ids"], filter].concat();
        STORE.run(&arguments).fine().lines().into_iter().map(str::to_owned).collect()
    };
    for (word, id) in [("ok", "a"), ("fail", "b"), ("error", "edge [x] (v2)*")] {
        assert_eq!(cases(&["--status", word]), [id], "{word}");
    }
    assert_eq!(cases(&["--status", "judge_error"]), [""; 0]);
    assert_eq!(cases(&["--case", "edge [x] (v2)*"]), ["edge [x] (v2)*"]);
    assert_eq!(cases(&["--case", "[ab]", "--status", "fail"]), ["b"]);
    let rows = STORE.run(&["show", NIGHTLY_1, "--status", "fail", "--format", "csv"]).fine();
    assert_eq!(rows.lines().len(), 2, "{}", rows.stdout);
    let none = STORE.run(&["show", NIGHTLY_1, "--case", "zebra"]).fine();
    assert!(none.stdout.contains("\nno case fits\n"), "{}", none.stdout);
}

#[test]
fn planned_cases_without_a_row_are_missing() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &FIRST[..2]);
    let plan = json!({"metadata": {"eval_file": "evals/bot.yaml", "targets": ["gpt-x"],
        "tests_run": ["a", "b", "c", "d"]}});
    sandbox.write(&format!("{run}/benchmark.json"), plan.to_string());
    let document = sandbox.run(&["show", &run, "--json"]).fine().json();
    let missing: Vec<&Value> =
        document["missing"].as_array().unwrap().iter().map(|key| &key["case_id"]).collect();
    assert_eq!(json!(missing), json!(["c", "d"]));
    assert_eq!(document["missing_count"], 2);
    assert_eq!(
        (&document["eval_file"], &document["eval_file_reason"]),
        (&json!("evals/bot.yaml"), &Value::Null)
    );
    let ids = sandbox.run(&["show", &run, "--status", "missing", "--format", "ids"]).fine();
    assert_eq!(ids.lines(), ["c", "d"]);
    let shown = sandbox.run(&["show", &run, "--status", "missing"]).fine();
    assert!(shown.stdout.contains("\nmissing 2: c (gpt-x), d (gpt-x)\n"), "{}", shown.stdout);
    assert!(!shown.stdout.contains("no case fits"), "{}", shown.stdout);
}

#[test]
fn a_result_below_the_threshold_is_a_fail_in_every_place() {
    let sandbox = Sandbox::new();
    sandbox.write("x.csv", "id,score\nq1,1\nq2,0.79\nq3,0.8\n");
    let shown = sandbox.run(&["show", "x.csv"]).fine();
    assert!(shown.stdout.contains("cases       3 · 2 pass · 1 fail\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("67 % latest"), "{}", shown.stdout);
    let fails = |flags: &[&str]| -> Vec<String> {
        let arguments = [&["show", "x.csv", "--status", "fail", "--format", "ids"], flags].concat();
        sandbox.run(&arguments).fine().lines().into_iter().map(str::to_owned).collect()
    };
    assert_eq!(fails(&[]), ["q2"]);
    assert_eq!(fails(&["--pass-threshold", "0.9"]), ["q2", "q3"]);
}

#[test]
fn metrics_and_views_list_what_can_be_asked() {
    let metrics = STORE.run(&["metrics", "--json"]).fine().json();
    let names: Vec<&str> = metrics["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["metric"].as_str().unwrap())
        .collect();
    assert!(
        ["score", "quality", "duration_ms", "cost_usd"].iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    let directions: Vec<&Value> = metrics["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|metric| metric["metric"] == "cost_usd" || metric["metric"] == "score")
        .map(|metric| &metric["direction"])
        .collect();
    assert_eq!(json!(directions), json!(["lower", "higher"]));
    let views = STORE.run(&["views", "--format", "ids"]).fine();
    for relation in ["runs", "results", "scores", "measurements", "change_counts", "failed_rows"] {
        assert!(views.lines().contains(&relation), "{relation}");
    }
    let text = STORE.run(&["views", "arms"]).fine();
    assert!(text.stdout.starts_with("-- Which arms are there"), "{}", text.stdout);
    let document = STORE.run(&["views", "arms", "--json"]).fine().json();
    assert_eq!(document["sql"].as_str().unwrap().trim_end(), text.stdout.trim_end());
}

#[test]
fn a_view_of_ones_own_is_asked_like_ours_and_a_broken_one_breaks_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &FIRST);
    sandbox.run(&["ingest", "results"]).fine();
    sandbox.write(
        ".runq/sql/cheap.sql",
        "-- Which rows are cheap?\nSELECT case_id FROM results WHERE cost_usd < 1",
    );
    sandbox.write(".runq/sql/broken.sql", "SELECT nope FROM results");
    let rows = sandbox.run(&["sql", "SELECT * FROM cheap ORDER BY 1"]).fine();
    assert_eq!(rows.lines(), ["case_id", "a", "b"]);
    let broken = sandbox.run(&["sql", "SELECT * FROM broken"]).exits(2);
    assert!(broken.stderr.starts_with("error: view broken: "), "{}", broken.stderr);
    let listed = sandbox.run(&["views", "--format", "ids"]).fine();
    assert!(listed.lines().contains(&"cheap"), "{}", listed.stdout);
}
