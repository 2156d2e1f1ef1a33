//! The session: the runs in scope, the dimension that makes the arms, the baseline, and a few options.
//!
//! Every face asks through a session, and so gives the same digits: it holds the relations of DESIGN section 4 over
//! exactly the runs in scope. It knows no tool and no format, and prints nothing.

mod asset;
mod cases;
mod described;
mod dimension;
mod engine;
mod error;
mod facts;
mod foreign;
mod headers;
mod hint;
mod lineage;
mod metrics;
mod opening;
mod options;
mod own;
mod place;
mod planned;
mod predicate;
mod question;
mod refusal;
mod relations;
mod rows;
mod scope;
mod views;
mod wording;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::collect_partitioned;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement;

pub(crate) use cases::named as cases_named;
pub use cases::of_facts as case_ids;
pub use described::{Callable, Described, column_meaning, sql_type};
pub(crate) use dimension::usual as dimensions;
pub(crate) use engine::function_names;
pub use error::SessionError;
pub use facts::{Facts, RunEntry, read_runs};
pub use foreign::ENDINGS as FOREIGN_ENDINGS;
pub use hint::{Known, advice, hint_of};
pub use opening::dimension_with;
pub use options::{Asset, By, ErrorsAs, Options, Scope};
pub use own::{OF_SESSION, is_stored, view_of_session};
pub use place::Place;
pub use question::{Answering, Kept, Question, Reading};
pub use refusal::verb;
pub use relations::BASE_RELATIONS;
pub use rows::Rows;
pub use scope::resolve as resolve_run;
pub use views::{View, Views, references, statement_references};

pub(crate) use rows::text_values;

use crate::model::{Timestamp, nearest};
use crate::objects::Traffic;
use opening::{FirstLook, later_states, primary_metric, register, several_named};
use predicate::Predicate;
use refusal::{only_reads, read_only};

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
    /// The time of the question; what depends on it is null without.
    pub now: Option<Timestamp>,
    /// Cases that were planned, as a person lists them, in place of what the runs themselves say.
    pub planned: Vec<PlannedCase>,
}

/// A case that was planned, as a person lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannedCase {
    /// Its task; that of the run when `None`.
    pub task: Option<String>,
    /// Its id.
    pub case_id: String,
    /// Its model; every model of the run when `None`.
    pub model: Option<String>,
}

/// Why a session has no runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nothing {
    /// There is no store.
    NoStore,
    /// The store has none, or the scope leaves none.
    NoRuns,
}

/// An open session.
pub struct Session {
    ctx: SessionContext,
    views: Views,
    /// Views that are planned.
    registered: Vec<String>,
    /// Those of them whose rows are in memory.
    materialized: Vec<String>,
    /// Files that the last statement read.
    files: Vec<String>,
    /// Why there is nothing to ask about; stored relations are refused with it.
    nothing: Option<Nothing>,
    traffic: Arc<Traffic>,
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
    /// When a name fits no run, the dimension does not exist, an option is about a metric that it cannot be about, or a
    /// table cannot be read.
    pub async fn open(facts: Facts, request: Request) -> Result<Self, SessionError> {
        request.options.of_cases_only()?;
        let ctx = engine::engine(&facts.traffic)?;
        let mut selected = scope::select(&facts, &request.scope).await?;
        let named = match &request.by {
            By::Dimension(name) => Some(name.clone()),
            By::Auto => several_named(&selected, &request.scope).then(|| "run".to_owned()),
        };
        let wanted = (named.is_none(), request.options.primary.is_none());
        let look = FirstLook::at((&ctx, &facts), &selected, wanted).await?;
        let by = named.unwrap_or_else(|| look.by());
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
        register(&ctx, &facts, &selected, (&by, &request)).await?;
        let primary = match request.options.primary.clone().or_else(|| look.primary()) {
            Some(primary) => primary,
            None => primary_metric(&ctx).await?,
        };
        let left_out = scope::left_out(&facts.runs, &request.scope);
        Ok(Self { left_out, runs: selected, by, primary, ..Self::bare(ctx, &facts, request) })
    }

    /// A session without runs: it computes, and reads files and what is added to it. Stored relations and the views over
    /// them are refused.
    ///
    /// # Errors
    /// Never in practice; DataFusion's own checks are passed on.
    pub fn over_nothing(facts: &Facts, request: Request, why: Nothing) -> Result<Self, SessionError> {
        let ctx = engine::engine(&facts.traffic)?;
        Ok(Self { nothing: Some(why), ..Self::bare(ctx, facts, request) })
    }

    /// A session over an engine in which nothing is registered.
    fn bare(ctx: SessionContext, facts: &Facts, request: Request) -> Self {
        Self {
            ctx,
            views: Views::new(&facts.user_views),
            registered: Vec::new(),
            materialized: Vec::new(),
            files: Vec::new(),
            nothing: None,
            traffic: Arc::clone(&facts.traffic),
            left_out: Vec::new(),
            runs_in_store: facts.runs.len(),
            runs: Vec::new(),
            by: "run".to_owned(),
            primary: "score".to_owned(),
            baseline: None,
            origin: facts::of_scope(&facts.origin, &request.scope),
            request,
        }
    }

    /// Counts what is asked of the object store and of files.
    pub const fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
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
        Question::planned(frame).await?.rows().await
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
        Question::planned(self.ctx.execute_logical_plan(plan).await?).await?.rows().await
    }

    /// Runs one parsed statement and gives all of its rows.
    ///
    /// # Errors
    /// When it does not plan or run, or would write.
    pub async fn statement(&mut self, statement: Statement) -> Result<Rows, SessionError> {
        self.question(statement).await?.rows().await
    }

    /// Plans one parsed statement. Views it needs are planned too, and those that are kept are computed.
    ///
    /// # Errors
    /// When it does not plan, or would write.
    pub async fn question(&mut self, statement: Statement) -> Result<Question, SessionError> {
        only_reads(&statement)?;
        let needed = views::statement_references(&statement)?;
        self.prepare(&needed).await?;
        let plan = self.ctx.state().statement_to_plan(statement).await?;
        read_only().verify_plan(&plan)?;
        Question::planned(self.ctx.execute_logical_plan(plan).await?).await
    }

    /// The rows of a relation for which a predicate holds, as a lazy query; columns of the relation may be selected on.
    ///
    /// # Errors
    /// When there is no such relation, or the predicate does not plan over its columns.
    pub async fn filtered(
        &mut self,
        relation: &str,
        (flag, predicate): (&'static str, &str),
    ) -> Result<DataFrame, SessionError> {
        self.prepare(&[relation.to_owned()]).await?;
        let frame = self.ctx.table(relation).await?;
        let predicate = Predicate { flag, text: predicate, relation };
        let expression = predicate.planned(&self.ctx, frame.schema())?;
        Ok(frame.filter(expression)?)
    }

    /// The rows of one statement of ours, lazily.
    ///
    /// # Errors
    /// When it does not plan.
    pub async fn frame(&mut self, sql: &str) -> Result<DataFrame, SessionError> {
        self.prepare(&references(sql)?).await?;
        Ok(self.ctx.sql_with_options(sql, read_only()).await?)
    }

    /// Adds rows of the caller's as a relation of this session, for statements that hold them against others.
    ///
    /// # Errors
    /// When there is a relation of that name, or the rows do not have the columns.
    pub fn add_rows(
        &mut self,
        relation: &str,
        columns: &SchemaRef,
        rows: Vec<RecordBatch>,
    ) -> Result<(), SessionError> {
        let table = MemTable::try_new(Arc::clone(columns), vec![rows])?;
        self.ctx.register_table(relation, Arc::new(table))?;
        Ok(())
    }

    /// All rows of a relation, in the same order each time: stored rows as they are stored, those of a view by their
    /// columns from left to right.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be computed.
    pub async fn relation(&mut self, name: &str) -> Result<Rows, SessionError> {
        self.prepare(&[name.to_owned()]).await?;
        let bare = datafusion::common::TableReference::bare(name);
        let plan = self.ctx.table(bare).await?.create_physical_plan().await?;
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
        if !self.materialized.iter().any(|name| name == view) {
            views::materialize(&self.ctx, view).await?;
            self.materialized.push(view.to_owned());
        }
        Ok(())
    }

    /// Makes ready what some relations need: views that are not planned yet, views that are kept, files.
    async fn prepare(&mut self, relations: &[String]) -> Result<(), SessionError> {
        self.forget_files()?;
        let needed = self.views.needed(relations)?;
        if let Some(why) = self.nothing
            && needed.tables.iter().any(|table| is_stored(table))
        {
            return Err(why.into());
        }
        let views: Vec<View> = needed.views.into_iter().cloned().collect();
        let tables: Vec<String> = needed.tables.into_iter().collect();
        let is_new = |view: &&View| !self.registered.contains(&view.name);
        if views.iter().filter(is_new).any(|view| view.sql.contains("$baseline")) {
            Box::pin(self.baseline()).await?;
        }
        self.register_files(&tables).await?;
        let parameters = self.parameters();
        for view in views {
            if !self.registered.contains(&view.name) {
                views::register(&self.ctx, &view, &parameters).await?;
                self.registered.push(view.name.clone());
            }
            // Asked for itself it may be narrowed by the question; read by others it is read several times.
            if view.kept && !relations.contains(&view.name) && !self.materialized.contains(&view.name) {
                views::materialize(&self.ctx, &view.name).await?;
                self.materialized.push(view.name);
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
            ("now_micros".to_owned(), ScalarValue::Int64(self.request.now.map(|now| now.0))),
        ];
        if let Some(baseline) = &self.baseline {
            parameters.push(("baseline".to_owned(), text(baseline)));
        }
        parameters
    }
}
