//! The names that a person may type: relations and their columns, functions, metrics, runs, arms.
//!
//! What is built in is there from the start; what the store holds is read in the background after the prompt, and again
//! when the store or the scope changed. Nothing waits for it, and what cannot be read is not there: whoever asks is told
//! by the question itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tokio::task::JoinHandle;

use crate::cli::args::GlobalArgs;
use crate::cli::context::Context;
use crate::cli::output::Output;
use crate::functions::FUNCTIONS;
use crate::model::{Row, RunRow};
use crate::session::{BASE_RELATIONS, Facts, Session, Views, dimensions, function_names, text_values};

/// The page of all relations with their columns; a test keeps it as the relations are.
const RELATIONS: &str = include_str!("../../../docs/schema.md");

/// How many runs are offered, the newest first.
const MOST_RUNS: usize = 500;

/// Names that may be typed.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    /// Columns by relation; empty where they are not known.
    pub relations: BTreeMap<String, Vec<String>>,
    /// Which of them are views.
    pub views: Vec<String>,
    /// Functions, in lower case.
    pub functions: BTreeSet<String>,
    /// What makes arms: columns, `tags.KEY`, `params.KEY`.
    pub dimensions: Vec<String>,
    /// Values of text columns: `metric`, `run_id`, `arm`, `task` and others of runs.
    pub values: BTreeMap<&'static str, Vec<String>>,
}

impl Vocabulary {
    /// What is there without a store.
    pub fn built_in() -> Self {
        let views = Views::new(&[]);
        let names = BASE_RELATIONS.iter().map(|(name, _)| *name).chain(views.iter().map(|view| &*view.name));
        let mut relations: BTreeMap<String, Vec<String>> =
            names.map(|name| (name.to_owned(), Vec::new())).collect();
        relations.extend(described(RELATIONS).filter(|(_, columns)| !columns.is_empty()));
        Self {
            relations,
            views: views.iter().map(|view| view.name.clone()).collect(),
            functions: FUNCTIONS.iter().map(|function| function.name.to_owned()).collect(),
            dimensions: dimensions().map(str::to_owned).collect(),
            values: BTreeMap::new(),
        }
    }

    /// Whether there is a function of that name in lower case.
    pub fn is_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    /// The known values of a column.
    pub fn values(&self, column: &str) -> &[String] {
        self.values.get(column).map_or(&[], Vec::as_slice)
    }

    /// Adds what the runs themselves say, and the views of the person's own.
    fn add_facts(&mut self, facts: &Facts) {
        let newest = || facts.runs.iter().rev().map(|entry| &entry.run);
        let distinct = |of: fn(&RunRow) -> Option<&String>| {
            let mut seen = BTreeSet::new();
            newest().filter_map(of).filter(|value| seen.insert(*value)).take(MOST_RUNS).cloned().collect()
        };
        self.values.insert("run_id", distinct(|run| Some(&run.run_id)));
        self.values.insert("task", distinct(|run| Some(&run.task)));
        self.values.insert("tool", distinct(|run| Some(&run.tool)));
        self.values.insert("status", distinct(|run| Some(&run.status)));
        self.values.insert("kind", distinct(|run| Some(&run.kind)));
        self.values.insert("experiment", distinct(|run| run.experiment.as_ref()));
        self.values.insert("name", distinct(|run| run.name.as_ref()));
        let keys = |name: &str, of: fn(&RunRow) -> Option<&String>| {
            let objects = newest().filter_map(of);
            let keys: BTreeSet<String> = objects.flat_map(|object| keys_of(object)).collect();
            keys.into_iter().map(|key| format!("{name}.{key}")).collect::<Vec<_>>()
        };
        self.dimensions.extend(keys("tags", |run| run.tags.as_ref()));
        self.dimensions.extend(keys("params", |run| run.params.as_ref()));
        for (name, _) in &facts.user_views {
            self.relations.insert(name.clone(), Vec::new());
            self.views.push(name.clone());
        }
    }

    /// Adds what only questions tell: arms, metrics, and the columns of the person's own views.
    async fn add_answers(&mut self, session: &mut Session, own: &[(String, String)]) {
        let mut metrics: BTreeSet<String> = BTreeSet::new();
        for question in ["SELECT metric FROM metrics", "SELECT DISTINCT metric FROM scores"] {
            if let Ok(rows) = session.rows(question).await {
                metrics.extend(text_values(&rows, 0));
            }
        }
        let metrics: Vec<String> = metrics.into_iter().collect();
        self.values.insert("primary_metric", metrics.clone());
        self.values.insert("metric", metrics);
        self.values.insert("arm", session.arms().await.unwrap_or_default());
        for (name, _) in own {
            if let Ok(frame) = session.filtered(name, ("--scope", "true")).await {
                let columns = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
                self.relations.insert(name.clone(), columns);
            }
        }
    }
}

/// Relations and their columns from the page that lists them: `### name`, and a table whose first column they are.
fn described(page: &str) -> impl Iterator<Item = (String, Vec<String>)> + '_ {
    page.split("\n### ").skip(1).map(|section| {
        let section = section.split("\n## ").next().unwrap_or_default();
        let (name, text) = section.split_once('\n').unwrap_or((section, ""));
        let rows = text.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let columns = rows.take_while(|line| line.starts_with('|')).filter_map(|row| row.split('|').nth(1));
        (name.trim().to_owned(), columns.map(|column| column.trim().to_owned()).collect())
    })
}

fn keys_of(object: &str) -> Vec<String> {
    let object: Map<String, Value> = serde_json::from_str(object).unwrap_or_default();
    object.into_iter().map(|(key, _)| key).collect()
}

/// The vocabulary as it is now. Reading it never waits for the store.
#[derive(Clone)]
pub struct Shared(Arc<RwLock<Arc<Vocabulary>>>);

impl Default for Shared {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(Arc::new(Vocabulary::built_in()))))
    }
}

impl Shared {
    /// The names there are.
    pub fn now(&self) -> Arc<Vocabulary> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, vocabulary: Vocabulary) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(vocabulary);
    }
}

/// Keeps a vocabulary as the store and the scope are.
#[derive(Default)]
pub struct Filling {
    shared: Shared,
    of: Option<(String, Option<SystemTime>)>,
    task: Option<JoinHandle<()>>,
}

impl Filling {
    /// The vocabulary that is filled.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Begins to read the names again when the store or the flags of the session are not those of the last time.
    pub fn refresh(&mut self, global: &GlobalArgs, output: &Output) {
        let of = (format!("{global:?}"), changed_at(global, output));
        if self.of.as_ref() == Some(&of) {
            return;
        }
        self.of = Some(of);
        if let Some(task) = self.task.take() {
            task.abort();
        }
        let (shared, global) = (self.shared.clone(), global.clone());
        let output = output.redirected(output.format(), None);
        self.task = Some(tokio::spawn(async move { fill(&shared, global, &output).await }));
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// When runs were last published, as the store's folder tells it.
fn changed_at(global: &GlobalArgs, output: &Output) -> Option<SystemTime> {
    let store = Context::new(global.clone(), output).store_path()?;
    std::fs::metadata(store.join(RunRow::TABLE).join("_delta_log")).and_then(|log| log.modified()).ok()
}

async fn fill(shared: &Shared, global: GlobalArgs, output: &Output) {
    let mut vocabulary = Vocabulary::built_in();
    vocabulary.functions.extend(function_names());
    shared.put(vocabulary.clone());
    let context = Context::new(global, output);
    let (Ok(facts), Ok(request)) = (context.stored_facts().await, context.global.session.request()) else {
        return;
    };
    vocabulary.add_facts(&facts);
    shared.put(vocabulary.clone());
    let own = facts.user_views.clone();
    if let Ok(mut session) = Session::open(facts, request).await {
        vocabulary.add_answers(&mut session, &own).await;
        shared.put(vocabulary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relation_that_is_built_in_has_its_columns() {
        let vocabulary = Vocabulary::built_in();
        let bare: Vec<&String> = vocabulary
            .relations
            .iter()
            .filter(|(_, columns)| columns.is_empty())
            .map(|(name, _)| name)
            .collect();
        assert!(bare.is_empty(), "{bare:?}");
        for (relation, column) in [("runs", "run_id"), ("metric_winners", "winner"), ("results", "arm")] {
            assert!(
                vocabulary.relations[relation].iter().any(|known| known == column),
                "{relation}.{column}"
            );
        }
    }
}
