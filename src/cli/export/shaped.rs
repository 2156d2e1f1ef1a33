//! A comparison in the JSON of another tool.

use clap::Args;

use crate::answer::Answer;
use crate::cli::compare::CompareArgs;
use crate::cli::context::{Asked as AskedRuns, Context, ProcessSurroundings, is_path, open};
use crate::cli::exit::CliError;
use crate::ingest::Surroundings as _;
use crate::interop::{Asked, SHAPES, Shape};
use crate::model::nearest;
use crate::session::{Asset, resolve_run};

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
    let mut notes = Vec::new();
    let mut runs = runs_of(compare, shape, context, &mut notes).await?;
    let asset = if shape.whole_runs() { whole_runs(&mut runs).await? } else { None };
    let asked = Asked {
        threshold: context.global.session.score_threshold()?,
        metrics: context.global.session.metrics.clone(),
        candidate: args.candidate,
        arms: args.targets,
        asset,
        now: ProcessSurroundings::quiet().now(),
    };
    let (mut session, code) = open(runs).await?;
    let shaped = shape.document(&mut session, &asked).await?;
    for note in notes.iter().chain(&shaped.notes) {
        context.output.note(note);
    }
    context.output.answer(&Answer { document: Some(shaped.document), ..Answer::default() })?;
    Ok(code)
}

/// The runs that are compared, of the kinds that the tool compares.
async fn runs_of(
    mut compare: CompareArgs,
    shape: &dyn Shape,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Result<AskedRuns, CliError> {
    if shape.whole_runs() && !compare.names().is_empty() {
        let names = context.names(compare.names())?;
        compare.set_names(those_there(names, context, notes).await?);
    }
    let mut asked = compare.asked(context).await?;
    let scope = &mut asked.request.scope;
    // The shape says itself which runs its tool passes over.
    scope.cases_only = false;
    if let Some(kinds) = shape.kinds().filter(|_| scope.runs.is_empty() && scope.kinds.is_empty()) {
        scope.kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    }
    Ok(asked)
}

/// The names that are runs or paths; of the others a note is made. `#58` is a run's id as AMX shows it.
async fn those_there(
    names: Vec<String>,
    context: &Context<'_>,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, CliError> {
    let stored = context.stored_facts().await.ok();
    let is_run = |name: &str| stored.as_ref().is_some_and(|facts| resolve_run(&facts.runs, name).is_ok());
    let mut there = Vec::new();
    for name in names {
        match name.strip_prefix('#').filter(|id| is_run(id)) {
            Some(id) => there.push(id.to_owned()),
            None if is_run(&name) || is_path(&name) => there.push(name),
            None => notes.push(format!("there is no run {name}: it is left out")),
        }
    }
    if there.is_empty() {
        return Err(CliError::not_found("none of these runs is there", Some("runq runs lists them")));
    }
    Ok(there)
}

/// Turns a scope into the runs that it selects, which then count with all of their rows. Gives back the part of a
/// database that was asked for.
async fn whole_runs(asked: &mut AskedRuns) -> Result<Option<Asset>, CliError> {
    let selected = asked.facts.clone().within(&asked.request.scope).await?;
    let scope = std::mem::take(&mut asked.request.scope);
    asked.request.scope.runs = selected.runs.into_iter().map(|entry| entry.run.run_id).collect();
    Ok(scope.asset)
}

fn shape(name: &str) -> Result<&'static dyn Shape, String> {
    SHAPES.iter().copied().find(|shape| shape.name() == name).ok_or_else(|| {
        let names: Vec<&str> = SHAPES.iter().map(|shape| shape.name()).collect();
        let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
        format!("expected one of {}{}", names.join(", "), near.unwrap_or_default())
    })
}
