//! `runq export`: any question's answer, any relation or any SQL, into a file.
//!
//! A command that answers is exported by being run with another output, so that its arguments and its records are its
//! own. To register one more: a variant of [`What`] and an arm of [`write`].

mod in_s3;
mod relation;
mod shaped;
pub(crate) mod target;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::compare::CompareArgs;
use super::context::Context;
use super::diff::DiffArgs;
use super::distribution::DistributionArgs;
use super::exit::CliError;
use super::metrics::MetricsArgs;
use super::runs::RunsArgs;
use super::show::ShowArgs;
use super::sql::SqlArgs;
use super::versions::VersionsArgs;
use super::views::ViewsArgs;
use crate::answer::number::{count, counted};
use crate::render::{RENDERERS, Renderer, renderer, renderer_of_ending};
use relation::RelationArgs;
use shaped::ShapeArgs;
use target::Target;
pub use target::discard_unfinished;

/// The hidden command that stands before a relation or SQL.
pub const RELATION: &str = "relation";

/// Write an answer, a relation or the rows of SQL into a file: csv, json, jsonl, parquet, arrow, markdown and more.
///
/// A question is named with its own arguments: export compare a b is what compare a b answers. A relation (results,
/// scores, steps, or any that runq views lists) is written with all of its rows in scope; anything else is SQL. The
/// format is that of --format, else what the file's ending means, else csv. An existing file is replaced only when the
/// new one is whole.
///
/// export compare --as agentv, amx or honeyhive writes the JSON of that tool's own comparison, for scripts that read it.
#[derive(Debug, Args)]
#[command(
    override_usage = "runq export [OPTIONS] <QUESTION|RELATION|SQL> [ITS ARGUMENTS]...",
    subcommand_help_heading = "Questions",
    disable_help_subcommand = true,
    after_help = "Examples:
  runq export results --last 2 -o results.parquet
  runq export compare --by model results/matrix -o models.csv
  runq export \"SELECT * FROM score_changes WHERE outcome = 'regressed'\" -o regressed.jsonl
  runq export compare results/baseline results/candidate --as agentv -o compare.json"
)]
pub struct ExportArgs {
    /// The file, here or in S3 (s3://BUCKET/KEY); - for standard output, which is also meant without it.
    #[arg(short, long = "output", global = true, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(subcommand)]
    what: What,
}

/// What can be exported.
#[derive(Debug, Subcommand)]
enum What {
    Compare(Box<CompareExport>),
    Diff(DiffArgs),
    Distribution(DistributionArgs),
    Metrics(MetricsArgs),
    Runs(RunsArgs),
    Show(ShowArgs),
    Sql(SqlArgs),
    Versions(VersionsArgs),
    Views(ViewsArgs),
    #[command(name = RELATION, hide = true)]
    Relation(RelationArgs),
    #[command(external_subcommand)]
    Unknown(Vec<OsString>),
}

/// Compare as it is, or in another tool's shape.
#[derive(Debug, Args)]
struct CompareExport {
    #[command(flatten)]
    compare: CompareArgs,

    #[command(flatten)]
    shape: ShapeArgs,
}

impl ExportArgs {
    /// Whether a file is written.
    pub fn writes(&self) -> bool {
        self.output.as_deref().is_some_and(|file| file != Path::new("-"))
    }

    /// How many words of the command line are no question and what follows it; `None` when a question was named.
    pub fn unknown_words(&self) -> Option<usize> {
        match &self.what {
            What::Unknown(words) => Some(words.len()),
            _ => None,
        }
    }

    /// The tool whose shape is written; it is always JSON.
    fn tool(&self) -> Option<&'static str> {
        match &self.what {
            What::Compare(compare) => compare.shape.tool(),
            _ => None,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered or written; then no file is made or replaced.
pub async fn run(args: ExportArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let format = format(&args, context)?;
    let Some(file) = args.output.as_deref().filter(|_| args.writes()) else {
        let output = context.output.exporting(format, None);
        return write(args.what, &Context::new(context.global.clone(), &output)).await;
    };
    let tool = args.tool();
    let mut target = Target::new(file, &format!("-o {}", file.display()))?;
    let output = context.output.exporting(format, Some(target.writer()));
    let written = write(args.what, &Context::new(context.global.clone(), &output)).await;
    let rows = output.rows();
    drop(output);
    let code = written.map_err(|error| target.explained(error))?;
    let bytes = format!("{} bytes", count(i64::try_from(target.publish().await?).unwrap_or(i64::MAX)));
    let what = match tool {
        Some(tool) => format!("{bytes} of json as {tool} writes it"),
        None => format!("{}, {bytes} of {}", counted(rows, "row", "rows"), format.name()),
    };
    context.output.line(&format!("wrote {}: {what}", target::named_place(file)));
    Ok(code)
}

/// Runs what was named with an output that writes into the file.
async fn write(what: What, context: &Context<'_>) -> Result<u8, CliError> {
    match what {
        What::Compare(args) => shaped::run(args.compare, args.shape, context).await,
        What::Diff(args) => super::diff::run(args, context).await,
        What::Distribution(args) => super::distribution::run(args, context).await,
        What::Metrics(args) => super::metrics::run(args, context).await,
        What::Runs(args) => super::runs::run(args, context).await,
        What::Show(args) => super::show::run(args, context).await,
        What::Sql(args) => super::sql::run(args, context).await,
        What::Versions(args) => super::versions::run(args, context).await,
        What::Views(args) => super::views::run(args, context).await,
        What::Relation(args) => relation::run(args, context).await,
        // The command line is parsed again before it comes here.
        What::Unknown(words) => {
            let named = words.first().map(|word| word.to_string_lossy().into_owned());
            Err(relation::unknown(&named.unwrap_or_default(), &[]))
        }
    }
}

/// The names of the questions that can be exported.
fn questions() -> Vec<String> {
    let command = What::augment_subcommands(clap::Command::new("export"));
    command.get_subcommands().map(|question| question.get_name().to_owned()).collect()
}

/// The format: asked for, else what the file's ending means, else csv. Another tool's shape is always JSON.
fn format(args: &ExportArgs, context: &Context<'_>) -> Result<&'static dyn Renderer, CliError> {
    let asked = if context.global.json { Some(named("json")?) } else { context.global.format };
    let ending = args.output.as_deref().and_then(Path::extension).map(|ending| ending.to_string_lossy());
    let meant = asked.or_else(|| ending.as_deref().and_then(renderer_of_ending));
    match (args.tool(), meant, ending) {
        (Some(tool), Some(other), _) if other.name() != "json" => Err(CliError::usage(
            format!("--as {tool} is JSON, and {} was asked for", other.name()),
            Some("leave --format out, and let the file end in .json"),
        )),
        (Some(_), ..) => named("json"),
        (None, Some(format), _) => Ok(format),
        (None, None, Some(ending)) => Err(no_such_ending(&ending)),
        (None, None, None) => named("csv"),
    }
}

fn named(format: &str) -> Result<&'static dyn Renderer, CliError> {
    renderer(format).map_err(|error| CliError::usage(error.to_string(), None))
}

fn no_such_ending(ending: &str) -> CliError {
    let names: Vec<&str> = RENDERERS.iter().map(|renderer| renderer.name()).collect();
    CliError::usage(
        format!("no format is meant by the ending .{ending}"),
        Some(&format!("--format says which: {}", names.join(", "))),
    )
}
