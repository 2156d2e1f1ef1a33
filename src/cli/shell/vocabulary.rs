//! The names that a person may type: relations and their columns, functions, metrics, runs, arms.
//!
//! What is built in is there from the start; what the store holds is read in the background after the prompt, and again
//! when the store, the scope or the person's own views changed. Nothing waits for it, and what cannot be read is not
//! there: whoever asks is told by the question itself. Tables of the session and the last result are there at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tokio::task::JoinHandle;

use super::Shell;
use super::asking::{Asking, LAST, Own, opened};
use crate::cli::args::GlobalArgs;
use crate::cli::context::{Context, Reached};
use crate::cli::output::Output;
use crate::functions::FUNCTIONS;
use crate::model::{Row, RunRow};
use crate::session::{
    BASE_RELATIONS, Facts, Rows, Session, View, Views, dimensions, function_names, text_values,
};

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
    }

    /// Adds views of the person's own, whose columns are not known yet.
    fn add_views(&mut self, names: &[String]) {
        for name in names {
            self.relations.insert(name.clone(), Vec::new());
            self.views.push(name.clone());
        }
    }

    /// Adds what only questions tell: arms, metrics, and the columns of the person's own views.
    async fn add_answers(&mut self, session: &mut Session, own: &[String]) {
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
        for name in own {
            if let Ok(columns) = session.columns(name).await {
                self.relations.insert(name.clone(), columns.into_iter().map(|column| column.name).collect());
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

/// Columns by relation.
type Columns = BTreeMap<String, Vec<String>>;

/// The vocabulary as it is now. Reading it never waits for the store.
#[derive(Clone, Default)]
pub struct Shared(Arc<RwLock<Names>>);

struct Names {
    /// What was read.
    read: Vocabulary,
    /// What has rows in memory: tables of the session, the last result.
    in_memory: Columns,
    /// Both together.
    all: Arc<Vocabulary>,
    /// How often reading was begun: what an earlier reader finds is out of date.
    turn: u64,
}

impl Default for Names {
    fn default() -> Self {
        let read = Vocabulary::built_in();
        Self { all: Arc::new(read.clone()), in_memory: Columns::new(), read, turn: 0 }
    }
}

impl Shared {
    /// The names there are.
    pub fn now(&self) -> Arc<Vocabulary> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).all)
    }

    fn change(&self, change: impl FnOnce(&mut Names)) {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut names);
        let mut all = names.read.clone();
        all.relations.extend(names.in_memory.clone());
        names.all = Arc::new(all);
    }

    /// Begins to read the names anew.
    fn reader(&self) -> Reader {
        let mut turn = 0;
        self.change(|names| {
            names.turn += 1;
            turn = names.turn;
        });
        Reader { shared: self.clone(), turn }
    }
}

/// Who reads the names. A task that is aborted may go on until it waits for something: what it finds then is dropped.
struct Reader {
    shared: Shared,
    turn: u64,
}

impl Reader {
    fn put(&self, read: &Vocabulary) {
        self.shared.change(|names| {
            if names.turn == self.turn {
                names.read = read.clone();
            }
        });
    }
}

/// Keeps a vocabulary as the store, the scope and the session are.
#[derive(Default)]
pub struct Filling {
    shared: Shared,
    of: Option<Basis>,
    in_memory: Columns,
    task: Option<JoinHandle<()>>,
}

/// What the names that are read depend on.
#[derive(PartialEq)]
struct Basis {
    flags: String,
    changed: Changed,
    views: BTreeMap<String, View>,
    tables: Columns,
}

impl Filling {
    /// The vocabulary that is filled.
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Begins to read the names again when the store, the flags of the session or what the person made in it are not
    /// those of the last time.
    pub fn refresh(&mut self, shell: &Shell<'_>) {
        let own = shell.asking.own();
        let in_memory = in_memory(&shell.asking);
        if self.in_memory != in_memory {
            self.in_memory.clone_from(&in_memory);
            self.shared.change(|names| names.in_memory = in_memory);
        }
        let of = Basis {
            flags: format!("{:?}", shell.global),
            changed: changed_at(shell),
            views: own.views.clone(),
            tables: columns_of(own),
        };
        if self.of.as_ref() == Some(&of) {
            return;
        }
        self.of = Some(of);
        if let Some(task) = self.task.take() {
            task.abort();
        }
        // Reached for itself, so that it does not count in what a statement asks.
        let global = GlobalArgs { reached: Arc::new(Reached::apart()), ..shell.global.clone() };
        let (reader, own) = (self.shared.reader(), own.clone());
        let output = shell.output.redirected(shell.output.format(), None);
        self.task = Some(tokio::spawn(async move { fill(&reader, global, (&own, &output)).await }));
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// The tables of the session and the last result.
fn in_memory(asking: &Asking) -> Columns {
    let mut columns = columns_of(asking.own());
    columns.extend(asking.last().map(|rows| (LAST.to_owned(), names_of(rows))));
    columns
}

fn columns_of(own: &Own) -> Columns {
    own.tables.iter().map(|(name, rows)| (name.clone(), names_of(rows))).collect()
}

fn names_of(rows: &Rows) -> Vec<String> {
    rows.schema.fields().iter().map(|field| field.name().clone()).collect()
}

/// How it is known that a store changed.
#[derive(PartialEq)]
enum Changed {
    /// There is none.
    Never,
    /// Its folders tell when runs were last published and views written.
    At(Vec<Option<SystemTime>>),
    /// It is far away: a session was opened anew so many times.
    Opened(u64),
}

fn changed_at(shell: &Shell<'_>) -> Changed {
    let place = Context::new(shell.global.clone(), shell.output).place();
    let Ok(Some(place)) = place else { return Changed::Never };
    let Some(store) = place.folder() else { return Changed::Opened(shell.asking.times_opened()) };
    let folders = [store.join(RunRow::TABLE).join("_delta_log"), store.join("sql")];
    let changed = |folder| std::fs::metadata(folder).and_then(|there| there.modified()).ok();
    Changed::At(folders.into_iter().map(changed).collect())
}

async fn fill(reader: &Reader, global: GlobalArgs, (own, output): (&Own, &Output)) {
    let mut vocabulary = Vocabulary::built_in();
    vocabulary.functions.extend(function_names());
    let mut views: Vec<String> = own.views.keys().cloned().collect();
    vocabulary.add_views(&views);
    reader.put(&vocabulary);
    let context = Context::new(global, output);
    let facts = context.stored_facts().await.ok();
    if let Some(facts) = &facts {
        vocabulary.add_facts(facts);
        let stored: Vec<String> = facts.user_views.iter().map(|(name, _)| name.clone()).collect();
        vocabulary.add_views(&stored);
        reader.put(&vocabulary);
        views.extend(stored);
    }
    let Ok(request) = context.global.session.request() else { return };
    // A session beside that of the shell.
    if let Ok(mut session) = opened(facts, request).await
        && own.add_to(&mut session).is_ok()
    {
        vocabulary.add_answers(&mut session, &views).await;
        reader.put(&vocabulary);
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
