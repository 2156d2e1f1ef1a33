//! What a statement wants.

use datafusion::sql::parser::{CopyToStatement, ResetStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    CreateTable, CreateView, Expr, Ident, ObjectName, ObjectType, Query, Set, Statement as Sql, Value,
};

use crate::cli::exit::CliError;
use crate::session::{SessionError, verb};

/// A statement by what it wants.
pub(super) enum Kind {
    /// An answer.
    Question(Box<Statement>),
    /// The relations there are.
    Relations,
    /// A file.
    Copy(CopyToStatement),
    /// Something else in the session.
    Change(Change),
}

/// What a statement changes in the session.
pub(super) enum Change {
    /// `CREATE VIEW`.
    View { new: New, query: Box<Query> },
    /// `CREATE TABLE ... AS`.
    Table { new: New, query: Box<Query> },
    /// `DROP VIEW` or `DROP TABLE`.
    Drop { what: &'static str, names: Vec<String>, if_exists: bool },
    /// `SET`.
    Set { name: String, value: String },
    /// `RESET`.
    Reset { name: String },
}

/// A relation that is to be.
pub(super) struct New {
    /// Its name.
    pub name: String,
    /// Whether one of its name gives way.
    pub or_replace: bool,
    /// Whether one of its name stays, and that is well.
    pub if_not_exists: bool,
}

/// Options of the engine that change how it works and not what it answers.
const OPTIONS: [&str; 3] = ["datafusion.execution.", "datafusion.optimizer.", "datafusion.explain."];

impl Kind {
    /// What a statement wants.
    ///
    /// # Errors
    /// When the shell does not do that; with what to use instead.
    pub fn of(statement: Statement) -> Result<Self, CliError> {
        let verb = verb(&statement);
        let refused = || CliError::from(SessionError::Writes { verb: verb.clone() });
        match statement {
            Statement::CopyTo(copy) => Ok(Self::Copy(copy)),
            Statement::CreateExternalTable(_) => Err(instead(
                "CREATE EXTERNAL TABLE is refused: files are asked by their names",
                "CREATE VIEW x AS SELECT * FROM 'FILE' gives one a name",
            )),
            Statement::Reset(ResetStatement::Variable(name)) => {
                Ok(Self::Change(Change::Reset { name: option(&name.to_string())? }))
            }
            Statement::Statement(sql) => match *sql {
                Sql::CreateView(view) => of_view(view).map(Self::Change),
                Sql::CreateTable(table) => of_table(table).map(Self::Change),
                Sql::Drop { object_type, if_exists, names, .. } => {
                    let what = match object_type {
                        ObjectType::View => "view",
                        ObjectType::Table => "table",
                        _ => return Err(refused()),
                    };
                    let names = names.iter().map(named).collect::<Result<_, _>>()?;
                    Ok(Self::Change(Change::Drop { what, names, if_exists }))
                }
                Sql::Set(Set::SingleAssignment { variable, values, .. }) => {
                    let name = option(&variable.to_string())?;
                    let [value] = values.as_slice() else { return Err(refused()) };
                    Ok(Self::Change(Change::Set { name, value: word(value) }))
                }
                Sql::Copy { .. } => Err(instead(
                    "COPY FROM is refused: SQL only reads here",
                    ".ingest PATH takes runs in; SELECT * FROM 'FILE' asks a file as it is",
                )),
                Sql::ShowTables { .. } | Sql::ShowViews { .. } => Ok(Self::Relations),
                other => Ok(Self::Question(Box::new(Statement::Statement(Box::new(other))))),
            },
            other => Ok(Self::Question(Box::new(other))),
        }
    }
}

fn of_view(view: CreateView) -> Result<Change, CliError> {
    if view.materialized {
        return Err(instead(
            "there are no materialized views here",
            "CREATE TABLE ... AS SELECT keeps the rows",
        ));
    }
    if !view.columns.is_empty() {
        return Err(instead("a view is created without a list of columns", "SELECT x AS a names them"));
    }
    let new =
        New { name: named(&view.name)?, or_replace: view.or_replace, if_not_exists: view.if_not_exists };
    Ok(Change::View { new, query: view.query })
}

fn of_table(table: CreateTable) -> Result<Change, CliError> {
    let (or_replace, if_not_exists) = (table.or_replace, table.if_not_exists);
    match table.query {
        Some(query) if table.columns.is_empty() => {
            Ok(Change::Table { new: New { name: named(&table.name)?, or_replace, if_not_exists }, query })
        }
        _ => Err(instead(
            "CREATE TABLE is refused without a question",
            "CREATE TABLE x AS SELECT ... keeps rows in memory for as long as the shell is open; \
             .ingest PATH takes runs into the store",
        )),
    }
}

/// The one name that a statement gives.
pub(super) fn named(name: &ObjectName) -> Result<String, CliError> {
    let [part] = name.0.as_slice() else {
        return Err(instead(&format!("{name} has a schema, and there are none here"), "leave it out"));
    };
    part.as_ident().map(normal).ok_or_else(|| CliError::usage(format!("{name} is no name"), None))
}

/// An identifier as the engine knows it: what is not quoted is in lower case.
fn normal(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// An option of the engine that may be set.
fn option(name: &str) -> Result<String, CliError> {
    let name = name.to_lowercase();
    if OPTIONS.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(name);
    }
    let hint = "options that begin with datafusion.execution, .optimizer or .explain are set for this session; \
                SHOW ALL lists them, and .help what the shell itself has";
    Err(instead(&format!("{name} is not to be set"), hint))
}

/// The value of an assignment as text.
fn word(value: &Expr) -> String {
    match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(ident) => ident.value.clone(),
        other => other.to_string(),
    }
}

pub(super) fn instead(said: &str, hint: &str) -> CliError {
    CliError::usage(said, Some(hint))
}
