//! Which metrics are there, and how are they read?

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::{Answer, Block, Cell, Column, Mark, SCHEMA_VERSION, Table, number};
use crate::session::{Session, SessionError, text_values};

#[derive(Debug, Deserialize, Serialize)]
struct Metric {
    metric: String,
    direction: String,
    aggregate: String,
    unit: Option<String>,
    origin: String,
    direction_from: String,
    aggregate_from: String,
    unit_from: Option<String>,
    built_in: bool,
    by_run: bool,
    primary_metric: bool,
    /// Null for a metric by run, of which a case has no value.
    cases: Option<i64>,
    scored: Option<i64>,
}

/// A metric of a step is described under its full name, else under its name alone.
const METRICS: &str = "SELECT coverage.metric, coverage.direction, coverage.aggregate, coverage.unit, \
     coalesce(metrics.origin, bare.origin, 'default') AS origin, \
     coalesce(metrics.direction_from, bare.direction_from, 'default') AS direction_from, \
     coalesce(metrics.aggregate_from, bare.aggregate_from, 'default') AS aggregate_from, \
     coalesce(metrics.unit_from, bare.unit_from) AS unit_from, \
     coverage.built_in, FALSE AS by_run, coverage.primary_metric, coverage.cases, coverage.scored \
     FROM metric_coverage AS coverage LEFT JOIN metrics ON coverage.metric = metrics.metric \
     LEFT JOIN metrics AS bare ON coverage.name = bare.metric \
     UNION ALL \
     SELECT metrics.metric, metrics.direction, metrics.aggregate, metrics.unit, metrics.origin, \
     metrics.direction_from, metrics.aggregate_from, metrics.unit_from, metrics.built_in, TRUE AS by_run, \
     FALSE AS primary_metric, CAST(NULL AS BIGINT) AS cases, CAST(NULL AS BIGINT) AS scored \
     FROM metrics LEFT SEMI JOIN run_aggregates ON metrics.metric = run_aggregates.metric \
     ORDER BY built_in DESC, by_run, metric";

/// What a person set and no run in scope carries. A metric by run is there whether or not the arms are made of whole
/// runs.
const SET_IN_VAIN: &str = "SELECT metrics.metric FROM metrics \
     LEFT ANTI JOIN metric_coverage ON metrics.metric = metric_coverage.metric \
     LEFT ANTI JOIN metric_coverage AS steps ON metrics.metric = steps.name \
     WHERE metrics.origin = 'user' AND NOT metrics.by_run ORDER BY metrics.metric";

/// How many metrics a person is shown.
const METRICS_SHOWN: usize = 100;

/// Lists the metrics that the runs in scope carry.
///
/// # Errors
/// When the views cannot be computed.
pub async fn metrics(session: &mut Session) -> Result<Answer, SessionError> {
    session.materialize("case_values").await?;
    session.materialize("metric_coverage").await?;
    let rows = session.rows(METRICS).await?;
    let metrics: Vec<Metric> = rows.read()?;
    let in_vain = text_values(&session.rows(SET_IN_VAIN).await?, 0);
    let mut columns = vec![Column::whole("metric")];
    columns.extend(["direction", "aggregate", "unit"].map(Column::whole));
    columns.push(Column::text("from"));
    columns.extend(["cases", "scored"].map(Column::number));
    let table = Table { columns, rows: metrics.iter().take(METRICS_SHOWN).map(row).collect() };
    let ids = metrics.iter().map(|metric| metric.metric.clone()).collect();
    let mut blocks = vec![
        Block::Headline {
            left: format!("{} metrics · primary {}", metrics.len(), session.primary()),
            right: session.origin().to_owned(),
        },
        Block::Gap,
        Block::Table(table),
    ];
    if metrics.len() > METRICS_SHOWN {
        let more = number::count((metrics.len() - METRICS_SHOWN) as i64);
        blocks.push(Block::Line(format!("  {more} more: --format csv lists all")));
    }
    if !in_vain.is_empty() {
        blocks.push(Block::Note(format!("set, but no run in scope carries it: {}", in_vain.join(", "))));
    }
    Ok(Answer {
        blocks,
        document: Some(json!({
            "schema_version": SCHEMA_VERSION,
            "metrics": metrics,
            "set_but_not_carried": in_vain,
        })),
        ids: Some(ids),
        records: rows.into(),
        ..Answer::default()
    })
}

fn row(metric: &Metric) -> Vec<Cell> {
    vec![
        Cell::plain(metric.metric.clone()),
        Cell::plain(metric.direction.clone()),
        Cell::plain(metric.aggregate.clone()),
        Cell::plain(metric.unit.clone().unwrap_or_default()),
        Cell::plain(said_by(metric)),
        counted(metric.cases),
        counted(metric.scored),
    ]
}

fn counted(cases: Option<i64>) -> Cell {
    cases.map_or_else(|| Cell::marked("—", Mark::Dim), |cases| Cell::plain(number::count(cases)))
}

/// Who said how it is read: one word when all of it comes from one, else who said what.
fn said_by(metric: &Metric) -> String {
    let mut sayings = vec![("direction", &metric.direction_from), ("aggregate", &metric.aggregate_from)];
    sayings.extend(metric.unit_from.as_ref().map(|by| ("unit", by)));
    let mut by_whom: Vec<(&str, Vec<&str>)> = Vec::new();
    for (field, by) in sayings {
        match by_whom.iter_mut().find(|(known, _)| known == by) {
            Some((_, fields)) => fields.push(field),
            None => by_whom.push((by, vec![field])),
        }
    }
    match by_whom.as_slice() {
        [(by, _)] => (*by).to_owned(),
        several => several
            .iter()
            .map(|(by, fields)| format!("{by} ({})", fields.join(", ")))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Every name that `runq metrics set` may mean: of scores in any run, with their step and without it, of headline scores, built in or described.
///
/// # Errors
/// When the scores cannot be read.
pub async fn metric_names(session: &mut Session) -> Result<Vec<String>, SessionError> {
    let names = "SELECT metric FROM metrics UNION SELECT metric FROM scores \
         UNION SELECT metric FROM step_metrics \
         UNION SELECT primary_metric AS metric FROM results ORDER BY metric";
    Ok(text_values(&session.rows(names).await?, 0))
}
