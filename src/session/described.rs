//! What relations and functions there are, and what is known of their columns.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::logical_expr::Documentation;

use super::{Session, SessionError};
use crate::model::{Column, MetricRow, ResultRow, Row, RunRow, ScoreRow, StepRow};

/// A column of a relation as a statement sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// Its type in SQL.
    pub sql_type: String,
    /// `yes` where a value may be missing; empty where it may not, or nobody knows.
    pub nulls: String,
    /// What it holds; empty where that is not known.
    pub meaning: String,
}

/// A function that can be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callable {
    /// Its name.
    pub name: String,
    /// `scalar`, `aggregate` or `window`.
    pub kind: &'static str,
    /// How it is called.
    pub usage: String,
    /// What it gives, in a line; may be empty.
    pub about: String,
}

/// Columns that a session adds to what is stored.
const ADDED: [(&str, &str); 25] = [
    ("planned_keys.has_row", "Whether any attempt of the key is stored; of any model where it names none."),
    ("runs.place", "Place of the run in this session, from 0: as named by hand, else oldest first."),
    ("*.arm", "Side of a comparison: the row's value in the dimension (`--by`); `none` without one."),
    (
        "*.is_version",
        "Whether the run re-ran or varied another one in scope, so that the row counts in version stacks only. False for \
         all rows when each run is an arm of its own.",
    ),
    ("run_arms.ingest_id", "Ingest of the run."),
    ("run_descendants.root_run_id", "The run in scope that the other one stands below."),
    ("run_descendants.root_ingest_id", "Its ingest."),
    (
        "run_descendants.run_id",
        "The re-run or variation; the run in scope itself when its own parent is the problem.",
    ),
    ("run_descendants.ingest_id", "Its ingest."),
    ("run_descendants.parent_run_id", "The run that it names as its parent."),
    ("run_descendants.relation", "`variations`, `rerun` or the source's own word."),
    (
        "run_descendants.depth",
        "How many levels it lies below the root; for a circle its length, 0 for a missing parent.",
    ),
    (
        "run_descendants.place",
        "Its place among the root's descendants, from 1. Null: it is no version of the root.",
    ),
    ("run_descendants.problem", "Why it is none, as a sentence. Null: it is a version."),
    (
        "metrics.direction_from",
        "Who gave the direction: `built in`, the tool, `user` or `this session`. Null: nobody.",
    ),
    ("metrics.aggregate_from", "Who gave the aggregate. Null: nobody."),
    ("metrics.unit_from", "Who gave the unit. Null: nobody."),
    ("metrics.built_in", "Whether every result has it without a score row."),
    ("metrics.by_run", "Whether an arm has one value of it and a case none."),
    ("metrics.judges", "Whether it judges an answer rather than what the answer took. Null: it does."),
    ("metrics.threshold", "Smallest change that counts as one, where `--threshold METRIC=X` says so."),
    ("metrics.tested", "Whether `--test` asks for a verdict on it."),
    ("case_clusters.task", "Task of the case."),
    ("case_clusters.case_id", "Case; with `--case-key` what stands for it."),
    ("case_clusters.cluster", "Its unit in the statistics (`--cluster`). Null: the case is its own."),
];

/// What is known of a column of a base relation: whether a value may be missing, and its meaning.
pub fn column_meaning(relation: &str, column: &str) -> Option<(bool, String)> {
    let declared = declared(relation).into_iter().find(|declared| declared.name == column);
    if let Some(declared) = declared {
        return Some((declared.nullable, declared.doc.trim().replace('\n', " ")));
    }
    let known = |name: &str| ADDED.iter().find(|(added, _)| *added == name);
    let (_, doc) = known(&format!("{relation}.{column}")).or_else(|| known(&format!("*.{column}")))?;
    Some((doc.contains("Null:") || column == "threshold", (*doc).to_owned()))
}

/// The columns that a base relation has from a stored table.
fn declared(relation: &str) -> Vec<Column> {
    match relation {
        "runs" => RunRow::columns(),
        "results" | "family_results" | "planned_keys" => ResultRow::columns(),
        "scores" => ScoreRow::columns(),
        "steps" => StepRow::columns(),
        "metrics" => MetricRow::columns(),
        _ => Vec::new(),
    }
}

/// The name of a type in SQL.
pub fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "VARCHAR".to_owned(),
        DataType::Int64 | DataType::UInt64 => "BIGINT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Timestamp(_, _) => "TIMESTAMP".to_owned(),
        DataType::List(item) => format!("{}[]", sql_type(item.data_type())),
        DataType::Dictionary(_, value) => sql_type(value),
        other => other.to_string().to_uppercase(),
    }
}

impl Session {
    /// The columns of a relation.
    ///
    /// # Errors
    /// When there is none of that name, or it does not plan.
    pub async fn columns(&mut self, relation: &str) -> Result<Vec<Described>, SessionError> {
        self.prepare(&[relation.to_owned()]).await?;
        let frame = self.ctx.table(relation).await?;
        // A view of the user's own may have the name of a base relation.
        let is_base = self.views.get(relation).is_none();
        let described = |field: &arrow::datatypes::FieldRef| {
            let known = is_base.then(|| column_meaning(relation, field.name())).flatten();
            let (nullable, meaning) = known.unwrap_or_default();
            Described {
                name: field.name().clone(),
                sql_type: sql_type(field.data_type()),
                nulls: if nullable { "yes" } else { "" }.to_owned(),
                meaning,
            }
        };
        Ok(frame.schema().fields().iter().map(described).collect())
    }

    /// The names of the relations that are registered by now, by name; views that nobody asked for are not among them.
    pub fn relation_names(&self) -> Vec<String> {
        let state = self.ctx.state();
        let names = &state.config_options().catalog;
        let schema =
            self.ctx.catalog(&names.default_catalog).and_then(|all| all.schema(&names.default_schema));
        let mut names = schema.map(|schema| schema.table_names()).unwrap_or_default();
        names.sort();
        names
    }

    /// The functions that can be called, by name; another name of one is not listed.
    pub fn functions(&self) -> Vec<Callable> {
        let state = self.ctx.state();
        let scalar =
            state.scalar_functions().values().map(|f| callable(f.name(), "scalar", f.documentation()));
        let aggregate =
            state.aggregate_functions().values().map(|f| callable(f.name(), "aggregate", f.documentation()));
        let window =
            state.window_functions().values().map(|f| callable(f.name(), "window", f.documentation()));
        let all: BTreeSet<(String, &str, String, String)> = scalar
            .chain(aggregate)
            .chain(window)
            .map(|function| (function.name, function.kind, function.usage, function.about))
            .collect();
        let listed = all.into_iter().map(|(name, kind, usage, about)| Callable { name, kind, usage, about });
        listed.collect()
    }
}

fn callable(name: &str, kind: &'static str, documentation: Option<&Documentation>) -> Callable {
    let usage = documentation.map(|known| known.syntax_example.trim().to_owned());
    let about = documentation.and_then(|known| known.description.trim().lines().next().map(str::to_owned));
    Callable {
        name: name.to_owned(),
        kind,
        usage: usage.filter(|usage| !usage.is_empty()).unwrap_or_else(|| format!("{name}(...)")),
        about: about.unwrap_or_default(),
    }
}
