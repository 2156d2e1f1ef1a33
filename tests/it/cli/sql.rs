//! `sql`: statements from anywhere, every format, the session's flags, and words for what people usually meant.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

fn value(arguments: &[&str]) -> String {
    let ran = SAMPLES.run(&[&["sql"], arguments].concat()).fine();
    ran.lines().get(1).map_or_else(String::new, |line| (*line).to_owned())
}

#[test]
fn in_a_pipe_the_answer_is_csv() {
    let ran = SAMPLES.run(&["sql", "SELECT run_id, task FROM runs ORDER BY started_at LIMIT 1"]).fine();
    assert_eq!(ran.stdout, "run_id,task\nbaseline::2026-11-20T08-57-23-723Z,support-bot\n");
    assert_eq!(ran.stderr, "");
}

#[test]
fn json_is_one_document_per_statement() {
    let ran =
        SAMPLES.run(&["sql", "SELECT 1 AS n, 'x' AS t; SELECT true AS b, 0.5 AS d WHERE false", "--json"]);
    assert_eq!(
        ran.fine().documents(),
        [
            json!({"schema_version": 1, "columns": [{"name": "n", "type": "integer"}, {"name": "t", "type": "text"}],
                "rows": [{"n": 1, "t": "x"}]}),
            json!({"schema_version": 1, "columns": [{"name": "b", "type": "boolean"}, {"name": "d", "type": "double"}],
                "rows": []}),
        ]
    );
}

#[test]
fn what_is_no_number_is_null_in_json() {
    let sql = "SELECT 'NaN'::double AS a, 'Infinity'::double AS b, NULL AS c, 0.1::double + 0.2::double AS d";
    let expected = json!({"a": null, "b": null, "c": null, "d": 0.1 + 0.2});
    assert_eq!(SAMPLES.run(&["sql", sql, "--json"]).fine().json()["rows"][0], expected);
    let line: Value =
        serde_json::from_str(&SAMPLES.run(&["sql", sql, "--format", "jsonl"]).fine().stdout).unwrap();
    assert_eq!(line, expected);
}

#[test]
fn equal_column_names_are_numbered() {
    let sql = "SELECT a.case_id, b.case_id FROM case_states a JOIN case_states b USING (arm, task) LIMIT 1";
    for (format, expected) in [("csv", "case_id,case_id_2"), ("tsv", "case_id\tcase_id_2")] {
        assert_eq!(SAMPLES.run(&["sql", sql, "--format", format]).fine().lines()[0], expected);
    }
    let document = SAMPLES.run(&["sql", sql, "--json"]).fine().json();
    assert_eq!(document["columns"][1]["name"], "case_id_2");
    assert!(document["rows"][0]["case_id_2"].is_string());
    let twice = SAMPLES.run(&["sql", "SELECT value, value FROM scores"]).exits(2);
    assert!(
        twice.stderr.ends_with("hint: name one of them: SELECT value, value AS value_2\n"),
        "{}",
        twice.stderr
    );
}

#[test]
fn statements_come_from_words_a_file_or_standard_input() {
    let statements = "SELECT 1 AS a;\n-- a remark\nSELECT 2 AS b;\n";
    let file = SAMPLES.write("report.sql", statements);
    let expected = "a\n1\nb\n2\n";
    assert_eq!(SAMPLES.run(&["sql", statements]).fine().stdout, expected);
    assert_eq!(SAMPLES.run(&["sql", "SELECT 1 AS a", "SELECT 2 AS b"]).fine().stdout, expected);
    assert_eq!(SAMPLES.run(&["sql", "-f", &file.display().to_string()]).fine().stdout, expected);
    assert_eq!(SAMPLES.run_fed(statements, &["sql"]).fine().stdout, expected);
    SAMPLES.run(&["sql", "-f", "nowhere.sql"]).exits(66);
    SAMPLES.run(&["sql", "SELECT 1", "-f", "report.sql"]).exits(2);
    for empty in ["", " ;; ", "-- only a remark\n"] {
        SAMPLES.run_fed(empty, &["sql"]).exits(2);
    }
}

#[test]
fn the_first_error_stops_and_what_came_before_is_there() {
    let ran = SAMPLES.run(&["sql", "SELECT 1 AS a; DELETE FROM runs; SELECT 2 AS b"]).exits(2);
    assert_eq!(ran.stdout, "a\n1\n");
    assert!(ran.stderr.starts_with("error: DELETE is refused"), "{}", ran.stderr);
}

#[test]
fn a_slip_is_met_with_the_near_name() {
    let cases = [
        (
            "SELECT accuracy FROM scores",
            "error: there is no column accuracy\n  SELECT accuracy FROM scores\n         ^^^^^^^^\n  hint: metrics are rows: SELECT value ... WHERE metric = 'accuracy'",
        ),
        (
            "SELECT valu FROM scores",
            "error: there is no column valu\n  SELECT valu FROM scores\n         ^^^^\n  hint: did you mean value?",
        ),
        (
            "SELECT s.valu FROM scores s",
            "error: there is no column valu in s\n  SELECT s.valu FROM scores s\n         ^^^^^^\n  hint: did you mean value?",
        ),
        (
            "SELECT * FROM scors",
            "error: there is no table scors\n  SELECT * FROM scors\n                ^^^^^\n  hint: did you mean scores?",
        ),
        (
            "SELECT * FROM metric_winer",
            "error: there is no table metric_winer\n  SELECT * FROM metric_winer\n                ^^^^^^^^^^^^\n  hint: did you mean metric_winners?",
        ),
        (
            "SELECT * FROM quux",
            "error: there is no table quux\n  SELECT * FROM quux\n                ^^^^\n  hint: runq views lists the relations",
        ),
        (
            "SELECT value",
            "error: there is no column value\n  SELECT value\n         ^^^^^\n  hint: no relation is named: SELECT ... FROM results",
        ),
        (
            "SELEC 1",
            "error: the SQL does not parse: expected an SQL statement, found SELEC\n  SELEC 1\n  ^^^^^\n  hint: did you mean SELECT?",
        ),
    ];
    for (sql, said) in cases {
        SAMPLES.run(&["sql", sql]).refuses(2, said);
    }
}

#[test]
fn sql_only_reads() {
    let before = SAMPLES.files(".runq");
    let statements = [
        "INSERT INTO runs VALUES (1)",
        "DELETE FROM runs",
        "UPDATE runs SET name = 'x'",
        "DROP TABLE runs",
        "CREATE TABLE x AS SELECT 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "SET datafusion.execution.batch_size = 1",
        "TRUNCATE TABLE runs",
    ];
    for sql in statements {
        let verb = sql.split(' ').next().unwrap();
        let ran = SAMPLES.run(&["sql", sql]).exits(2);
        let said = format!("error: {verb} is refused: SQL only reads here\n  hint: ");
        assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    SAMPLES.run(&["sql", statements[0]]).refuses(
        2,
        "error: INSERT is refused: SQL only reads here\n  \
         hint: runq ingest PATH takes runs in, runq tag RUN KEY=VALUE labels them",
    );
    for sql in ["EXPLAIN ANALYZE DELETE FROM runs", "EXPLAIN ANALYZE COPY (SELECT 1) TO 'stolen.csv'"] {
        SAMPLES.run(&["sql", sql]).exits(2);
    }
    assert!(!SAMPLES.path("stolen.csv").exists());
    assert_eq!(SAMPLES.files(".runq"), before);
    for sql in [
        "(SELECT 1)",
        "WITH a AS (SELECT 1 AS b) SELECT * FROM a",
        "VALUES (1)",
        "DESCRIBE scores",
        "EXPLAIN SELECT 1",
    ] {
        SAMPLES.run(&["sql", sql]).fine();
    }
}

#[test]
fn session_flags_stand_before_and_after_and_narrow_every_relation() {
    let count = "SELECT count(*) AS n FROM results";
    assert_eq!(value(&[count]), "72");
    assert_eq!(value(&[count, "--run", "baseline", "--run", "candidate"]), "24");
    assert_eq!(value(&[count, "--last", "1"]), "36");
    assert_eq!(value(&[count, "--scope", "experiment = 'retried'"]), "12");
    assert_eq!(value(&[count, "--task", "support-bot"]), "72");
    let before = SAMPLES.run(&["--run", "baseline", "sql", count]).fine();
    assert_eq!(before.stdout, "n\n12\n");
    let path = crate::support::fixture("agentv/matrix").display().to_string();
    assert_eq!(value(&[count, "--path", &path]), "36");
    let arms = "SELECT string_agg(DISTINCT arm, ' ' ORDER BY arm) AS arms FROM results";
    assert_eq!(value(&[arms, "--run", "matrix", "--by", "model"]), "claude-y gpt-x llama-z");
    SAMPLES.run(&["sql", count, "--task", "other"]).exits(66);
    SAMPLES.run(&["sql", count, "--run", "zebra"]).exits(66);
}

#[test]
fn the_views_give_the_digits_of_compare() {
    let compared = SAMPLES.run(&["compare", "baseline", "candidate", "--json"]).fine().json();
    let change =
        compared["changes"].as_array().unwrap().iter().find(|change| change["metric"] == "score").unwrap();
    let sql = "SELECT mean_delta, p_value, improved FROM change_counts WHERE metric = 'score'";
    let rows = SAMPLES.run(&["sql", sql, "--run", "baseline", "--run", "candidate", "--json"]).fine().json();
    for name in ["mean_delta", "p_value", "improved"] {
        assert_eq!(rows["rows"][0][name], change[name], "{name}");
    }
}

#[test]
fn ids_are_those_of_the_first_column_that_has_some() {
    let ran = SAMPLES.run(&[
        "sql",
        "SELECT DISTINCT case_id FROM failed_rows ORDER BY 1",
        "--run",
        "baseline",
        "--format",
        "ids",
    ]);
    assert_eq!(
        ran.fine().lines(),
        ["edge [x] (v2)*", "escalation", "flaky-tool", "order-status", "slow-lookup", "summary-quality"]
    );
}
