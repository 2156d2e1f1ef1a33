//! The session: the runs in scope, the dimension that makes the arms, the baseline, and a few options.
//!
//! Every face asks through a session, and so gives the same digits: it holds the relations of DESIGN section 4 over
//! exactly the runs in scope. It knows no tool and no format, and prints nothing.

mod asset;
mod cases;
mod dimension;
mod error;
mod facts;
mod lineage;
mod metrics;
mod options;
mod relations;
mod scope;
mod views;

use arrow::array::{BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::{
    SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::SchemaRef;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count_distinct;
use datafusion::physical_plan::{collect, collect_partitioned};
use datafusion::prelude::{SessionConfig, SessionContext, coalesce, col, lit};
use datafusion::sql::parser::Statement;

pub use cases::of_facts as case_ids;
pub use error::{SessionError, unknown_table};
pub use facts::{Facts, RunEntry, read_runs};
pub use options::{Asset, By, ErrorsAs, Options, Scope};
pub use relations::BASE_RELATIONS;
pub use scope::resolve as resolve_run;
pub use views::{View, Views, references};

use crate::model::nearest;
use cases::Cases;
use dimension::Dimension;
use lineage::Lineage;
use relations::Asked;

/// Rows with their columns, also when there is no row.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Rows {
    /// The rows as values of a type whose fields are named like the columns.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<Vec<T>, SessionError> {
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        writer.write_batches(&self.batches.iter().collect::<Vec<_>>())?;
        writer.finish()?;
        let bytes = writer.into_inner();
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| SessionError::Internal(format!("rows of an answer: {error}")))
    }
}

impl Rows {
    /// The rows by their columns from left to right, nulls first; columns of lists and the like do not count.
    fn sorted(self) -> Result<Self, SessionError> {
        let whole = concat_batches(&self.schema, &self.batches)?;
        let flat = whole.columns().iter().filter(|column| !column.data_type().is_nested());
        let keys: Vec<SortColumn> =
            flat.map(|column| SortColumn { values: column.clone(), options: None }).collect();
        if keys.is_empty() {
            return Ok(self);
        }
        let order = lexsort_to_indices(&keys, None)?;
        Ok(Self { batches: vec![take_record_batch(&whole, &order)?], schema: self.schema })
    }

    /// The rows for which the list says yes.
    ///
    /// # Errors
    /// When the list is not as long as the rows are many.
    pub fn only(self, wanted: &[bool]) -> Result<Self, SessionError> {
        let mut left = wanted;
        let mut batches = Vec::with_capacity(self.batches.len());
        for batch in self.batches {
            let (mask, rest) = left
                .split_at_checked(batch.num_rows())
                .ok_or_else(|| SessionError::Internal("a choice shorter than the rows".to_owned()))?;
            left = rest;
            batches.push(filter_record_batch(&batch, &BooleanArray::from(mask.to_vec()))?);
        }
        Ok(Self { schema: self.schema, batches })
    }
}

/// What a session is opened with.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Which runs.
    pub scope: Scope,
    /// Which dimension makes the arms.
    pub by: By,
    /// Which arm is compared against; the first one when `None`.
    pub baseline: Option<String>,
    /// Everything else.
    pub options: Options,
}

/// An open session.
pub struct Session {
    ctx: SessionContext,
    views: Views,
    registered: Vec<String>,
    runs: Vec<RunEntry>,
    by: String,
    request: Request,
    baseline: Option<String>,
    primary: String,
    origin: String,
    runs_in_store: usize,
    left_out: Vec<RunEntry>,
}

impl Session {
    /// Opens a session over the runs that the request's scope selects.
    ///
    /// # Errors
    /// When a name fits no run, the dimension does not exist, or a table cannot be read.
    pub async fn open(facts: Facts, request: Request) -> Result<Self, SessionError> {
        let mut selected = scope::select(&facts, &request.scope).await?;
        let by = match &request.by {
            By::Dimension(name) => name.clone(),
            By::Auto if several_named(&selected, &request.scope) => "run".to_owned(),
            By::Auto => varying(&facts, &selected).await?,
        };
        if by != "run" {
            // States of one run at two times are two arms only when the run is the dimension.
            selected = later_states(selected);
            selected.sort_by(|left, right| facts::in_time(&left.run, &right.run));
        }
        if by == "run" && selected.iter().all(|entry| entry.argument.is_some()) {
            selected.sort_by(|left, right| {
                left.argument.cmp(&right.argument).then_with(|| facts::in_time(&left.run, &right.run))
            });
        }
        let ctx = context()?;
        register(&ctx, &facts, &selected, (&by, &request)).await?;
        let mut session = Self {
            ctx,
            views: Views::new(&facts.user_views),
            registered: Vec::new(),
            left_out: scope::left_out(&facts.runs, &request.scope),
            runs_in_store: facts.runs.len(),
            runs: selected,
            by,
            primary: String::new(),
            baseline: None,
            origin: facts::of_scope(&facts.origin, &request.scope),
            request,
        };
        session.primary = session.primary_metric().await?;
        Ok(session)
    }

    /// The runs in scope, in the order that makes the first one the baseline.
    pub fn runs(&self) -> &[RunEntry] {
        &self.runs
    }

    /// Runs that were named but not taken, since they worked on no case.
    pub fn left_out(&self) -> &[RunEntry] {
        &self.left_out
    }

    /// How many runs there are, in scope or not.
    pub fn runs_there(&self) -> usize {
        self.runs_in_store
    }

    /// Where the runs come from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The dimension that makes the arms.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The options the session was opened with.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The metric that is asked about first.
    pub fn primary(&self) -> &str {
        &self.primary
    }

    /// The views, ours and the person's.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// The arm that is compared against: the one asked for, else the first arm.
    ///
    /// # Errors
    /// When the arm asked for does not exist.
    pub async fn baseline(&mut self) -> Result<String, SessionError> {
        if let Some(baseline) = &self.baseline {
            return Ok(baseline.clone());
        }
        let names = self.arms().await?;
        let baseline = match &self.request.baseline {
            Some(asked) => self.arm_named(asked, &names)?,
            None => names.first().cloned().ok_or(SessionError::NoRuns)?,
        };
        self.baseline = Some(baseline.clone());
        Ok(baseline)
    }

    /// The arms there are, in the order of their first rows.
    ///
    /// # Errors
    /// When they cannot be computed.
    pub async fn arms(&mut self) -> Result<Vec<String>, SessionError> {
        let arms = self.rows("SELECT arm, first_row FROM arms ORDER BY first_row, arm").await?;
        Ok(text_values(&arms, 0))
    }

    /// An arm by its name, or for runs by anything that names one.
    ///
    /// # Errors
    /// When there is no such arm; the nearest one is named.
    pub async fn arm(&mut self, asked: &str) -> Result<String, SessionError> {
        let names = self.arms().await?;
        self.arm_named(asked, &names)
    }

    /// An arm by its name, or for runs by anything that names one.
    fn arm_named(&self, asked: &str, arms: &[String]) -> Result<String, SessionError> {
        if arms.iter().any(|arm| arm == asked) {
            return Ok(asked.to_owned());
        }
        if self.by == "run"
            && let Ok(found) = scope::resolve(&self.runs, asked)
            && let [entry] = found.as_slice()
        {
            let labels = dimension::run_labels(&self.runs);
            if let Some(label) = labels.get(&entry.run.ingest_id).filter(|label| arms.contains(label)) {
                return Ok(label.clone());
            }
        }
        Err(SessionError::UnknownArm {
            name: asked.to_owned(),
            by: self.by.clone(),
            arms: arms.to_vec(),
            near: nearest(asked, arms.iter().map(String::as_str)).map(str::to_owned),
        })
    }

    /// Runs one statement of ours or of a person and gives all of its rows.
    ///
    /// # Errors
    /// When it does not parse, plan or run.
    pub async fn rows(&mut self, sql: &str) -> Result<Rows, SessionError> {
        let needed = references(sql)?;
        self.prepare(&needed).await?;
        let frame = self.ctx.sql_with_options(sql, read_only()).await?;
        collected(frame).await
    }

    /// Runs one statement of ours whose `$name` parameters are bound to values.
    ///
    /// # Errors
    /// When it does not plan or run.
    pub async fn rows_with(
        &mut self,
        sql: &str,
        values: &[(&str, ScalarValue)],
    ) -> Result<Rows, SessionError> {
        self.prepare(&references(sql)?).await?;
        let plan = self.ctx.state().create_logical_plan(sql).await?;
        let values: Vec<(String, ScalarValue)> =
            values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let plan = plan.with_param_values(ParamValues::from(values))?;
        collected(self.ctx.execute_logical_plan(plan).await?).await
    }

    /// Runs one parsed statement and gives all of its rows.
    ///
    /// # Errors
    /// When it does not plan or run, or would write.
    pub async fn statement(&mut self, statement: Statement) -> Result<Rows, SessionError> {
        only_reads(&statement)?;
        let needed = views::statement_references(&statement)?;
        self.prepare(&needed).await?;
        let plan = self.ctx.state().statement_to_plan(statement).await?;
        read_only().verify_plan(&plan)?;
        collected(self.ctx.execute_logical_plan(plan).await?).await
    }

    /// All rows of a relation, in the same order each time: stored rows as they are stored, those of a view by their
    /// columns from left to right.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be computed.
    pub async fn relation(&mut self, name: &str) -> Result<Rows, SessionError> {
        self.prepare(&[name.to_owned()]).await?;
        let plan = self.ctx.table(name).await?.create_physical_plan().await?;
        let schema = plan.schema();
        // Part by part: gathered as they arrive, the rows would stand in another order each time.
        let parts = collect_partitioned(plan, self.ctx.task_ctx()).await?;
        let rows = Rows { schema, batches: parts.into_iter().flatten().collect() };
        if self.views.get(name).is_some() { rows.sorted() } else { Ok(rows) }
    }

    /// Computes a view once, for questions that read it several times.
    ///
    /// # Errors
    /// When the view cannot be computed.
    pub async fn materialize(&mut self, view: &str) -> Result<(), SessionError> {
        self.prepare(&[view.to_owned()]).await?;
        views::materialize(&self.ctx, view).await
    }

    /// Registers the views that some relations need and that are not there yet.
    async fn prepare(&mut self, relations: &[String]) -> Result<(), SessionError> {
        let needed: Vec<View> = self
            .views
            .needed(relations)?
            .into_iter()
            .filter(|view| !self.registered.contains(&view.name))
            .cloned()
            .collect();
        if needed.iter().any(|view| view.sql.contains("$baseline")) {
            Box::pin(self.baseline()).await?;
        }
        let parameters = self.parameters();
        for view in needed {
            if !self.registered.contains(&view.name) {
                views::register(&self.ctx, &view, &parameters).await?;
                // Asked for itself it may be narrowed by the question; read by others it is read several times.
                if view.kept && !relations.contains(&view.name) {
                    views::materialize(&self.ctx, &view.name).await?;
                }
                self.registered.push(view.name);
            }
        }
        Ok(())
    }

    fn parameters(&self) -> Vec<(String, ScalarValue)> {
        let options = &self.request.options;
        let text = |value: &str| ScalarValue::Utf8(Some(value.to_owned()));
        let mut parameters = vec![
            ("errors_as".to_owned(), text(options.errors_as.as_str())),
            ("pass_threshold".to_owned(), ScalarValue::Float64(Some(options.pass_threshold))),
            ("threshold".to_owned(), ScalarValue::Float64(Some(options.threshold))),
            ("alpha".to_owned(), ScalarValue::Float64(Some(options.alpha))),
            ("clustered".to_owned(), ScalarValue::Boolean(Some(options.cluster.is_some()))),
            ("primary".to_owned(), text(&self.primary)),
            ("bins".to_owned(), ScalarValue::Int64(Some(i64::from(options.bins)))),
        ];
        if let Some(baseline) = &self.baseline {
            parameters.push(("baseline".to_owned(), text(baseline)));
        }
        parameters
    }

    /// The metric asked for, else the one that most results call their primary metric.
    async fn primary_metric(&mut self) -> Result<String, SessionError> {
        if let Some(primary) = &self.request.options.primary {
            return Ok(primary.clone());
        }
        let rows = self
            .rows("SELECT primary_metric, count(*) AS n FROM results GROUP BY 1 ORDER BY n DESC, 1 LIMIT 1")
            .await?;
        Ok(text_values(&rows, 0).into_iter().next().unwrap_or_else(|| "score".to_owned()))
    }
}

/// Registers the base relations over the runs in scope and their families.
async fn register(
    ctx: &SessionContext,
    facts: &Facts,
    selected: &[RunEntry],
    asked: (&str, &Request),
) -> Result<(), SessionError> {
    let (by, Request { scope, options, .. }) = asked;
    let lineage = Lineage::of(&facts.runs);
    let descendants = lineage.descendants(selected);
    let others = lineage.others(selected, &descendants);
    let family: Vec<RunEntry> = selected.iter().chain(&others).cloned().collect();
    let cases = Cases::wanted(facts, &family, (scope, options.case_key.as_ref())).await?;
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
    };
    relations::register(ctx, facts, selected, &asked).await
}

/// A DataFusion session with our functions, sized for this machine.
fn context() -> Result<SessionContext, SessionError> {
    let config = SessionConfig::new().with_information_schema(true);
    let mut ctx = SessionContext::new_with_config(config);
    datafusion_functions_json::register_all(&mut ctx)?;
    crate::functions::register(&ctx);
    Ok(ctx)
}

/// Refuses what is no question before it is planned, so that the refusal is the first thing said of it.
fn only_reads(statement: &Statement) -> Result<(), SessionError> {
    const QUESTIONS: [&str; 8] = ["SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN", "DESCRIBE", "DESC", "SHOW"];
    let text = statement.to_string();
    let verb: String = text.trim_start_matches('(').chars().take_while(char::is_ascii_alphabetic).collect();
    if QUESTIONS.contains(&verb.to_uppercase().as_str()) {
        return Ok(());
    }
    Err(SessionError::Writes { verb: verb.to_uppercase() })
}

/// Statements may read and nothing else: the store is written by `ingest`, `tag` and `metrics set`.
fn read_only() -> datafusion::execution::context::SQLOptions {
    datafusion::execution::context::SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
}

async fn collected(frame: datafusion::prelude::DataFrame) -> Result<Rows, SessionError> {
    let context = frame.task_ctx();
    let plan = frame.create_physical_plan().await?;
    let schema = plan.schema();
    Ok(Rows { schema, batches: collect(plan, context.into()).await? })
}

/// Whether a person pointed at several runs, one by one, by a glob, as paths, or as the newest few.
fn several_named(runs: &[RunEntry], scope: &Scope) -> bool {
    let arguments: std::collections::HashSet<Option<usize>> =
        runs.iter().map(|entry| entry.argument).collect();
    runs.len() > 1 && (!scope.runs.is_empty() || scope.last.is_some() || arguments.len() > 1)
}

/// Of the states of one run the later one: the one with more attempts, else the one named last.
fn later_states(runs: Vec<RunEntry>) -> Vec<RunEntry> {
    let mut kept: Vec<RunEntry> = Vec::new();
    for entry in runs {
        match kept.iter_mut().find(|known| known.run.run_id == entry.run.run_id) {
            Some(known)
                if (known.run.ended_at, known.run.result_count)
                    <= (entry.run.ended_at, entry.run.result_count) =>
            {
                *known = entry;
            }
            Some(_) => {}
            None => kept.push(entry),
        }
    }
    kept
}

/// The first of the dimensions `auto` knows that has several values, else the run.
async fn varying(facts: &Facts, runs: &[RunEntry]) -> Result<String, SessionError> {
    let ctx = SessionContext::new();
    let frame = ctx.read_table(std::sync::Arc::clone(&facts.results))?;
    let counts = relations::of_runs(&ctx, frame, runs)?
        .aggregate(
            vec![],
            dimension::AUTO
                .iter()
                .map(|name| count_distinct(coalesce(vec![col(*name), lit("")])).alias(*name))
                .collect(),
        )?
        .collect()
        .await?;
    let varies = |name: &&str| {
        counts.iter().any(|batch| {
            batch
                .column_by_name(name)
                .and_then(|column| column.as_any().downcast_ref::<Int64Array>())
                .is_some_and(|values| values.values().iter().any(|count| *count > 1))
        })
    };
    Ok(dimension::AUTO.into_iter().find(varies).unwrap_or("run").to_owned())
}

/// The texts of a column, nulls left out.
pub(crate) fn text_values(rows: &Rows, column: usize) -> Vec<String> {
    let mut values = Vec::new();
    for batch in &rows.batches {
        let Ok(texts) = arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Utf8) else {
            continue;
        };
        if let Some(texts) = texts.as_any().downcast_ref::<StringArray>() {
            values.extend(texts.iter().flatten().map(str::to_owned));
        }
    }
    values
}
