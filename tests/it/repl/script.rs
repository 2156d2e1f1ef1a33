//! Statements that nobody types: `-c`, `-f`, standard input; where an error ends them, and how it is told.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::pty::{Key, Start, Terminal};
use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

fn answers(input: &str, arguments: &[&str]) -> String {
    SAMPLES.run_fed(input, arguments).fine().stdout
}

#[test]
fn what_is_asked_is_answered_the_same_wherever_it_comes_from() {
    let statements = [
        "SELECT run_id, task FROM runs ORDER BY run_id;",
        "SELECT metric, arm, n, value FROM metric_winners ORDER BY metric, arm;",
        "SELECT 'a,b' AS \"x;y\", 'it''s \"so\"' AS q, NULL AS n, 0.1 + 0.2 AS d, 'ü 東京 🎈' AS u;",
    ];
    let text = statements.join("\n") + "\n";
    let file = SAMPLES.write("same.sql", &text);
    let expected = answers("", &["--format", "csv", "-c", &text]);
    assert!(expected.contains("\"a,b\",\"it's \"\"so\"\"\",,0.30000000000000004,ü 東京 🎈\n"), "{expected}");
    assert_eq!(answers("", &["-c", statements[0], "-c", statements[1], "-c", statements[2]]), expected);
    assert_eq!(answers("", &["-f", &file.display().to_string()]), expected);
    assert_eq!(answers(&text, &[]), expected);
    assert_eq!(answers(&text, &["shell"]), expected);
    assert_eq!(answers(&text, &["-f", "-"]), expected);
    assert_eq!(answers(&text.replace('\n', "\r\n"), &[]), expected);
    assert_eq!(answers(&format!("\u{feff}{text}"), &[]), expected);
    let terminal = Start::new(&SAMPLES, &["--format", "csv"]).size(60, 200).open();
    terminal.wait_for_prompt();
    let typed: String = statements.iter().flat_map(|sql| terminal.ask(sql)).map(|line| line + "\n").collect();
    assert_eq!(typed, expected);
}

#[test]
fn words_files_and_standard_input_are_answered_in_the_order_of_the_command_line() {
    let file = SAMPLES.write("two.sql", "SELECT 2 AS two").display().to_string();
    let arguments = ["-c", "SELECT 1 AS one", "-f", &file, "-c", "SELECT 3 AS three", "-f", "-"];
    assert_eq!(answers("SELECT 4 AS four", &arguments), "one\n1\ntwo\n2\nthree\n3\nfour\n4\n");
}

#[test]
fn a_last_statement_needs_no_semicolon_and_nothing_needs_no_answer() {
    assert_eq!(answers("SELECT 1 AS a; SELECT\n2 AS b -- the end", &[]), "a\n1\nb\n2\n");
    assert_eq!(answers("", &[]), "");
    assert_eq!(answers("\n;; -- nothing\n/* at all */\n", &[]), "");
    assert_eq!(answers("", &["-c", ""]), "");
}

#[test]
fn the_first_error_ends_a_script_and_names_file_and_line() {
    let text = "SELECT 1 AS one;\n\n-- a comment\nSELECT\n  nothing\nFROM runs;\nSELECT 3 AS three;\n";
    SAMPLES.write("wrong.sql", text);
    let ran = SAMPLES.run(&["-f", "wrong.sql"]).exits(2);
    assert_eq!(ran.stdout, "one\n1\n");
    assert!(ran.stderr.starts_with("error: wrong.sql:4: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing"), "{}", ran.stderr);
    let ran = SAMPLES.run_fed(text, &[]).exits(2);
    assert_eq!(ran.stdout, "one\n1\n");
    assert!(ran.stderr.starts_with("error: <stdin>:4: "), "{}", ran.stderr);
    let ran = SAMPLES.run(&["-c", "SELECT 1 AS one", "-c", "SELEC", "-c", "SELECT 3 AS three"]).exits(2);
    assert_eq!(ran.stdout, "one\n1\n");
    SAMPLES
        .run(&["-c", ".nonsense"])
        .refuses(2, "error: there is no command .nonsense\n  hint: .help lists the commands");
}

#[test]
fn exit_codes_are_those_of_the_errors() {
    SAMPLES
        .run(&["-f", "none.sql", "-c", "SELECT 1"])
        .refuses(66, "error: none.sql: No such file or directory (os error 2)");
    SAMPLES.run(&["-f", "."]).refuses(66, "error: .: a folder, no file of SQL");
    SAMPLES.run(&["--run", "none", "-c", "SELECT 1"]).exits(66);
    SAMPLES.run(&["--read-only", "-c", ".tag baseline x=y"]).exits(77);
    SAMPLES.run(&["-c", ".quit 5", "-c", "SELECT 1", "-f", "none.sql"]).exits(5);
    assert_eq!(SAMPLES.run_fed("SELECT 1 AS one; .quit 5\nSELECT 2;", &[]).exits(5).stdout, "one\n1\n");
    Sandbox::new().run(&["-c", "SELECT 1"]).exits(66);
}

#[test]
fn the_shell_stands_alone() {
    let ran = SAMPLES.run(&["-c", "SELECT 1", "compare"]).exits(2);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("no other command stands beside them"), "{}", ran.stderr);
    assert_eq!(answers("", &["sql", "SELECT 1 AS one; SELECT 2 AS two"]), "one\n1\ntwo\n2\n");
}

#[test]
fn a_quote_that_does_not_end_is_told_where_it_began() {
    for (text, said) in [
        ("SELECT 1 AS one;\nSELECT 2,\n  'and; so on\nand on;\n", "a text in single quotes"),
        ("SELECT 1 AS one;\nSELECT 2,\n  \"and so on;\n", "a quoted name"),
        ("SELECT 1 AS one;\nSELECT 2\n  /* /* and */ so on;\n", "a comment"),
        ("SELECT 1 AS one;\n\n/* and so on\n;\n", "a comment"),
        ("SELECT 1 AS one;\nSELECT 2,\n  $x$ and so on;\n", "a dollar quote"),
    ] {
        let ran = SAMPLES.run_fed(text, &[]).exits(2);
        assert_eq!(ran.stdout, "one\n1\n");
        let said = format!("error: <stdin>:3: {said} begins here and does not end\n");
        assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
    }
}

#[test]
fn what_is_no_utf_8_is_refused_and_nothing_else() {
    let text =
        b"-- caf\xe9: a comment is nobody's statement\nSELECT 1 AS one;\nSELECT\n'caf\xe9';\nSELECT 3;\n";
    SAMPLES.write("latin.sql", text);
    let ran = SAMPLES.run(&["-f", "latin.sql"]).exits(65);
    assert_eq!(ran.stdout, "one\n1\n");
    assert_eq!(
        ran.stderr,
        "error: latin.sql:3: line 4 is not UTF-8: the statement was not carried out\n  hint: save the file as UTF-8\n"
    );
    let wide: Vec<u8> = "\u{feff}SELECT 1;\r\n".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
    SAMPLES.write("wide.sql", wide);
    SAMPLES.run(&["-f", "wide.sql"]).refuses(
        65,
        "error: wide.sql:1: UTF-16, expected UTF-8: nothing was carried out\n  hint: save the file as UTF-8",
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_success() {
    let sql = "SELECT * FROM generate_series(1, 200000); SELECT 'never'";
    for line in [
        format!("{{ runq -c \"{sql}\"; echo \"code $?\" >&2; }} | head -1"),
        format!("{{ echo \"{sql};\" | runq; echo \"code $?\" >&2; }} | head -1"),
    ] {
        let ran = SAMPLES.shell(&line).fine();
        assert_eq!((ran.lines().len(), ran.stderr.as_str()), (1, "code 0\n"), "{line}");
    }
}

#[test]
fn a_statement_is_answered_as_soon_as_it_is_whole() {
    let mut command = SAMPLES.command(&[]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut input = child.stdin.take().expect("a pipe");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let (send, lines) = channel();
    let reader = thread::spawn(move || {
        for line in output.lines() {
            send.send(line.expect("text")).expect("the test goes on");
        }
    });
    let next =
        || lines.recv_timeout(Duration::from_secs(60)).expect("an answer while standard input is open");
    input.write_all(b"SELECT 1\nAS one; SELECT 2 AS two;\nSELECT 3").expect("a pipe");
    assert_eq!([next(), next(), next(), next()], ["one", "1", "two", "2"]);
    input.write_all(b" AS three;\n").expect("a pipe");
    assert_eq!([next(), next()], ["three", "3"]);
    drop(input);
    assert!(child.wait().expect("it ends").success());
    reader.join().expect("the reader ends");
}

#[test]
fn nothing_is_drawn_where_nobody_looks() {
    let ran = SAMPLES.run_fed("SELECT 1 AS one;\nSELECT count(*) AS n FROM results;\n", &[]).fine();
    assert_eq!(ran.stderr, "");
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains("runq>"), "{}", ran.stdout);
}

#[test]
fn a_script_with_a_person_at_the_terminal_asks_nothing() {
    let mut terminal = Start::new(&SAMPLES, &["-c", "SELECT 40 + 2 AS answer"]).open();
    assert_eq!(terminal.exit_code(), 0);
    terminal.wait_for_text("42");
    assert!(!terminal.written().contains("runq>"), "{}", terminal.written());
}

#[test]
fn a_shell_on_a_terminal_takes_statements_after_an_error() {
    let mut terminal = Terminal::shell(&SAMPLES);
    assert!(terminal.ask("SELEC 1;").join("\n").contains("error:"));
    assert!(terminal.ask("SELECT 40 + 2 AS answer;").join("\n").contains("42"));
    terminal.key(Key::Ctrl('d'));
    assert_eq!(terminal.exit_code(), 0);
}
