//! Sessions as a person has them, one for each thing that the shell promises.

use std::sync::LazyLock;

use super::pty::{Key, Start, Terminal};
use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these sessions only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

fn has(lines: &[String], words: &[&str]) -> bool {
    lines.iter().any(|line| line.split_whitespace().collect::<Vec<_>>() == words)
}

#[test]
fn what_was_asked_before_comes_back_with_the_arrow() {
    let terminal = Terminal::shell(&SAMPLES);
    terminal.ask("select 40 + 1 as answer;");
    terminal.ask("select 40 + 2 as answer;");
    terminal.key(Key::Up);
    terminal.key(Key::Up);
    terminal.wait_for("the first statement", |screen| screen.contents().matches("40 + 1").count() == 2);
    terminal.key(Key::Down);
    terminal.wait_for("the second statement", |screen| screen.contents().matches("40 + 2").count() == 2);
    // It can be changed at its end and at its beginning.
    terminal.key(Key::End);
    terminal.key(Key::Left);
    terminal.key(Key::Backspace);
    terminal.type_text("d");
    terminal.key(Key::Home);
    terminal.key(Key::Right);
    terminal.key(Key::Enter);
    terminal.wait_for("its answer", |screen| screen.contents().contains("answed\n    42\n"));
}

#[test]
fn ctrl_r_finds_what_was_asked() {
    let terminal = Terminal::shell(&SAMPLES);
    terminal.ask("select 'first' as word, 40 + 2 as answer;");
    terminal.ask("select 'second' as word;");
    terminal.key(Key::Ctrl('r'));
    terminal.type_text("fir");
    terminal.wait_for("the statement", |screen| screen.contents().matches("'first'").count() == 2);
    terminal.key(Key::Enter);
    terminal.wait_for("its answer", |screen| screen.contents().matches("first").count() >= 4);
    terminal.wait_for_prompt();
}

#[test]
fn the_session_is_narrowed_and_widened_again() {
    let terminal = Start::new(&SAMPLES, &[]).size(40, 140).open();
    terminal.wait_for_prompt();
    let runs = "select count(*) as runs from runs;";
    assert!(has(&terminal.ask(runs), &["4"]));
    terminal.ask(".scope last 2");
    assert!(has(&terminal.ask(runs), &["2"]));
    terminal.ask(".reset");
    assert!(has(&terminal.ask(runs), &["4"]));
    terminal.ask(".by model");
    let arms = terminal.ask("select distinct arm from results order by arm;").join("\n");
    assert!(!arms.contains("::"), "arms are models, not runs: {arms}");
    let winners = terminal.ask("select * from metric_winners;").join("\n");
    assert!(winners.contains("score"), "{winners}");
}

#[test]
fn commands_of_the_command_line_answer_with_a_dot() {
    let terminal = Start::new(&SAMPLES, &[]).size(60, 140).open();
    terminal.wait_for_prompt();
    for (typed, words) in [
        (".runs", &["runs"][..]),
        (".compare --by model", &["compare", "--by", "model"]),
        (".views", &["views"]),
    ] {
        let expected = SAMPLES.run_with(&[("COLUMNS", "140")], words).fine().stdout;
        let first = expected.lines().next().expect("an answer").split_whitespace().next().expect("a word");
        let answer = terminal.ask(typed);
        assert!(answer.iter().any(|line| line.contains(first)), "{typed}: {answer:#?}");
    }
    let answer = terminal.ask(".comprae").join("\n");
    assert!(answer.contains("did you mean .compare?"), "{answer}");
}

#[test]
fn an_error_shows_its_place() {
    let terminal = Terminal::shell(&SAMPLES);
    let answer = terminal.ask("select run_di from runs;");
    let line = answer.iter().position(|line| line.contains("select run_di")).expect("the statement");
    assert_eq!(answer[line + 1].trim(), "^^^^^^", "{answer:#?}");
    assert_eq!(
        answer[line + 1].find('^'),
        answer[line].find("run_di"),
        "the mark stands below the name: {answer:#?}"
    );
}

#[test]
fn a_result_says_how_many_rows_it_has_and_how_long_it_took() {
    let terminal = Terminal::shell(&SAMPLES);
    let answer = terminal.ask("select * from generate_series(1, 1000);");
    let last = answer.last().expect("a last line");
    assert!(last.starts_with("1,000 rows") && last.ends_with(" ms"), "{last}");
    assert!(answer.len() < 60, "forty rows are shown: {}", answer.len());
}

#[test]
fn no_color_is_obeyed() {
    let terminal = Start::new(&SAMPLES, &[]).env("NO_COLOR", "1").open();
    terminal.wait_for_prompt();
    terminal.ask("select no from runs;");
    let colored = ["\u{1b}[3", "\u{1b}[1m", "\u{1b}[1;", "\u{1b}[9"];
    let written = terminal.written();
    assert!(!colored.iter().any(|color| written.contains(color)), "{written:?}");
}
