//! How are the values of each arm distributed, and is an improvement broad or driven by a few cases?
//!
//! Reads `score_distribution` and `change_shares`; computes nothing.

mod screen;

use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{Answer, SCHEMA_VERSION};
use crate::session::{Rows, Session, SessionError};

/// A row of `score_distribution`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Bin {
    pub of: String,
    pub arm: String,
    pub task: String,
    pub metric: String,
    pub bin: i64,
    pub low: f64,
    pub high: f64,
    pub count: i64,
    pub share: Option<f64>,
    pub n: i64,
}

/// A row of `change_shares`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Share {
    pub baseline: String,
    pub candidate: String,
    pub task: String,
    pub metric: String,
    pub rank: i64,
    pub case_id: String,
    pub delta: f64,
    pub outcome: String,
    pub share: Option<f64>,
    pub cumulative_share: Option<f64>,
}

/// A metric, and how it is shown.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metric {
    pub metric: String,
    pub unit: Option<String>,
}

/// Cases of an arm that are in no bin.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Unscored {
    pub arm: String,
    pub metric: String,
    pub unscored: i64,
}

/// Everything that is known, baseline first.
pub(crate) struct Distribution {
    pub baseline: String,
    pub arms: Vec<String>,
    /// Metrics that were asked for, or the primary one.
    pub shown: Vec<String>,
    /// Every metric there is.
    pub metrics: Vec<Metric>,
    pub bins: Vec<Bin>,
    pub shares: Vec<Share>,
    pub unscored: Vec<Unscored>,
}

const BINS: &str = "SELECT * FROM score_distribution WHERE array_has($metrics, metric) \
     ORDER BY task, metric, of DESC, arm, bin";

const SHARES: &str = "SELECT * FROM change_shares WHERE array_has($metrics, metric) \
     ORDER BY task, metric, candidate, rank";

const UNSCORED: &str = "SELECT arm, metric, count(*) - count(value) AS unscored FROM case_values \
     WHERE array_has($metrics, metric) GROUP BY arm, metric HAVING count(*) > count(value) ORDER BY metric, arm";

const METRICS: &str = "SELECT metric, unit FROM metric_coverage ORDER BY built_in DESC, metric";

/// Counts the values of some metrics, or of the primary one when none is named, and the changes against the baseline.
///
/// # Errors
/// When an arm or metric that was asked for does not exist, or the views cannot be computed.
pub async fn distribution(session: &mut Session, metrics: &[String]) -> Result<Answer, SessionError> {
    for kept in ["case_values", "metric_coverage", "arms"] {
        session.materialize(kept).await?;
    }
    let baseline = session.baseline().await?;
    session.materialize("score_changes").await?;
    let known: Vec<Metric> = session.rows(METRICS).await?.read()?;
    let shown = if metrics.is_empty() { vec![session.primary().to_owned()] } else { metrics.to_vec() };
    check(&known, metrics, session)?;
    let records = session.rows_with(BINS, &named(&shown)).await?;
    let arms = session.rows("SELECT arm, first_row FROM arms ORDER BY first_row, arm").await?;
    let mut arms = crate::session::text_values(&arms, 0);
    arms.sort_by_key(|arm| *arm != baseline);
    let distribution = Distribution {
        baseline,
        arms,
        bins: records.read()?,
        shares: session.rows_with(SHARES, &named(&shown)).await?.read()?,
        unscored: session.rows_with(UNSCORED, &named(&shown)).await?.read()?,
        shown,
        metrics: known,
    };
    answer(&distribution, session, records)
}

fn answer(distribution: &Distribution, session: &Session, records: Rows) -> Result<Answer, SessionError> {
    Ok(Answer {
        blocks: screen::blocks(distribution, session),
        document: Some(json!({
            "schema_version": SCHEMA_VERSION,
            "by": session.by(),
            "baseline": distribution.baseline,
            "metrics": distribution.shown,
            "score_distribution": distribution.bins,
            "change_shares": distribution.shares,
        })),
        records: records.into(),
        ..Answer::default()
    })
}

/// The names as the parameter of a statement.
fn named(metrics: &[String]) -> [(&'static str, ScalarValue); 1] {
    let names = arrow::array::StringArray::from_iter_values(metrics);
    let list = SingleRowListArrayBuilder::new(std::sync::Arc::new(names)).build_list_array();
    [("metrics", ScalarValue::List(std::sync::Arc::new(list)))]
}

/// Whether every metric is there that was asked for by name.
fn check(known: &[Metric], asked: &[String], session: &Session) -> Result<(), SessionError> {
    let names: Vec<String> = known.iter().map(|metric| metric.metric.clone()).collect();
    let options = &session.request().options;
    let of_options = options.primary.iter().chain(options.thresholds.iter().map(|(metric, _)| metric));
    match asked.iter().chain(of_options).find(|metric| !names.contains(metric)) {
        Some(unknown) => Err(SessionError::unknown_metric(unknown, &names)),
        None => Ok(()),
    }
}
