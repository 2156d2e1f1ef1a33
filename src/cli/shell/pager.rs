//! What shows an answer that is longer than the screen: a pager of the person's own choice.
//!
//! Only where a person types and reads. A pager that is not there, or cannot show anything, leaves the answer to the
//! terminal; one that is left before the end is no error.

use std::env;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::settings::Pager;
use crate::cli::interrupt;
use crate::render::text::width;

/// What is taken when nobody names one: colours as they are, lines not wrapped, gone when all fits.
const USUAL: &str = "less -RSFX";

/// What a shell says of a program that it cannot find or start.
const NOT_STARTED: [i32; 2] = [126, 127];

/// The command of a pager; `None` for none.
pub fn command(pager: &Pager) -> Option<String> {
    let command = match pager {
        Pager::Off => return None,
        Pager::Command(command) => command.clone(),
        Pager::Usual => ["RUNQ_PAGER", "PAGER"]
            .iter()
            .find_map(|name| env::var(name).ok())
            .unwrap_or_else(|| USUAL.to_owned()),
    };
    Some(command).filter(|command| !command.trim().is_empty())
}

/// Whether a text takes more lines than a screen has beside the next prompt.
pub fn is_longer(text: &str, screen: (Option<usize>, Option<usize>)) -> bool {
    let (Some(columns), Some(lines)) = screen else { return false };
    let taken = |line: &str| width(&plain(line)).div_ceil(columns.max(1)).max(1);
    text.lines().map(taken).sum::<usize>() >= lines
}

/// A line without the orders that colour it.
fn plain(line: &str) -> String {
    let mut rest = line;
    let mut plain = String::with_capacity(line.len());
    while let Some((before, order)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = order.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

/// Shows a text in a pager until the person leaves it; gives `false` where the pager could not be started.
pub fn shows(text: &str, command: &str) -> bool {
    // Ctrl-C is the pager's as long as it runs.
    let _mine = interrupt::claim_interrupts();
    let mut pager = Command::new("sh");
    pager.args(["-c", command]).stdin(Stdio::piped());
    if env::var_os("LESSCHARSET").is_none() {
        pager.env("LESSCHARSET", "utf-8");
    }
    let Ok(mut running) = pager.spawn() else { return false };
    if let Some(mut input) = running.stdin.take() {
        // A pager that is left early closes its end.
        let _ = input.write_all(text.as_bytes());
    }
    match running.wait() {
        Ok(ended) => !ended.code().is_some_and(|code| NOT_STARTED.contains(&code)),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_needs_a_line_too() {
        let screen = (Some(10), Some(3));
        assert!(!is_longer("a\nb\n", screen));
        assert!(is_longer("a\nb\nc\n", screen));
        assert!(is_longer("a line of 24 characters.\n", screen));
        assert!(!is_longer("\u{1b}[1m0123456789\u{1b}[0m\nb\n", screen));
        assert!(!is_longer("a\nb\nc\n", (None, Some(3))));
    }

    #[test]
    fn a_pager_that_is_not_there_shows_nothing() {
        assert!(!shows("text\n", "runq-has-no-such-pager 2>/dev/null"));
        assert!(shows("text\n", "true"));
        let long = "text\n".repeat(100_000);
        assert!(shows(&long, "head -n 1 >/dev/null"));
    }

    #[test]
    fn no_pager_is_named_by_off_or_by_nothing() {
        assert_eq!(command(&Pager::Off), None);
        assert_eq!(command(&Pager::Command(" ".to_owned())), None);
        assert_eq!(command(&Pager::Command("more".to_owned())), Some("more".to_owned()));
    }
}
