//! The dot commands. Adding one touches two files: its own, and [`COMMANDS`].
//!
//! What is not among them is a command of the command line: `.compare --by model` is `runq compare --by model` within
//! the session. What people type by habit from other shells (`\d`, `\q`) is among the other names of a command.

mod edit;
mod highlight;
mod history;
mod session;

use async_trait::async_trait;

use super::Shell;
use crate::cli::exit::CliError;
use crate::cli::run_within;
use crate::model::nearest;

/// Every command of the shell that is no command of the command line.
pub const COMMANDS: &[&dyn DotCommand] = &[
    &session::Scope,
    &session::By,
    &session::Baseline,
    &session::Reset,
    &edit::Edit,
    &history::History,
    &highlight::Highlight,
    &session::Quit,
];

/// A command of the shell.
#[async_trait(?Send)]
pub trait DotCommand: Sync {
    /// Its name without the dot, lower case.
    fn name(&self) -> &'static str;

    /// Other names, with their dot or backslash: `\q`.
    fn others(&self) -> &'static [&'static str] {
        &[]
    }

    /// What stands behind its name, such as `[LIKE]`; empty for nothing.
    fn takes(&self) -> &'static str;

    /// What it does, in half a line.
    fn about(&self) -> &'static str;

    /// Words that may stand behind it, for completion.
    fn words(&self) -> &'static [&'static str] {
        &[]
    }

    /// Carries it out. `rest` is the line behind its name, without space around it.
    ///
    /// # Errors
    /// What the person is told when it cannot be done.
    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError>;
}

/// The command of a name as it is typed, with its dot or backslash.
pub fn command(word: &str) -> Option<&'static dyn DotCommand> {
    let named = |command: &&&dyn DotCommand| {
        word.strip_prefix(['.', '\\']) == Some(command.name()) || command.others().contains(&word)
    };
    COMMANDS.iter().find(named).copied()
}

/// Carries out a line that begins with a dot or a backslash.
///
/// # Errors
/// When there is no such command, and as the command itself.
pub async fn run(line: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
    let line = line.trim().trim_end_matches(';').trim_end();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if let Some(command) = command(word) {
        return command.run(rest.trim(), shell).await;
    }
    let name = word.trim_start_matches(['.', '\\']);
    if !crate::cli::command_names().iter().any(|known| known == name) {
        return Err(unknown(word, name));
    }
    let words = words(line.trim_start_matches(['.', '\\']))?;
    let output = shell.output.redirected(shell.settings.mode.unwrap_or(crate::render::TABLE), None);
    run_within(&words, &shell.global, &output).await?;
    Ok(())
}

/// The words of a line, as a shell would cut it.
///
/// # Errors
/// When a quote does not end.
pub fn words(line: &str) -> Result<Vec<String>, CliError> {
    shlex::split(line).ok_or_else(|| CliError::usage(format!("{line}: a quote does not end"), None))
}

fn unknown(word: &str, name: &str) -> CliError {
    let own = COMMANDS.iter().map(|command| command.name().to_owned());
    let names: Vec<String> = own.chain(crate::cli::command_names()).collect();
    let hint = nearest(name, names.iter().map(String::as_str))
        .map_or_else(|| ".help lists the commands".to_owned(), |near| format!("did you mean .{near}?"));
    CliError::usage(format!("there is no command {word}"), Some(&hint))
}
