//! Errors that teach: the place, the nearest name, and what was most likely meant.

use std::sync::LazyLock;

use crate::support::sandbox::Sandbox;

static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

/// Statements and what is said of them, in the shell and by `runq sql` alike.
const SLIPS: [(&str, &str); 19] = [
    (
        "SELECT * FROM results WHERE model = \"gpt-x\"",
        "error: there is no column gpt-x\n  SELECT * FROM results WHERE model = \"gpt-x\"\n  \
         \u{20}                                   ^^^^^^^\n  \
         hint: double quotes stand around names; a text is written 'gpt-x'",
    ),
    (
        "SELECT model, case_id, count(*) FROM results GROUP BY model",
        "error: case_id is neither in GROUP BY nor inside an aggregate\n  \
         SELECT model, case_id, count(*) FROM results GROUP BY model\n  \
         \u{20}             ^^^^^^^\n  \
         hint: GROUP BY ..., case_id makes a group of each; min(case_id) takes one of its values",
    ),
    (
        "SELECT quality FROM results",
        "error: there is no column quality\n  SELECT quality FROM results\n         ^^^^^^^\n  \
         hint: metrics are rows: SELECT value FROM scores WHERE metric = 'quality'",
    ),
    (
        "SELECT quality FROM scores",
        "error: there is no column quality\n  SELECT quality FROM scores\n         ^^^^^^^\n  \
         hint: metrics are rows: SELECT value ... WHERE metric = 'quality'",
    ),
    (
        "SELECT * FROM quality",
        "error: there is no table quality\n  SELECT * FROM quality\n                ^^^^^^^\n  \
         hint: quality is a metric, and metrics are rows: SELECT * FROM scores WHERE metric = 'quality'",
    ),
    (
        "SELECT * FROM metric_winer",
        "error: there is no table metric_winer\n  SELECT * FROM metric_winer\n                ^^^^^^^^^^^^\n  \
         hint: did you mean metric_winners?",
    ),
    (
        "SELCT * FROM runs",
        "error: the SQL does not parse: expected an SQL statement, found SELCT\n  SELCT * FROM runs\n  ^^^^^\n  \
         hint: did you mean SELECT?",
    ),
    (
        "SELECT * FORM runs",
        "error: the SQL does not parse: expected end of statement, found FORM\n  SELECT * FORM runs\n           ^^^^\n  \
         hint: did you mean FROM?",
    ),
    (
        "SELECT run_id task kind FROM runs",
        "error: the SQL does not parse: expected end of statement, found kind\n  SELECT run_id task kind FROM runs\n  \
         \u{20}                  ^^^^\n  hint: a comma may be missing before kind",
    ),
    (
        "SELECT * FROM runs LIMIT 3 ORDER BY run_id",
        "error: the SQL does not parse: expected end of statement, found ORDER\n  \
         SELECT * FROM runs LIMIT 3 ORDER BY run_id\n  \u{20}                          ^^^^^\n  \
         hint: ORDER BY stands before LIMIT",
    ),
    (
        "SELECT task FROM scores WHERE count(*) > 1",
        "error: an aggregate stands in WHERE, which looks at one row at a time\n  \
         SELECT task FROM scores WHERE count(*) > 1\n  \u{20}                             ^^^^^\n  \
         hint: conditions on aggregates stand in HAVING, behind GROUP BY",
    ),
    (
        "SELECT model FROM results HAVING score > 1",
        "error: HAVING looks at groups, and score > 1 is about rows\n  \
         hint: conditions on rows stand in WHERE, before GROUP BY",
    ),
    (
        "SELECT case_id FROM results a, results b",
        "error: case_id is a column of more than one relation here\n  SELECT case_id FROM results a, results b\n         ^^^^^^^\n  \
         hint: say which one: RELATION.case_id",
    ),
    (
        "SELECT x.task FROM results r",
        "error: nothing is called x here\n  SELECT x.task FROM results r\n         ^^^^^^\n  hint: FROM names r",
    ),
    (
        "SELECT sum(metric) FROM scores",
        "error: sum does not take (text)\n  hint: it takes sum(Decimal), sum(UInt64), sum(Int64), sum(Float64), \
         sum(Duration), sum(Interval); CAST(x AS DOUBLE) makes a number of a text",
    ),
    (
        "SELECT CAST('x' AS INT)",
        "error: the text 'x' is no number\n  hint: TRY_CAST(x AS DOUBLE) is null where x is none",
    ),
    (
        "SELECT row_number() FROM runs",
        "error: there is no function row_number\n  SELECT row_number() FROM runs\n         ^^^^^^^^^^\n  \
         hint: a window function needs OVER: row_number(...) OVER (PARTITION BY ... ORDER BY ...)",
    ),
    (
        "SELECT 'abc",
        "error: the SQL does not parse: Unterminated string literal\n  SELECT 'abc\n         ^\n  \
         hint: a quote does not end; a quote inside a text is written twice: 'it''s'",
    ),
    (
        "SELECT * FROM scores WHERE metric",
        "error: metric is a text, and a condition is true or false\n  \
         hint: compare it with something: metric = 'accuracy'",
    ),
];

#[test]
fn a_slip_is_said_with_its_place_and_what_was_meant() {
    for (sql, said) in SLIPS {
        SAMPLES.run(&["--no-init", "-c", sql]).refuses(2, said);
        SAMPLES.run(&["sql", sql]).refuses(2, said);
    }
}

#[test]
fn a_text_of_several_lines_says_which_one() {
    SAMPLES.run(&["--no-init", "-c", "SELECT run_id,\n  tsk\nFROM runs;"]).refuses(
        2,
        "error: there is no column tsk (line 2, column 3)\n    tsk\n    ^^^\n  hint: did you mean task?",
    );
}

#[test]
fn a_view_that_does_not_plan_is_marked_where_it_stands() {
    SAMPLES.run(&["--no-init", "-c", "CREATE VIEW v AS SELECT providr FROM results"]).refuses(
        2,
        "error: there is no column providr\n  CREATE VIEW v AS SELECT providr FROM results\n  \
         \u{20}                       ^^^^^^^\n  hint: did you mean provider?",
    );
}

#[test]
fn nothing_equals_null() {
    for (sql, said) in [
        ("SELECT run_id FROM runs WHERE name = NULL", "name IS NULL"),
        ("SELECT run_id FROM runs WHERE NULL <> name", "name IS NOT NULL"),
    ] {
        let ran = SAMPLES.run(&["--no-init", "-c", sql]).fine();
        assert_eq!(ran.stdout, "run_id\n");
        assert_eq!(ran.stderr, format!("note  nothing equals NULL, and nothing differs from it: {said}\n"));
    }
    assert_eq!(SAMPLES.run(&["sql", "SELECT 1 AS a WHERE NULL IS NULL"]).fine().stderr, "");
}

#[test]
fn two_equal_signs_are_one() {
    let ran =
        SAMPLES.run(&["--no-init", "-c", "SELECT count(*) AS n FROM runs WHERE experiment == 'retried'"]);
    assert_eq!(ran.fine().stdout, "n\n1\n");
}

#[test]
fn predicates_of_flags_are_explained_in_the_same_words() {
    SAMPLES.run(&["runs", "--scope", "experiment = \"dev\""]).refuses(
        2,
        "error: --scope: there is no column dev in runs\n  experiment = \"dev\"\n               ^^^^^\n  \
         hint: double quotes stand around names; a text is written 'dev'",
    );
}

#[test]
fn no_error_is_said_in_the_words_of_the_engine() {
    for sql in [
        "SELECT 1/0",
        "SELECT 'a' + 1",
        "SELECT upper(1,2,3)",
        "SELECT * FROM results WHERE case_id IN (SELECT * FROM runs)",
        "SELECT model FROM results WHERE row_number() OVER () = 1",
        "SELECT DISTINCT model FROM results ORDER BY case_id",
        "SELECT * FROM runs WHERE started_at > '2026-13-01'",
        "EXPLAIN ANALYZE DELETE FROM runs",
        "SELECT * FROM results UNION SELECT * FROM runs",
    ] {
        let ran = SAMPLES.run(&["--no-init", "-c", sql]).exits(2);
        for word in
            ["DataFusion", "Utf8", "Int64", "Optimizer rule", "Arrow error", "not implemented", "LogicalPlan"]
        {
            assert!(!ran.stderr.contains(word), "{sql}: {}", ran.stderr);
        }
    }
}
