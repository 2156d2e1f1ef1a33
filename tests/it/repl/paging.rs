//! Answers on a terminal: through a pager when they are longer than it, else as they are.

use std::sync::LazyLock;

use super::pty::{Start, Terminal};
use crate::support::sandbox::Sandbox;

/// Nobody writes into it.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

/// Thirty rows, on a screen of 24 lines.
const LONG: &str = "select value as n from generate_series(1, 30);";

/// A pager that marks what it shows.
const MARKS: &str = "sed s/^/p:/";

fn opened(words: &[&str], environment: &[(&str, &str)]) -> Terminal {
    let start =
        environment.iter().fold(Start::new(&SAMPLES, words), |start, (name, value)| start.env(name, value));
    let terminal = start.open();
    terminal.wait_for_prompt();
    terminal
}

fn trimmed(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn what_is_longer_than_the_screen_goes_through_the_pager() {
    let terminal = opened(&[], &[("PAGER", "cat"), ("RUNQ_PAGER", MARKS)]);
    let long = terminal.ask(LONG);
    let long = trimmed(&long);
    assert!(
        long.contains(&"p:30") || long.iter().any(|line| line.starts_with("p:") && line.ends_with("30")),
        "{long:?}"
    );
    let short = terminal.ask("select 1 as one;");
    assert!(!trimmed(&short).iter().any(|line| line.starts_with("p:")), "{short:?}");
    let help = terminal.ask(".help");
    assert!(trimmed(&help).iter().any(|line| line.starts_with("p:.scope")), "{help:?}");
    terminal.ask(".pager off");
    let plain = terminal.ask(LONG);
    assert!(!trimmed(&plain).iter().any(|line| line.starts_with("p:")), "{plain:?}");
}

#[test]
fn a_pager_that_is_left_or_not_there_is_no_error() {
    let terminal = opened(&[], &[("PAGER", "head -n 2")]);
    let left = terminal.ask(LONG);
    assert_eq!(trimmed(&left), ["n", "1"]);
    terminal.ask(".pager no-such-pager");
    let shown = terminal.ask(LONG);
    let shown = trimmed(&shown);
    assert!(shown.contains(&"30") && shown.iter().any(|line| line.starts_with("30 rows")), "{shown:?}");
}

#[test]
fn a_shell_that_only_reads_starts_no_pager() {
    let terminal = opened(&["--read-only"], &[("PAGER", MARKS)]);
    let shown = terminal.ask(LONG);
    assert!(trimmed(&shown).contains(&"30"), "{shown:?}");
    assert!(!trimmed(&shown).iter().any(|line| line.starts_with("p:")), "{shown:?}");
}

#[test]
fn data_are_the_same_on_a_terminal_and_in_a_pipe() {
    let sql = "select case_id, cost_usd, recorded_at from results order by 1, 3 limit 9";
    let piped = SAMPLES.run(&["--no-init", "-c", sql]).fine().stdout;
    let terminal = opened(&["--no-init"], &[]);
    terminal.ask(".mode csv");
    let shown = terminal.ask(&format!("{sql};"));
    assert_eq!(trimmed(&shown), piped.lines().collect::<Vec<_>>());
}

#[test]
fn a_terminal_shows_forty_rows_and_how_many_more() {
    let terminal = opened(&["--no-init"], &[("PAGER", "tail -n 2")]);
    let shown = terminal.ask("select value as n from generate_series(1, 1200);");
    let shown = trimmed(&shown);
    assert_eq!(shown[0], "40");
    assert!(shown[1].starts_with("1,200 rows, 1,160 not shown (.last shows all) · "), "{shown:?}");
    let last = terminal.ask(".last");
    assert_eq!(trimmed(&last), ["1,200", "1,200 rows"]);
}
