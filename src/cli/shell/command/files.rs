//! Files: where answers go, and where statements come from.

use std::path::Path;

use async_trait::async_trait;

use super::{DotCommand, path, word};
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::cli::shell::script;

/// How many files deep `.read` goes.
const DEEPEST: usize = 16;

/// `.output` and `.once`: where answers go.
pub struct SendTo {
    /// Whether only the next answer goes there.
    pub once: bool,
}

#[async_trait(?Send)]
impl DotCommand for SendTo {
    fn name(&self) -> &'static str {
        if self.once { "once" } else { "output" }
    }

    fn others(&self) -> &'static [&'static str] {
        if self.once { &[] } else { &["\\o", "\\out"] }
    }

    fn takes(&self) -> &'static str {
        if self.once { "FILE or |PROGRAM" } else { "[FILE or |PROGRAM or -]" }
    }

    fn about(&self) -> &'static str {
        if self.once {
            "the next answer goes to a file"
        } else {
            "answers go to a file; to the screen again without"
        }
    }

    fn more(&self) -> &'static str {
        "The form is what the file's ending means (.csv, .json, .md, .parquet ...), unless .mode was set. A file is \
         written whole or not at all: .output gives it its name when the next .output or the end of the shell closes it."
    }

    fn value(&self, shell: &Shell<'_>) -> Option<String> {
        (!self.once).then(|| shell.destination.named().unwrap_or("the screen").to_owned())
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let name = format!(".{}", self.name());
        // A command is taken as it stands: its quotes are its own.
        let named = if rest.starts_with('|') {
            Some(rest.to_owned())
        } else {
            word(&name, rest)?.map(|word| path(&word))
        };
        match named.as_deref() {
            None if self.once => {
                Err(CliError::usage(".once: expected a file", Some(".once answer.csv before a statement")))
            }
            None | Some("-" | "stdout") => shell.send_to(None, self.once),
            Some(place) => shell.send_to(Some(place), self.once),
        }
    }
}

/// `.read`: the statements of a file.
pub struct Read;

#[async_trait(?Send)]
impl DotCommand for Read {
    fn name(&self) -> &'static str {
        "read"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\i", "\\ir", "\\include"]
    }

    fn takes(&self) -> &'static str {
        "FILE"
    }

    fn about(&self) -> &'static str {
        "the statements and commands of a file"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let Some(file) = word(".read", rest)? else {
            return Err(CliError::usage(".read: expected a file", Some(".read report.sql")));
        };
        let file = path(&file);
        if shell.reading.len() >= DEEPEST {
            return Err(CliError::usage(
                format!(".read {file}: {DEEPEST} files read each other already"),
                None,
            ));
        }
        script::file(shell, Path::new(&file)).await
    }
}
