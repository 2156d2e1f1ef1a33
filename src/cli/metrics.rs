//! `runq metrics`: what there is, and what a person says of it.

use clap::{Args, Subcommand};

use super::args::ImportArgs;
use super::context::{Context, open, shown_path};
use super::exit::CliError;
use crate::model::{Aggregate, Direction, MetricRow, is_by_run, nearest};
use crate::questions::metrics::{metric_names, metrics};
use crate::session::{By, Request, Session, SessionError};
use crate::store::Publication;

/// List the metrics of the runs in scope: which way each is better, how it is aggregated, and who said so; or set it.
///
/// Metrics that are measured by run (run_cost_usd, approval_rate, ...) stand at the end: a case has no value of them, and
/// how runs become one value cannot be set. A metric of a step (`accuracy @ draft`) follows what is said of its name alone
/// unless something is said of it itself.
///
/// What a person sets holds for every later question about the store: winners and verdicts follow without ingesting
/// again. It wins over what a source says, also when the source is ingested again; what was not set still comes from
/// the source.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  runq metrics
  runq metrics set latency --direction lower --unit ms --aggregate median
  runq metrics set run_cost_usd --direction none
  runq metrics unset latency"
)]
pub struct MetricsArgs {
    #[command(subcommand)]
    change: Option<Change>,

    /// Runs or paths; the whole store without any.
    #[arg(value_name = "RUN|PATH")]
    names: Vec<String>,

    #[command(flatten)]
    import: ImportArgs,
}

#[derive(Debug, Subcommand)]
enum Change {
    Set(SetArgs),
    Unset(UnsetArgs),
}

/// Say how a metric of the store is to be read; what is not named stays as it is.
#[derive(Debug, Args)]
struct SetArgs {
    /// The metric, as `runq metrics` lists it.
    #[arg(value_name = "METRIC")]
    metric: String,

    /// Which way is better: higher, lower, or none (no winner and no verdict).
    #[arg(long, value_name = "WORD", value_parser = direction)]
    direction: Option<Direction>,

    /// Its unit, such as ms or usd; none for no unit.
    #[arg(long, value_name = "TEXT")]
    unit: Option<String>,

    /// How its cases become one number: mean, sum, min, max, median, p90, p95, p99 or count.
    // The id is the one of the session's flag of the same name, which this one stands for here.
    #[arg(id = "aggregates", long = "aggregate", value_name = "FN")]
    aggregate: Option<String>,

    /// Also when no run of the store carries it yet.
    #[arg(long)]
    force: bool,
}

/// Take back what was set, so that the source's word counts again.
#[derive(Debug, Args)]
struct UnsetArgs {
    /// The metric.
    #[arg(value_name = "METRIC")]
    metric: String,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered or done.
pub async fn run(args: MetricsArgs, context: &Context<'_>) -> Result<u8, CliError> {
    match args.change {
        None => list(&args.names, &args.import, context).await,
        Some(Change::Set(args)) => set(args, context).await,
        Some(Change::Unset(args)) => unset(&args.metric, context).await,
    }
}

async fn list(names: &[String], import: &ImportArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let (mut session, code) = open(context.asked(names, import).await?).await?;
    context.output.answer(&metrics(&mut session).await?)?;
    Ok(code)
}

async fn set(args: SetArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let wish = args.wish()?;
    if args.aggregate.is_some() && is_by_run(&args.metric) {
        return Err(SessionError::MetricByRun { flag: "--aggregate", metric: args.metric }.into());
    }
    let store = context.store().await?;
    let facts = context.stored_facts().await?;
    let mut publication = store.publish().await?;
    let before = facts.metrics.iter().find(|row| row.is_a_persons() && row.metric == args.metric).cloned();
    if !args.force && before.is_none() {
        known(&args.metric, Session::open(facts, of_the_store()).await?).await?;
    }
    let after = before.clone().map_or_else(|| wish.clone(), |before| wish.clone().over(before));
    if before.as_ref() == Some(&after) {
        context.output.line(&format!("nothing changed: {}", in_words(&after)));
        return Ok(0);
    }
    publication.metric(wish);
    publish(publication, context).await?;
    context.output.line(&format!("{} · {}", in_words(&after), shown_path(store.label().as_ref())));
    Ok(0)
}

async fn unset(metric: &str, context: &Context<'_>) -> Result<u8, CliError> {
    let store = context.store().await?;
    let facts = context.stored_facts().await?;
    let mut publication = store.publish().await?;
    let set: Vec<&str> =
        facts.metrics.iter().filter(|row| row.is_a_persons()).map(|row| row.metric.as_str()).collect();
    if !set.contains(&metric) {
        let near = nearest(metric, set.iter().copied()).map(|near| format!("did you mean {near}?"));
        let hint = near.unwrap_or_else(|| match set.as_slice() {
            [] => "no metric of this store was set".to_owned(),
            set => format!("set are {}", set.join(", ")),
        });
        return Err(CliError::not_found(format!("nothing was set for {metric}"), Some(&hint)));
    }
    publication.forget_metric(metric.to_owned());
    publish(publication, context).await?;
    context.output.line(&format!("{metric}: as its source says · {}", shown_path(store.label().as_ref())));
    Ok(0)
}

async fn publish(publication: Publication<'_>, context: &Context<'_>) -> Result<(), CliError> {
    let published = publication.commit().await?;
    if let Some(litter) = published.litter {
        context.output.note(&litter);
    }
    Ok(())
}

/// All runs, whatever the session's flags say: a metric is set for the whole store.
fn of_the_store() -> Request {
    Request { by: By::Dimension("run".to_owned()), ..Request::default() }
}

/// Guards against a slip of the pen: what is set for a name that nothing has would have no effect, and nobody would
/// notice.
async fn known(metric: &str, mut session: Session) -> Result<(), CliError> {
    let names = metric_names(&mut session).await?;
    if names.iter().any(|name| name == metric) {
        return Ok(());
    }
    let error = SessionError::unknown_metric(metric, &names);
    let near = error.hint().unwrap_or_default();
    let hint = format!("{near}; --force sets it before a run carries it");
    Err(CliError::not_found(format!("no run of the store carries {metric}"), Some(&hint)))
}

impl SetArgs {
    fn wish(&self) -> Result<MetricRow, CliError> {
        if self.direction.is_none() && self.unit.is_none() && self.aggregate.is_none() {
            let hint = "--direction lower, --unit ms, --aggregate median";
            return Err(CliError::usage(format!("nothing to set for {}", self.metric), Some(hint)));
        }
        if self.unit.as_ref().is_some_and(|unit| unit.trim().is_empty()) {
            let hint = "--unit none says that it has no unit";
            return Err(CliError::usage("--unit: expected a unit, found an empty text", Some(hint)));
        }
        Ok(MetricRow {
            metric: self.metric.clone(),
            direction: self.direction.map(|direction| direction.as_str().to_owned()),
            aggregate: self.aggregate.as_deref().map(aggregate).transpose()?,
            unit: self.unit.as_ref().map(|unit| unit.trim().to_owned()),
            origin: MetricRow::USER.to_owned(),
        })
    }
}

fn in_words(row: &MetricRow) -> String {
    let fields = [("direction", &row.direction), ("aggregate", &row.aggregate), ("unit", &row.unit)];
    let said: Vec<String> =
        fields.iter().filter_map(|(name, word)| word.as_ref().map(|word| format!("{name} {word}"))).collect();
    format!("{}: {}", row.metric, said.join(", "))
}

fn direction(word: &str) -> Result<Direction, String> {
    Direction::parse(word).ok_or_else(|| {
        let near = nearest(word, ["higher", "lower", "none"].into_iter());
        format!(
            "expected higher, lower or none{}",
            near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
        )
    })
}

fn aggregate(word: &str) -> Result<String, CliError> {
    let names = Aggregate::ALL.map(Aggregate::as_str);
    match Aggregate::parse(word) {
        Some(aggregate) => Ok(aggregate.as_str().to_owned()),
        None => {
            let near = nearest(word, names.into_iter()).map(|near| format!("did you mean {near}?"));
            let hint = near.unwrap_or_else(|| format!("there are {}", names.join(", ")));
            Err(CliError::usage(format!("--aggregate: there is no aggregate {word}"), Some(&hint)))
        }
    }
}
