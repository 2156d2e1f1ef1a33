//! `.edit`: a statement in the person's own editor.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use async_trait::async_trait;

use super::DotCommand;
use crate::cli::exit::{self, CliError};
use crate::cli::interrupt;
use crate::cli::output::Report;
use crate::cli::shell::Shell;
use crate::cli::shell::edit::entries;

/// What a person gets who set no editor.
const USUAL: &str = "vi";

/// Has the terminal remember the place of the cursor.
const HERE: &str = "\u{1b}7";

/// Takes a terminal back from a program that was ended: the usual screen with the cursor where it was before.
const BACK: &str = "\u{1b}[?1049l";

/// The same after a program that ended by itself. It may have said why, below which the cursor stays.
const BELOW: &str = "\u{1b}[?47l";

/// A visible cursor, plain letters, no marks around what is pasted, no mouse.
const CALM: &str = "\u{1b}[?25h\u{1b}[0m\u{1b}[?2004l\u{1b}[?1000l";

/// `.edit`.
pub struct Edit;

#[async_trait(?Send)]
impl DotCommand for Edit {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\e"]
    }

    fn takes(&self) -> &'static str {
        "[SQL]"
    }

    fn about(&self) -> &'static str {
        "the last statement, or this one, in your editor; it is carried out afterwards"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        if shell.global.read_only {
            let report = Report::new("an editor could write: it is refused in a read-only shell");
            return Err(CliError { code: exit::READ_ONLY, report: Some(report) });
        }
        if !shell.interactive || !shell.output.is_interactive() {
            return Err(CliError::usage(".edit opens an editor, and there is no terminal for one", None));
        }
        let before = if rest.is_empty() { last_statement(shell) } else { rest.to_owned() };
        let order = |order: &str| shell.output.raw_error(order);
        let after = edited(&before, &editor(), &order)?;
        if after.trim().is_empty() {
            shell.output.note("nothing was left in the editor: nothing is carried out");
            return Ok(());
        }
        for line in after.trim_end().lines() {
            shell.output.line(line);
        }
        shell.typing.history.add(entries(&after));
        let open = shell.all(&after).await?.to_owned();
        if open.is_empty() || shell.leave.is_some() { Ok(()) } else { shell.statement(&open).await }
    }
}

/// The newest statement in the history; empty without one.
fn last_statement(shell: &mut Shell<'_>) -> String {
    let entries = shell.typing.history.entries().iter().rev();
    entries
        .filter(|entry| !entry.starts_with(['.', '\\']))
        .map(|entry| format!("{entry}\n"))
        .next()
        .unwrap_or_default()
}

/// The words of the editor that the person set.
fn editor() -> Vec<String> {
    let set =
        ["VISUAL", "EDITOR"].iter().filter_map(std::env::var_os).find(|value: &OsString| !value.is_empty());
    let line = set.map_or_else(|| USUAL.to_owned(), |value| value.to_string_lossy().into_owned());
    // A path with a quote in it is no list of words.
    shlex::split(&line).filter(|words| !words.is_empty()).unwrap_or_else(|| vec![line])
}

/// A text as it is after an editor. `order` says something to the terminal.
///
/// # Errors
/// When the editor cannot be started or ends with a failure, or what it left is no text.
fn edited(text: &str, editor: &[String], order: &dyn Fn(&str)) -> Result<String, CliError> {
    let failed = |error: std::io::Error| CliError {
        code: exit::TOOL_FAILED,
        ..CliError::usage(format!("{}: {error}", editor.join(" ")), Some("set VISUAL or EDITOR to an editor"))
    };
    let mut file = tempfile::Builder::new().prefix("runq-").suffix(".sql").tempfile().map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed)?;
    let ended = tokio::task::block_in_place(|| on_terminal(editor, file.path(), order)).map_err(failed)?;
    if !ended.success() {
        let said = format!("{} ended with {ended}: nothing is carried out", editor.join(" "));
        return Err(CliError { code: exit::TOOL_FAILED, ..CliError::usage(said, None) });
    }
    // By its path: editors put another file in the place of the one they were given.
    std::fs::read_to_string(file.path()).map_err(failed)
}

/// Runs an editor on the terminal, which is afterwards as it was.
fn on_terminal(editor: &[String], file: &Path, order: &dyn Fn(&str)) -> std::io::Result<ExitStatus> {
    // Ctrl-C is the editor's while it is open.
    let _stop = interrupt::claim();
    let modes = modes();
    let (program, words) = editor.split_first().ok_or(std::io::ErrorKind::NotFound)?;
    order(HERE);
    let ended = Command::new(program).args(words).arg(file).status()?;
    if !ended.success() {
        // It may have left the terminal as it needed it. What cannot be done is left: the shell goes on either way.
        order(if ended.code().is_some() { BELOW } else { BACK });
        order(CALM);
        let set = modes.map(|modes| Command::new("stty").arg(modes).stderr(Stdio::null()).status());
        drop(set);
    }
    Ok(ended)
}

/// How the terminal is set, in the words of `stty`; `None` where there is none.
fn modes() -> Option<String> {
    let said = Command::new("stty").arg("-g").stdin(Stdio::inherit()).stderr(Stdio::null()).output().ok()?;
    let modes = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    (said.status.success() && !modes.is_empty()).then_some(modes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    #[cfg(unix)]
    async fn the_text_is_what_the_editor_left() {
        let after = edited("select 1;\n", &words(&["sed", "-i", "s/1/2/"]), &|_| {}).unwrap();
        assert_eq!(after, "select 2;\n");
    }

    #[tokio::test(flavor = "multi_thread")]
    #[cfg(unix)]
    async fn an_editor_that_fails_is_an_error() {
        for editor in [&["false"][..], &["no-such-editor"]] {
            let error = edited("select 1;", &words(editor), &|_| {}).unwrap_err();
            assert_eq!(error.code, exit::TOOL_FAILED);
            assert!(error.report.is_some_and(|report| report.message.contains(editor[0])));
        }
    }
}
