//! Choosing runs: by kind, asset and case, by free text, and handing them on from `runs` to another command.

use std::sync::LazyLock;

use serde_json::json;

use crate::support::sandbox::Sandbox;

/// A store with a small history of AMX and two runs of AgentV; tests only read it.
static STORE: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &[("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.5, "ok")]);
    sandbox.agentv("weekly", 2, &[("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 1.0, "ok")]);
    let history = format!("{}/tests/slt/data/lineage.db", env!("CARGO_MANIFEST_DIR"));
    sandbox.run(&["ingest", "results", &history]).fine();
    sandbox
});

const NIGHTLY: &str = "nightly::2026-05-01T08-00-00-000Z";
const WEEKLY: &str = "weekly::2026-05-02T08-00-00-000Z";

fn ids(arguments: &[&str]) -> Vec<String> {
    let arguments = [&["runs", "--format", "ids"], arguments].concat();
    STORE.run(&arguments).fine().lines().into_iter().map(str::to_owned).collect()
}

#[test]
fn kinds_and_commands_choose_runs_and_the_newest_are_taken_last() {
    assert_eq!(ids(&["--kind", "eval"]), [WEEKLY, NIGHTLY]);
    assert_eq!(ids(&["--kind", "analyze"]), ["1"]);
    assert_eq!(ids(&["--kind", "analyze.*", "--kind", "eval"]).len(), 3);
    assert_eq!(ids(&["--kind", "rerun", "--last", "2"]), ["21", "20"]);
    assert_eq!(ids(&["--last", "2"]), ["21", "20"]);
    STORE
        .run(&["runs", "--kind", "analyse"])
        .refuses(66, "error: there is no kind of run analyse\n  hint: did you mean analyze?");
    STORE.run(&["compare", "--kind", "zzz"]).refuses(
        66,
        "error: there is no kind of run zzz\n  hint: there are analyze, analyze.run, eval, rerun",
    );
}

#[test]
fn an_asset_chooses_the_runs_that_worked_on_it_and_its_cases() {
    assert_eq!(ids(&["--asset", "schema=SHOP", "--last", "3"]), ["21", "20", "4"]);
    assert_eq!(ids(&["--asset", "table=t", "--kind", "analyze.run"]), ["1"]);
    let cases = |arguments: &[&str]| -> Vec<String> {
        let sql = "SELECT DISTINCT case_id FROM results ORDER BY 1";
        let ran = STORE.run(&[&["sql", sql, "--format", "csv"], arguments].concat()).fine();
        ran.lines().into_iter().skip(1).map(str::to_owned).collect()
    };
    assert_eq!(cases(&["--asset", "schema=shop"]), ["shop.t", "shop.t.x", "shop.t.y", "shop.t.z"]);
    assert_eq!(cases(&["--asset", "column=Y"]), ["shop.t.y"]);
    assert_eq!(cases(&["--case", "shop.t.?"]), ["shop.t.x", "shop.t.y", "shop.t.z"]);
    assert_eq!(cases(&["--case", "a"]), ["a"]);
    assert_eq!(cases(&["--case", "[ab]", "--case-key", "case_id"]), ["a", "b"]);
    STORE
        .run(&["runs", "--asset", "schema=shpo"])
        .refuses(66, "error: nothing here is of schema=shpo\n  hint: did you mean shop?");
    STORE.run(&["compare", "--asset", "column=nope"]).exits(66);
    STORE.run(&["compare", "--case", "aa"]).exits(66);
    let ran = STORE.run(&["compare", "--asset", "tabel=t"]).exits(2);
    assert!(ran.stderr.contains("there is no part tabel; did you mean table?"), "{}", ran.stderr);
}

#[test]
fn every_relation_holds_the_cases_in_scope_only() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &[("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.5, "ok")]);
    let plan = json!({"metadata": {"targets": ["gpt-x"], "tests_run": ["a", "b", "c", "cc"]}});
    sandbox.write(&format!("{run}/benchmark.json"), plan.to_string());
    sandbox.run(&["ingest", "results"]).fine();
    for (relation, expected) in [("results", "a"), ("scores", "a"), ("planned_keys", "a\nc\ncc")] {
        let sql = format!("SELECT DISTINCT case_id FROM {relation} ORDER BY 1");
        let ran = sandbox.run(&["sql", &sql, "--case", "[!b]*", "--format", "csv"]).fine();
        assert_eq!(ran.stdout, format!("case_id\n{expected}\n"), "{relation}");
    }
    // A planned case is there although no row is.
    let missing = sandbox.run(&["sql", "SELECT case_id, status FROM failed_rows", "--case", "c"]).fine();
    assert_eq!(missing.lines(), ["case_id,status", "c,missing"]);
}

#[test]
fn the_first_line_says_the_scope() {
    let first = |arguments: &[&str]| -> String {
        STORE.run(arguments).fine().stdout.lines().next().unwrap_or_default().to_owned()
    };
    assert!(
        first(&["compare", "--kind", "eval", "--case", "a"])
            .ends_with("  .runq, kind eval, case a, 2 of 11 runs")
    );
    assert!(first(&["runs", "--asset", "table=t"]).ends_with("  .runq, table=t"));
}

#[test]
fn free_text_finds_commands_scopes_and_profiles() {
    assert_eq!(ids(&["--search", "ANALYZE.run"]), ["1"]);
    assert_eq!(ids(&["--search", "shop.t"]).len(), 9);
    assert_eq!(ids(&["--search", "wh", "--limit", "2", "--page", "5"]), ["1"]);
    let document = STORE.run(&["runs", "--search", "analyze", "--json"]).fine().json();
    let run = &document["runs"][0];
    assert_eq!((&run["command"], &run["scope"]), (&json!("analyze.run"), &json!(["shop.t"])));
}

#[test]
fn names_are_read_from_standard_input_in_their_order() {
    let arms = |line: &str| -> Vec<String> {
        let document = STORE.shell(line).fine().json();
        let arms = document["arms"].as_array().unwrap().iter();
        arms.map(|arm| arm["arm"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(arms("runq runs --kind eval --format ids | runq compare - --json"), [WEEKLY, NIGHTLY]);
    assert_eq!(
        arms(&format!("printf '\\n{NIGHTLY}\\n\\nweekly\\n' | runq compare - --json")),
        [NIGHTLY, WEEKLY]
    );
    assert_eq!(arms(&format!("echo {WEEKLY} | runq compare {NIGHTLY} - --json")), [NIGHTLY, WEEKLY]);
    let shown = STORE.run_fed("weekly\n", &["show", "-"]).fine();
    assert!(shown.stdout.starts_with(WEEKLY), "{}", shown.stdout);
    let stacks = STORE.run_fed("9\n", &["versions", "shop.t", "-", "--format", "csv"]).fine();
    assert_eq!(stacks.lines().len(), 4);
    let all = STORE.run_fed("9\n", &["versions", "-", "--format", "csv"]).fine();
    assert_eq!(all.stdout, stacks.stdout);
}

#[test]
fn standard_input_without_names_or_named_twice_is_refused() {
    let hint = "\n  hint: runq runs --last 3 --format ids | runq compare -";
    for nothing in ["", "\n  \n"] {
        STORE
            .run_fed(nothing, &["compare", "-"])
            .refuses(66, &format!("error: - found no names on standard input{hint}"));
    }
    STORE
        .run_fed("weekly\n", &["compare", "-", "-"])
        .refuses(2, &format!("error: - is given twice, and standard input is read once{hint}"));
    STORE.run_fed("weakly\n", &["compare", "-"]).exits(66);
}
