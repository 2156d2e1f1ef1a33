//! `COPY ... TO 'FILE'`: a result into a file, whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::runtime::SpawnedTask;
use datafusion::sql::parser::{CopyToSource, CopyToStatement};

use super::change::question;
use super::kind::{instead, named};
use crate::answer::Answer;
use crate::answer::number::{count, counted};
use crate::cli::exit::{self, CliError};
use crate::cli::export::target::{Target, named_place};
use crate::cli::shell::Shell;
use crate::cli::shell::asking::Waiting;
use crate::cli::sql;
use crate::render::{RENDERERS, Renderer, renderer, renderer_of_ending};
use crate::session::Rows;

/// Writes a result into a file and says so.
///
/// # Errors
/// When writing is refused, nothing tells the format, or the result cannot be computed or written; then no file is made
/// or replaced.
pub(super) async fn copy(
    shell: &mut Shell<'_>,
    statement: CopyToStatement,
    text: &str,
) -> Result<(), CliError> {
    if shell.global.read_only {
        let said =
            CliError::usage("COPY writes a file, and this shell only reads", Some("leave out --read-only"));
        return Err(CliError { code: exit::READ_ONLY, ..said });
    }
    let format = format(&statement)?;
    let file = PathBuf::from(&statement.target);
    let mut target = Target::new(&file, &statement.target)?;
    let rows = rows(shell, statement.source, text).await?;
    // A table for people is made only where one is written.
    let shown =
        if matches!(format.name(), "markdown" | "html" | "table" | "box" | "line") { None } else { Some(0) };
    let answer = sql::answer(rows.into(), shown)?;
    let answer = Answer { blocks: answer.blocks.into_iter().take(1).collect(), ..answer };
    let stop = Stop::default();
    let writer = Stoppable { inner: target.writer(), stopped: Arc::clone(&stop.0) };
    let output = shell.output.exporting(format, Some(Box::new(writer)));
    // On a thread of its own, so that Ctrl-C is heard while much is written.
    let writing = SpawnedTask::spawn_blocking(move || output.answer(&answer).map(|()| output.rows()));
    let written = writing.await.map_err(|error| CliError {
        code: exit::INTERNAL,
        ..CliError::usage(format!("the writer stopped: {error}"), None)
    })?;
    let rows = written.map_err(|error| target.explained(error.into()))?;
    let bytes = count(i64::try_from(target.publish().await?).unwrap_or(i64::MAX));
    let (path, rows) = (named_place(&file), counted(rows, "row", "rows"));
    shell.output.line(&format!("wrote {path}: {rows}, {bytes} bytes of {}", format.name()));
    Ok(())
}

async fn rows(shell: &mut Shell<'_>, source: CopyToSource, text: &str) -> Result<Rows, CliError> {
    let waiting = Waiting { most_bytes: usize::MAX, ..shell.waiting() };
    let answered = match source {
        CopyToSource::Query(query) => {
            shell.asking.rows(question(*query), &waiting).await.map(|kept| kept.rows)
        }
        CopyToSource::Relation(name) => shell.asking.relation(&named(&name)?).await,
    };
    match answered {
        Ok(rows) => Ok(rows),
        Err(error) => Err(shell.explained(error, text).await),
    }
}

/// The format: named, else what the file's ending means. JSON is one object per line, as other engines write it.
fn format(statement: &CopyToStatement) -> Result<&'static dyn Renderer, CliError> {
    if !statement.partitioned_by.is_empty() || !statement.options.is_empty() {
        return Err(instead(
            "COPY takes no OPTIONS and no PARTITIONED BY here",
            "COPY (SELECT ...) TO 'FILE' STORED AS FORMAT",
        ));
    }
    let ending =
        Path::new(&statement.target).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let named = statement.stored_as.as_ref().map(|name| name.to_lowercase());
    let word = named.as_deref().or(ending.as_deref()).map(|word| match word {
        "json" | "ndjson" => "jsonl",
        other => other,
    });
    let names = || RENDERERS.iter().map(|renderer| renderer.name()).collect::<Vec<_>>().join(", ");
    match word {
        Some(word) => renderer(word).ok().or_else(|| renderer_of_ending(word)).ok_or_else(|| {
            instead(&format!("no format is meant by {word}"), &format!("STORED AS says which: {}", names()))
        }),
        None => Err(instead(
            &format!("{} has no ending that tells the format", statement.target),
            &format!("STORED AS says which: {}", names()),
        )),
    }
}

/// Stops the writer when nobody waits for it any more.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A writer that refuses to go on once it is stopped.
struct Stoppable {
    inner: Box<dyn Write + Send>,
    stopped: Arc<AtomicBool>,
}

impl Write for Stoppable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
