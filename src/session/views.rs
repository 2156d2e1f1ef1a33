//! The views: files under `sql/`, embedded, read with their headers, planned in the order of their references.
//!
//! A view is one SELECT; its name is the file's stem. Options are parameters (`$baseline`), bound to the plan: no SQL
//! text is ever put together. A person's own view wins over ours by name, and a broken one breaks nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::catalog::view::ViewTable;
use datafusion::common::TableReference;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::collect_partitioned;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;

use super::SessionError;

/// Name, folder and text of every embedded view.
const EMBEDDED: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/views.rs"));

/// A view and what its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Name in SQL.
    pub name: String,
    /// `facts`, `questions`, `yours` for a view of the person's own, or `session` for one of this session.
    pub kind: String,
    /// The question it answers, in one sentence.
    pub question: String,
    /// What one row is.
    pub grain: String,
    /// What happens with ties and nulls.
    pub notes: String,
    /// Whether its rows are computed once in a session when another view reads it (`Kept:` in the header).
    pub kept: bool,
    /// Its text.
    pub sql: String,
}

impl View {
    /// Reads a view from its file.
    pub fn new(name: &str, kind: &str, sql: &str) -> Self {
        let header: Vec<&str> =
            sql.lines().take_while(|line| line.starts_with("--")).map(|line| line[2..].trim()).collect();
        let header = header.join(" ");
        let (header, kept) =
            header.split_once("Kept:").map_or((header.as_str(), false), |(rest, _)| (rest, true));
        let (question, rest) = header.split_once("Grain:").unwrap_or((header, ""));
        let (grain, notes) = rest.split_once("Ties and nulls:").unwrap_or((rest, ""));
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            question: question.trim().to_owned(),
            grain: grain.trim().to_owned(),
            notes: notes.trim().to_owned(),
            kept,
            sql: sql.to_owned(),
        }
    }
}

/// The views of a session by name.
#[derive(Debug, Clone)]
pub struct Views {
    views: BTreeMap<String, View>,
}

impl Views {
    /// Ours, and those of the person, which win.
    pub fn new(user_views: &[(String, String)]) -> Self {
        let mut views: BTreeMap<String, View> = EMBEDDED
            .iter()
            .map(|(name, folder, sql)| ((*name).to_owned(), View::new(name, folder, sql)))
            .collect();
        for (name, sql) in user_views {
            views.insert(name.clone(), View::new(name, "yours", sql));
        }
        Self { views }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &View> {
        self.views.values()
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&View> {
        self.views.get(name)
    }

    /// Adds a view; gives the one that had its name.
    pub fn insert(&mut self, view: View) -> Option<View> {
        self.views.insert(view.name.clone(), view)
    }

    /// Takes a view away.
    pub fn remove(&mut self, name: &str) -> Option<View> {
        self.views.remove(name)
    }

    /// The views that some relations need, each after those it reads itself, and what else they read.
    ///
    /// # Errors
    /// When a view does not parse or reads itself.
    pub fn needed(&self, relations: &[String]) -> Result<Needed<'_>, SessionError> {
        let mut needed = Needed::default();
        for relation in relations {
            self.visit(relation, &mut Vec::new(), &mut needed)?;
        }
        Ok(needed)
    }

    fn visit<'a>(
        &'a self,
        name: &str,
        path: &mut Vec<String>,
        needed: &mut Needed<'a>,
    ) -> Result<(), SessionError> {
        let Some(view) = self.views.get(name) else {
            needed.tables.insert(name.to_owned());
            return Ok(());
        };
        if needed.views.iter().any(|view| view.name == name) {
            return Ok(());
        }
        if path.iter().any(|visited| visited == name) {
            return Err(SessionError::View {
                name: name.to_owned(),
                kind: view.kind.clone(),
                problem: format!("it reads itself ({} -> {name})", path.join(" -> ")),
            });
        }
        path.push(name.to_owned());
        for reference in references(&view.sql).map_err(|error| SessionError::View {
            name: name.to_owned(),
            kind: view.kind.clone(),
            problem: error.to_string(),
        })? {
            self.visit(&reference, path, needed)?;
        }
        path.pop();
        needed.views.push(view);
        Ok(())
    }
}

/// What some relations need.
#[derive(Debug, Default)]
pub struct Needed<'a> {
    /// The views, each after those it reads.
    pub views: Vec<&'a View>,
    /// What is no view: stored relations, those of the caller's, files.
    pub tables: BTreeSet<String>,
}

impl Needed<'_> {
    /// Whether a relation is among them.
    pub fn reads(&self, name: &str) -> bool {
        self.tables.contains(name) || self.views.iter().any(|view| view.name == name)
    }
}

/// The relations that the statements of a text read.
///
/// # Errors
/// When the text is no SQL.
pub fn references(sql: &str) -> Result<Vec<String>, SessionError> {
    let mut names = Vec::new();
    for statement in DFParser::parse_sql(sql).map_err(SessionError::from)? {
        names.extend(statement_references(&statement)?);
    }
    Ok(names)
}

/// The relations that a statement reads.
///
/// # Errors
/// When names in it cannot be resolved.
pub fn statement_references(statement: &Statement) -> Result<Vec<String>, SessionError> {
    let (tables, _ctes) = resolve_table_references(statement, true)?;
    Ok(tables.into_iter().map(|table| table.table().to_owned()).collect())
}

/// Plans a view with its parameters bound and registers it under its name.
///
/// # Errors
/// When it does not plan; named as the view's.
pub(crate) async fn register(
    ctx: &SessionContext,
    view: &View,
    parameters: &[(String, ScalarValue)],
) -> Result<(), SessionError> {
    let broken = |error: datafusion::error::DataFusionError| SessionError::View {
        name: view.name.clone(),
        kind: view.kind.clone(),
        problem: super::wording::in_words(&error),
    };
    let plan = ctx.state().create_logical_plan(&view.sql).await.map_err(broken)?;
    let values = ParamValues::from(
        parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>(),
    );
    let plan = plan.with_param_values(values).map_err(broken)?;
    let name = TableReference::bare(view.name.as_str());
    ctx.deregister_table(name.clone()).map_err(broken)?;
    ctx.register_table(name, Arc::new(ViewTable::new(plan, Some(view.sql.clone())))).map_err(broken)?;
    Ok(())
}

/// Replaces a registered view by its rows, so that what reads it does not compute it again.
///
/// # Errors
/// When it cannot be computed.
pub(crate) async fn materialize(ctx: &SessionContext, name: &str) -> Result<(), SessionError> {
    // The physical schema: optimizing may have found columns that are never null, or another text type.
    let name = TableReference::bare(name);
    let plan = ctx.table(name.clone()).await?.create_physical_plan().await?;
    let schema = plan.schema();
    let partitions = collect_partitioned(plan, ctx.task_ctx()).await?;
    ctx.deregister_table(name.clone())?;
    ctx.register_table(name, Arc::new(MemTable::try_new(schema, partitions)?))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_has_a_question_a_grain_and_notes() {
        for view in Views::new(&[]).iter() {
            assert!(view.question.ends_with('?'), "{}: {}", view.name, view.question);
            assert!(view.grain.starts_with("one row"), "{}: {}", view.name, view.grain);
            assert!(!view.notes.is_empty(), "{}", view.name);
        }
    }

    #[test]
    fn a_view_comes_after_what_it_reads() {
        let views = Views::new(&[]);
        let order: Vec<&str> = views
            .needed(&["change_counts".to_owned()])
            .unwrap()
            .views
            .iter()
            .map(|view| view.name.as_str())
            .collect();
        let place = |name: &str| order.iter().position(|view| *view == name);
        assert!(place("measurements") < place("case_values"));
        assert!(place("case_values") < place("score_changes"));
        assert_eq!(order.last(), Some(&"change_counts"));
        assert_eq!(place("metric_winners"), None);
    }

    #[test]
    fn a_view_that_reads_itself_is_named() {
        let views = Views::new(&[
            ("a".to_owned(), "SELECT * FROM b".to_owned()),
            ("b".to_owned(), "SELECT * FROM a".to_owned()),
        ]);
        let error = views.needed(&["a".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("a -> b -> a"), "{error}");
    }
}
