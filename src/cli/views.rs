//! `runq views`.

use clap::Args;

use super::context::Context;
use super::exit::CliError;
use crate::answer::{Answer, Block, Records};
use crate::model::nearest;
use crate::questions::views::views;
use crate::session::Views;

/// List the relations that SQL can ask, with the question that each answers; with a name, print its text.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq views
  runq views change_counts
  runq sql 'SELECT * FROM metric_winners WHERE winner'")]
pub struct ViewsArgs {
    /// A view whose SQL text is printed.
    #[arg(value_name = "VIEW")]
    name: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: ViewsArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let own = context.stored().await?.map(|facts| facts.user_views).unwrap_or_default();
    let known = Views::new(&own);
    let Some(name) = args.name else {
        context.output.answer(&views(&known)?)?;
        return Ok(0);
    };
    let Some(view) = known.get(&name) else {
        let near = nearest(&name, known.iter().map(|view| view.name.as_str()));
        let hint =
            near.map_or_else(|| "runq views lists them".to_owned(), |near| format!("did you mean {near}?"));
        return Err(CliError::not_found(format!("there is no view {name}"), Some(&hint)));
    };
    let listed = views(&known)?;
    let text = Answer {
        blocks: view.sql.lines().map(|line| Block::Line(line.to_owned())).collect(),
        document: Some(serde_json::json!({
            "schema_version": crate::answer::SCHEMA_VERSION,
            "name": view.name,
            "kind": view.kind,
            "question": view.question,
            "grain": view.grain,
            "notes": view.notes,
            "sql": view.sql,
        })),
        records: Records { schema: listed.records.schema, batches: Vec::new() },
        ids: Some(vec![view.name.clone()]),
        ..Answer::default()
    };
    context.output.answer(&text)?;
    Ok(0)
}
