//! What a person most likely meant by SQL that does not parse, plan or run.

mod syntax;

use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, visit_expressions};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::foreign::ENDINGS;
use super::relations::BASE_RELATIONS;
use super::wording::{
    is_aggregate_in_where, is_no_relation, is_window_in_where, not_grouped, unknown_function, unknown_table,
};
use crate::model::{ResultRow, Row, RunRow, ScoreRow, StepRow, few, nearest};

/// How many columns are named where none is near.
const COLUMNS_NAMED: usize = 24;

/// The names there are, beside those that the error tells of.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Relations that can be asked, beside the stored ones.
    pub relations: Vec<String>,
    /// Metrics that results have.
    pub metrics: Vec<String>,
}

/// What to do about an error of a text of SQL; `None` when nothing better is known than the error itself.
pub fn hint_of(error: &DataFusionError, sql: &str, known: &Known) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                Some(of_column(field, valid_fields, (sql, known)))
            }
            SchemaError::AmbiguousReference { field } => {
                Some(format!("say which one: RELATION.{}", field.name))
            }
            SchemaError::DuplicateUnqualifiedField { name }
            | SchemaError::DuplicateQualifiedField { name, .. } => {
                Some(format!("name one of them: {name} AS {name}_2"))
            }
        },
        DataFusionError::SQL(problem, _) => syntax::hint(&problem.to_string(), sql),
        DataFusionError::Plan(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Internal(text) => of_plan(text, sql, known),
        DataFusionError::ArrowError(cause, _) => of_value(cause),
        _ => None,
    }
}

/// What to know about a statement that is right and yet not what was meant: nothing equals NULL.
pub fn advice(statement: &Statement) -> Option<String> {
    let Statement::Statement(statement) = statement else { return None };
    let is_null = |part: &Expr| matches!(part, Expr::Value(value) if value.value == Value::Null);
    let mut found = None;
    let _ = visit_expressions(statement.as_ref(), |part| {
        let Expr::BinaryOp { left, op, right } = part else { return std::ops::ControlFlow::Continue(()) };
        let word = match op {
            BinaryOperator::Eq => "IS NULL",
            BinaryOperator::NotEq => "IS NOT NULL",
            _ => return std::ops::ControlFlow::Continue(()),
        };
        let other = if is_null(right) { left } else { right };
        if is_null(left) || is_null(right) {
            found = Some(format!("nothing equals NULL, and nothing differs from it: {other} {word}"));
            return std::ops::ControlFlow::Break(());
        }
        std::ops::ControlFlow::Continue(())
    });
    found
}

fn of_column(field: &Column, valid: &[Column], (sql, known): (&str, &Known)) -> String {
    let name = field.name();
    if let Some(relation) = &field.relation
        && is_no_relation(relation.table(), valid)
    {
        return of_relation_before_column(relation.table(), valid);
    }
    let mut names: Vec<&str> = Vec::new();
    for column in valid {
        if !names.contains(&column.name.as_str()) {
            names.push(&column.name);
        }
    }
    if let Some(near) = nearest(name, names.iter().copied()) {
        return format!("did you mean {near}?");
    }
    if stands_quoted(sql, name) {
        return format!("double quotes stand around names; a text is written '{}'", name.replace('\'', "''"));
    }
    if names.contains(&"metric") {
        return format!("metrics are rows: SELECT value ... WHERE metric = '{name}'");
    }
    if let Some(metric) = known.metrics.iter().find(|metric| metric.eq_ignore_ascii_case(name)) {
        return format!("metrics are rows: SELECT value FROM scores WHERE metric = '{metric}'");
    }
    if names.is_empty() {
        return "no relation is named: SELECT ... FROM results".to_owned();
    }
    if let Some(relation) = stored_with(name) {
        return format!("{relation} has a column {name}; here there are {}", few(&names, COLUMNS_NAMED));
    }
    format!("there are {}", few(&names, COLUMNS_NAMED))
}

/// A column said with a relation that is not asked.
fn of_relation_before_column(relation: &str, valid: &[Column]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in valid.iter().filter_map(|column| column.relation.as_ref()).map(|own| own.table()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match nearest(relation, names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("FROM names {}", few(&names, COLUMNS_NAMED)),
    }
}

/// The stored relation that has a column.
fn stored_with(name: &str) -> Option<&'static str> {
    fn has<R: Row>(name: &str) -> Option<&'static str> {
        R::columns().iter().any(|column| column.name == name).then_some(R::TABLE)
    }
    has::<ResultRow>(name)
        .or_else(|| has::<ScoreRow>(name))
        .or_else(|| has::<RunRow>(name))
        .or_else(|| has::<StepRow>(name))
}

fn of_plan(text: &str, sql: &str, known: &Known) -> Option<String> {
    if text.contains("unique expression names") {
        return Some("name one of them: SELECT value, value AS value_2".to_owned());
    }
    if let Some((name, near)) = unknown_function(text) {
        return Some(of_function(name, near));
    }
    if let Some(table) = unknown_table(text) {
        return Some(of_table(table, sql, known));
    }
    if let Some(column) = not_grouped(text) {
        return Some(format!(
            "GROUP BY ..., {column} makes a group of each; min({column}) takes one of its values"
        ));
    }
    if is_aggregate_in_where(text) {
        return Some("conditions on aggregates stand in HAVING, behind GROUP BY".to_owned());
    }
    if text.starts_with("HAVING clause references: ") {
        return Some("conditions on rows stand in WHERE, before GROUP BY".to_owned());
    }
    if text.contains("No function matches the given name and argument types") {
        let (_, candidates) = text.split_once("Candidate functions:")?;
        let candidates: Vec<&str> =
            candidates.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let cast = if text.contains("Utf8") { "; CAST(x AS DOUBLE) makes a number of a text" } else { "" };
        return Some(format!("it takes {}{cast}", few(&candidates, 6)));
    }
    if text.starts_with("Cannot create filter with non-boolean") {
        return Some("compare it with something: metric = 'accuracy'".to_owned());
    }
    if text.starts_with("Cannot coerce arithmetic expression") {
        return Some("CAST(x AS DOUBLE) makes a number of a text, a || b joins texts".to_owned());
    }
    if is_window_in_where(text) {
        return Some(
            "ask it in a subquery: SELECT * FROM (SELECT *, ... OVER (...) AS n FROM ...) WHERE n = 1"
                .to_owned(),
        );
    }
    if text.contains("different number of columns") {
        return Some("UNION BY NAME puts columns together by their names".to_owned());
    }
    None
}

fn of_function(name: &str, proposed: &str) -> String {
    const WINDOWS: [&str; 9] = [
        "row_number",
        "rank",
        "dense_rank",
        "lag",
        "lead",
        "ntile",
        "percent_rank",
        "cume_dist",
        "first_value",
    ];
    if WINDOWS.contains(&name.to_lowercase().as_str()) {
        return format!("a window function needs OVER: {name}(...) OVER (PARTITION BY ... ORDER BY ...)");
    }
    match nearest(name, std::iter::once(proposed)) {
        Some(near) => format!("did you mean {near}?"),
        None => "SELECT routine_name FROM information_schema.routines lists the functions".to_owned(),
    }
}

fn of_table(name: &str, sql: &str, known: &Known) -> String {
    if let Some(file) = unquoted_file(sql, name) {
        return format!("a file stands in quotes: FROM '{file}'");
    }
    if name == "_" {
        return "_ is the last result of a shell, and there is none yet".to_owned();
    }
    if let Some(metric) = known.metrics.iter().find(|metric| metric.eq_ignore_ascii_case(name)) {
        return format!(
            "{metric} is a metric, and metrics are rows: SELECT * FROM scores WHERE metric = '{metric}'"
        );
    }
    let names =
        BASE_RELATIONS.iter().map(|(name, _)| *name).chain(known.relations.iter().map(String::as_str));
    match nearest(name, names) {
        Some(near) => format!("did you mean {near}?"),
        None => "runq views lists the relations".to_owned(),
    }
}

/// The name of a file that stands without quotes: `results.csv` is the table csv of a schema results.
fn unquoted_file(sql: &str, table: &str) -> Option<String> {
    let word = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
        _ => None,
    };
    if !ENDINGS.contains(&table) {
        return None;
    }
    tokens(sql).windows(3).find_map(|words| {
        let ending = word(&words[2]).filter(|ending| ending.eq_ignore_ascii_case(table))?;
        let is_dot = words[1].token == Token::Period;
        word(&words[0]).filter(|_| is_dot).map(|name| format!("{name}.{ending}"))
    })
}

/// Whether a name stands in double quotes in a text.
fn stands_quoted(sql: &str, name: &str) -> bool {
    tokens(sql).iter().any(|token| matches!(&token.token, Token::Word(word) if word.quote_style == Some('"') && word.value == name))
}

fn of_value(cause: &arrow::error::ArrowError) -> Option<String> {
    use arrow::error::ArrowError;
    match cause {
        ArrowError::DivideByZero => Some("x / nullif(y, 0) is null where y is 0".to_owned()),
        ArrowError::CastError(_) => Some("TRY_CAST(x AS DOUBLE) is null where x is none".to_owned()),
        ArrowError::ParseError(text) if text.contains("timestamp") => {
            Some("a time is written '2026-05-17' or '2026-05-17 08:30:00'".to_owned())
        }
        _ => None,
    }
}

/// The words and signs of a text, without the space between them.
fn tokens(sql: &str) -> Vec<TokenWithSpan> {
    let mut tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap_or_default();
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    tokens
}
