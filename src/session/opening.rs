//! How a session begins: which of the runs in scope count, what makes the arms, and the relations over them.

use std::collections::HashMap;
use std::sync::Arc;

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
    let found = extremes((&ctx, facts), &facts.runs, (&dimension::AUTO, of_dimension)).await?;
    Ok(found.into_iter().find_map(|column| column.varies().then_some(column.name)))
}

/// What the results of some runs have in the columns that a session looks at first.
pub(super) struct FirstLook(Vec<Extremes>);

impl FirstLook {
    /// Reads the results of some runs, only the columns that are wanted: to find the dimension, the primary metric.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn at(
        asked: (&SessionContext, &Facts),
        runs: &[RunEntry],
        (by, primary): (bool, bool),
    ) -> Result<Self, SessionError> {
        let or_empty = |name: &str| Ok(coalesce(vec![col(name), lit("")]));
        let of_by = dimension::AUTO.into_iter().filter(|_| by);
        let columns: Vec<&str> = of_by.chain(primary.then_some(PRIMARY)).collect();
        if columns.is_empty() {
            return Ok(Self(Vec::new()));
        }
        Ok(Self(extremes(asked, runs, (&columns, or_empty)).await?))
    }

    /// The first of the dimensions `auto` knows that has several values, else the run.
    pub fn by(&self) -> String {
        let varies = self.0.iter().find(|column| column.name != PRIMARY && column.varies());
        varies.map_or("run", |column| column.name).to_owned()
    }

    /// The primary metric of all results, where they agree.
    pub fn primary(&self) -> Option<String> {
        let column = self.0.iter().find(|column| column.name == PRIMARY && !column.varies())?;
        column.least.clone().filter(|metric| !metric.is_empty())
    }
}

/// The column that names the primary metric of a result.
const PRIMARY: &str = "primary_metric";

/// The metric that most results in scope call their primary one; `score` where there are none.
///
/// # Errors
/// When the results cannot be read.
pub(super) async fn primary_metric(ctx: &SessionContext) -> Result<String, SessionError> {
    let counted = ctx
        .table("results")
        .await?
        .aggregate(vec![col(PRIMARY)], vec![count_all().alias("n")])?
        .sort(vec![col("n").sort(false, true), col(PRIMARY).sort(true, false)])?
        .limit(0, Some(1))?;
    let rows = Question::planned(counted).await?.rows().await?;
    Ok(text_values(&rows, 0).into_iter().next().unwrap_or_else(|| "score".to_owned()))
}

/// The least and the most text of a column; `None` where it has none.
struct Extremes {
    name: &'static str,
    least: Option<String>,
    most: Option<String>,
}

impl Extremes {
    /// Whether there are several values.
    fn varies(&self) -> bool {
        self.least != self.most
    }
}

/// The extremes of some columns in the results of some runs: several times quicker than counting their values.
async fn extremes(
    (ctx, facts): (&SessionContext, &Facts),
    runs: &[RunEntry],
    (names, value): (&[&'static str], impl Fn(&str) -> Result<Expr, SessionError>),
) -> Result<Vec<Extremes>, SessionError> {
    let mut asked = Vec::with_capacity(2 * names.len());
    for name in names {
        asked.push(min(value(name)?).alias(format!("least {name}")));
        asked.push(max(value(name)?).alias(format!("most {name}")));
    }
    let frame = ctx.read_table(Arc::clone(&facts.results))?;
    let found = relations::of_runs(ctx, frame, runs)?.aggregate(vec![], asked)?;
    let rows = Question::planned(found).await?.rows().await?;
    let text = |place: usize| text_values(&rows, place).into_iter().next();
    let column =
        |(at, name): (usize, &&'static str)| Extremes { name, least: text(2 * at), most: text(2 * at + 1) };
    Ok(names.iter().enumerate().map(column).collect())
}
