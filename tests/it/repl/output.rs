//! How answers look, and where they go.

use std::fs;

use super::{samples, shell};
use crate::support::sandbox::Sandbox;

/// Two rows with a null, an empty text and a big number.
const ROWS: &str = "SELECT * FROM (VALUES (1, 'a,b', 1234567), (2, NULL, 0)) AS t(id, name, n) ORDER BY id";

#[test]
fn every_form_shows_the_same_rows() {
    for (mode, expected) in [
        ("csv", "id,name,n\n1,\"a,b\",1234567\n2,,0\n"),
        ("tsv", "id\tname\tn\n1\ta,b\t1234567\n2\t\t0\n"),
        ("jsonl", "{\"id\":1,\"name\":\"a,b\",\"n\":1234567}\n{\"id\":2,\"name\":null,\"n\":0}\n"),
        ("table", "id  name          n\n 1  a,b   1,234,567\n 2  —             0\n2 rows\n"),
        ("line", "  id = 1\nname = a,b\n   n = 1,234,567\n\n  id = 2\nname = —\n   n = 0\n2 rows\n"),
        ("markdown", "| id | name | n |\n| ---: | --- | ---: |\n| 1 | a,b | 1,234,567 |\n| 2 | | 0 |\n"),
        (
            "box",
            "┌────┬──────┬───────────┐\n│ id │ name │         n │\n├────┼──────┼───────────┤\n\
             │  1 │ a,b  │ 1,234,567 │\n│  2 │ —    │         0 │\n└────┴──────┴───────────┘\n2 rows\n",
        ),
    ] {
        let ran = samples(&[&format!(".mode {mode}"), ROWS]).fine();
        assert_eq!(ran.stdout, expected, "{mode}");
        assert_eq!(ran.stderr, "", "{mode}");
    }
    assert_eq!(samples(&["\\x on", ".mode table", ROWS]).fine().stdout.lines().count(), 4);
    let expanded = samples(&[".mode box", "\\x", ROWS]).fine().stdout;
    assert!(expanded.starts_with("  id = 1\n"), "{expanded}");
}

#[test]
fn a_wrong_mode_names_the_nearest() {
    for (mode, near) in [("tabel", "table"), ("duckbox", "box"), ("jsonlines", "jsonl"), ("column", "table")]
    {
        let said = format!("error: there is no mode {mode}\n  hint: did you mean {near}?");
        samples(&[&format!(".mode {mode}")]).refuses(2, &said);
    }
    assert_eq!(samples(&[".mode md", "SELECT 1 AS a"]).fine().stdout, "| a |\n| ---: |\n| 1 |\n");
}

#[test]
fn two_answers_in_markdown_are_two_tables() {
    let one = "| a |\n| ---: |\n| 1 |\n";
    let both = samples(&[".mode markdown", "SELECT 1 AS a", "SELECT 1 AS a"]).fine().stdout;
    assert_eq!(both, format!("{one}\n{one}"));
}

#[test]
fn heads_and_nulls_are_as_wished() {
    let look = [".headers off", ".nullvalue NULL"];
    for (mode, expected) in [
        ("csv", "1,\"a,b\",1234567\n2,NULL,0\n"),
        ("tsv", "1\ta,b\t1234567\n2\tNULL\t0\n"),
        ("table", "1  a,b   1,234,567\n2  NULL          0\n2 rows\n"),
    ] {
        let mode = format!(".mode {mode}");
        assert_eq!(samples(&[&mode, look[0], look[1], ROWS]).fine().stdout, expected, "{mode}");
    }
    let null = "SELECT NULL AS a, 1 AS b";
    assert_eq!(samples(&["\\pset null -", null]).fine().stdout, "a,b\n-,1\n");
    assert_eq!(samples(&[".nullvalue ''", ".mode table", null]).fine().stdout, "a  b\n   1\n1 row\n");
    // What is no finite number is a null for a program, and shown to a person.
    let nan = "SELECT CAST('NaN' AS DOUBLE) AS x";
    assert_eq!(samples(&[".nullvalue NULL", nan]).fine().stdout, "x\nNULL\n");
    assert_eq!(samples(&[".mode table", nan]).fine().stdout, "  x\nNaN\n1 row\n");
}

#[test]
fn a_pipe_gets_all_rows_unless_a_number_is_said_and_data_are_whole() {
    let hundred = "SELECT value AS n FROM generate_series(1, 1200)";
    let rows = |lines: &[&str]| samples(lines).fine().stdout.lines().count();
    assert_eq!(rows(&[hundred]), 1_201);
    assert_eq!(rows(&[".maxrows 3", hundred]), 1_201);
    assert_eq!(rows(&[".mode table", hundred]), 1_202);
    let few = samples(&[".mode table", ".maxrows 2", hundred, ".maxrows all", ".maxrows"]).fine().stdout;
    assert_eq!(few, "n\n1\n2\n1,200 rows, 1,198 not shown (.last shows all)\nmaxrows all\n");
    let last = samples(&[".mode table", ".maxrows 2", hundred, ".mode csv", ".last"]).fine().stdout;
    assert_eq!(last.lines().count(), 4 + 1_201);
    samples(&[".last"])
        .refuses(2, "error: there is no result yet\n  hint: a statement gives one: SELECT * FROM arms;");
}

#[test]
fn a_width_shortens_text_and_no_number() {
    let text = "SELECT 'one two three four five six' AS t, 1234567 AS n";
    let shown = samples(&[".mode table", ".maxwidth 24", text]).fine().stdout;
    assert_eq!(shown, "t                      n\none two thre…  1,234,567\n1 row\n");
    let csv = samples(&[".maxwidth 24", text]).fine().stdout;
    assert_eq!(csv, "t,n\none two three four five six,1234567\n");
}

#[test]
fn money_has_the_digits_of_money() {
    let shown =
        samples(&[".mode table", "SELECT 1204.5 AS cost_usd, 0.003751 AS spent_usd, 1204.5 AS n"]).fine();
    assert_eq!(shown.stdout, "cost_usd  spent_usd        n\n1,204.50    0.00375  1,204.5\n1 row\n");
}

#[test]
fn an_answer_goes_to_a_file_in_the_form_that_its_ending_means() {
    let sandbox = Sandbox::with_samples();
    let read = |name: &str| fs::read_to_string(sandbox.path(name)).expect("a file");
    let ran = shell(
        &sandbox,
        &[
            ".once a.jsonl",
            "SELECT 1 AS a",
            "SELECT 2 AS b",
            ".once b",
            "SELECT 3 AS c",
            ".once c.md",
            ".runs",
        ],
    )
    .fine();
    assert_eq!(ran.stdout, "b\n2\n");
    assert_eq!(ran.stderr.lines().next(), Some("wrote a.jsonl: 1 answer, 8 bytes"));
    assert_eq!((read("a.jsonl").as_str(), read("b").as_str()), ("{\"a\":1}\n", "c\n3\n"));
    assert!(read("c.md").contains("| run | status |"), "{}", read("c.md"));

    shell(&sandbox, &[".mode tsv", ".once d.csv", "SELECT 1 AS a, 2 AS b"]).fine();
    assert_eq!(read("d.csv"), "a\tb\n1\t2\n");
    // A drawing in a file that calls itself Parquet is of use to nobody.
    shell(&sandbox, &[".mode box", ".once e.parquet", "SELECT 1 AS a"]).fine();
    assert!(fs::read(sandbox.path("e.parquet")).expect("a file").starts_with(b"PAR1"));
}

#[test]
fn output_holds_until_it_is_taken_back() {
    let sandbox = Sandbox::with_samples();
    let ran = shell(
        &sandbox,
        &[
            ".output 'two words.csv'",
            "SELECT 1 AS a",
            ".print between",
            "SELECT 2 AS a",
            "\\o",
            "SELECT 3 AS a",
        ],
    )
    .fine();
    assert_eq!(ran.stdout, "a\n3\n");
    let written = fs::read_to_string(sandbox.path("two words.csv")).expect("a file");
    assert_eq!(written, "a\n1\nbetween\na\n2\n");
    // The end of the shell closes it too.
    shell(&sandbox, &["\\o end.csv", "SELECT 1 AS a"]).fine();
    assert_eq!(fs::read_to_string(sandbox.path("end.csv")).expect("a file"), "a\n1\n");
    let ran = shell(&sandbox, &[".output f.parquet", "SELECT 1 AS a", "SELECT 2 AS a"]).exits(2);
    assert!(ran.stderr.contains("one file of parquet holds one"), "{}", ran.stderr);
    assert!(!sandbox.path("f.parquet").exists());
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("kept.csv", "before\n");
    let broken = "SELECT CAST(CASE WHEN value = 900000 THEN 'x' ELSE '1' END AS INT) AS n FROM generate_series(1, 900000)";
    for lines in [
        &[".once kept.csv", broken][..],
        &[".output kept.csv", "SELECT 1 AS a", broken],
        &[".output kept.csv", "SELECT 1 AS a", ".show nosuch"],
    ] {
        assert_ne!(shell(&sandbox, lines).code, 0, "{lines:?}");
        assert_eq!(fs::read_to_string(sandbox.path("kept.csv")).expect("a file"), "before\n", "{lines:?}");
    }
    let left: Vec<_> = fs::read_dir(sandbox.path(".")).expect("a folder").flatten().collect();
    assert!(
        !left.iter().any(|entry| entry.file_name().to_string_lossy().contains("runq-export")),
        "{left:?}"
    );
    for (line, code) in [(".once nowhere/a.csv", 66), (".once .", 2), (".once a.xlsx", 2), (".once", 2)] {
        shell(&sandbox, &[line]).exits(code);
    }
}

#[test]
fn an_answer_goes_into_a_command() {
    let three = "SELECT value AS n FROM generate_series(1, 3)";
    let ran = samples(&[".once |sort -r", three, "SELECT 9 AS n"]).fine();
    assert_eq!(ran.stdout, "n\n3\n2\n1\nn\n9\n");
    // One that reads no more has seen enough.
    let many = "SELECT value AS n FROM generate_series(1, 200000)";
    assert_eq!(samples(&[".output |head -n 1", many, ".output", "SELECT 1 AS a"]).fine().stdout, "n\na\n1\n");
    samples(&[".once |exit 4", three]).refuses(75, "error: |exit 4: exit status: 4");
}

#[test]
fn print_and_echo_stand_among_the_answers() {
    let ran = samples(&[".print \"it's here\"", "\\echo on", ".echo on", "SELECT 1 AS a", ".timer"]).fine();
    assert_eq!(ran.stdout, "it's here\non\nSELECT 1 AS a;\na\n1\n.timer\ntimer on\n");
}

#[test]
fn switches_take_the_words_that_people_use() {
    for (word, value) in
        [("off", "off"), ("no", "off"), ("0", "off"), ("ON", "on"), ("yes", "on"), ("1", "on")]
    {
        let ran = samples(&[&format!(".headers {word}"), ".headers"]).fine();
        assert_eq!(ran.stdout, format!("headers {value}\n"));
    }
    samples(&[".headers perhaps"]).refuses(2, "error: .headers perhaps: expected on or off");
    assert_eq!(samples(&["\\timing", "\\timing"]).fine().stderr, "timer off\ntimer on\n");
}

#[test]
fn settings_are_listed_with_what_they_are() {
    let all = samples(&[".mode csv", ".maxrows 7", ".pager 'less -S'", ".settings"]).fine().stdout;
    assert!(all.starts_with("setting,value,about\n.mode,csv,"), "{all}");
    assert!(all.contains("\n.maxrows,7,") && all.contains("\n.bail,on,"), "{all}");
}
