//! A comparison in the JSON of another tool.

use clap::Args;

use crate::answer::{Answer, Records};
use crate::cli::compare::CompareArgs;
use crate::cli::context::{Context, ProcessSurroundings, open};
use crate::cli::exit::CliError;
use crate::ingest::Surroundings as _;
use crate::interop::{Asked, SHAPES, Shape};
use crate::model::nearest;

/// Which tool's shape, and what that tool's own comparison is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Other tools")]
pub(super) struct ShapeArgs {
    /// Write the JSON of that tool's own comparison: agentv, amx or honeyhive.
    #[arg(long = "as", value_name = "TOOL", value_parser = shape)]
    shape: Option<&'static dyn Shape>,

    /// With --as agentv: only the pair of --baseline and this arm.
    #[arg(long, value_name = "ARM", requires = "shape")]
    candidate: Option<String>,

    /// With --as agentv: only these arms. May be repeated.
    #[arg(long = "targets", value_name = "ARM", requires = "shape")]
    targets: Vec<String>,
}

impl ShapeArgs {
    /// The tool, when one was named.
    pub(super) fn tool(&self) -> Option<&'static str> {
        self.shape.map(Shape::name)
    }
}

/// Exports the comparison, in the shape when one was named.
///
/// # Errors
/// When it cannot be answered, or the tool has no comparison of that kind.
pub(super) async fn run(
    compare: CompareArgs,
    args: ShapeArgs,
    context: &Context<'_>,
) -> Result<u8, CliError> {
    let Some(shape) = args.shape else { return crate::cli::compare::run(compare, context).await };
    let asked = Asked {
        threshold: context.global.session.score_threshold()?,
        metrics: context.global.session.metrics.clone(),
        candidate: args.candidate,
        arms: args.targets,
        now: ProcessSurroundings::quiet().now(),
    };
    let (mut session, code) = open(compare.asked(context).await?).await?;
    let shaped = shape.document(&mut session, &asked).await?;
    for note in &shaped.notes {
        context.output.note(note);
    }
    context.output.answer(&Answer {
        blocks: Vec::new(),
        document: Some(shaped.document),
        records: Records {
            schema: std::sync::Arc::new(arrow::datatypes::Schema::empty()),
            batches: Vec::new(),
        },
        ids: None,
    })?;
    Ok(code)
}

fn shape(name: &str) -> Result<&'static dyn Shape, String> {
    SHAPES.iter().copied().find(|shape| shape.name() == name).ok_or_else(|| {
        let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name()).collect();
        let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
        format!("expected one of {}{}", names.join(", "), near.unwrap_or_default())
    })
}
