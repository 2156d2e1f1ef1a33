//! The base relations of a session: stored rows in scope, each with its arm, and what the views read beside them.

use std::collections::HashMap;
use std::sync::Arc;

use super::cases::Cases;
use super::dimension::{Dimension, path_expression};
use super::facts::{Facts, RunEntry};
use super::options::{Options, Scope};
use super::planned::{self, Planned};
use super::{SessionError, headers, metrics};
use crate::model::Row;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::catalog::TableProvider;
use datafusion::common::{JoinType, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{DataFrame, SessionContext, coalesce, col};

/// The base relations that a session has beside its views, with what one row is.
pub const BASE_RELATIONS: [(&str, &str); 10] = [
    ("runs", "stored run in scope"),
    ("results", "stored attempt in scope, with its arm"),
    ("run_descendants", "run in scope and re-run or variation of it, or problem with a parent"),
    (
        "family_results",
        "stored attempt of the runs in scope and of their re-runs and variations, in scope or not",
    ),
    ("scores", "stored score in scope, with its arm"),
    ("steps", "stored step in scope, with its arm"),
    ("metrics", "metric that is built in or was described, with its direction, aggregate and unit"),
    ("run_arms", "stored run in scope and arm that holds results of it"),
    ("planned_keys", "key that a run planned, where its source lists them"),
    ("case_clusters", "case with its cluster, with --cluster"),
];

/// Registers everything that is no view.
pub(crate) async fn register(
    ctx: &SessionContext,
    facts: &Facts,
    runs: &[RunEntry],
    asked: &Asked<'_>,
) -> Result<(), SessionError> {
    let results =
        keyed(ctx, arms_of(ctx, of_task(ctx, &facts.results, runs, asked)?, asked.dimension)?, asked)?;
    let versions = is_version(runs, asked.originals);
    let results = results.with_column("is_version", versions.clone())?;
    let family = family(ctx, &facts.results, &results, asked)?;
    let scores = scoped(ctx, &facts.scores, runs, asked)?;
    let by_result = matches!(asked.dimension, Dimension::Result(_)) || asked.options.case_key.is_some();
    let scores =
        if by_result { placed_by_result(scores, &results)? } else { arms_of(ctx, scores, asked.dimension)? };
    let scores = scores.with_column("is_version", versions)?;
    let steps = scoped(ctx, &facts.steps, runs, asked)?;
    let steps = steps_of_cases(ctx, steps, of_task(ctx, &facts.results, runs, asked)?, asked)?;
    let steps = arms_of(ctx, steps, &of_steps(asked.dimension, runs))?;
    let clusters = clusters(&results, asked.options)?;
    let arms = run_arms(ctx, &results, (runs, asked))?;
    let frames = [
        ("results", results),
        ("family_results", family),
        ("scores", scores),
        ("steps", steps),
        ("case_clusters", clusters),
        ("run_arms", arms),
    ];
    for (name, frame) in frames {
        ctx.register_table(name, frame.into_view())?;
    }
    let batches = [
        ("metrics", metrics::relation(&facts.metrics, asked.options)?),
        ("run_descendants", asked.descendants.clone()),
    ];
    for (name, batch) in batches {
        ctx.register_table(name, Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))?;
    }
    ctx.register_table("runs", headers::relation(runs)?)?;
    ctx.register_table("planned_keys", planned::relation(ctx, facts, runs, asked)?)?;
    Ok(())
}

/// Up to how many runs a scope is a predicate.
const MOST_NAMED_RUNS: usize = 64;

/// What shapes the base relations.
pub(crate) struct Asked<'a> {
    pub scope: &'a Scope,
    pub options: &'a Options,
    pub dimension: &'a Dimension,
    /// Which of the runs in scope are no re-runs and variations of others that count in their place.
    pub originals: &'a [bool],
    /// The cases in scope; `None` for all.
    pub cases: Option<&'a Cases>,
    /// The relation `run_descendants`.
    pub descendants: RecordBatch,
    /// Runs out of scope that are re-runs and variations of those in scope.
    pub others: &'a [RunEntry],
    /// What a person says was planned.
    pub planned: &'a Planned,
}

/// Rows of the runs and cases in scope, by the cases' own ids. Where another key pairs cases, those are found by their
/// results.
fn scoped(
    ctx: &SessionContext,
    provider: &Arc<dyn TableProvider>,
    runs: &[RunEntry],
    asked: &Asked<'_>,
) -> Result<DataFrame, SessionError> {
    let frame = of_task(ctx, provider, runs, asked)?;
    match asked.cases {
        Some(cases) if asked.options.case_key.is_none() => cases.of(ctx, frame),
        _ => Ok(frame),
    }
}

/// Results under the id that pairs their cases, of the cases in scope.
fn keyed(ctx: &SessionContext, results: DataFrame, asked: &Asked<'_>) -> Result<DataFrame, SessionError> {
    let keyed = match &asked.options.case_key {
        Some(path) => {
            let key = coalesce(vec![path_expression(path)?, col("case_id")]);
            results.with_column("case_id", key)?
        }
        None => results,
    };
    match asked.cases {
        Some(cases) => cases.of(ctx, keyed),
        None => Ok(keyed),
    }
}

/// The results in scope, and those of re-runs and variations that are not in scope and so have no arm.
fn family(
    ctx: &SessionContext,
    provider: &Arc<dyn TableProvider>,
    results: &DataFrame,
    asked: &Asked<'_>,
) -> Result<DataFrame, SessionError> {
    if asked.others.is_empty() {
        return Ok(results.clone());
    }
    let others = keyed(ctx, of_task(ctx, provider, asked.others, asked)?, asked)?;
    let others =
        others.with_column("arm", lit(ScalarValue::Utf8(None)))?.with_column("is_version", lit(true))?;
    Ok(results.clone().union_by_name(others)?)
}

/// Where another key than the id pairs cases, the steps of those in scope are found by their results.
fn steps_of_cases(
    ctx: &SessionContext,
    steps: DataFrame,
    results: DataFrame,
    asked: &Asked<'_>,
) -> Result<DataFrame, SessionError> {
    const KEY: [&str; 5] = ["ingest_id", "task", "case_id", "epoch", "attempt"];
    const OF_RESULT: [&str; 5] = ["of_ingest_id", "of_task", "of_case_id", "of_epoch", "of_attempt"];
    let (Some(cases), Some(path)) = (asked.cases, &asked.options.case_key) else { return Ok(steps) };
    let own = KEY.iter().zip(OF_RESULT).map(|(name, alias)| column(name).alias(alias));
    let key = coalesce(vec![path_expression(path)?, col("case_id")]).alias("case_id");
    let wanted = cases.of(ctx, results.select(own.chain([key]).collect::<Vec<_>>())?)?;
    Ok(steps.join(wanted, JoinType::LeftSemi, &KEY, &OF_RESULT, None)?)
}

/// Rows of some runs in the task in scope.
fn of_task(
    ctx: &SessionContext,
    provider: &Arc<dyn TableProvider>,
    runs: &[RunEntry],
    asked: &Asked<'_>,
) -> Result<DataFrame, SessionError> {
    let mut frame = of_runs(ctx, ctx.read_table(Arc::clone(provider))?, runs)?;
    if let Some(task) = &asked.scope.task {
        frame = frame.filter(col("task").eq(lit(task.as_str())))?;
    }
    Ok(frame)
}

/// Rows that belong to some runs.
///
/// A few runs are named in a predicate, so that statistics of files leave the others unopened; many are looked up,
/// since a list of thousands costs more to plan than it saves.
pub(crate) fn of_runs(
    ctx: &SessionContext,
    frame: DataFrame,
    runs: &[RunEntry],
) -> Result<DataFrame, SessionError> {
    let ingests = runs.iter().map(|entry| entry.run.ingest_id.as_str());
    if runs.len() <= MOST_NAMED_RUNS {
        // Ids of ingests are random: in files of many runs, which are sorted by run, only the run's id tells them apart.
        let ids = runs.iter().map(|entry| lit(entry.run.run_id.as_str())).collect();
        let named = col("run_id").in_list(ids, false);
        return Ok(frame.filter(col("ingest_id").in_list(ingests.map(lit).collect(), false).and(named))?);
    }
    let wanted: ArrayRef = Arc::new(StringArray::from_iter_values(ingests));
    let lookup = ctx.read_batch(RecordBatch::try_from_iter([("wanted_ingest_id", wanted)])?)?;
    Ok(frame.join(lookup, JoinType::LeftSemi, &["ingest_id"], &["wanted_ingest_id"], None)?)
}

/// Whether a row belongs to a re-run or variation of a run in scope, which counts nowhere but in version stacks.
fn is_version(runs: &[RunEntry], originals: &[bool]) -> Expr {
    let versions: Vec<Expr> = runs
        .iter()
        .zip(originals)
        .filter(|(_, original)| !**original)
        .map(|(entry, _)| lit(entry.run.ingest_id.as_str()))
        .collect();
    if versions.is_empty() { lit(false) } else { col("ingest_id").in_list(versions, false) }
}

/// Adds the arm of each row.
fn arms_of(ctx: &SessionContext, frame: DataFrame, dimension: &Dimension) -> Result<DataFrame, SessionError> {
    if let Some(arm) = dimension.expression() {
        return Ok(frame.with_column("arm", arm)?);
    }
    let Dimension::Run(arms) = dimension else {
        return Err(SessionError::Internal("a row dimension without an expression".to_owned()));
    };
    let columns: Vec<Expr> = frame.schema().fields().iter().map(|field| column(field.name())).collect();
    let lookup = ctx.read_batch(arms_batch(arms)?)?;
    let joined = frame.join(lookup, JoinType::Inner, &["ingest_id"], &["arm_ingest_id"], None)?;
    Ok(joined.select(columns.into_iter().chain([column("arm")]).collect::<Vec<_>>())?)
}

/// A column by its exact name.
fn column(name: &str) -> Expr {
    Expr::Column(datafusion::common::Column::new_unqualified(name))
}

fn arms_batch(arms: &HashMap<String, String>) -> Result<RecordBatch, SessionError> {
    let mut pairs: Vec<(&String, &String)> = arms.iter().collect();
    pairs.sort();
    let ingests: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(ingest, _)| *ingest)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(pairs.iter().map(|(_, arm)| *arm)));
    Ok(RecordBatch::try_from_iter([("arm_ingest_id", ingests), ("arm", names)])?)
}

/// Which arms each run has results in. A run without any is in an arm all the same when runs make the arms. Re-runs and
/// variations of runs in scope count in none, as their results do.
fn run_arms(
    ctx: &SessionContext,
    results: &DataFrame,
    (runs, asked): (&[RunEntry], &Asked<'_>),
) -> Result<DataFrame, SessionError> {
    Ok(match asked.dimension {
        Dimension::Run(arms) => ctx
            .read_batch(arms_batch(arms)?)?
            .select(vec![column("arm_ingest_id").alias("ingest_id"), column("arm")])?
            .filter(Expr::Not(Box::new(is_version(runs, asked.originals))))?,
        Dimension::Row(_) | Dimension::Result(_) => {
            let counted = results.clone().filter(column("is_version").is_false())?;
            counted.select(vec![column("ingest_id"), column("arm")])?.distinct()?
        }
    })
}

/// Scores with the arm and the case id of their result, where those are not on the score itself.
fn placed_by_result(scores: DataFrame, results: &DataFrame) -> Result<DataFrame, SessionError> {
    let columns: Vec<Expr> = scores
        .schema()
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "case_id" => column("result_case_id").alias("case_id"),
            name => column(name),
        })
        .chain([column("arm")])
        .collect();
    let places = results.clone().select(vec![
        column("ingest_id").alias("result_ingest_id"),
        column("execution").alias("result_execution"),
        column("case_id").alias("result_case_id"),
        column("arm"),
    ])?;
    let joined = scores.join(
        places,
        JoinType::Inner,
        &["ingest_id", "execution"],
        &["result_ingest_id", "result_execution"],
        None,
    )?;
    Ok(joined.select(columns)?)
}

/// Steps have fewer columns: a dimension they lack leaves them by run.
fn of_steps(dimension: &Dimension, runs: &[RunEntry]) -> Dimension {
    match dimension {
        Dimension::Row(name) | Dimension::Result(name)
            if !crate::model::StepRow::columns().iter().any(|column| column.name == name) =>
        {
            Dimension::Run(super::dimension::run_labels(runs))
        }
        other => other.clone(),
    }
}

/// The cluster of each case; no row when none was asked for.
fn clusters(results: &DataFrame, options: &Options) -> Result<DataFrame, SessionError> {
    let (cluster, asked) = match &options.cluster {
        Some(path) => (path_expression(path)?, true),
        None => (lit(ScalarValue::Utf8(None)), false),
    };
    Ok(results
        .clone()
        .filter(lit(asked))?
        .select(vec![column("task"), column("case_id"), cluster.alias("cluster")])?
        .aggregate(vec![column("task"), column("case_id")], vec![min(column("cluster")).alias("cluster")])?)
}
