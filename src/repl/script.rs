//! Statements that nobody types: from the command line, files, standard input and the file of settings.

use std::io::BufRead as _;
use std::path::Path;

use etcetera::{BaseStrategy as _, choose_base_strategy};

use super::{Script, Shell};
use crate::cli::exit::CliError;

/// Where the file of settings lies in the folder of the user's settings.
const INIT: &str = "runq/runqrc";

/// Reads the file of settings, where there is one.
///
/// # Errors
/// When a file that was named cannot be read, or the first error in it.
pub async fn init(shell: &mut Shell<'_>, named: Option<&Path>) -> Result<(), CliError> {
    if let Some(path) = named {
        return file(shell, path).await;
    }
    let usual = choose_base_strategy().map(|folders| folders.config_dir().join(INIT));
    match usual {
        Ok(path) if path.is_file() => file(shell, &path).await,
        _ => Ok(()),
    }
}

/// Carries out a script; a last statement needs no semicolon.
///
/// # Errors
/// When its file cannot be read, or the first error in it.
pub async fn run(shell: &mut Shell<'_>, script: &Script) -> Result<(), CliError> {
    match script {
        Script::Words(text) => text_of(shell, text).await,
        Script::File(path) => file(shell, path).await,
    }
}

/// Carries out a file.
///
/// # Errors
/// When it cannot be read, or the first error in it.
pub async fn file(shell: &mut Shell<'_>, path: &Path) -> Result<(), CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::not_found(format!("{}: {error}", path.display()), None))?;
    text_of(shell, &text).await
}

async fn text_of(shell: &mut Shell<'_>, text: &str) -> Result<(), CliError> {
    let open = shell.all(text).await?;
    if open.is_empty() || shell.leave.is_some() { Ok(()) } else { shell.statement(open).await }
}

/// Carries out what arrives on standard input, as soon as a statement is whole.
///
/// # Errors
/// When it cannot be read, or the first error in it.
pub async fn standard_input(shell: &mut Shell<'_>) -> Result<(), CliError> {
    let mut waiting = String::new();
    while shell.leave.is_none() {
        let read = tokio::task::block_in_place(|| std::io::stdin().lock().read_line(&mut waiting));
        match read {
            Ok(0) => break,
            Ok(_) => {
                let open = shell.all(&waiting).await?.to_owned();
                waiting = open;
            }
            Err(error) => return Err(CliError::usage(format!("standard input: {error}"), None)),
        }
    }
    text_of(shell, &waiting).await
}
