//! How a session begins: which of the runs in scope count, what makes the arms, and the relations over them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::BooleanArray;
use datafusion::functions_aggregate::count::count_all;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::prelude::{Expr, SessionContext, coalesce, col, lit, when};

use super::cases::Cases;
use super::dimension::{self, Dimension};
use super::facts::{Facts, RunEntry};
use super::lineage::Lineage;
use super::options::Scope;
use super::planned::Planned;
use super::question::Question;
use super::relations::{self, Asked};
use super::rows::text_values;
use super::{Request, SessionError};

/// Registers the base relations over the runs in scope and their families.
pub(super) async fn register(
    ctx: &SessionContext,
    facts: &Facts,
    selected: &[RunEntry],
    asked: (&str, &Request),
) -> Result<(), SessionError> {
    let (by, Request { scope, options, planned, .. }) = asked;
    let lineage = Lineage::of(&facts.runs);
    let descendants = lineage.descendants(selected);
    let others = lineage.others(selected, &descendants);
    let family: Vec<RunEntry> = selected.iter().chain(&others).cloned().collect();
    let cases = Cases::wanted(facts, &family, (scope, options.case_key.as_ref())).await?;
    let planned = Planned::of(facts, selected, planned).await?;
    // Where each run is an arm of its own, all of them count.
    let originals = if by == "run" { vec![true; selected.len()] } else { lineage.originals(selected) };
    let asked = Asked {
        scope,
        options,
        originals: &originals,
        dimension: &Dimension::named(by, selected)?,
        cases: cases.as_ref(),
        descendants: lineage.batch(selected, &descendants)?,
        others: &others,
        planned: &planned,
    };
    relations::register(ctx, facts, selected, &asked).await
}

/// Whether a person pointed at several runs, one by one, by a glob, as paths, or as the newest few.
pub(super) fn several_named(runs: &[RunEntry], scope: &Scope) -> bool {
    let arguments: std::collections::HashSet<Option<usize>> =
        runs.iter().map(|entry| entry.argument).collect();
    runs.len() > 1 && (!scope.runs.is_empty() || scope.last.is_some() || arguments.len() > 1)
}

/// Of the states of one run the later one: the one with more attempts, else the one named last.
pub(super) fn later_states(runs: Vec<RunEntry>) -> Vec<RunEntry> {
    let mut kept: Vec<RunEntry> = Vec::with_capacity(runs.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(runs.len());
    for entry in runs {
        let known = places.get(&entry.run.run_id).and_then(|place| kept.get_mut(*place));
        match known {
            Some(known)
                if (known.run.ended_at, known.run.result_count)
                    <= (entry.run.ended_at, entry.run.result_count) =>
            {
                *known = entry;
            }
            Some(_) => {}
            None => {
                places.insert(entry.run.run_id.clone(), kept.len());
                kept.push(entry);
            }
        }
    }
    kept
}

/// The first of the dimensions `auto` knows that has both values in some run.
///
/// # Errors
/// When the results cannot be read.
pub async fn dimension_with(facts: &Facts, values: [&str; 2]) -> Result<Option<&'static str>, SessionError> {
    let wanted: Vec<Expr> = values.iter().map(|value| lit(*value)).collect();
    let of_dimension = |name: &str| Ok(when(col(name).in_list(wanted.clone(), false), col(name)).end()?);
    let ctx = SessionContext::new();
    let varied = varied((&ctx, facts), &facts.runs, (&dimension::AUTO, of_dimension)).await?;
    Ok(varied.into_iter().find_map(|(name, varies)| varies.then_some(name)))
}

/// The first of the dimensions `auto` knows that has several values, else the run.
pub(super) async fn varying(
    asked: (&SessionContext, &Facts),
    runs: &[RunEntry],
) -> Result<String, SessionError> {
    let varied = varied(asked, runs, (&dimension::AUTO, or_empty)).await?;
    let varies = varied.into_iter().find_map(|(name, varies)| varies.then_some(name));
    Ok(varies.unwrap_or("run").to_owned())
}

/// The metric that most results in scope call their primary one; `score` where there are none.
///
/// # Errors
/// When the results cannot be read.
pub(super) async fn primary_metric(ctx: &SessionContext) -> Result<String, SessionError> {
    let frame = ctx.table("results").await?;
    let columns = [min(col("primary_metric")).alias("least"), max(col("primary_metric")).alias("most")];
    let rows = Question::planned(frame.clone().aggregate(vec![], columns.to_vec())?).await?.rows().await?;
    if let ([least], [most]) = (&text_values(&rows, 0)[..], &text_values(&rows, 1)[..])
        && least == most
    {
        return Ok(least.clone());
    }
    let counted = frame
        .aggregate(vec![col("primary_metric")], vec![count_all().alias("n")])?
        .sort(vec![col("n").sort(false, true), col("primary_metric").sort(true, false)])?
        .limit(0, Some(1))?;
    let rows = Question::planned(counted).await?.rows().await?;
    Ok(text_values(&rows, 0).into_iter().next().unwrap_or_else(|| "score".to_owned()))
}

fn or_empty(name: &str) -> Result<Expr, SessionError> {
    Ok(coalesce(vec![col(name), lit("")]))
}

/// Which of some columns have several values in the results of some runs. Looks at the least and the most of each: that
/// is several times quicker than counting them.
async fn varied(
    (ctx, facts): (&SessionContext, &Facts),
    runs: &[RunEntry],
    (names, value): (&[&'static str], impl Fn(&str) -> Result<Expr, SessionError>),
) -> Result<Vec<(&'static str, bool)>, SessionError> {
    let frame = ctx.read_table(Arc::clone(&facts.results))?;
    let varies = |name: &&str| Ok(min(value(name)?).not_eq(max(value(name)?)).alias(*name));
    let varies = names.iter().map(varies).collect::<Result<Vec<_>, SessionError>>()?;
    let batches = relations::of_runs(ctx, frame, runs)?.aggregate(vec![], varies)?.collect().await?;
    let is_true = |name: &str| {
        let columns = batches.iter().filter_map(|batch| batch.column_by_name(name));
        columns
            .filter_map(|column| column.as_any().downcast_ref::<BooleanArray>())
            .flatten()
            .flatten()
            .any(|yes| yes)
    };
    Ok(names.iter().map(|name| (*name, is_true(name))).collect())
}
