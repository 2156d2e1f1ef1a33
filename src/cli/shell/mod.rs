//! The shell: statements and dot commands, typed on a terminal, from files, from the command line or from a pipe.
//!
//! [`split`] cuts what arrives into statements and commands, [`Shell`] carries them out one after the other, [`asking`]
//! holds the session that answers, [`present`] makes an answer of a result, [`destination`] says where it goes, [`command`] has one file per group of dot
//! commands, and [`edit`] is what a person sees while typing. The commands of the command line are commands here too,
//! from the same definitions.

mod args;
pub mod asking;
pub mod command;
pub mod destination;
pub mod edit;
pub mod pager;
mod plan;
pub mod present;
pub mod script;
pub mod settings;
pub mod split;
mod statement;
mod terminal;
pub mod vocabulary;

use std::path::PathBuf;

use crate::cli::args::GlobalArgs;
use crate::cli::context::Context;
use crate::cli::exit::{self, CliError};
use crate::cli::interrupt;
use crate::cli::output::Output;
pub use args::{ShellArgs, run};
use asking::Asking;
use destination::Destination;
use edit::Typing;
use settings::Settings;
use split::Piece;

/// What the shell is started with.
#[derive(Debug, Default)]
pub struct Start {
    /// What is to be answered; a person, or standard input, when there is nothing.
    pub scripts: Vec<Script>,
    /// The file of settings, where one was named.
    pub init: Option<PathBuf>,
    /// Whether no file of settings is read.
    pub no_init: bool,
    /// The flags that were given on the command line, by their ids: they win over the file of settings.
    pub said: Vec<String>,
}

/// Statements and commands that are given at once.
#[derive(Debug)]
pub enum Script {
    /// A word of the command line.
    Words(String),
    /// A file.
    File(PathBuf),
}

/// Runs the shell until it is left.
///
/// # Errors
/// Where no person types: the first error, unless `.bail off` stands before it.
pub(super) async fn start(start: Start, context: &Context<'_>) -> Result<u8, CliError> {
    let mut shell = Shell::new(context);
    let ended = work(start, &mut shell, context).await;
    let closed = shell.close_destination(ended.is_ok());
    ended?;
    closed?;
    Ok(shell.leave.unwrap_or(shell.code))
}

async fn work(start: Start, shell: &mut Shell<'_>, context: &Context<'_>) -> Result<(), CliError> {
    if !start.no_init {
        script::init(shell, start.init.as_deref()).await?;
        shell.keep_said(context, &start.said);
    }
    if shell.leave.is_some() {
        // The file of settings says so.
    } else if !start.scripts.is_empty() {
        for script in &start.scripts {
            if shell.leave.is_none() {
                script::run(shell, script).await?;
            }
        }
    } else if shell.output.environment().stdin_terminal {
        shell.interactive = true;
        // One claim as long as the shell lives: a Ctrl-C right behind Enter stops what was entered.
        shell.stop = Some(interrupt::claim_interrupts());
        interrupt::hear_hangups();
        edit::converse(shell).await?;
    } else {
        script::standard_input(shell).await?;
    }
    Ok(())
}

/// A running shell.
pub struct Shell<'a> {
    /// The only writer of stdout and stderr.
    pub output: &'a Output,
    /// The flags of the session as they are now: those of the command line, changed by `.scope` and its like.
    pub global: GlobalArgs,
    /// The flags that it was started with.
    pub started_with: GlobalArgs,
    /// How results look.
    pub settings: Settings,
    /// Where answers go.
    pub destination: Destination,
    /// The session.
    pub asking: Asking,
    /// The last statement that was typed or read.
    pub last_statement: Option<String>,
    /// What was typed, and its colours.
    pub typing: Typing,
    /// Whether a person types.
    pub interactive: bool,
    /// Each Ctrl-C while nothing is typed; taken by what a person waits for.
    stop: Option<interrupt::Claim>,
    /// Set when the shell is to be left, with its exit code.
    pub leave: Option<u8>,
    /// The exit code so far, where errors do not end it.
    pub code: u8,
    /// The files that are being read, each from the one before it.
    pub reading: Vec<PathBuf>,
}

impl<'a> Shell<'a> {
    /// A shell with the flags of the command line.
    pub fn new(context: &Context<'a>) -> Self {
        Self {
            output: context.output,
            global: context.global.clone(),
            started_with: context.global.clone(),
            settings: Settings { io: context.global.io, ..Settings::default() },
            destination: Destination::default(),
            asking: Asking::default(),
            last_statement: None,
            typing: Typing::default(),
            interactive: false,
            stop: None,
            leave: None,
            code: exit::OK,
            reading: Vec::new(),
        }
    }

    /// Has the flags of the command line win over what the file of settings says.
    fn keep_said(&mut self, context: &Context<'_>, said: &[String]) {
        let is_said = |id: &str| said.iter().any(|known| known == id);
        self.global = context.global.clone().within(&self.global, is_said);
        self.started_with = self.global.clone();
        if is_said("format") || is_said("json") {
            self.settings.mode = None;
        }
    }

    /// Carries out everything in a text; gives what is left of a statement that goes on.
    ///
    /// # Errors
    /// The first error; what follows it is not carried out.
    pub async fn all<'t>(&mut self, mut text: &'t str) -> Result<&'t str, CliError> {
        while self.leave.is_none() {
            let (piece, rest) = split::first(text);
            match piece {
                Piece::Nothing => return Ok(""),
                Piece::Open(open, _) => return Ok(open),
                Piece::Command(line) => self.command(line).await?,
                Piece::Statement(sql) => self.statement(sql).await?,
            }
            text = rest;
        }
        Ok("")
    }

    /// Carries out a dot command. A person may stop it.
    ///
    /// # Errors
    /// When there is no such command, and as the command itself.
    pub async fn command(&mut self, line: &str) -> Result<(), CliError> {
        self.echo(line, "")?;
        self.unless_stopped(async |shell| command::run(line, shell).await).await
    }

    /// Answers a statement. A person may stop it.
    ///
    /// # Errors
    /// When it does not parse, plan or run.
    pub async fn statement(&mut self, sql: &str) -> Result<(), CliError> {
        self.unless_stopped(async |shell| shell.answer(sql).await).await
    }

    /// Works until it is done, or the person who waits for it presses Ctrl-C.
    async fn unless_stopped(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let Some(mut stop) = self.stop.take() else { return work(self).await };
        let ended = tokio::select! {
            biased;
            _ = stop.requests.recv() => Err(stopped()),
            ended = work(self) => ended,
        };
        self.stop = Some(stop);
        ended
    }

    /// Forgets each Ctrl-C so far: what it was meant for has ended.
    fn forget_stops(&mut self) {
        if let Some(stop) = &mut self.stop {
            stop.forget();
        }
    }

    /// Shows what a script is about to do, where that is wanted.
    fn echo(&mut self, text: &str, end: &str) -> Result<(), CliError> {
        let is_read = !self.interactive || !self.reading.is_empty();
        if self.settings.echo && is_read { self.put(&format!("{text}{end}\n")) } else { Ok(()) }
    }
}

/// What a person who stopped something is told.
fn stopped() -> CliError {
    CliError { code: exit::INTERRUPTED, report: Some(crate::cli::output::Report::new("stopped")) }
}
