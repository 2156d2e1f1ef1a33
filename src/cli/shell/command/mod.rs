//! The dot commands. Adding one touches two files: its own, and [`COMMANDS`].
//!
//! What is not among them is a command of the command line: `.compare --by model` is `runq compare --by model` within
//! the session. What people type by habit from other shells (`\d`, `\q`) is among the other names of a command, or in
//! [`habits`] where it means something else with and without words.

mod answers;
mod edit;
mod files;
mod habits;
mod help;
mod highlight;
mod history;
mod listing;
mod look;
mod relations;
mod session;
mod switch;
mod system;

use async_trait::async_trait;

use super::Shell;
use super::destination::Asks;
use crate::cli::exit::{self, CliError};
use crate::cli::run_within;
use crate::model::nearest;

/// Every command of the shell that is no command of the command line, in the order of `.help`.
pub const COMMANDS: &[&dyn DotCommand] = &[
    &help::Help,
    &session::Scope,
    &session::By,
    &session::Baseline,
    &session::Reset,
    &relations::Tables,
    &relations::Schema,
    &relations::Functions,
    &answers::Last,
    &answers::Explain,
    &look::Mode,
    &switch::EXPANDED,
    &look::MaxRows,
    &look::MaxWidth,
    &look::NullValue,
    &switch::HEADERS,
    &switch::TIMER,
    &switch::IO,
    &look::Paging,
    &files::SendTo { once: false },
    &files::SendTo { once: true },
    &files::Read,
    &answers::Print,
    &switch::ECHO,
    &switch::BAIL,
    &edit::Edit,
    &history::History,
    &highlight::Highlight,
    &look::All,
    &system::System,
    &system::Folder,
    &system::Safe,
    &system::Quit,
];

/// Commands of the command line whose answer may be longer than a screen, and that print nothing else while they work.
const PAGED: [&str; 9] =
    ["compare", "diff", "distribution", "jobs", "metrics", "runs", "show", "versions", "views"];

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

    /// More of what it does, for `.help NAME`: lines, and examples.
    fn more(&self) -> &'static str {
        ""
    }

    /// Words that may stand behind it, for completion.
    fn words(&self) -> &'static [&'static str] {
        &[]
    }

    /// What is set now, for a command that sets something.
    fn value(&self, _shell: &Shell<'_>) -> Option<String> {
        None
    }

    /// Carries it out. `rest` is the line behind its name, without space around it.
    ///
    /// # Errors
    /// What the person is told when it cannot be done.
    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError>;
}

/// The command of a name as it is typed, with its dot or backslash: both mean the same.
pub fn command(word: &str) -> Option<&'static dyn DotCommand> {
    let name = word.strip_prefix(['.', '\\'])?;
    let named = |command: &&&dyn DotCommand| {
        command.name() == name || command.others().iter().any(|other| other.get(1..) == Some(name))
    };
    COMMANDS.iter().find(named).copied()
}

/// Carries out a line that begins with a dot or a backslash.
///
/// # Errors
/// When there is no such command, and as the command itself.
pub async fn run(line: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
    let line = line.trim().trim_end_matches(';').trim_end();
    let (word, rest) = cut(line);
    if let Some((name, rest)) = habits::meant(word, rest) {
        return named(name, word, &rest, shell).await;
    }
    named(word.trim_start_matches(['.', '\\']), word, rest, shell).await
}

/// The first word of a line, and the rest without space around it. `\!ls` needs no space.
fn cut(line: &str) -> (&str, &str) {
    let (word, rest) = match line.get(1..2) {
        Some("!") => line.split_at(2),
        _ => line.split_once(char::is_whitespace).unwrap_or((line, "")),
    };
    (word, rest.trim())
}

async fn named(name: &str, typed: &str, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
    if let Some(command) = command(&format!(".{name}")) {
        return command.run(rest, shell).await;
    }
    if !crate::cli::command_names().iter().any(|known| known == name) {
        return Err(unknown(typed, name));
    }
    of_command_line(name, rest, shell).await
}

/// Runs a command of the command line.
async fn of_command_line(name: &str, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
    // What `.sql` is given is a statement as it stands, unless it is a quoted word or a flag.
    if name == "sql" && !rest.is_empty() && !rest.starts_with(['"', '\'', '-']) {
        return Box::pin(shell.statement(rest)).await;
    }
    if name == "shell" && rest != "--help" {
        let hint = ".system COMMAND runs a command of the system, .read FILE the statements of a file";
        return Err(CliError::usage("this is the shell already", Some(hint)));
    }
    let mut all = vec![name.to_owned()];
    all.extend(words(rest)?);
    // A command that works on for a while is not held back.
    let is_held = PAGED.contains(&name) || all.iter().any(|word| word == "--help" || word == "-h");
    let asks = if name == "sql" { Asks::Rows } else { Asks::Command };
    let outlet = if is_held { shell.outlet(asks)? } else { shell.open_outlet(asks)? };
    let output = outlet.output();
    let typed = output.redirected(output.format(), None).on_screen(output.screen()).within_shell();
    let ended = run_within(&all, &shell.global, &typed).await;
    drop(typed);
    match shell.written(outlet, ended)? {
        exit::OK => Ok(()),
        code => Err(CliError::silent(code)),
    }
}

/// The words of a line, as a shell would cut it.
///
/// # Errors
/// When a quote does not end.
pub fn words(line: &str) -> Result<Vec<String>, CliError> {
    shlex::split(line).ok_or_else(|| CliError::usage(format!("{line}: a quote does not end"), None))
}

/// The one word of a line, which may be quoted; `None` for an empty line.
///
/// # Errors
/// When there are several.
fn word(command: &str, line: &str) -> Result<Option<String>, CliError> {
    let mut words = words(line)?.into_iter();
    let first = words.next();
    match words.next() {
        Some(_) => {
            let said = format!("{command} {line}: expected one word");
            Err(CliError::usage(said, Some("a word with spaces in it stands in quotes")))
        }
        None => Ok(first),
    }
}

/// A word that names a file or folder, with the home folder for a `~`.
fn path(word: &str) -> String {
    match (word.strip_prefix('~'), etcetera::home_dir()) {
        (Some(rest), Ok(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.display())
        }
        _ => word.to_owned(),
    }
}

fn unknown(word: &str, name: &str) -> CliError {
    let own = COMMANDS.iter().map(|command| command.name().to_owned());
    let names: Vec<String> = own.chain(crate::cli::command_names()).collect();
    let hint = nearest(name, names.iter().map(String::as_str))
        .map_or_else(|| ".help lists the commands".to_owned(), |near| format!("did you mean .{near}?"));
    CliError::usage(format!("there is no command {word}"), Some(&hint))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_command_says_what_it_does() {
        for command in COMMANDS {
            let about = command.about();
            assert!(about.len() > 5 && about.len() < 80, ".{}: {about}", command.name());
            assert!(!about.ends_with('.') && !about.contains('\n'), ".{}: {about}", command.name());
            assert_eq!(command.name(), command.name().to_lowercase());
        }
        for (name, about) in crate::cli::commands() {
            assert!(about.len() > 5, "runq {name}: {about}");
        }
    }

    #[test]
    fn no_two_commands_share_a_name_and_none_hides_a_command_of_the_command_line() {
        let mut taken: HashSet<String> = crate::cli::command_names().into_iter().collect();
        let others = COMMANDS.iter().flat_map(|command| command.others());
        let own = COMMANDS.iter().map(|command| command.name()).chain(others.map(|other| {
            assert!(other.starts_with(['.', '\\']), "{other}");
            &other[1..]
        }));
        for name in own.chain(habits::names()) {
            assert!(taken.insert(name.to_owned()), "{name} has two meanings");
        }
    }

    #[test]
    fn a_dot_and_a_backslash_mean_the_same() {
        for word in [".tables", "\\tables", "\\dt", ".dt"] {
            assert_eq!(command(word).map(|command| command.name()), Some("tables"), "{word}");
        }
        assert!(command("tables").is_none());
    }

    #[test]
    fn a_line_is_cut_behind_its_first_word() {
        assert_eq!(cut(".mode   csv "), (".mode", "csv"));
        assert_eq!(cut("\\!ls -l"), ("\\!", "ls -l"));
        assert_eq!(cut("\\d"), ("\\d", ""));
    }
}
