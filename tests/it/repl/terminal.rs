//! Sessions on a terminal: what a person types, and what the screen shows.

use super::pty::{Key, Terminal};
use crate::support::sandbox::Sandbox;

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
    let screen = terminal.screen();
    assert!(screen.iter().any(|line| line.trim() == "4"), "{screen:#?}");
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
    let said = terminal.ask("select 40 + 2 as answer;");
    assert!(said.iter().any(|line| line.trim() == "42"), "{said:#?}");
}
