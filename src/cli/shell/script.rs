//! Statements that nobody types: from the command line, files, standard input and the file of settings.
//!
//! Each is carried out as soon as it is whole. The first that fails ends a script, unless `.bail off` stands before it;
//! then the others are carried out all the same and the exit code is that of the first. What is wrong is said at once,
//! with the file and the line in which the statement begins, and goes on as an error without words.
//!
//! A file of settings is no script: what is wrong in it is said, and never ends anything (as in psql).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy as _, choose_base_strategy};

use super::split::{Arriving, Whole, Within};
use super::{Script, Shell};
use crate::cli::exit::{self, CliError};
use crate::cli::output::Report;

/// Where the file of settings lies in the folder of the user's settings.
const INIT: &str = "runq/runqrc";

/// What standard input is called.
const STANDARD_INPUT: &str = "-";

/// Where statements come from.
struct Origin {
    /// What stands before the line in errors; `None` for what the person can see as a whole.
    name: Option<String>,
    /// Whether nothing in it ends it.
    goes_on: bool,
}

/// Reads the file of settings, where there is one.
///
/// # Errors
/// When a file that was named is not there or cannot be read. What is wrong in it is only said.
pub async fn init(shell: &mut Shell<'_>, named: Option<&Path>) -> Result<(), CliError> {
    let usual = || choose_base_strategy().ok().map(|folders| folders.config_dir().join(INIT));
    let Some(path) = named.map(Path::to_owned).or_else(|| usual().filter(|path| path.exists())) else {
        return Ok(());
    };
    let reader = match opened(&path) {
        Ok(reader) => reader,
        Err(error) if named.is_some() => return Err(error),
        Err(error) => {
            shell.output.error(&error.report.unwrap_or_default());
            return Ok(());
        }
    };
    let code = shell.code;
    let ended = within(shell, &path, reader, true).await;
    shell.code = code;
    ended
}

/// Carries out a script; a last statement needs no semicolon.
///
/// # Errors
/// When its file cannot be read, or the first error in it unless `.bail off` was said.
pub async fn run(shell: &mut Shell<'_>, script: &Script) -> Result<(), CliError> {
    match script {
        Script::Words(text) => {
            carried_out(shell, &mut text.as_bytes(), &Origin { name: None, goes_on: false }).await
        }
        Script::File(path) if path.as_os_str() == STANDARD_INPUT => standard_input(shell).await,
        Script::File(path) => match file(shell, path).await {
            Err(error) => failed(shell, error, &Origin { name: None, goes_on: false }, 0),
            fine => fine,
        },
    }
}

/// Carries out a file.
///
/// # Errors
/// When it is not there, cannot be read, or reads itself; of the first error in it only the exit code, for it has been
/// said.
pub async fn file(shell: &mut Shell<'_>, path: &Path) -> Result<(), CliError> {
    let reader = opened(path)?;
    within(shell, path, reader, false).await
}

/// Carries out what arrives on standard input, as soon as a statement is whole.
///
/// # Errors
/// When it cannot be read, or the first error in it unless `.bail off` was said.
pub async fn standard_input(shell: &mut Shell<'_>) -> Result<(), CliError> {
    let origin = Origin { name: Some("<stdin>".to_owned()), goes_on: false };
    carried_out(shell, &mut BufReader::new(std::io::stdin()), &origin).await
}

fn opened(path: &Path) -> Result<BufReader<File>, CliError> {
    let refused = |error| CliError::not_found(format!("{}: {error}", path.display()), None);
    if path.is_dir() {
        return Err(CliError::not_found(format!("{}: a folder, no file of SQL", path.display()), None));
    }
    Ok(BufReader::new(File::open(path).map_err(refused)?))
}

/// Carries out a file, from which the same file is not read again.
async fn within(
    shell: &mut Shell<'_>,
    path: &Path,
    mut reader: BufReader<File>,
    goes_on: bool,
) -> Result<(), CliError> {
    let place = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    if shell.reading.contains(&place) {
        return Err(CliError::usage(format!("{} reads itself", path.display()), None));
    }
    shell.reading.push(place);
    let origin = Origin { name: Some(path.display().to_string()), goes_on };
    let ended = carried_out(shell, &mut reader, &origin).await;
    shell.reading.pop();
    ended
}

async fn carried_out(
    shell: &mut Shell<'_>,
    reader: &mut dyn BufRead,
    origin: &Origin,
) -> Result<(), CliError> {
    let (mut arriving, mut line) = (Arriving::default(), Vec::new());
    let mut lines = 0;
    while shell.leave.is_none() {
        line.clear();
        match tokio::task::block_in_place(|| reader.read_until(b'\n', &mut line)) {
            Ok(0) => break,
            Ok(_) if lines == 0 && is_wide(&line) => {
                return failed(shell, wide(), origin, 1);
            }
            Ok(_) => arriving.push(&line),
            Err(error) => return failed(shell, unreadable(&error), origin, lines + 1),
        }
        lines += 1;
        while shell.leave.is_none()
            && let Some(whole) = arriving.whole()
        {
            if let Err(error) = piece(shell, &whole).await {
                failed(shell, error, origin, whole.line)?;
            }
        }
    }
    if shell.leave.is_none() { the_rest(shell, &arriving, origin).await } else { Ok(()) }
}

async fn piece(shell: &mut Shell<'_>, piece: &Whole<'_>) -> Result<(), CliError> {
    match piece.unreadable {
        Some(line) => Err(no_text(line)),
        None if piece.is_command => shell.command(piece.text).await,
        None => shell.statement(piece.text).await,
    }
}

/// A last statement without a semicolon is carried out; a quote that does not end is an error.
async fn the_rest(shell: &mut Shell<'_>, arriving: &Arriving, origin: &Origin) -> Result<(), CliError> {
    let Some(rest) = arriving.rest() else { return Ok(()) };
    let (line, ended) = match (rest.within, rest.unreadable) {
        (_, Some(line)) => (rest.line, Err(no_text(line))),
        (Within::Statement, None) => (rest.line, shell.statement(&rest.text).await),
        // In a few words the parser shows where: the line it began in is of use in a file.
        (_, None) if origin.name.is_none() => (rest.line, shell.statement(&rest.text).await),
        (within, None) => (rest.opened, Err(not_ended(within))),
    };
    ended.or_else(|error| failed(shell, error, origin, line))
}

/// Says what went wrong, and decides whether the script goes on.
fn failed(shell: &mut Shell<'_>, error: CliError, origin: &Origin, line: usize) -> Result<(), CliError> {
    let CliError { code, report } = error;
    let nobody_reads = report.is_none() && code == exit::OK;
    if let Some(report) = report {
        let message = match &origin.name {
            Some(name) => format!("{name}:{line}: {}", report.message),
            None => report.message,
        };
        shell.output.error(&Report { message, ..report });
    }
    if nobody_reads || code == exit::INTERRUPTED {
        return Err(CliError::silent(code));
    }
    if shell.code == exit::OK {
        shell.code = code;
    }
    if origin.goes_on || !shell.settings.bail { Ok(()) } else { Err(CliError::silent(code)) }
}

fn not_ended(within: Within) -> CliError {
    let (what, mark) = match within {
        Within::Statement => ("a statement", ";"),
        Within::Text => ("a text in single quotes", "'"),
        Within::Name => ("a quoted name", "\" or `, as it began"),
        Within::Comment => ("a comment", "*/"),
        Within::Dollar => ("a dollar quote", "the mark it began with"),
    };
    CliError::usage(format!("{what} begins here and does not end"), Some(&format!("it ends with {mark}")))
}

fn no_text(line: usize) -> CliError {
    let message = format!("line {line} is not UTF-8: the statement was not carried out");
    CliError { code: exit::BAD_DATA, ..CliError::usage(message, Some("save the file as UTF-8")) }
}

/// Whether a text begins as UTF-16 does.
fn is_wide(text: &[u8]) -> bool {
    text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff")
}

fn wide() -> CliError {
    let message = "UTF-16, expected UTF-8: nothing was carried out";
    CliError { code: exit::BAD_DATA, ..CliError::usage(message, Some("save the file as UTF-8")) }
}

fn unreadable(error: &std::io::Error) -> CliError {
    CliError { code: exit::UNAVAILABLE, ..CliError::usage(format!("cannot be read: {error}"), None) }
}
