//! The command line: one command per file, each an `Args` and a `run`. The doc comments are the manual.

pub mod args;
pub mod compare;
pub mod context;
pub mod diff;
pub mod distribution;
pub mod exit;
pub mod export;
pub mod ingest;
pub mod interrupt;
pub mod jobs;
pub mod metrics;
pub mod moment;
pub mod optimize;
pub mod output;
pub mod resume;
pub mod runs;
pub mod shell;
pub mod show;
pub mod sql;
pub mod store;
pub mod tag;
pub mod vacuum;
pub mod versions;
pub mod views;
mod waiting;
pub(crate) mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as _, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use args::GlobalArgs;
use context::Context;
use exit::CliError;
use output::{ColorChoice, Environment, Output, Report, Wish};

use crate::objects::Io;
use crate::render::{TABLE, renderer};
use crate::store::Place;

/// Compare AI evaluation runs: which model or prompt wins, what regressed, is it more than noise.
///
/// runq reads what evaluation tools leave on disk (AgentV run folders; JSONL, JSON, CSV and
/// Parquet of any shape), keeps it in open Parquet (Delta) tables, and answers in SQL.
/// A path can be asked about directly:
///
///   runq compare --by model results/run-1
///
/// or taken into a store first, which is found like .git:
///
///   runq ingest results/ && runq compare --last 2
#[derive(Debug, Parser)]
#[command(name = "runq", version, max_term_width = 100, disable_help_subcommand = true, verbatim_doc_comment)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,

    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    shell: shell::ShellArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    Compare(compare::CompareArgs),
    Diff(diff::DiffArgs),
    Distribution(distribution::DistributionArgs),
    Export(export::ExportArgs),
    Ingest(ingest::IngestArgs),
    Jobs(jobs::JobsArgs),
    Metrics(metrics::MetricsArgs),
    Optimize(optimize::OptimizeArgs),
    Resume(Box<resume::ResumeArgs>),
    Runs(runs::RunsArgs),
    Shell(shell::ShellArgs),
    Show(show::ShowArgs),
    Sql(sql::SqlArgs),
    Store(store::StoreArgs),
    Tag(tag::TagArgs),
    Vacuum(vacuum::VacuumArgs),
    Versions(versions::VersionsArgs),
    Views(views::ViewsArgs),
}

/// Runs the program on a command line and gives its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let environment = Environment::of_process();
    let (cli, matches) = match parsed(arguments.into_iter().collect()) {
        Ok(parsed) => parsed,
        Err(error) => return ExitCode::from(parse_failure(&error, environment)),
    };
    let output = output_of(&cli, environment);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&Report::new(format!("no threads to work with: {error}")));
            return ExitCode::from(exit::INTERNAL);
        }
    };
    interrupt::listen();
    let code = runtime.block_on(async {
        let context = Context::new(cli.global, &output);
        let command = cli.command.unwrap_or(Command::Shell(cli.shell));
        let is_shell = matches!(command, Command::Shell(_));
        let ended = answered(command, &matches, &context).await;
        let code = ended.unwrap_or_else(|error| failed(&error, &output));
        interrupt::end_of_uploads().await;
        if !is_shell {
            context.say_io(Io::default());
        }
        code
    });
    // Readers of files may still be busy; what they read is not wanted any more, nor what a library says that is cut off.
    std::panic::set_hook(Box::new(|_| {}));
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// Parses a command line. What `export` is told and no command is called is a relation or SQL: it stands for the
/// arguments of one more command, so that every flag may follow it.
fn parsed(arguments: Vec<OsString>) -> Result<(Cli, ArgMatches), clap::Error> {
    let (cli, matches) = matched(&arguments)?;
    let Some(Command::Export(export)) = &cli.command else { return Ok((cli, matches)) };
    let Some(words) = export.unknown_words() else { return Ok((cli, matches)) };
    let (mut named, rest) = (arguments.clone(), arguments.len() - words);
    named.insert(rest, export::RELATION.into());
    matched(&named)
}

fn matched(arguments: &[OsString]) -> Result<(Cli, ArgMatches), clap::Error> {
    let matches = Cli::command().try_get_matches_from(arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    if let Some(Err(error)) = cli.global.store.as_deref().map(Place::of) {
        let said = format!("--store: {error}\n\n  {}", error.hint());
        return Err(Cli::command().error(clap::error::ErrorKind::ValueValidation, said));
    }
    if cli.command.is_some() && !cli.shell.is_empty() {
        let said = "-c, -f, --init and --no-init open the shell: no other command stands beside them";
        return Err(Cli::command().error(clap::error::ErrorKind::ArgumentConflict, said));
    }
    Ok((cli, matches))
}

/// The names of the commands, as they are typed.
pub(crate) fn command_names() -> Vec<String> {
    commands().into_iter().map(|(name, _)| name).collect()
}

/// The commands: their names and the first line of what their help says.
pub(crate) fn commands() -> Vec<(String, String)> {
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string).unwrap_or_default();
    Cli::command().get_subcommands().map(|command| (command.get_name().to_owned(), about(command))).collect()
}

/// The flags of the shell with flags of the session that were typed behind `.scope`; `None` when those only asked what
/// they are.
///
/// # Errors
/// When the words are no flags of the session.
pub(crate) fn with_session_flags(
    words: &[String],
    outer: &GlobalArgs,
    output: &Output,
) -> Result<Option<GlobalArgs>, CliError> {
    let flags = args::SessionArgs::augment_args(clap::Command::new(".scope").no_binary_name(true));
    let parsed = flags.try_get_matches_from(words).and_then(|matches| {
        let session = args::SessionArgs::from_arg_matches(&matches)?;
        Ok((session, matches))
    });
    let (session, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return parse_answer(&error, output).map(|_| None),
    };
    Ok(Some(GlobalArgs { session, ..outer.clone() }.within(outer, |id| is_said(&matches, id))))
}

/// Whether a flag stood on the command line, by its id; one that the command does not have did not.
fn is_said(matches: &ArgMatches, id: &str) -> bool {
    matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Runs one command that was typed in the shell. What its flags leave open is as the shell has it.
///
/// # Errors
/// When the words are no command, and as the command itself.
pub(crate) async fn run_within(
    words: &[String],
    outer: &GlobalArgs,
    output: &Output,
) -> Result<u8, CliError> {
    let program = std::iter::once(OsString::from("runq"));
    let arguments: Vec<OsString> = program.chain(words.iter().map(OsString::from)).collect();
    let (cli, matches) = match parsed(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return parse_answer(&error, output),
    };
    let Some(command) = cli.command else { return Ok(exit::OK) };
    let formatted = cli.global.chosen_format().map(|format| output.redirected(format, None));
    let global = cli.global.within(outer, |id| is_said(&matches, id));
    let context = Context::new(global, formatted.as_ref().unwrap_or(output));
    match command {
        Command::Shell(_) => Err(CliError::usage("this is the shell already", None)),
        Command::Export(args) if context.global.read_only && args.writes() => {
            Err(CliError::refused(".export into a file"))
        }
        command => {
            let before = context.io();
            let code = Box::pin(answered(command, &matches, &context)).await?;
            context.say_io(before);
            Ok(code)
        }
    }
}

fn output_of(cli: &Cli, environment: Environment) -> Output {
    let is_sql = matches!(cli.command, None | Some(Command::Sql(_) | Command::Shell(_)));
    let piped = if is_sql { renderer("csv").unwrap_or(TABLE) } else { TABLE };
    Output::of_process(
        environment,
        &Wish { color: cli.global.color, format: cli.global.chosen_format(), piped },
    )
}

/// Carries out a command. One that waits for S3 shows that it does; what goes on for as long as a person wants shows
/// itself.
async fn answered(command: Command, matches: &ArgMatches, context: &Context<'_>) -> Result<u8, CliError> {
    let goes_on = match &command {
        Command::Shell(_) => true,
        Command::Ingest(args) => args.watch,
        Command::Resume(args) => args.exec,
        _ => false,
    };
    let work = dispatch(command, matches, context);
    if goes_on { work.await } else { waiting::shown(work, context.output, context.reach()).await }
}

async fn dispatch(command: Command, matches: &ArgMatches, context: &Context<'_>) -> Result<u8, CliError> {
    match command {
        Command::Compare(args) => compare::run(args, context).await,
        Command::Diff(args) => diff::run(args, context).await,
        Command::Distribution(args) => distribution::run(args, context).await,
        Command::Export(args) => export::run(args, context).await,
        Command::Ingest(args) => ingest::run(args, context).await,
        Command::Jobs(args) => jobs::run(args, context).await,
        Command::Metrics(args) => metrics::run(args, context).await,
        Command::Optimize(args) => optimize::run(args, context).await,
        Command::Resume(args) => resume::run(*args, context).await,
        Command::Runs(args) => runs::run(args, context).await,
        Command::Shell(args) => {
            shell::run(args, matches.subcommand_matches("shell").unwrap_or(matches), context).await
        }
        Command::Show(args) => show::run(args, context).await,
        Command::Sql(args) => sql::run(args, context).await,
        Command::Store(args) => store::run(args, context).await,
        Command::Tag(args) => tag::run(args, context).await,
        Command::Vacuum(args) => vacuum::run(args, context).await,
        Command::Versions(args) => versions::run(args, context).await,
        Command::Views(args) => views::run(args, context).await,
    }
}

fn failed(error: &CliError, output: &Output) -> u8 {
    if let Some(report) = &error.report {
        output.error(report);
    }
    error.code
}

/// Help and version are answers; anything else that does not parse is usage.
fn parse_failure(error: &clap::Error, environment: Environment) -> u8 {
    let output =
        Output::of_process(environment, &Wish { color: ColorChoice::Auto, format: None, piped: TABLE });
    parse_answer(error, &output).unwrap_or_else(|error| error.code)
}

fn parse_answer(error: &clap::Error, output: &Output) -> Result<u8, CliError> {
    let text = error.render();
    if error.use_stderr() {
        output.raw_error(&text.to_string());
        return Err(CliError::silent(exit::USAGE));
    }
    let text = if output.screen().color { text.ansi().to_string() } else { text.to_string() };
    output.text(&text)?;
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
