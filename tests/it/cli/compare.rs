//! `compare`: the JSON that scripts build on, the table at several widths, the flags that shape both.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use runq::questions::compare::{Compare, compare};
use runq::render::{RENDERERS, Renderer, Screen, TABLE};
use runq::session::Request;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::support::sandbox::{Row, Sandbox};
use crate::support::{fixture, session};

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

/// Baseline against candidate as a person reads it in a pipe.
static TABLES: LazyLock<String> =
    LazyLock::new(|| SAMPLES.run(&["compare", "baseline", "candidate"]).fine().stdout);

/// Baseline against candidate, which several tests look at.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| compared(&["baseline", "candidate"]));

fn compared(arguments: &[&str]) -> Value {
    SAMPLES.run(&[&["compare", "--json"], arguments].concat()).fine().json()
}

/// The line of a list whose fields have these values.
fn one<'a>(list: &'a Value, fields: &[(&str, &str)]) -> &'a Value {
    let mut found = list
        .as_array()
        .expect("a list")
        .iter()
        .filter(|entry| fields.iter().all(|(name, value)| entry[*name] == *value));
    let entry = found.next().unwrap_or_else(|| panic!("{fields:?} is not in {list}"));
    assert!(found.next().is_none(), "{fields:?} is there twice");
    entry
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|case| case["case_id"].as_str().expect("an id")).collect()
}

/// Every field of the contract is there; more are allowed.
fn assert_fields(object: &Value, fields: &[&str]) {
    let there: BTreeSet<&str> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    let missing: Vec<&&str> = fields.iter().filter(|field| !there.contains(**field)).collect();
    assert!(missing.is_empty(), "{missing:?} are not in {there:?}");
}

const STATUSES: [&str; 6] =
    ["ok", "quality_failure", "execution_error", "scorer_error", "limit", "cancelled"];

#[test]
fn the_document_has_every_field_of_its_contract() {
    let document = &*DOCUMENT;
    assert_fields(
        document,
        &[
            "schema_version",
            "by",
            "baseline",
            "primary_metric",
            "holm_families",
            "arms",
            "metrics",
            "changes",
            "cases",
            "notes",
        ],
    );
    assert_fields(
        &document["arms"][0],
        &[
            "arm",
            "run_ids",
            "models",
            "result_count",
            "superseded_count",
            "status_counts",
            "pass_rate_attempts",
            "pass_rate_latest",
            "pass_rate_scored",
        ],
    );
    assert_fields(&document["arms"][0]["status_counts"], &STATUSES);
    let metric = &document["metrics"][0];
    assert_fields(metric, &["task", "metric", "direction", "unit", "aggregate", "arms"]);
    assert_fields(
        &metric["arms"][0],
        &["arm", "value", "n", "unscored", "lowest", "highest", "winner", "tied", "winner_common"],
    );
    assert_fields(
        &document["changes"][0],
        &[
            "task",
            "metric",
            "baseline",
            "candidate",
            "common",
            "improved",
            "regressed",
            "unchanged",
            "baseline_only",
            "candidate_only",
            "unscored",
            "mean_baseline",
            "mean_candidate",
            "mean_delta",
            "normalized_gain",
            "standard_error",
            "ci_low",
            "ci_high",
            "p_value",
            "p_adjusted",
            "test",
            "mde",
            "verdict",
            "improved_cases",
            "regressed_cases",
        ],
    );
    assert_fields(&document["cases"][0], &["task", "case_id", "metric", "outcome", "values"]);
    assert_fields(&document["cases"][0]["values"][0], &["arm", "value", "status", "attempts"]);
    assert_eq!(document["schema_version"], 1);
    assert!(document["notes"].as_array().is_some_and(|notes| notes.iter().all(Value::is_string)));
}

const BASELINE: &str = "baseline::2026-11-20T08-57-23-723Z";
const CANDIDATE: &str = "candidate::2026-11-20T08-57-58-863Z";

#[test]
fn two_runs_compare_as_counted_by_hand() {
    let document = &*DOCUMENT;
    assert_eq!((&document["by"], &document["baseline"]), (&json!("run"), &json!(BASELINE)));
    assert_eq!(document["primary_metric"], "score");
    let baseline = &document["arms"][0];
    assert_eq!((&baseline["run_ids"], &baseline["models"]), (&json!([BASELINE]), &json!(["gpt-x"])));
    assert_eq!((&baseline["result_count"], &baseline["superseded_count"]), (&json!(12), &json!(0)));
    assert_eq!(
        STATUSES.map(|status| baseline["status_counts"][status].as_i64().unwrap()),
        [6, 3, 3, 0, 0, 0]
    );
    assert_eq!(baseline["pass_rate_latest"], 0.5);
    assert_eq!(baseline["pass_rate_scored"], json!(6.0 / 9.0));
    let change = one(&document["changes"], &[("metric", "score")]);
    let counts =
        ["common", "improved", "regressed", "unchanged", "baseline_only", "candidate_only", "unscored"]
            .map(|name| change[name].as_i64().unwrap());
    assert_eq!(counts, [9, 4, 3, 2, 0, 0, 3]);
    assert_eq!(
        names(&change["improved_cases"]),
        ["escalation", "order-status", "summary-quality", "tone-check"]
    );
    assert_eq!(names(&change["regressed_cases"]), ["greeting", "refund-policy", "translation-de"]);
    let slow = one(&document["cases"], &[("case_id", "slow-lookup")]);
    assert_eq!(slow["outcome"], json!({CANDIDATE: "unscored"}));
    assert_eq!(
        slow["values"],
        json!([
            {"arm": BASELINE, "value": null, "winner": false, "tied": false, "status": "execution_error", "attempts": 1, "confidence": null},
            {"arm": CANDIDATE, "value": null, "winner": false, "tied": false, "status": "execution_error", "attempts": 1, "confidence": null},
        ])
    );
    let order = one(&document["cases"], &[("case_id", "order-status")]);
    assert_eq!(order["outcome"], json!({CANDIDATE: "improved"}));
    assert_eq!(document["cases"].as_array().unwrap().len(), 12);
}

#[test]
fn a_threshold_and_errors_as_zero_move_what_they_should() {
    let change = |flags: &[&str]| {
        let document = compared(&[&["baseline", "candidate"], flags].concat());
        let change = one(&document["changes"], &[("metric", "score")]);
        ["common", "improved", "regressed", "unchanged", "unscored"]
            .map(|name| change[name].as_i64().unwrap())
    };
    // 0.85 to 0.95 is less than 0.1 in doubles, 0.70 to 0.80 is not; 0.90 to 0.79 is more.
    assert_eq!(change(&["--threshold", "score=0.1", "--threshold", "cost_usd=1"]), [9, 3, 3, 3, 3]);
    // flaky-tool and edge: 0 to 1; slow-lookup: 0 to 0.
    assert_eq!(change(&["--errors-as", "zero"]), [12, 6, 3, 3, 0]);
}

#[test]
fn other_aggregates_are_taken_from_the_cases() {
    let flags = [
        "baseline",
        "--metric",
        "duration_ms",
        "--aggregate",
        "duration_ms=max",
        "--aggregate",
        "score=min",
        "--aggregate",
        "cost_usd=p90",
    ];
    let document = compared(&flags);
    let duration = one(&document["metrics"], &[("metric", "duration_ms")]);
    assert_eq!(
        (&duration["aggregate"], &duration["direction"], &duration["unit"]),
        (&json!("max"), &json!("lower"), &json!("ms"))
    );
    assert_eq!((&duration["arms"][0]["value"], &duration["arms"][0]["n"]), (&json!(2300.0), &json!(9)));
    assert_eq!(one(&document["metrics"], &[("metric", "score")])["arms"][0]["value"], 0.0);
    assert_eq!(one(&document["metrics"], &[("metric", "cost_usd")])["aggregate"], "p90");
}

#[test]
fn cases_are_limited_and_filtered_by_outcome() {
    let asked = |flags: &[&str]| SAMPLES.run(&[&["compare", "baseline", "candidate"], flags].concat()).fine();
    let regressed = asked(&["--only", "regressed", "--format", "ids"]);
    assert_eq!(regressed.lines(), ["greeting", "refund-policy", "translation-de"]);
    assert_eq!(names(&compared(&["baseline", "candidate", "--cases", "2"])["cases"]).len(), 2);
    let few = asked(&["--cases", "2"]).stdout;
    assert!(few.contains("\n  8 more: --cases all\n"), "{few}");
    let all = asked(&["--cases", "all"]).stdout;
    assert!(all.contains("\nreset-password  "), "{all}");
    assert!(!TABLES.contains("\nreset-password  "), "what did not change is shown only when asked for");
    let none = asked(&["--only", "baseline_only"]).stdout;
    assert!(none.contains("\nno case is baseline only on score\n"), "{none}");
}

#[test]
fn one_arm_alone_is_described_and_not_compared_also_when_it_stands_in_several_files() {
    let sandbox = Sandbox::new();
    let rows: [Row; 2] = [("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.5, "quality_failure")];
    for count in [1, 2] {
        sandbox.agentv("nightly", 1, &rows[..count]);
        sandbox.run(&["ingest", "results"]).fine();
    }
    let shown = sandbox.run(&["compare", "last", "--cases", "all"]).fine().stdout;
    assert!(shown.contains("nothing to compare it with"), "{shown}");
    assert!(!shown.contains('▸') && !shown.contains("against"), "{shown}");
    let document = sandbox.run(&["compare", "last", "--json"]).fine().json();
    assert_eq!(document["arms"].as_array().unwrap().len(), 1);
    assert_eq!(document["changes"], json!([]));
    let metrics = document["metrics"].as_array().unwrap();
    assert!(metrics.iter().all(|metric| metric["arms"][0]["winner"] == false));
}

#[test]
fn arms_without_a_common_case_are_not_comparable() {
    let sandbox = Sandbox::new();
    sandbox.write("one.csv", "id,score\nq1,1\nq2,0\n");
    sandbox.write("two.csv", "id,score\nr1,1\nr2,0\n");
    let document = sandbox.run(&["compare", "one.csv", "two.csv", "--json"]).exits(4).json();
    let note = document["notes"][0].as_str().unwrap();
    assert!(note.starts_with("not comparable: no candidate shares a case with the baseline"), "{note}");
    let change = one(&document["changes"], &[("metric", "score")]);
    assert_eq!((&change["baseline_only"], &change["candidate_only"]), (&json!(2), &json!(2)));
    assert_eq!((&change["p_value"], &change["mean_delta"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_run_of_the_store_stands_beside_a_path_and_the_first_named_is_the_baseline() {
    let path = fixture("agentv/candidate").display().to_string();
    let stored = &*DOCUMENT;
    let mixed = compared(&["baseline", &path]);
    for part in ["arms", "metrics", "changes", "cases", "baseline"] {
        assert_eq!(mixed[part], stored[part], "{part}");
    }
    let other_way = compared(&[&path, "baseline"]);
    assert_eq!(other_way["baseline"], CANDIDATE);
    let swapped = one(&other_way["changes"], &[("metric", "score")]);
    assert_eq!((&swapped["improved"], &swapped["regressed"]), (&json!(3), &json!(4)));
    let flagged = compared(&["candidate", "--run", "baseline"]);
    assert_eq!(flagged["baseline"], CANDIDATE, "a name without a flag is named first");
}

#[test]
fn one_run_at_two_times_is_two_arms_that_can_be_told_apart() {
    let sandbox = Sandbox::new();
    let rows: [Row; 2] = [("a", "gpt-x", 0.5, "quality_failure"), ("b", "gpt-x", 1.0, "ok")];
    let folder = sandbox.agentv("nightly", 1, &rows);
    let copy = std::fs::read(sandbox.path(&folder).join("index.jsonl")).unwrap();
    sandbox.write("before/runs/nightly/2026-05-01T08-00-00-000Z/index.jsonl", copy);
    sandbox.agentv("nightly", 1, &[("a", "gpt-x", 1.0, "ok"), rows[1]]);
    let document = sandbox.run(&["compare", "before", "results", "--json"]).fine().json();
    let arms: Vec<&str> =
        document["arms"].as_array().unwrap().iter().map(|arm| arm["arm"].as_str().unwrap()).collect();
    assert_eq!(
        arms,
        ["nightly::2026-05-01T08-00-00-000Z (before)", "nightly::2026-05-01T08-00-00-000Z (results)"]
    );
    assert_eq!(one(&document["changes"], &[("metric", "score")])["improved"], 1);
}

#[test]
fn what_is_compared_is_a_dimension_of_runs_or_rows() {
    let by = |dimension: &str| -> Vec<String> {
        let document = compared(&["matrix", "--by", dimension]);
        document["arms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arm| arm["arm"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(by("model"), ["gpt-x", "claude-y", "llama-z"]);
    assert_eq!(by("tags.owner"), ["none"]);
    let experiments = compared(&["--by", "experiment"]);
    assert_eq!(experiments["arms"].as_array().unwrap().len(), 4);
    let head = SAMPLES.run(&["compare", "--by", "status"]).fine().stdout;
    assert!(head.contains(" · 3 values of status of 4 runs · "), "{head}");
}

#[test]
fn many_arms_turn_the_table() {
    let sandbox = Sandbox::new();
    for day in 1..=9 {
        let score = f64::from(day) / 16.0;
        sandbox.agentv(&format!("e{day}"), day, &[("a", "gpt-x", score, "ok"), ("b", "gpt-x", 1.0, "ok")]);
    }
    let many = sandbox.run(&["compare", "results", "--by", "run"]).fine().stdout;
    assert!(!many.lines().any(|line| line.starts_with("pass rate ")), "{many}");
    assert!(
        many.lines().any(|line| line.contains("pass rate latest") && line.contains("score mean")),
        "{many}"
    );
    assert!(many.lines().any(|line| line.starts_with("e9 ") && line.contains("▸ 0.781")), "{many}");
    // Fewer arms than numbers of each stand beside each other.
    let five = sandbox.run(&["compare", "results", "--by", "run", "--last", "5"]).fine().stdout;
    assert!(five.lines().any(|line| line.starts_with("pass rate ")), "{five}");
}

#[test]
fn machines_get_one_row_per_task_metric_and_arm() {
    let csv = SAMPLES.run(&["compare", "baseline", "candidate", "--format", "csv"]).fine();
    let jsonl = SAMPLES.run(&["compare", "baseline", "candidate", "--format", "jsonl"]).fine();
    assert_eq!(csv.lines().len(), jsonl.lines().len() + 1);
    let rows: Vec<Value> = jsonl.documents();
    let document = &*DOCUMENT;
    let of_metric = |metric: &Value| metric["arms"].as_array().unwrap().len();
    assert_eq!(rows.len(), document["metrics"].as_array().unwrap().iter().map(of_metric).sum::<usize>());
    assert!(rows.iter().all(|row| row["winner"].is_boolean() && row["arm"].is_string()));
    assert!(!TABLES.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn markdown_tables_are_whole() {
    let text = SAMPLES.run(&["compare", "baseline", "candidate", "--format", "markdown"]).fine().stdout;
    let lines: Vec<&str> = text.lines().collect();
    let mut tables = 0;
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        if !lines[at - 1].starts_with('|') {
            tables += 1;
            assert!(lines[at - 1].is_empty(), "no empty line before a table: {text}");
            assert!(lines[at + 1].trim_matches(['|', ' ', ':', '-']).is_empty(), "no rule below {line}");
        } else {
            assert_eq!(cells(line), cells(lines[at - 1]), "{line}");
        }
    }
    assert_eq!(tables, 3, "{text}");
}

#[test]
fn the_screen_says_what_it_compares_in_its_first_line() {
    let first = |arguments: &[&str]| {
        let ran = SAMPLES.run(&[&["compare"], arguments].concat()).fine();
        ran.lines()[0].to_owned()
    };
    assert_eq!(
        TABLES.lines().next().unwrap(),
        "support-bot · 12 cases · 2 runs · baseline baseline (named first)  .runq, 2 of 4 runs"
    );
    assert_eq!(
        first(&["matrix", "--by", "model"]),
        "support-bot · 12 cases · 3 models of 1 run · baseline gpt-x (first in the run)  .runq, 1 of 4 runs"
    );
    assert_eq!(
        first(&["--last", "2", "--baseline", "matrix"]),
        "support-bot · 12 cases · 2 runs · baseline matrix (as asked)  .runq, 2 of 4 runs"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_and_every_width_can_say_a_comparison() {
    let matrix = fixture("agentv/matrix");
    let mut session = session(&[&matrix], Request::default()).await;
    let answer = compare(&mut session, &Compare::default()).await.expect("a comparison").answer;
    let rendered = |renderer: &dyn Renderer, width: Option<usize>| {
        let mut out = Vec::new();
        renderer.render(&answer, &Screen { width, color: false }, &mut out).expect("an answer");
        String::from_utf8(out).expect("text")
    };
    // A comparison has no commands for a shell.
    for renderer in RENDERERS.iter().filter(|renderer| !renderer.is_binary() && renderer.name() != "sh") {
        assert!(rendered(*renderer, None).ends_with('\n'), "{renderer:?}");
    }
    for width in [60, 80, 120, 200] {
        for line in rendered(TABLE, Some(width)).lines() {
            assert!(UnicodeWidthStr::width(line) <= width, "{width}: {line}");
        }
    }
}
