//! `versions`: what a person reads of retries, re-runs and variations, and what a script reads of the same answer.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;

/// A store with a small history of AMX (tests/slt/asset_versions.slt says what it holds); tests only read it.
static HISTORY: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    sandbox.run(&["ingest", &history()]).fine();
    sandbox
});

fn history() -> String {
    format!("{}/tests/slt/data/lineage.db", env!("CARGO_MANIFEST_DIR"))
}

/// A store with one AgentV run in which `a` was run again, and another one in which nothing was.
static RETRIED: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    sandbox.agentv(
        "nightly",
        1,
        &[
            ("a", "gpt-x", 0.0, "execution_error"),
            ("b", "gpt-x", 1.0, "ok"),
            ("edge [x]*", "gpt-x", 1.0, "ok"),
            ("a", "gpt-x", 1.0, "ok"),
        ],
    );
    sandbox.agentv("weekly", 2, &[("a", "gpt-x", 1.0, "ok")]);
    sandbox.run(&["ingest", "results"]).fine();
    sandbox
});

/// (case, root, [label and run of each version]) of every stack.
fn stacks(arguments: &[&str]) -> Value {
    let document = HISTORY.run(&[&["versions", "--json"], arguments].concat()).fine().json();
    assert_eq!(document["schema_version"], 1);
    let stack = |stack: &Value| {
        let versions = stack["versions"].as_array().unwrap().iter();
        let labels: Vec<String> = versions
            .map(|version| {
                format!("{}={}", version["label"].as_str().unwrap(), version["run_id"].as_str().unwrap())
            })
            .collect();
        json!([stack["case_id"], stack["root_run_id"], labels.join(" ")])
    };
    document["stacks"].as_array().unwrap().iter().map(stack).collect()
}

#[test]
fn without_a_word_the_originals_with_several_versions_come_newest_first() {
    let expected = json!([
        ["shop.t.z", "20", "v1=20 v2=21"],
        ["shop.t", "1", "v1=1 v2=2 v3=9 v4=10"],
        ["shop.t.x", "1", "v1=1 v2=3"],
    ]);
    assert_eq!(stacks(&[]), expected);
    assert_eq!(stacks(&["--all"]).as_array().unwrap().len(), 4);
    assert_eq!(stacks(&["--cases", "1"]), json!([expected[0]]));
    let ids = HISTORY.run(&["versions", "--format", "ids"]).fine();
    assert_eq!(ids.lines(), ["shop.t.z", "shop.t", "shop.t.x"]);
}

#[test]
fn a_case_a_glob_and_runs_narrow_and_a_named_run_is_a_root_of_its_own() {
    assert_eq!(stacks(&["shop.t"]), json!([["shop.t", "1", "v1=1 v2=2 v3=9 v4=10"]]));
    assert_eq!(stacks(&["shop.t", "9"]), json!([["shop.t", "9", "v1=9 v2=10 v3=11"]]));
    assert_eq!(stacks(&["shop.t.[xz]", "1"]), json!([["shop.t.x", "1", "v1=1 v2=3"]]));
    assert_eq!(stacks(&["--case", "shop.t.x", "3", "1"])[0], json!(["shop.t.x", "3", "v1=3 v2=4"]));
    assert_eq!(stacks(&["--kind", "rerun", "--asset", "column=X"]), json!([["shop.t.x", "3", "v1=3 v2=4"]]));
    // Nothing else is there: the one version of a case that was named is shown.
    assert_eq!(stacks(&["shop.t", "11"]), json!([["shop.t", "11", "v1=11"]]));
    // A path instead of the store.
    let document = HISTORY.run(&["versions", "shop.t", &history(), "--json"]).fine().json();
    assert_eq!(document["stacks"][0]["versions"].as_array().map(Vec::len), Some(4));
}

#[test]
fn the_first_word_is_a_run_when_it_is_no_case() {
    assert_eq!(stacks(&["3"]), json!([["shop.t.x", "3", "v1=3 v2=4"]]));
    assert_eq!(stacks(&["3", "9"]).as_array().unwrap().len(), 2);
    let sandbox = Sandbox::new();
    let folder =
        sandbox.agentv("nightly", 1, &[("a", "gpt-x", 0.0, "execution_error"), ("a", "gpt-x", 1.0, "ok")]);
    let document = sandbox.run(&["versions", &folder, "--json"]).fine().json();
    assert_eq!(document["stacks"].as_array().map(Vec::len), Some(1));
    sandbox.write("t.jsonl", "{\"id\": \"t\", \"score\": 1}\n");
    sandbox.run(&["ingest", "t.jsonl"]).fine();
    let both = sandbox.run(&["versions", "t"]).fine();
    assert_eq!(both.stderr, "note  t is taken as a case; --run t names the run\n");
    assert!(both.stdout.contains("\nt · run t\n"), "{}", both.stdout);
}

#[test]
fn a_person_reads_chips_seeds_and_what_is_wrong_with_the_lineage() {
    let shown = HISTORY.run_with(&[("COLUMNS", "200")], &["versions", "shop.t", "1"]).fine();
    assert_eq!(
        shown.lines(),
        [
            "1 case of 1 run with several versions  .runq, case shop.t, 1 of 9 runs",
            "",
            "shop.t · run 1 · analyze.run · m1",
            "                  run  logprob  confidence  status  when              output   seed",
            "v1    original    1      0.500  medium      ok      2026-05-28 20:26  a table  —",
            "v2 L  variations  2      0.600  low         ok      2026-05-28 20:26  t two    a table",
            "v3 S  variations  9      0.700  low         ok      2026-05-28 20:27  t nine   t two b",
            "v4 L  variations  10     0.800  low         ok      2026-05-28 20:27  t ten    t nine",
            "note  run 11 lies deeper than 3 levels below run 1: it stands under run 2",
            "note  run 4 re-runs run 3, which is a re-run itself: it stands under run 3",
        ]
    );
    let circle = HISTORY.run(&["versions", "20"]).fine();
    assert!(circle.stdout.ends_with("note  runs 20 and 21 name each other as parent\n"), "{}", circle.stdout);
}

#[test]
fn retries_of_a_run_are_versions_and_the_last_one_counts() {
    let shown = RETRIED.run(&["versions"]).fine();
    let lines = shown.lines();
    assert_eq!(lines[0], "4 cases of 2 runs · 1 with several versions  .runq");
    assert_eq!(lines[2], "a · run nightly::2026-05-01T08-00-00-000Z · gpt-x");
    assert!(lines[4].starts_with("v1  original "), "{}", shown.stdout);
    assert!(lines[4].ends_with("upstream 503 (exit code 7)"), "{}", shown.stdout);
    assert!(lines[5].starts_with("v2  retry, counts  1.000  pass "), "{}", shown.stdout);
    assert_eq!(lines[6..], ["  3 cases have one version: --all"]);
    let none = RETRIED.run(&["versions", "weekly"]).fine();
    assert_eq!(
        none.lines(),
        [
            "1 case of 1 run · none with a second version  .runq, 1 of 2 runs",
            "  1 case has one version: --all"
        ]
    );
    let literal = RETRIED.run(&["versions", "edge [x]*", "--format", "csv"]).fine();
    assert_eq!(literal.lines().len(), 2, "{}", literal.stdout);
}

#[test]
fn the_document_is_what_the_view_says() {
    let document = HISTORY.run(&["versions", "shop.t", "1", "--json"]).fine().json();
    let select = "SELECT * FROM asset_versions ORDER BY version";
    let scope = ["--run", "1", "--case", "shop.t", "--by", "run"];
    let rows = HISTORY.run(&[&["sql", select, "--json"], &scope[..]].concat()).fine().json();
    let columns: Vec<&str> =
        rows["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    let versions = document["stacks"][0]["versions"].as_array().unwrap();
    assert_eq!(versions.len(), rows["rows"].as_array().unwrap().len());
    for (version, row) in versions.iter().zip(rows["rows"].as_array().unwrap()) {
        let mut checked = 0;
        for (at, column) in columns.iter().enumerate() {
            let row_value = if row.is_object() { &row[*column] } else { &row[at] };
            let told = version.get(*column).or_else(|| document["stacks"][0].get(*column));
            match (*column, told) {
                ("recorded_at" | "epoch" | "alternatives" | "versions", _) | (_, None) => {}
                (_, Some(told)) => {
                    assert_eq!(told, row_value, "{column}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 20, "{checked} columns");
    }
    let csv = HISTORY.run(&["versions", "shop.t", "1", "--format", "csv"]).fine();
    assert_eq!(csv.lines().len(), 5);
    assert_eq!(csv.lines()[0].split(',').count(), columns.len());
}

#[test]
fn a_case_that_is_not_there_names_the_near_one() {
    for (case, near) in
        [("shop.t.xx", "did you mean shop.t.x?"), ("qqq*", "runq show RUN lists the cases of a run")]
    {
        let said = format!("error: there is no case {case}\n  hint: {near}");
        HISTORY.run(&["versions", case]).refuses(66, &said);
    }
    HISTORY.run(&["versions", "--case", "zzz", "1"]).exits(66);
    HISTORY.run(&["versions", "shop.t", "77"]).exits(66);
}

/// The bundled history of AMX: of `sales.orders`, run 1 says "Customer orders." and runs 11, 12 and 13 vary it (the column
/// `description` of its tables).
fn bundled() -> String {
    crate::support::fixture("amx/history.db").display().to_string()
}

/// (op, before, after) of the hunks of a version.
fn hunks(version: &Value) -> Vec<[&str; 3]> {
    let hunks = version["changes"]["hunks"].as_array().unwrap_or_else(|| panic!("{version}"));
    hunks
        .iter()
        .map(|hunk| ["op", "baseline", "candidate"].map(|field| hunk[field].as_str().unwrap()))
        .collect()
}

#[test]
fn each_version_but_the_first_says_what_changed_when_it_is_asked() {
    let asked = ["versions", "sales.orders", &bundled(), "--diff", "--json"];
    let document = HISTORY.run(&asked).fine().json();
    let of_run_1 = document["stacks"].as_array().unwrap().iter().find(|stack| stack["root_run_id"] == "1");
    let versions = of_run_1.unwrap()["versions"].as_array().unwrap();
    assert!(versions[0].get("changes").is_none(), "{}", versions[0]);
    assert_eq!(hunks(&versions[1]), [["replace", "Customer orders", "Order batches"], ["equal", ".", "."]]);
    assert_eq!(hunks(&versions[2]), [["replace", "Order batches", "Groups of orders"], ["equal", ".", "."]]);
    assert_eq!(hunks(&versions[3]), [["replace", "Groups of orders", "Batch numbers"], ["equal", ".", "."]]);
    for version in &versions[1..] {
        let changes = &version["changes"];
        assert_eq!((&changes["level"], &changes["coarse"]), (&json!("words"), &json!(false)));
        assert_eq!(changes["keys"], json!([]));
    }
    let without = HISTORY.run(&["versions", "sales.orders", &bundled(), "--json"]).fine().stdout;
    assert!(!without.contains("\"changes\""), "{without}");
    // Rows stay rows; the ids of what is read into memory are new each time.
    let columns = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let rows = |flags: &[&str]| {
        HISTORY
            .run(&[&["versions", "sales.orders", &bundled(), "--format", "csv"], flags].concat())
            .fine()
            .stdout
    };
    assert_eq!(columns(&rows(&["--diff"])), columns(&rows(&[])));
    assert_eq!(rows(&["--diff"]).lines().count(), rows(&[]).lines().count());
}

#[test]
fn a_person_sees_the_change_from_each_version_to_the_next() {
    let shown = HISTORY.run(&["versions", "sales.orders.status", &bundled(), "--diff"]).fine();
    let changes = "\n\nv1 → v2 S\n  [-Order state-]{+State of the order lifecycle+}.\n\nv2 → v3 S\n  \
                   [-State of the-]{+Current+} order [-lifecycle-]{+state+}.\n";
    assert!(shown.stdout.contains(changes), "{}", shown.stdout);
    let page =
        HISTORY.run(&["versions", "sales.orders", &bundled(), "--diff", "--format", "html"]).fine().stdout;
    assert!(page.contains("<ins>Order batches</ins>"), "{page}");
}

#[test]
fn neighbours_without_a_text_or_with_the_same_one_take_a_line() {
    let sandbox = Sandbox::new();
    // Rows that are equal in all they tell would be one attempt.
    let row = |took: i64, status: &str, output: Option<&str>| {
        json!({"id": "a", "status": status, "output": output, "latency_ms": took}).to_string() + "\n"
    };
    let rows = [
        row(1, "ok", Some("yes")),
        row(2, "ok", Some("yes")),
        row(3, "execution_error", None),
        row(4, "execution_error", None),
        row(5, "ok", Some("no")),
    ];
    sandbox.write("t.jsonl", rows.concat());
    let asked = |flags: &[&str]| {
        sandbox.run(&[&["versions", "t.jsonl", "--duplicates", "attempt", "--diff"], flags].concat()).fine()
    };
    let shown = asked(&[]).stdout;
    let expected = "\nv2 → v3  ok → error\n  v3 gave no output\n  [-yes-]\n\nv4 → v5  error → ok\n  v4 gave no output\n  \
                    {+no+}\n\nv1 → v2: the same output\nv3 → v4: no output to compare\n";
    assert!(shown.ends_with(expected), "{shown}");
    let versions = asked(&["--json"]).json()["stacks"][0]["versions"].clone();
    assert_eq!(hunks(&versions[1]), [["equal", "yes", "yes"]]);
    assert_eq!(hunks(&versions[2]), [["delete", "yes", ""]]);
    assert_eq!(versions[3]["changes"], Value::Null);
    assert!(versions[3].as_object().unwrap().contains_key("changes"));
}
