//! `runq sql`.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use datafusion::sql::parser::DFParser;

use super::args::ImportArgs;
use super::context::{Context, open};
use super::exit::CliError;
use crate::answer::{Answer, Block, Records};
use crate::questions::metrics::metric_names;
use crate::render::table_of;
use crate::session::{Known, Place, Session, SessionError, advice, hint_of};

/// How many rows a person is shown unless told otherwise.
const ROWS_SHOWN: usize = 40;

/// Ask in SQL: runs, results, scores, steps and every view, within the session's scope.
///
/// The statements come from the command line, from a file, or from standard input, separated by semicolons; each is
/// answered in turn and the first error stops. Every relation stands within --run, --task, --scope, --by and the other
/// session flags. On a terminal 40 rows are shown (--max-rows); in a pipe all of them, as csv.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq sql \"SELECT metric, arm, value FROM metric_winners WHERE winner\"
  runq sql \"SELECT case_id, delta FROM score_changes WHERE metric = 'score' ORDER BY delta\" --last 2
  runq sql -f report.sql --format jsonl
  runq sql --path results/run-1 \"SELECT count(*) FROM results\"")]
pub struct SqlArgs {
    /// The statements; standard input without any.
    #[arg(value_name = "SQL", conflicts_with = "file")]
    sql: Vec<String>,

    /// A file of statements.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Ask about the run files under this path instead of the store. May be repeated.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,

    /// How many rows to show on a terminal; 0 for all.
    #[arg(long, value_name = "N", default_value_t = ROWS_SHOWN)]
    max_rows: usize,

    #[command(flatten)]
    import: ImportArgs,
}

impl SqlArgs {
    /// These statements, asked about these paths.
    pub(super) fn of(statements: String, paths: Vec<String>, import: ImportArgs) -> Self {
        Self { sql: vec![statements], file: None, paths, max_rows: ROWS_SHOWN, import }
    }
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: SqlArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let text = text(&args, context)?;
    let statements = DFParser::parse_sql(&text)
        .map_err(|error| pointed(SessionError::from(error), &text, &Known::default()))?;
    if statements.is_empty() {
        return Err(no_sql());
    }
    if statements.len() > 1 && (context.output.is_exporting() || context.output.format().is_binary()) {
        return Err(CliError::usage(
            format!("{} statements: one file holds the answer of one", statements.len()),
            Some("ask them one after the other, each into a file of its own"),
        ));
    }
    let (mut session, code) = open(context.asked(&args.paths, &args.import).await?).await?;
    let limit = context.output.screen().is_terminal().then_some(args.max_rows).filter(|rows| *rows > 0);
    for statement in statements {
        let advice = advice(&statement);
        let rows = match session.statement(statement).await {
            Ok(rows) => rows,
            Err(error) => return Err(explained(error, &mut session, &text).await),
        };
        if let Some(advice) = advice {
            context.output.note(&advice);
        }
        context.output.answer(&answer(rows.into(), limit)?)?;
    }
    Ok(code)
}

fn text(args: &SqlArgs, context: &Context<'_>) -> Result<String, CliError> {
    if let Some(path) = &args.file {
        return std::fs::read_to_string(path)
            .map_err(|error| CliError::not_found(format!("{}: {error}", path.display()), None));
    }
    if !args.sql.is_empty() {
        return Ok(args.sql.join("; "));
    }
    let environment = context.output.environment();
    if environment.stdin_terminal || environment.stdin_taken {
        return Err(no_sql());
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CliError::usage(format!("standard input: {error}"), None))?;
    Ok(text)
}

fn no_sql() -> CliError {
    CliError::usage(
        "no SQL: give it as a word, with -f FILE, or on standard input",
        Some("runq sql \"SELECT * FROM run_overview\""),
    )
}

/// The answer of one statement.
pub(crate) fn answer(records: Records, limit: Option<usize>) -> Result<Answer, CliError> {
    let (table, left) = table_of(&records, limit, "").map_err(crate::cli::output::OutputError::Render)?;
    let rows: usize = records.batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
    let mut blocks = vec![Block::Table(table)];
    if left > 0 {
        blocks.push(Block::Line(format!("{rows} rows, {left} not shown: --max-rows 0 shows all")));
    }
    let ids = ids(&records);
    Ok(Answer { blocks, ids, records, ..Answer::default() })
}

/// The ids of a result: its first column called `run_id`, `case_id` or `id`.
pub(crate) fn ids(records: &Records) -> Option<Vec<String>> {
    let place = records
        .schema
        .fields()
        .iter()
        .position(|field| ["case_id", "run_id", "id"].contains(&field.name().as_str()))?;
    let rows = crate::session::Rows { schema: records.schema.clone(), batches: records.batches.clone() };
    Some(crate::session::text_values(&rows, place))
}

/// An error with the place in the text that it is about, and what was most likely meant by it.
pub(crate) fn pointed(error: SessionError, text: &str, known: &Known) -> CliError {
    let (marked, hint) = match &error {
        SessionError::Sql(cause) => (Place::of(text, cause), hint_of(cause, text, known)),
        _ => (None, None),
    };
    let mut error = CliError::from(error);
    if let Some(report) = &mut error.report {
        if let Some(place) = marked {
            // Where there is one line, the marker says it all.
            let at = if text.trim().contains('\n') {
                format!(" (line {}, column {})", place.line(), place.column())
            } else {
                String::new()
            };
            report.message = format!("{}{at}\n{}", report.message, place.marked(text));
        }
        report.hints.extend(hint);
    }
    error
}

/// The same for a text that a session could not answer, which knows the names there are.
pub(crate) async fn explained(error: SessionError, session: &mut Session, text: &str) -> CliError {
    let known = match &error {
        SessionError::Sql(_) => Known {
            relations: session.views().iter().map(|view| view.name.clone()).collect(),
            // A session that cannot tell them helps less.
            metrics: metric_names(session).await.unwrap_or_default(),
        },
        _ => Known::default(),
    };
    pointed(error, text, &known)
}
