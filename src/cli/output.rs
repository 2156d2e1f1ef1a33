//! The only writer of stdout and stderr.
//!
//! Answers go to stdout in the chosen format; notes, errors and progress go to stderr. What the terminal is like is
//! looked up once, in [`Environment::of_process`], and passed in. A closed pipe on stdout comes back as
//! [`OutputError::ClosedPipe`], which ends the program with success; a closed stderr is ignored, for there is nobody
//! left to tell.

mod progress;
mod report;
mod tool;

use std::env;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use indicatif::{MultiProgress, ProgressDrawTarget};

use crate::answer::Answer;
use crate::render::{RenderError, Renderer, Screen, TABLE, text};

pub use progress::Progress;
pub use report::Report;
pub use tool::ToolLines;

/// How wide a terminal is that does not say so.
const USUAL_WIDTH: usize = 80;

/// Bytes that are collected before they are written to stdout.
const BUFFER_BYTES: usize = 64 * 1024;

/// What the three standard streams are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// Whether a person types on stdin.
    pub stdin_terminal: bool,
    /// Whether a person reads stdout.
    pub stdout_terminal: bool,
    /// Whether a person reads stderr.
    pub stderr_terminal: bool,
    /// Whether the shell reads stdin, so that no command may.
    pub stdin_taken: bool,
    /// Display columns of the terminal; `None` when it does not say.
    pub width: Option<usize>,
    /// Lines of the terminal; `None` when it does not say.
    pub height: Option<usize>,
    /// Whether `NO_COLOR` is set and not empty (<https://no-color.org>) or the terminal is dumb.
    pub no_color: bool,
    /// Whether the cursor cannot be moved (`TERM=dumb`).
    pub dumb: bool,
}

impl Environment {
    /// What this process was started with, and how large the terminal is now. `COLUMNS` and `LINES` win over what the
    /// terminal says, as for other tools.
    pub fn of_process() -> Self {
        let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdin_terminal: io::stdin().is_terminal(),
            stdout_terminal: io::stdout().is_terminal(),
            stderr_terminal: io::stderr().is_terminal(),
            stdin_taken: false,
            width: Self::columns(),
            height: Self::lines(),
            no_color: is_set("NO_COLOR") || dumb,
            dumb,
        }
    }

    /// Display columns of the terminal as it is now; `None` when it does not say.
    pub fn columns() -> Option<usize> {
        let reported = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        size_said("COLUMNS").or_else(reported).filter(|width| *width > 0)
    }

    /// Lines of the terminal as it is now; `None` when it does not say.
    pub fn lines() -> Option<usize> {
        let reported = || terminal_size::terminal_size().map(|(_, height)| usize::from(height.0));
        size_said("LINES").or_else(reported).filter(|height| *height > 0)
    }

    /// Pipes on all sides.
    pub const PIPES: Self = Self {
        stdin_terminal: false,
        stdout_terminal: false,
        stderr_terminal: false,
        stdin_taken: false,
        width: None,
        height: None,
        no_color: false,
        dumb: false,
    };
}

/// A size that a variable of the environment sets.
fn size_said(name: &str) -> Option<usize> {
    env::var(name).ok()?.trim().parse().ok().filter(|size| *size > 0)
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also in a pipe.
    Always,
    /// Not at all.
    Never,
}

impl ColorChoice {
    fn allows(self, is_terminal: bool, environment: &Environment) -> bool {
        match self {
            Self::Auto => is_terminal && !environment.no_color,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// What the person and the command wish for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// `--color`.
    pub color: ColorChoice,
    /// `--format`; `None` gives `table` on a terminal.
    pub format: Option<&'static dyn Renderer>,
    /// The command's own format in a pipe: `csv` for `sql`, `table` for the others.
    pub piped: &'static dyn Renderer,
}

/// The program's two output streams. May be shared between threads.
pub struct Output {
    environment: Environment,
    screen: Screen,
    stderr_screen: Screen,
    format: &'static dyn Renderer,
    stdout: Stream,
    stderr: Stream,
    bars: MultiProgress,
    exporting: bool,
    rows: Arc<AtomicUsize>,
    /// Whether stdout has an answer already.
    answered: Arc<AtomicBool>,
}

/// A stream that several outputs may share.
type Stream = Arc<Mutex<Box<dyn Write + Send>>>;

impl Output {
    /// The streams of this process.
    pub fn of_process(environment: Environment, wish: &Wish) -> Self {
        let stdout = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
        let mut output = Self::new(environment, wish, Box::new(stdout), Box::new(io::stderr()));
        if environment.stderr_terminal && !environment.dumb {
            output.bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        }
        output
    }

    /// Output into memory, with pipes around it but the given screen on stdout, for tests.
    pub fn capturing(screen: Screen, format: &'static dyn Renderer) -> (Self, Captured) {
        let captured = Captured::default();
        let wish = Wish { color: ColorChoice::Never, format: Some(format), piped: format };
        let streams = (Box::new(captured.stdout.clone()), Box::new(captured.stderr.clone()));
        let mut output = Self::new(Environment::PIPES, &wish, streams.0, streams.1);
        output.screen = screen;
        output.stderr_screen = Screen { width: None, color: screen.color };
        (output, captured)
    }

    /// Over the given streams, without progress.
    fn new(
        environment: Environment,
        wish: &Wish,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> Self {
        let screen = |is_terminal: bool| Screen {
            width: is_terminal.then(|| environment.width.unwrap_or(USUAL_WIDTH)),
            color: wish.color.allows(is_terminal, &environment),
        };
        let usual: &'static dyn Renderer = if environment.stdout_terminal { TABLE } else { wish.piped };
        Self {
            environment,
            screen: screen(environment.stdout_terminal),
            stderr_screen: screen(environment.stderr_terminal),
            format: wish.format.unwrap_or(usual),
            stdout: Arc::new(Mutex::new(stdout)),
            stderr: Arc::new(Mutex::new(stderr)),
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            exporting: false,
            rows: Arc::default(),
            answered: Arc::default(),
        }
    }

    /// The same streams for an answer that is exported: in this format, and into `file` where there is one.
    #[must_use]
    pub fn exporting(&self, format: &'static dyn Renderer, file: Option<Box<dyn Write + Send>>) -> Self {
        Self { exporting: true, ..self.redirected(format, file) }
    }

    /// The same streams with answers in another format, and into `file` where there is one.
    #[must_use]
    pub fn redirected(&self, format: &'static dyn Renderer, file: Option<Box<dyn Write + Send>>) -> Self {
        let into_file = file.is_some();
        let stdout_terminal = self.environment.stdout_terminal && !into_file;
        // The terminal may have another width than at the start.
        let width =
            if stdout_terminal { Environment::columns().or(self.screen.width) } else { self.screen.width };
        Self {
            environment: Environment { stdout_terminal, ..self.environment },
            screen: if into_file { Screen::PIPE } else { Screen { width, ..self.screen } },
            stderr_screen: self.stderr_screen,
            format,
            stdout: file.map_or_else(|| Arc::clone(&self.stdout), |file| Arc::new(Mutex::new(file))),
            stderr: Arc::clone(&self.stderr),
            bars: self.bars.clone(),
            exporting: self.exporting,
            rows: Arc::default(),
            answered: if into_file { Arc::default() } else { Arc::clone(&self.answered) },
        }
    }

    /// The same streams, laid out for another screen: a terminal that was resized, a width that a person wants.
    #[must_use]
    pub fn on_screen(self, screen: Screen) -> Self {
        Self { screen, ..self }
    }

    /// The same streams for a command that is typed in the shell, which reads stdin itself.
    #[must_use]
    pub fn within_shell(self) -> Self {
        Self { environment: Environment { stdin_taken: true, ..self.environment }, ..self }
    }

    /// The same streams, but what goes to stdout is held back, laid out as if it went there.
    #[must_use]
    pub fn held(&self) -> (Self, Captured) {
        let captured = Captured::default();
        let mut held = self.redirected(self.format, None).on_screen(self.screen);
        held.stdout = Arc::new(Mutex::new(Box::new(captured.stdout.clone())));
        (held, captured)
    }

    /// Whether an answer is exported: then it is whole (no page of it), and the only one.
    pub fn is_exporting(&self) -> bool {
        self.exporting
    }

    /// How many records the answers so far had.
    pub fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }

    /// The format of answers.
    pub fn format(&self) -> &'static dyn Renderer {
        self.format
    }

    /// Chooses another format for the answers to come.
    pub fn set_format(&mut self, format: &'static dyn Renderer) {
        self.format = format;
    }

    /// What stdout is written for.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// What the standard streams are like.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// Whether a person types and reads, so that questions may be asked.
    pub fn is_interactive(&self) -> bool {
        self.environment.stdin_terminal && self.environment.stdout_terminal
    }

    /// Writes an answer to stdout in the chosen format.
    ///
    /// # Errors
    /// [`OutputError::ClosedPipe`] when nobody reads any more, else what the format or stdout refuses.
    pub fn answer(&self, answer: &Answer) -> Result<(), OutputError> {
        let between = if self.answered.swap(true, Ordering::Relaxed) { self.format.between() } else { "" };
        self.to_stdout(|out| {
            out.write_all(between.as_bytes())?;
            self.format.render(answer, &self.screen, out)
        })?;
        let rows = answer.records.batches.iter().map(RecordBatch::num_rows).sum();
        self.rows.fetch_add(rows, Ordering::Relaxed);
        Ok(())
    }

    /// Writes text of the program's own making (help, a completion script, what was held back) to stdout as it is.
    ///
    /// # Errors
    /// As [`Output::answer`].
    pub fn text(&self, text: &str) -> Result<(), OutputError> {
        self.to_stdout(|out| Ok(out.write_all(text.as_bytes())?))
    }

    fn to_stdout(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), RenderError>,
    ) -> Result<(), OutputError> {
        self.beside_bars(|| {
            let mut out = locked(&self.stdout);
            write(&mut **out)?;
            Ok(out.flush().map_err(RenderError::Write)?)
        })
    }

    /// Writes a line to stderr; control characters in it are made harmless.
    pub fn line(&self, line: &str) {
        self.to_stderr(&format!("{}\n", text::visible(line)));
    }

    /// Writes something to know to stderr, behind `note`.
    pub fn note(&self, note: &str) {
        self.line(&format!("note  {note}"));
    }

    /// Writes to stderr what went wrong, why, and what to do.
    pub fn error(&self, report: &Report) {
        self.to_stderr(&report.shown(self.stderr_screen.color));
    }

    /// Writes lines that a started tool printed to stderr: in its colours where colours are used, and without any other
    /// order to a terminal.
    pub fn tool_lines(&self, lines: &[Vec<u8>]) {
        if !lines.is_empty() {
            let shown = |line: &Vec<u8>| tool::harmless(line, self.stderr_screen.color) + "\n";
            self.to_stderr(&lines.iter().map(shown).collect::<String>());
        }
    }

    /// Whether progress is drawn, rather than told in lines or not at all.
    pub fn draws_progress(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// Writes text of the program's own making (how a command is used) to stderr as it is.
    pub fn raw_error(&self, text: &str) {
        self.to_stderr(text);
    }

    /// Starts to show progress on stderr, when a person looks on; gone as soon as it ends.
    pub fn progress(&self, message: &str) -> Progress {
        Progress::start(&self.bars, message)
    }

    /// What starts to show, later and from anywhere, what is asked of S3; `None` when nobody looks on.
    pub fn asking(&self) -> Option<impl FnOnce() -> Progress + Send + 'static> {
        let bars = self.bars.clone();
        self.draws_progress().then_some(move || Progress::asking(&bars))
    }

    /// Starts to show on stderr how much a question has read, when a person looks on; gone as soon as it ends.
    pub fn reading(&self) -> Progress {
        Progress::reading(&self.bars)
    }

    /// What ends the editing of a line, and a bar, when the program ends in the middle of it: pasted text comes without
    /// brackets again, and what the system says next stands on a line of its own.
    pub fn end_of_typing(&self) -> impl Fn() + Send + 'static {
        let (bars, stderr) = (self.bars.clone(), Arc::clone(&self.stderr));
        let is_seen = self.environment.stderr_terminal;
        move || {
            let _ = bars.clear();
            // Somebody who writes and never ends is not waited for.
            if is_seen && let Ok(mut stderr) = stderr.try_lock() {
                let _ = stderr.write_all(b"\x1b[?2004l\r\n").and_then(|()| stderr.flush());
            }
        }
    }

    fn to_stderr(&self, text: &str) {
        self.beside_bars(|| {
            let mut stderr = locked(&self.stderr);
            // Nobody is left to hear that stderr is gone.
            let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
        });
    }

    /// Takes progress bars off the terminal while something else is written.
    fn beside_bars<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.bars.is_hidden() { write() } else { self.bars.suspend(write) }
    }
}

/// A panic elsewhere while writing leaves a stream that can still be written.
fn locked<T: ?Sized>(stream: &Mutex<T>) -> MutexGuard<'_, T> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why stdout could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The reader of the pipe went away: the program ends at once, and successfully.
    #[error("the reader of the output is gone")]
    ClosedPipe,
    /// The format or the stream refused.
    #[error(transparent)]
    Render(RenderError),
}

impl From<RenderError> for OutputError {
    fn from(error: RenderError) -> Self {
        if error.is_closed_pipe() { Self::ClosedPipe } else { Self::Render(error) }
    }
}

/// What was written to an [`Output`] in memory.
#[derive(Debug, Default, Clone)]
pub struct Captured {
    stdout: Sink,
    stderr: Sink,
}

impl Captured {
    /// Everything on stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Everything on stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

#[derive(Debug, Default, Clone)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8_lossy(&locked(&self.0)).into_owned()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
