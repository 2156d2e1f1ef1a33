//! Which keys the runs in scope planned: as their sources list them, or as a person does.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::logical_expr::cast;
use datafusion::prelude::{SessionContext, col};
use serde_json::Value;

use super::facts::{Facts, RunEntry};
use super::relations::{Asked, of_runs};
use super::{PlannedCase, SessionError};

/// The planned set as a person gave it, with the models of each run.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    cases: Vec<PlannedCase>,
    /// Models that have rows, by ingest.
    models: HashMap<String, Vec<String>>,
}

impl Planned {
    /// The cases that were planned, beside the models of the runs.
    ///
    /// # Errors
    /// When the results cannot be read.
    pub async fn of(facts: &Facts, runs: &[RunEntry], cases: &[PlannedCase]) -> Result<Self, SessionError> {
        let mut planned = Self { cases: cases.to_vec(), models: HashMap::new() };
        if cases.iter().all(|case| case.model.is_some()) {
            return Ok(planned);
        }
        let ctx = SessionContext::new();
        let text = |name: &str| cast(col(name), DataType::Utf8).alias(name);
        let rows = of_runs(&ctx, ctx.read_table(Arc::clone(&facts.results))?, runs)?
            .select(vec![text("ingest_id"), text("model")])?
            .distinct()?
            .sort(vec![col("ingest_id").sort(true, true), col("model").sort(true, true)])?
            .collect()
            .await?;
        for batch in rows {
            let texts = |column: usize| batch.column(column).as_any().downcast_ref::<StringArray>();
            let (Some(ingests), Some(models)) = (texts(0), texts(1)) else { continue };
            for row in (0..batch.num_rows()).filter(|row| models.is_valid(*row)) {
                let of_run = planned.models.entry(ingests.value(row).to_owned()).or_default();
                of_run.push(models.value(row).to_owned());
            }
        }
        Ok(planned)
    }

    /// The keys that a run planned: what the person says, on every model of the run where he names none, else what the
    /// source lists.
    fn keys(&self, entry: &RunEntry) -> Vec<Key> {
        if self.cases.is_empty() {
            return listed_keys(entry).iter().map(|key| Key::listed(key, entry)).collect();
        }
        let rows = self.models.get(&entry.run.ingest_id);
        let models = rows.cloned().unwrap_or_else(|| configured_models(entry));
        let key = |case: &PlannedCase, model: Option<&String>| Key {
            task: case.task.clone().unwrap_or_else(|| entry.run.task.clone()),
            case_id: Some(case.case_id.clone()),
            model: model.cloned(),
        };
        let keys = self.cases.iter().flat_map(|case| match &case.model {
            None if !models.is_empty() => models.iter().map(|model| key(case, Some(model))).collect(),
            model => vec![key(case, model.as_ref())],
        });
        keys.collect()
    }
}

struct Key {
    task: String,
    case_id: Option<String>,
    model: Option<String>,
}

impl Key {
    fn listed(key: &Value, entry: &RunEntry) -> Self {
        let text = |name: &str| key.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            task: text("task").unwrap_or_else(|| entry.run.task.clone()),
            case_id: text("case_id"),
            model: text("model"),
        }
    }
}

/// The models that a run without any row was set to.
fn configured_models(entry: &RunEntry) -> Vec<String> {
    let params: Value =
        entry.run.params.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let named = ["targets", "target", "model", "llm_model"].iter().find_map(|name| params.get(name));
    match named {
        Some(Value::Array(models)) => models.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(model)) => vec![model.clone()],
        _ => Vec::new(),
    }
}

/// The relation `planned_keys`; in the scope of one task or of some cases only theirs, since other rows are not there.
pub(crate) fn relation(runs: &[RunEntry], asked: &Asked<'_>) -> Result<RecordBatch, SessionError> {
    let mut columns: [Vec<Option<String>>; 5] = Default::default();
    for entry in runs {
        for key in asked.planned.keys(entry) {
            let other_task = asked.scope.task.as_ref().is_some_and(|wanted| *wanted != key.task);
            let other_case = |id: &str| asked.cases.is_some_and(|cases| !cases.hold(id));
            if other_task || key.case_id.as_deref().is_some_and(other_case) {
                continue;
            }
            columns[0].push(Some(entry.run.run_id.clone()));
            columns[1].push(Some(entry.run.ingest_id.clone()));
            columns[2].push(Some(key.task));
            columns[3].push(key.case_id);
            columns[4].push(key.model);
        }
    }
    let names = ["run_id", "ingest_id", "task", "case_id", "model"];
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
    let arrays = columns.into_iter().map(|values| Arc::new(StringArray::from(values)) as ArrayRef).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

fn listed_keys(entry: &RunEntry) -> Vec<Value> {
    entry.run.planned_keys.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The cases that some runs planned, where their sources list them.
pub(crate) fn cases(runs: &[RunEntry]) -> Vec<String> {
    let keys = runs.iter().flat_map(listed_keys);
    keys.filter_map(|key| key.get("case_id").and_then(Value::as_str).map(str::to_owned)).collect()
}
