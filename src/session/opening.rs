//! How a session begins: which of the runs in scope count, what makes the arms, and the relations over them.

use arrow::array::Int64Array;
use datafusion::functions_aggregate::expr_fn::count_distinct;
use datafusion::prelude::{Expr, SessionContext, coalesce, col, lit, when};

use super::cases::Cases;
use super::dimension::{self, Dimension};
use super::facts::{Facts, RunEntry};
use super::lineage::Lineage;
use super::options::Scope;
use super::planned::Planned;
use super::relations::{self, Asked};
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
    let mut kept: Vec<RunEntry> = Vec::new();
    for entry in runs {
        match kept.iter_mut().find(|known| known.run.run_id == entry.run.run_id) {
            Some(known)
                if (known.run.ended_at, known.run.result_count)
                    <= (entry.run.ended_at, entry.run.result_count) =>
            {
                *known = entry;
            }
            Some(_) => {}
            None => kept.push(entry),
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
    let counts = distinct_values(facts, &facts.runs, of_dimension).await?;
    Ok(counts.into_iter().find_map(|(name, count)| (count == 2).then_some(name)))
}

/// The first of the dimensions `auto` knows that has several values, else the run.
pub(super) async fn varying(facts: &Facts, runs: &[RunEntry]) -> Result<String, SessionError> {
    let or_empty = |name: &str| Ok(coalesce(vec![col(name), lit("")]));
    let counts = distinct_values(facts, runs, or_empty).await?;
    let varies = counts.into_iter().find_map(|(name, count)| (count > 1).then_some(name));
    Ok(varies.unwrap_or("run").to_owned())
}

/// How many values the results of some runs have in each of the dimensions that `auto` knows.
async fn distinct_values(
    facts: &Facts,
    runs: &[RunEntry],
    value: impl Fn(&str) -> Result<Expr, SessionError>,
) -> Result<Vec<(&'static str, i64)>, SessionError> {
    let ctx = SessionContext::new();
    let frame = ctx.read_table(std::sync::Arc::clone(&facts.results))?;
    let counted = |name: &&str| Ok(count_distinct(value(name)?).alias(*name));
    let counted = dimension::AUTO.iter().map(counted).collect::<Result<Vec<_>, SessionError>>()?;
    let batches = relations::of_runs(&ctx, frame, runs)?.aggregate(vec![], counted)?.collect().await?;
    let count = |name: &str| {
        let columns = batches.iter().filter_map(|batch| batch.column_by_name(name));
        columns.filter_map(|column| column.as_any().downcast_ref::<Int64Array>()).flatten().flatten().sum()
    };
    Ok(dimension::AUTO.into_iter().map(|name| (name, count(name))).collect())
}
