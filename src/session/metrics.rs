//! The `metrics` relation: what is built in, what sources and people described, what this session was told.

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

use super::SessionError;
use super::options::Options;
use crate::model::{BUILT_IN_METRICS, BuiltInMetric, MetricRow, RUN_METRICS};

/// A metric as the session sees it; `None` where nobody said anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct MetricEntry {
    pub metric: String,
    pub direction: Option<String>,
    pub aggregate: Option<String>,
    pub unit: Option<String>,
    pub origin: String,
    pub built_in: bool,
    /// Whether an arm has one value of it and a case none.
    pub by_run: bool,
    pub judges: Option<bool>,
    pub threshold: Option<f64>,
    pub tested: bool,
}

/// Every metric that somebody described: the built-in ones first, a later description wins over an earlier one.
pub(crate) fn entries(described: &[MetricRow], options: &Options) -> Vec<MetricEntry> {
    let of_results = BUILT_IN_METRICS.iter().map(|metric| built_in(metric, false));
    let mut entries: Vec<MetricEntry> =
        of_results.chain(RUN_METRICS.iter().map(|metric| built_in(metric, true))).collect();
    for row in described {
        let entry = entry_of(&mut entries, &row.metric);
        entry.direction = row.direction.clone().or(entry.direction.take());
        entry.aggregate = row.aggregate.clone().or(entry.aggregate.take());
        entry.unit = row.unit.clone().or(entry.unit.take());
        entry.origin.clone_from(&row.origin);
    }
    for (metric, aggregate) in &options.aggregates {
        entry_of(&mut entries, metric).aggregate = Some(aggregate.as_str().to_owned());
    }
    for (metric, threshold) in &options.thresholds {
        entry_of(&mut entries, metric).threshold = Some(*threshold);
    }
    for metric in &options.tests {
        entry_of(&mut entries, metric).tested = true;
    }
    entries
}

fn built_in(metric: &BuiltInMetric, by_run: bool) -> MetricEntry {
    MetricEntry {
        metric: metric.name.to_owned(),
        direction: Some(metric.direction.as_str().to_owned()),
        aggregate: Some(metric.aggregate.as_str().to_owned()),
        unit: (!metric.unit.is_empty()).then(|| metric.unit.to_owned()),
        origin: "built in".to_owned(),
        built_in: true,
        by_run,
        judges: Some(metric.judges),
        threshold: None,
        tested: false,
    }
}

fn entry_of<'a>(entries: &'a mut Vec<MetricEntry>, metric: &str) -> &'a mut MetricEntry {
    let place = entries.iter().position(|entry| entry.metric == metric).unwrap_or_else(|| {
        entries.push(MetricEntry {
            metric: metric.to_owned(),
            origin: "this session".to_owned(),
            ..MetricEntry::default()
        });
        entries.len() - 1
    });
    &mut entries[place]
}

/// The entries as a relation.
pub(crate) fn relation(described: &[MetricRow], options: &Options) -> Result<RecordBatch, SessionError> {
    let entries = entries(described, options);
    let texts = |of: fn(&MetricEntry) -> Option<String>| -> ArrayRef {
        Arc::new(entries.iter().map(of).collect::<StringArray>())
    };
    let flags = |of: fn(&MetricEntry) -> Option<bool>| -> ArrayRef {
        Arc::new(entries.iter().map(of).collect::<BooleanArray>())
    };
    let thresholds: ArrayRef =
        Arc::new(entries.iter().map(|entry| entry.threshold).collect::<Float64Array>());
    let columns = vec![
        ("metric", DataType::Utf8, texts(|entry| Some(entry.metric.clone()))),
        ("direction", DataType::Utf8, texts(|entry| entry.direction.clone())),
        ("aggregate", DataType::Utf8, texts(|entry| entry.aggregate.clone())),
        ("unit", DataType::Utf8, texts(|entry| entry.unit.clone())),
        ("origin", DataType::Utf8, texts(|entry| Some(entry.origin.clone()))),
        ("built_in", DataType::Boolean, flags(|entry| Some(entry.built_in))),
        ("by_run", DataType::Boolean, flags(|entry| Some(entry.by_run))),
        ("judges", DataType::Boolean, flags(|entry| entry.judges)),
        ("threshold", DataType::Float64, thresholds),
        ("tested", DataType::Boolean, flags(|entry| Some(entry.tested))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, data_type, _)| Field::new(*name, data_type.clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}
