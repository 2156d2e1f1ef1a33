//! What a person sees while typing.

mod banner;
mod complete;
mod helper;
mod hint;
mod history;
mod keywords;
mod lexed;
mod prompt;
mod query;
mod regions;
mod spans;
mod theme;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{
    Behavior, Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Editor, Event, EventContext,
    EventHandler, KeyEvent, RepeatCount,
};

use super::Shell;
use super::split::{Piece, first};
use super::terminal;
use super::vocabulary::Filling;
use crate::cli::exit::{self, CliError};
use crate::cli::output::Environment;
use helper::Helper;

pub use history::History;
pub use theme::Choice;

/// What lives as long as a person types.
#[derive(Default)]
pub struct Typing {
    /// What was typed.
    pub history: History,
    /// Which colours what is typed has.
    pub colours: Choice,
}

/// The line editor with its helper.
type LineEditor = Editor<Helper, MemHistory>;

/// Asks for statements and carries them out until the person leaves.
///
/// # Errors
/// When the terminal cannot be read.
pub async fn converse(shell: &mut Shell<'_>) -> Result<(), CliError> {
    let mut filling = Filling::default();
    let mut editor = editor(shell, &filling).map_err(broken)?;
    terminal::keep(shell.output);
    let stopped = Stopped::default();
    editor.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(Box::new(stopped.clone())));
    banner::greet(shell).await;
    let mut fed = 0;
    while shell.leave.is_none() {
        fed = feed(shell, &mut editor, fed);
        filling.refresh(shell);
        shell.forget_stops();
        match ask(shell, &mut editor) {
            Ok(text) => {
                shell.typing.history.add(entries(&text));
                carry_out(shell, &text).await;
            }
            // What was typed so far is not lost: it is the newest entry of this shell.
            Err(ReadlineError::Interrupted) => shell.typing.history.keep(stopped.text()),
            Err(ReadlineError::Eof) => shell.leave = Some(exit::OK),
            // A byte that is no UTF-8 was typed or pasted: that line is lost, the shell is not.
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                shell.output.note("what was typed is no UTF-8 and was dropped");
            }
            Err(error) => return Err(broken(error)),
        }
    }
    if let Some(problem) = shell.typing.history.problem() {
        shell.output.note(&problem);
    }
    Ok(())
}

fn broken(error: ReadlineError) -> CliError {
    CliError { code: exit::UNAVAILABLE, ..CliError::usage(format!("the terminal: {error}"), None) }
}

fn editor(shell: &Shell<'_>, filling: &Filling) -> Result<LineEditor, ReadlineError> {
    let screen = shell.output.screen();
    // What is typed stays out of a file that takes the answers.
    let behavior = if screen.is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
    let config = Config::builder()
        .auto_add_history(false)
        .max_history_size(history::MOST_ENTRIES * 2)?
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .color_mode(if screen.color { ColorMode::Enabled } else { ColorMode::Disabled })
        .behavior(behavior)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    editor.set_helper(Some(Helper::new(filling.shared(), screen.color)));
    Ok(editor)
}

/// Gives the editor what is new in the history; gives how many entries it has seen.
fn feed(shell: &mut Shell<'_>, editor: &mut LineEditor, fed: usize) -> usize {
    let entries = shell.typing.history.entries();
    for entry in &entries[fed.min(entries.len())..] {
        // It may not take one that equals the one before.
        let _ = editor.add_history_entry(entry.as_str());
    }
    entries.len()
}

/// Asks for the next input.
fn ask(shell: &Shell<'_>, editor: &mut LineEditor) -> Result<String, ReadlineError> {
    let screen = shell.output.screen();
    let background = std::env::var("COLORFGBG").ok();
    if let Some(helper) = editor.helper_mut() {
        helper.theme = shell.typing.colours.theme(background.as_deref()).filter(|_| screen.color);
    }
    let columns = Environment::columns().or(screen.width).unwrap_or(prompt::USUAL_WIDTH);
    let prompt = prompt::prompt(&shell.global, columns);
    tokio::task::block_in_place(|| editor.readline(&prompt))
}

async fn carry_out(shell: &mut Shell<'_>, text: &str) {
    if let Err(error) = shell.all(text).await
        && let Some(report) = &error.report
    {
        shell.output.error(report);
    }
}

/// What an input is in the history: each statement, and each command, is one entry.
pub fn entries(text: &str) -> Vec<String> {
    let mut entries = Vec::new();
    let mut text = text;
    loop {
        let (piece, rest) = first(text);
        match piece {
            Piece::Nothing => return entries,
            Piece::Command(line) => entries.push(line.to_owned()),
            Piece::Statement(sql) => entries.push(format!("{sql};")),
            Piece::Open(sql, _) => entries.push(sql.trim_end().to_owned()),
        }
        text = rest;
    }
}

/// Keeps what was typed when Ctrl-C takes it away.
#[derive(Clone, Default)]
struct Stopped(Arc<Mutex<String>>);

impl Stopped {
    fn text(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ConditionalEventHandler for Stopped {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        context.line().clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // Ctrl-C does what it does.
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_statement() {
        let text = "select 1 ; -- one\n.by model\nselect\n  'a;'\nfrom t;;";
        assert_eq!(entries(text), ["select 1;", ".by model", "select\n  'a;'\nfrom t;"]);
    }
}
