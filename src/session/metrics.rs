//! The `metrics` relation: what is built in, what sources and people described, what this session was told.

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::sync::Arc;

use super::SessionError;
use super::options::Options;
use crate::model::{BUILT_IN_METRICS, BuiltInMetric, MetricRow, RUN_METRICS};

/// What the session says of a metric on its own.
const THIS_SESSION: &str = "this session";

/// A metric as the session sees it; `None` where nobody said anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct MetricEntry {
    pub metric: String,
    pub direction: Option<Said>,
    pub aggregate: Option<Said>,
    pub unit: Option<Said>,
    pub origin: String,
    pub built_in: bool,
    /// Whether an arm has one value of it and a case none.
    pub by_run: bool,
    pub judges: Option<bool>,
    pub threshold: Option<f64>,
    pub tested: bool,
}

/// A word on a metric, and who said it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub word: String,
    pub by: String,
}

impl Said {
    fn new(word: &str, by: &str) -> Self {
        Self { word: word.to_owned(), by: by.to_owned() }
    }
}

/// Every metric that somebody described, the built-in ones first. Field by field a source's word wins over what is
/// built in, a person's over the source's, and this session's over all of them.
pub(crate) fn entries(described: &[MetricRow], options: &Options) -> Vec<MetricEntry> {
    let of_results = BUILT_IN_METRICS.iter().map(|metric| built_in(metric, false));
    let mut entries: Vec<MetricEntry> =
        of_results.chain(RUN_METRICS.iter().map(|metric| built_in(metric, true))).collect();
    let (persons, sources): (Vec<_>, Vec<_>) = described.iter().partition(|row| row.is_a_persons());
    for row in sources.into_iter().chain(persons) {
        let entry = entry_of(&mut entries, &row.metric);
        entry.origin.clone_from(&row.origin);
        let said = |word: &Option<String>| word.as_ref().map(|word| Said::new(word, &row.origin));
        entry.direction = said(&row.direction).or(entry.direction.take());
        // How runs become one value is part of what such a metric is.
        entry.aggregate = said(&row.aggregate).filter(|_| !entry.by_run).or(entry.aggregate.take());
        entry.unit = match row.unit.as_deref() {
            Some(MetricRow::NO_UNIT) if row.is_a_persons() => None,
            _ => said(&row.unit).or(entry.unit.take()),
        };
    }
    for (metric, aggregate) in &options.aggregates {
        entry_of(&mut entries, metric).aggregate = Some(Said::new(aggregate.as_str(), THIS_SESSION));
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
    const BUILT_IN: &str = "built in";
    MetricEntry {
        metric: metric.name.to_owned(),
        direction: Some(Said::new(metric.direction.as_str(), BUILT_IN)),
        aggregate: Some(Said::new(metric.aggregate.as_str(), BUILT_IN)),
        unit: (!metric.unit.is_empty()).then(|| Said::new(metric.unit, BUILT_IN)),
        origin: BUILT_IN.to_owned(),
        built_in: true,
        by_run,
        judges: Some(metric.judges),
        ..MetricEntry::default()
    }
}

fn entry_of<'a>(entries: &'a mut Vec<MetricEntry>, metric: &str) -> &'a mut MetricEntry {
    let place = entries.iter().position(|entry| entry.metric == metric).unwrap_or_else(|| {
        entries.push(MetricEntry {
            metric: metric.to_owned(),
            origin: THIS_SESSION.to_owned(),
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
        ("direction", DataType::Utf8, texts(|entry| word(entry.direction.as_ref()))),
        ("aggregate", DataType::Utf8, texts(|entry| word(entry.aggregate.as_ref()))),
        ("unit", DataType::Utf8, texts(|entry| word(entry.unit.as_ref()))),
        ("origin", DataType::Utf8, texts(|entry| Some(entry.origin.clone()))),
        ("direction_from", DataType::Utf8, texts(|entry| by(entry.direction.as_ref()))),
        ("aggregate_from", DataType::Utf8, texts(|entry| by(entry.aggregate.as_ref()))),
        ("unit_from", DataType::Utf8, texts(|entry| by(entry.unit.as_ref()))),
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

fn word(said: Option<&Said>) -> Option<String> {
    said.map(|said| said.word.clone())
}

fn by(said: Option<&Said>) -> Option<String> {
    said.map(|said| said.by.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Aggregate;

    fn row(origin: &str, metric: &str, fields: [Option<&str>; 3]) -> MetricRow {
        let [direction, aggregate, unit] = fields.map(|field| field.map(str::to_owned));
        MetricRow { metric: metric.into(), direction, aggregate, unit, origin: origin.into() }
    }

    #[test]
    fn a_person_wins_over_a_source_and_a_source_over_what_is_built_in_field_by_field() {
        let described = [
            row("user", "duration_ms", [Some("none"), None, None]),
            row("lm_eval", "duration_ms", [Some("higher"), Some("p90"), None]),
            row("user", "wer", [None, None, Some("none")]),
            row("lm_eval", "wer", [Some("lower"), None, Some("%")]),
        ];
        let options = Options { aggregates: vec![("wer".into(), Aggregate::Max)], ..Options::default() };
        let entries = entries(&described, &options);
        let found = |name: &str| entries.iter().find(|entry| entry.metric == name).unwrap();
        let duration = found("duration_ms");
        assert_eq!(duration.direction, Some(Said::new("none", "user")));
        assert_eq!(duration.aggregate, Some(Said::new("p90", "lm_eval")));
        assert_eq!(duration.unit, Some(Said::new("ms", "built in")));
        assert_eq!((duration.origin.as_str(), duration.built_in), ("user", true));
        let wer = found("wer");
        assert_eq!(wer.direction, Some(Said::new("lower", "lm_eval")));
        assert_eq!(wer.aggregate, Some(Said::new("max", "this session")));
        assert_eq!(wer.unit, None, "a person said that it has none");
    }
}
