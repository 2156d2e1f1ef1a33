//! Which metrics are there, and how are they read?

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{Answer, Block, Cell, Column, SCHEMA_VERSION, Table, number};
use crate::session::{Session, SessionError};

#[derive(Debug, Deserialize, Serialize)]
struct Metric {
    metric: String,
    direction: String,
    aggregate: String,
    unit: Option<String>,
    origin: String,
    built_in: bool,
    primary_metric: bool,
    cases: i64,
    scored: i64,
}

const METRICS: &str = "SELECT coverage.metric, coverage.direction, coverage.aggregate, coverage.unit, \
     coalesce(metrics.origin, 'default') AS origin, coverage.built_in, coverage.primary_metric, \
     coverage.cases, coverage.scored \
     FROM metric_coverage AS coverage LEFT JOIN metrics ON coverage.metric = metrics.metric \
     ORDER BY coverage.built_in DESC, coverage.metric";

/// Lists the metrics that the runs in scope carry.
///
/// # Errors
/// When the views cannot be computed.
pub async fn metrics(session: &mut Session) -> Result<Answer, SessionError> {
    session.materialize("case_values").await?;
    let rows = session.rows(METRICS).await?;
    let metrics: Vec<Metric> = rows.read()?;
    let mut columns = vec![Column::whole("metric")];
    columns.extend(["direction", "aggregate", "unit", "from"].map(Column::whole));
    columns.extend(["cases", "with a value"].map(Column::number));
    let table = Table { columns, rows: metrics.iter().map(row).collect() };
    let ids = metrics.iter().map(|metric| metric.metric.clone()).collect();
    Ok(Answer {
        blocks: vec![
            Block::Headline {
                left: format!("{} metrics · primary {}", metrics.len(), session.primary()),
                right: session.origin().to_owned(),
            },
            Block::Gap,
            Block::Table(table),
        ],
        document: Some(json!({"schema_version": SCHEMA_VERSION, "metrics": metrics})),
        ids: Some(ids),
        records: rows.into(),
    })
}

fn row(metric: &Metric) -> Vec<Cell> {
    vec![
        Cell::plain(metric.metric.clone()),
        Cell::plain(metric.direction.clone()),
        Cell::plain(metric.aggregate.clone()),
        Cell::plain(metric.unit.clone().unwrap_or_default()),
        Cell::plain(metric.origin.clone()),
        Cell::plain(number::count(metric.cases)),
        Cell::plain(number::count(metric.scored)),
    ]
}
