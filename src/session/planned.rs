//! Which keys the runs in scope planned: as their sources list them, or as a person does.
//!
//! A run may list hundreds of thousands of keys, so the relation holds none of them: a query reads the list as it goes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, BooleanBuilder, RecordBatch, StringArray, StringViewBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::cast;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{SessionContext, col};
use serde::Deserialize;
use serde_json::Value;

use self::without_rows::{Place, WithoutRows};
use super::cases::Cases;
use super::facts::{Facts, RunEntry};
use super::relations::{Asked, of_runs};
use super::{PlannedCase, SessionError};

mod without_rows;

/// Rows of a batch of planned keys.
const ROWS_AT_ONCE: usize = 8192;

/// The columns of the relation that are text; beside them `has_row` is whether any attempt is stored.
const COLUMNS: [&str; 5] = ["run_id", "ingest_id", "task", "case_id", "model"];

/// The columns by which stored rows are looked up, in the order of a [`Place`].
const KEY: [&str; 4] = ["ingest_id", "task", "case_id", "model"];

/// The planned set as a person gave it, with the models of each run.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    cases: Arc<[PlannedCase]>,
    /// Models that have rows, by ingest.
    models: HashMap<String, Vec<String>>,
}

impl Planned {
    /// The cases that were planned, beside the models of the runs.
    ///
    /// # Errors
    /// When the results cannot be read.
    pub async fn of(facts: &Facts, runs: &[RunEntry], cases: &[PlannedCase]) -> Result<Self, SessionError> {
        let mut planned = Self { cases: Arc::from(cases), models: HashMap::new() };
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

    /// What a run planned: what the person says, on every model of the run where he names none, else what the source
    /// lists.
    fn plan(&self, entry: &RunEntry) -> Plan {
        if self.cases.is_empty() {
            return Plan::Listed(entry.run.planned_keys.clone());
        }
        let models = self.models.get(&entry.run.ingest_id).cloned();
        Plan::Given {
            cases: Arc::clone(&self.cases),
            models: models.unwrap_or_else(|| configured_models(entry)),
        }
    }
}

/// Where the keys of a run come from.
#[derive(Debug)]
enum Plan {
    /// The list of its source.
    Listed(Option<Arc<str>>),
    /// Cases that a person listed, and the models they are planned on where he names none.
    Given { cases: Arc<[PlannedCase]>, models: Vec<String> },
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

/// A planned key; the task of its run where it names none.
#[derive(Debug, Default, Deserialize)]
struct Key {
    task: Option<String>,
    case_id: Option<String>,
    model: Option<String>,
}

/// The keys of a stored list, read one by one.
struct ListedKeys<'a> {
    rest: &'a str,
}

impl Iterator for ListedKeys<'_> {
    type Item = Result<Key, serde_json::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let between = |c: char| c.is_ascii_whitespace() || c == '[' || c == ',';
        let text = self.rest.trim_start_matches(between);
        if text.is_empty() || text.starts_with(']') {
            return None;
        }
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let key = values.next()?;
        self.rest = match &key {
            Ok(_) => text.get(values.byte_offset()..).unwrap_or_default(),
            Err(_) => "",
        };
        Some(key)
    }
}

/// The planned keys of one run.
#[derive(Debug)]
struct OfRun {
    run_id: String,
    ingest_id: String,
    task: String,
    plan: Plan,
}

fn no_list(run_id: &str, cause: &serde_json::Error) -> DataFusionError {
    let problem = format!("planned_keys of run {run_id}: expected a JSON list of keys: {cause}");
    DataFusionError::Execution(problem)
}

impl OfRun {
    /// The key at a place, and the place of the next one: bytes of a list, or how many keys stand before it.
    fn key(&self, at: usize) -> Option<(Result<Key, DataFusionError>, usize)> {
        match &self.plan {
            Plan::Listed(text) => {
                let text = text.as_deref()?;
                let mut keys = ListedKeys { rest: text.get(at..)? };
                let key = keys.next()?.map_err(|cause| no_list(&self.run_id, &cause));
                Some((key, text.len() - keys.rest.len()))
            }
            Plan::Given { cases, models } => {
                let of_each = models.len().max(1);
                let case = cases.get(at / of_each)?;
                let own = |model: &String| (Some(model.clone()), (at / of_each + 1) * of_each);
                let (model, next) =
                    case.model.as_ref().map_or_else(|| (models.get(at % of_each).cloned(), at + 1), own);
                let key = Key { task: case.task.clone(), case_id: Some(case.case_id.clone()), model };
                Some((Ok(key), next))
            }
        }
    }
}

/// The relation `planned_keys`; in the scope of one task or of some cases only theirs, since other rows are not there.
///
/// # Errors
/// Never for columns of this file; DataFusion's own check is passed on.
pub(crate) fn relation(
    ctx: &SessionContext,
    facts: &Facts,
    runs: &[RunEntry],
    asked: &Asked<'_>,
) -> Result<Arc<dyn TableProvider>, SessionError> {
    let of_run = |entry: &RunEntry| OfRun {
        run_id: entry.run.run_id.clone(),
        ingest_id: entry.run.ingest_id.clone(),
        task: entry.run.task.clone(),
        plan: asked.planned.plan(entry),
    };
    let keys = Keys {
        runs: runs.iter().map(of_run).collect(),
        task: asked.scope.task.clone(),
        cases: asked.cases.cloned(),
    };
    let of_key = KEY.map(|name| cast(col(name), DataType::Utf8).alias(name)).to_vec();
    let rows = of_runs(ctx, ctx.read_table(Arc::clone(&facts.results))?, runs)?.select(of_key)?;
    let texts = COLUMNS.map(|name| Field::new(name, DataType::Utf8View, true));
    let has_row = Field::new("has_row", DataType::Boolean, false);
    let schema = Arc::new(Schema::new(texts.into_iter().chain([has_row]).collect::<Vec<_>>()));
    let (keys, without_rows) = (Arc::new(keys), Arc::new(WithoutRows::new(rows)));
    let stream = KeyStream { schema: Arc::clone(&schema), keys, without_rows };
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(stream)])?))
}

/// The planned keys of all runs in scope.
#[derive(Debug)]
struct Keys {
    runs: Vec<OfRun>,
    task: Option<String>,
    cases: Option<Cases>,
}

impl Keys {
    fn want(&self, task: &str, case_id: Option<&str>) -> bool {
        let of_task = self.task.as_ref().is_none_or(|wanted| wanted == task);
        let of_cases = |id: &str| self.cases.as_ref().is_none_or(|cases| cases.hold(id));
        of_task && case_id.is_none_or(of_cases)
    }
}

/// How far the keys have been read: gives those in scope, each with its run.
struct Cursor {
    keys: Arc<Keys>,
    run: usize,
    at: usize,
}

impl Cursor {
    fn new(keys: &Arc<Keys>) -> Self {
        Self { keys: Arc::clone(keys), run: 0, at: 0 }
    }
}

impl Iterator for Cursor {
    type Item = Result<(usize, Key), DataFusionError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(run) = self.keys.runs.get(self.run) {
            let Some((key, next)) = run.key(self.at) else {
                (self.run, self.at) = (self.run + 1, 0);
                continue;
            };
            self.at = next;
            let key = match key {
                Ok(key) => key,
                Err(error) => return Some(Err(error)),
            };
            if self.keys.want(key.task.as_deref().unwrap_or(&run.task), key.case_id.as_deref()) {
                return Some(Ok((self.run, key)));
            }
        }
        None
    }
}

impl OfRun {
    fn place<'a>(&'a self, key: &'a Key) -> Place<'a> {
        Place {
            ingest_id: &self.ingest_id,
            task: key.task.as_deref().unwrap_or(&self.task),
            case_id: key.case_id.as_deref(),
            model: key.model.as_deref(),
        }
    }
}

/// Rows that become a batch. Nearly all texts repeat and are held once.
struct Columns {
    texts: [StringViewBuilder; 5],
    has_row: BooleanBuilder,
}

impl Columns {
    fn new() -> Self {
        let texts = std::array::from_fn(|_| StringViewBuilder::new().with_deduplicate_strings());
        Self { texts, has_row: BooleanBuilder::new() }
    }

    fn push(&mut self, run_id: &str, place: &Place<'_>, has_row: bool) {
        let row = [Some(run_id), Some(place.ingest_id), Some(place.task), place.case_id, place.model];
        for (column, text) in self.texts.iter_mut().zip(row) {
            column.append_option(text);
        }
        self.has_row.append_value(has_row);
    }

    fn batch(mut self, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
        let mut arrays = self.texts.map(|mut column| Arc::new(column.finish()) as ArrayRef).to_vec();
        arrays.push(Arc::new(self.has_row.finish()));
        Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
    }
}

/// The keys as a query reads them.
#[derive(Debug, Clone)]
struct KeyStream {
    schema: SchemaRef,
    keys: Arc<Keys>,
    without_rows: Arc<WithoutRows>,
}

impl KeyStream {
    /// The next rows; `None` at the end.
    async fn batch(&self, cursor: &mut Cursor) -> Result<Option<RecordBatch>, DataFusionError> {
        let digest = |key: Result<(usize, Key), DataFusionError>| {
            key.map(|(run, key)| self.keys.runs[run].place(&key).digest())
        };
        let missing = self.without_rows.among(Cursor::new(&self.keys).map(digest)).await?;
        let mut columns = Columns::new();
        let mut rows = 0;
        for key in cursor.take(ROWS_AT_ONCE) {
            let (run, key) = key?;
            let run = &self.keys.runs[run];
            let place = run.place(&key);
            columns.push(&run.run_id, &place, !missing.contains(&place.digest()));
            rows += 1;
        }
        if rows == 0 { Ok(None) } else { columns.batch(&self.schema).map(Some) }
    }
}

impl PartitionStream for KeyStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let from = (self.clone(), Cursor::new(&self.keys));
        let batches = futures::stream::try_unfold(from, async |(stream, mut cursor)| {
            Ok(stream.batch(&mut cursor).await?.map(|batch| (batch, (stream, cursor))))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

/// The cases that some runs planned, where their sources list them.
///
/// # Errors
/// When what a run lists is no list of keys.
pub(crate) fn cases(runs: &[RunEntry]) -> Result<BTreeSet<String>, SessionError> {
    let mut ids = BTreeSet::new();
    for run in runs {
        let text = run.run.planned_keys.as_deref().unwrap_or_default();
        for key in (ListedKeys { rest: text }) {
            ids.extend(key.map_err(|cause| no_list(&run.run.run_id, &cause))?.case_id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<Vec<Option<String>>, String> {
        ListedKeys { rest: text }.map(|key| Ok(key.map_err(|cause| cause.to_string())?.case_id)).collect()
    }

    #[test]
    fn a_list_is_read_key_by_key() {
        let text = r#" [ {"task": "t", "case_id": "a, ]", "model": "m"} , {"case_id":"b","model":null},{}]"#;
        assert_eq!(ids(text), Ok(vec![Some("a, ]".to_owned()), Some("b".to_owned()), None]));
        assert_eq!(ids("[]"), Ok(Vec::new()));
        assert!(
            ids(r#"[{"case_id": "a"}, {"case_id": "#).is_err(),
            "a list that breaks off is no shorter list"
        );
    }
}
