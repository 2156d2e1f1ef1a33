//! What a person sees while typing.

mod helper;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use super::Shell;
use crate::cli::exit::{self, CliError};
use helper::Helper;

/// Asks for statements and carries them out until the person leaves.
///
/// # Errors
/// When the terminal cannot be read.
pub async fn converse(shell: &mut Shell<'_>) -> Result<(), CliError> {
    let config = Config::builder().auto_add_history(false).build();
    let broken = |error: ReadlineError| CliError {
        code: exit::UNAVAILABLE,
        ..CliError::usage(format!("the terminal: {error}"), None)
    };
    let mut editor: Editor<Helper, FileHistory> = Editor::with_config(config).map_err(broken)?;
    editor.set_helper(Some(Helper));
    while shell.leave.is_none() {
        let typed = tokio::task::block_in_place(|| editor.readline("runq> "));
        match typed {
            Ok(text) => {
                // It is only for this session when the history cannot take it.
                let _ = editor.add_history_entry(&text);
                if let Err(error) = shell.all(&text).await
                    && let Some(report) = &error.report
                {
                    shell.output.error(report);
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => shell.leave = Some(exit::OK),
            Err(error) => return Err(broken(error)),
        }
    }
    Ok(())
}
