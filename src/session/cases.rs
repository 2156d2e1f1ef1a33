//! Which cases a question is about: a glob over their ids, or an asset.
//!
//! Ids hold any character, so an id that is there as it was typed is meant itself; only then it is read as a glob.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::common::JoinType;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{DataFrame, SessionContext, coalesce, col};

use super::SessionError;
use super::dimension::path_expression;
use super::facts::{Facts, RunEntry};
use super::options::{Asset, Scope};
use super::planned;
use super::relations::of_runs;
use crate::model::nearest;

/// Up to how many cases a filter is a predicate, so that statistics of files leave the others unopened.
const MOST_NAMED_CASES: usize = 64;

/// The cases in scope, by their ids.
#[derive(Debug, Clone)]
pub(crate) struct Cases {
    ids: BTreeSet<String>,
}

impl Cases {
    /// The cases of some runs that a scope asks for; `None` when it asks for all.
    ///
    /// # Errors
    /// When there are cases and none of them fits.
    pub async fn wanted(
        facts: &Facts,
        runs: &[RunEntry],
        asked: (&Scope, Option<&String>),
    ) -> Result<Option<Self>, SessionError> {
        let (scope, case_key) = asked;
        if scope.case.is_none() && scope.asset.is_none() {
            return Ok(None);
        }
        let there = ids(facts, runs, case_key).await?;
        let mut fitting = there.clone();
        if let Some(asset) = &scope.asset {
            fitting.retain(|id| asset.holds(id));
            if fitting.is_empty() && !there.is_empty() {
                return Err(unknown_asset(asset, there));
            }
        }
        if let Some(case) = &scope.case {
            let candidates = fitting.clone();
            fitting = named(&candidates, case);
            if fitting.is_empty() && !candidates.is_empty() {
                return Err(unknown_case(case, &candidates));
            }
        }
        Ok(Some(Self { ids: fitting }))
    }

    /// Whether a case is one of them.
    pub fn hold(&self, case_id: &str) -> bool {
        self.ids.contains(case_id)
    }

    /// The rows of a frame that belong to them, by a column of ids.
    pub fn of(&self, ctx: &SessionContext, frame: DataFrame) -> Result<DataFrame, SessionError> {
        if self.ids.len() <= MOST_NAMED_CASES {
            let wanted: Vec<Expr> = self.ids.iter().map(|id| lit(id.as_str())).collect();
            return Ok(frame.filter(col("case_id").in_list(wanted, false))?);
        }
        let wanted: ArrayRef = Arc::new(StringArray::from_iter_values(&self.ids));
        let lookup = ctx.read_batch(RecordBatch::try_from_iter([("wanted_case_id", wanted)])?)?;
        Ok(frame.join(lookup, JoinType::LeftSemi, &["case_id"], &["wanted_case_id"], None)?)
    }
}

/// The ids that a word stands for: the one that reads so, else those that fit it as a glob.
pub(crate) fn named(ids: &BTreeSet<String>, word: &str) -> BTreeSet<String> {
    if ids.contains(word) {
        return BTreeSet::from([word.to_owned()]);
    }
    match glob::Pattern::new(word) {
        Ok(pattern) => ids.iter().filter(|id| pattern.matches(id)).cloned().collect(),
        Err(_) => BTreeSet::new(),
    }
}

/// A case that is not there, with the near one.
pub(crate) fn unknown_case(case: &str, there: &BTreeSet<String>) -> SessionError {
    SessionError::UnknownCase {
        name: case.to_owned(),
        near: nearest(case, there.iter().map(String::as_str)).map(str::to_owned),
    }
}

fn unknown_asset(asset: &Asset, there: BTreeSet<String>) -> SessionError {
    let names: Vec<String> = there.into_iter().collect();
    SessionError::UnknownAsset { asset: asset.in_words(), near: asset.nearest_part(&names) }
}

/// The ids of all cases there are.
///
/// # Errors
/// When rows cannot be read.
pub async fn of_facts(facts: &Facts) -> Result<BTreeSet<String>, SessionError> {
    ids(facts, &facts.runs, None).await
}

/// The ids of the cases of some runs, planned ones included; by the key that pairs them when there is one.
pub(crate) async fn ids(
    facts: &Facts,
    runs: &[RunEntry],
    case_key: Option<&String>,
) -> Result<BTreeSet<String>, SessionError> {
    let ctx = SessionContext::new();
    let id = match case_key {
        Some(path) => coalesce(vec![path_expression(path)?, col("case_id")]),
        None => col("case_id"),
    };
    let rows = of_runs(&ctx, ctx.read_table(Arc::clone(&facts.results))?, runs)?
        .select(vec![id.alias("case_id")])?
        .distinct()?
        .collect()
        .await?;
    let mut ids: BTreeSet<String> = planned::cases(runs)?;
    for batch in rows {
        let texts = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)?;
        if let Some(texts) = texts.as_any().downcast_ref::<StringArray>() {
            ids.extend(texts.iter().flatten().map(str::to_owned));
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> BTreeSet<String> {
        ["edge [x] (v2)*", "edge x (v2)", "a", "b", "ab"].map(str::to_owned).into()
    }

    #[test]
    fn an_id_that_is_there_is_meant_itself() {
        assert_eq!(named(&there(), "edge [x] (v2)*"), BTreeSet::from(["edge [x] (v2)*".to_owned()]));
        assert_eq!(named(&there(), "edge [x] (v2)"), BTreeSet::from(["edge x (v2)".to_owned()]));
        assert_eq!(named(&there(), "[ab]"), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert_eq!(named(&there(), "edge [x"), BTreeSet::new());
    }
}
