//! What a plan's rows will probably take: tokens, cost and time, from finished rows of the same run and model.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use super::{Estimate, Expected, RunPlan};
use crate::functions::{Seen, sum_to_come};
use crate::model::RunRow;
use crate::session::{Session, SessionError};

/// How sure a range is to hold what comes.
const PROBABILITY: f64 = 0.8;

/// A row of `finished_usage`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Usage {
    ingest_id: String,
    model: Option<String>,
    tokens_n: i64,
    tokens_mean: Option<f64>,
    tokens_stddev: Option<f64>,
    cost_usd_n: i64,
    cost_usd_mean: Option<f64>,
    cost_usd_stddev: Option<f64>,
    duration_ms_n: i64,
    duration_ms_mean: Option<f64>,
    duration_ms_stddev: Option<f64>,
    at_once: Option<f64>,
}

/// What further rows of one model of one run are like.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Groups {
    tokens: Option<Seen>,
    cost_usd: Option<Seen>,
    duration_ms: Option<Seen>,
    rows: i64,
}

/// What finished rows of the runs in scope took.
///
/// # Errors
/// When the view cannot be computed.
pub(super) async fn usage(session: &mut Session) -> Result<Vec<Usage>, SessionError> {
    session.rows("SELECT * FROM finished_usage ORDER BY ingest_id, model").await?.read()
}

/// The groups that the rows of a run fall into.
///
/// Cases that nobody can name (`unnamed`) are of the run's model where it has one.
pub(super) fn groups(plan: &RunPlan, unnamed: i64, usage: &[Usage]) -> Vec<Groups> {
    let run = &plan.run;
    let mut counts: HashMap<Option<Arc<str>>, i64> = HashMap::new();
    for row in &plan.rows {
        *counts.entry(row.model.clone()).or_default() += 1;
    }
    if let (true, [model]) = (unnamed > 0, plan.models.as_slice()) {
        *counts.entry(Some(Arc::from(model.as_str()))).or_default() += unnamed;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort();
    let of_run: Vec<&Usage> = usage.iter().filter(|usage| usage.ingest_id == run.ingest_id).collect();
    let group = |(model, further): (Option<Arc<str>>, i64)| {
        let seen = of_run.iter().find(|usage| usage.model.as_deref() == model.as_deref());
        seen.map_or_else(|| Groups { rows: further, ..Groups::default() }, |usage| usage.group(further))
            .or_of_run(run, further)
    };
    counts.into_iter().map(group).collect()
}

impl Usage {
    fn group(&self, further: i64) -> Groups {
        let seen = |n: i64, mean: Option<f64>, stddev: Option<f64>| {
            mean.filter(|_| n > 0).map(|mean| Seen { n, mean, stddev, further })
        };
        let at_once = self.at_once.unwrap_or(1.0).max(1.0);
        let by_clock = |ms: Option<f64>| ms.map(|ms| ms / at_once);
        Groups {
            tokens: seen(self.tokens_n, self.tokens_mean, self.tokens_stddev),
            cost_usd: seen(self.cost_usd_n, self.cost_usd_mean, self.cost_usd_stddev),
            duration_ms: seen(
                self.duration_ms_n,
                by_clock(self.duration_ms_mean),
                by_clock(self.duration_ms_stddev),
            ),
            rows: further,
        }
    }
}

impl Groups {
    /// Where rows say nothing of themselves, what the tool counted for the whole run, spread over its rows.
    fn or_of_run(self, run: &RunRow, further: i64) -> Self {
        let n = run.processed_count.unwrap_or(run.result_count);
        let spread = |total: Option<f64>| {
            total.filter(|_| n > 0).map(|total| Seen { n, mean: total / n as f64, stddev: None, further })
        };
        Self {
            tokens: self.tokens.or_else(|| spread(run.total_tokens.map(|tokens| tokens as f64))),
            cost_usd: self.cost_usd.or_else(|| spread(run.cost_usd)),
            duration_ms: self.duration_ms.or_else(|| spread(run.duration_ms)),
            rows: self.rows,
        }
    }
}

/// What all of the groups will take together.
pub(super) fn expected(groups: &[Groups]) -> Expected {
    let estimate = |of: fn(&Groups) -> Option<Seen>| {
        let seen: Vec<Seen> = groups.iter().filter_map(of).collect();
        sum_to_come(&seen, PROBABILITY).map(|(value, range)| Estimate {
            value,
            low: range.map(|range| range.0),
            high: range.map(|range| range.1),
        })
    };
    let says_nothing =
        |group: &&Groups| group.tokens.is_none() && group.cost_usd.is_none() && group.duration_ms.is_none();
    Expected {
        tokens: estimate(|group| group.tokens),
        cost_usd: estimate(|group| group.cost_usd),
        duration_ms: estimate(|group| group.duration_ms),
        unknown_rows: groups.iter().filter(says_nothing).map(|group| group.rows).sum(),
    }
}
