//! A relation with all of its rows, or SQL.

use clap::Args;
use datafusion::sql::parser::DFParser;

use crate::cli::args::ImportArgs;
use crate::cli::context::{Context, open};
use crate::cli::exit::CliError;
use crate::cli::sql::{self, SqlArgs};
use crate::model::nearest;
use crate::session::BASE_RELATIONS;

/// A relation, or SQL.
#[derive(Debug, Args)]
#[command(override_usage = "runq export [OPTIONS] <RELATION|SQL>")]
pub(super) struct RelationArgs {
    /// A relation that runq views lists, or SQL.
    #[arg(value_name = "RELATION|SQL")]
    asked: String,

    /// Ask about the run files under this path instead of the store. May be repeated.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<String>,

    #[command(flatten)]
    import: ImportArgs,
}

/// Exports it.
///
/// # Errors
/// When it is neither, or cannot be answered.
pub(super) async fn run(args: RelationArgs, context: &Context<'_>) -> Result<u8, CliError> {
    // One word is the name of something; a statement has several.
    if args.asked.trim().contains(char::is_whitespace) {
        return sql(args, context).await;
    }
    let (mut session, code) = open(context.asked(&args.paths, &args.import).await?).await?;
    let name = args.asked.trim();
    let there = BASE_RELATIONS.iter().any(|(base, _)| *base == name) || session.views().get(name).is_some();
    if !there {
        let views: Vec<String> = session.views().iter().map(|view| view.name.clone()).collect();
        return Err(unknown(name, &views));
    }
    let rows = session.relation(name).await?;
    context.output.answer(&sql::answer(rows.into(), None)?)?;
    Ok(code)
}

async fn sql(args: RelationArgs, context: &Context<'_>) -> Result<u8, CliError> {
    if DFParser::parse_sql(&args.asked).is_err() {
        let first = args.asked.split_whitespace().next().unwrap_or_default();
        if let Some(near) = nearest(first, super::questions().iter().map(String::as_str)) {
            let hint = format!("did you mean the question {near}? its arguments are words of their own");
            return Err(CliError::usage(format!("{} is no SQL", args.asked), Some(&hint)));
        }
    }
    sql::run(SqlArgs::of(args.asked, args.paths, args.import), context).await
}

/// The error of a name that stands for nothing.
pub(super) fn unknown(name: &str, views: &[String]) -> CliError {
    let questions = super::questions();
    let known = (questions.iter().map(String::as_str))
        .chain(BASE_RELATIONS.iter().map(|(base, _)| *base))
        .chain(views.iter().map(String::as_str));
    let hint = nearest(name, known).map_or_else(
        || {
            format!(
                "questions: {}; runq views lists the relations; SQL is one word in quotes",
                questions.join(", ")
            )
        },
        |near| format!("did you mean {near}?"),
    );
    CliError::not_found(format!("{name} is neither a question nor a relation"), Some(&hint))
}
