//! Sessions on a terminal: what a person types, and what the screen shows.

use super::pty::{Key, Start, Terminal, at_prompt};
use crate::support::sandbox::Sandbox;

/// Whether a line of these says only this.
fn says(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.trim() == text)
}

#[test]
fn a_statement_goes_on_until_its_semicolon() {
    let sandbox = Sandbox::with_samples();
    let terminal = Terminal::shell(&sandbox);
    terminal.type_text("select count(*) as runs");
    terminal.key(Key::Enter);
    terminal.type_text("from runs where 'a;' <> '");
    terminal.key(Key::Enter);
    terminal.type_text("';");
    terminal.key(Key::Enter);
    terminal.wait_for_text("1 row");
    terminal.wait_for_prompt();
    assert!(says(&terminal.screen(), "4"), "{:#?}", terminal.screen());
}

#[test]
fn ctrl_d_leaves_and_quit_leaves_with_a_code() {
    let sandbox = Sandbox::with_samples();
    let mut terminal = Terminal::shell(&sandbox);
    terminal.key(Key::Ctrl('d'));
    assert_eq!(terminal.exit_code(), 0);
    let mut terminal = Terminal::shell(&sandbox);
    terminal.type_text(".quit 3");
    terminal.key(Key::Enter);
    assert_eq!(terminal.exit_code(), 3);
}

#[test]
fn an_error_leaves_the_session_alive() {
    let sandbox = Sandbox::with_samples();
    let terminal = Terminal::shell(&sandbox);
    let said = terminal.ask("select nothing from runs;").join("\n");
    assert!(said.contains("error:"), "{said}");
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
}

#[test]
fn ctrl_c_clears_what_was_typed() {
    let sandbox = Sandbox::with_samples();
    let terminal = Terminal::shell(&sandbox);
    terminal.type_text("select 'never");
    terminal.key(Key::Enter);
    terminal.type_text("asked';");
    terminal.wait_for_text("asked';");
    terminal.key(Key::Ctrl('c'));
    terminal.wait_for_prompt();
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    assert!(!terminal.scrollback().iter().any(|line| line.contains("1 row") && line.contains("never")));
}

#[test]
fn twenty_columns_are_enough() {
    let sandbox = Sandbox::with_samples();
    let terminal = Start::new(&sandbox, &[]).size(24, 20).open();
    terminal.wait_for_prompt();
    let lines = terminal.ask("select 40 + 2 as answer, 'a long text that does not fit' as text;");
    assert!(lines.iter().any(|line| line.contains("42")), "{lines:#?}");
    assert!(terminal.ask("select no from runs;").join("\n").contains("error:"));
}

#[test]
fn a_terminal_may_change_its_size_while_somebody_types() {
    let sandbox = Sandbox::with_samples();
    let terminal = Terminal::shell(&sandbox);
    terminal.type_text("select 40 + 2 as answer, 'a text that is longer than a narrow screen' as t");
    terminal.wait_for_text("narrow screen");
    terminal.resize(10, 30);
    terminal.type_text(", 7 as seven;");
    terminal.wait_for("what was typed", |screen| screen.contents().replace('\n', "").contains("seven;"));
    terminal.resize(24, 120);
    terminal.key(Key::Enter);
    terminal.wait_for("the answer", |screen| screen.contents().contains("1 row") && at_prompt(screen));
    let answer = terminal.screen().join("\n");
    assert!(answer.contains("42") && answer.contains("narrow screen"), "{answer}");
}

#[test]
fn a_megabyte_can_be_pasted_at_once() {
    let sandbox = Sandbox::with_samples();
    let terminal = Terminal::shell(&sandbox);
    let line = "it''s; a line of text, \"quoted\" -- and /* more\n";
    let text = line.repeat(1_000_000 / line.len() + 1);
    terminal.paste(&format!("select octet_length('{text}') as bytes;\nselect 40 + 2 as answer;"));
    terminal.key(Key::Enter);
    terminal.wait_for("the answer", |screen| screen.contents().contains("42") && at_prompt(screen));
    // Two quotes stand for one.
    let bytes = text.len() - text.matches("''").count();
    let digits: String = terminal.screen().join("").chars().filter(char::is_ascii_digit).collect();
    assert!(digits.contains(&bytes.to_string()), "{bytes}: {:#?}", terminal.screen());
}

#[test]
fn what_another_process_ingests_is_in_the_next_answer() {
    let sandbox = Sandbox::with_samples();
    let terminal = Terminal::shell(&sandbox);
    let count = "select count(*) as runs from runs;";
    assert!(says(&terminal.ask(count), "4"));
    let folder = sandbox.agentv("late", 9, &[("case-1", "gpt", 1.0, "ok")]);
    sandbox.run(&["ingest", &folder]).fine();
    assert!(says(&terminal.ask(count), "5"));
}
