//! What DataFusion says, in the words of one who asked.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

/// An error in one or two sentences, without the engine's own terms where we have better ones.
pub(super) fn in_words(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => of_schema(schema),
        DataFusionError::Plan(text) => of_plan(text).unwrap_or_else(|| text.clone()),
        DataFusionError::NotImplemented(text) | DataFusionError::Internal(text) => {
            of_plan(text).unwrap_or_else(|| error.strip_backtrace())
        }
        DataFusionError::ArrowError(cause, _) => of_arrow(cause),
        DataFusionError::SQL(problem, _) => match problem.as_ref() {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
                format!("the SQL does not parse: {}", of_syntax(text))
            }
            ParserError::RecursionLimitExceeded => "the SQL is nested too deeply".to_owned(),
        },
        _ => error.strip_backtrace(),
    }
}

fn of_schema(schema: &SchemaError) -> String {
    match schema {
        SchemaError::FieldNotFound { field, valid_fields } => match &field.relation {
            Some(relation) if is_no_relation(relation.table(), valid_fields) => {
                format!("nothing is called {} here", relation.table())
            }
            Some(relation) => format!("there is no column {} in {}", field.name, relation.table()),
            None => format!("there is no column {}", field.name),
        },
        SchemaError::AmbiguousReference { field } => {
            format!("{} is a column of more than one relation here", field.name)
        }
        SchemaError::DuplicateUnqualifiedField { name }
        | SchemaError::DuplicateQualifiedField { name, .. } => {
            format!("two columns are called {name}")
        }
    }
}

/// Whether none of the columns there are belongs to a relation.
pub(super) fn is_no_relation(relation: &str, columns: &[datafusion::common::Column]) -> bool {
    !columns.is_empty()
        && !columns.iter().any(|column| column.relation.as_ref().is_some_and(|own| own.table() == relation))
}

fn of_plan(text: &str) -> Option<String> {
    if let Some(table) = unknown_table(text) {
        return Some(format!("there is no table {table}"));
    }
    if let Some((function, _)) = unknown_function(text) {
        return Some(format!("there is no function {function}"));
    }
    if let Some(what) = ["DML", "DDL", "Statement"]
        .iter()
        .find_map(|kind| text.strip_prefix(kind)?.strip_prefix(" not supported: "))
    {
        return Some(format!("{what} is refused here: SQL only reads"));
    }
    if let Some(column) = not_grouped(text) {
        return Some(format!("{column} is neither in GROUP BY nor inside an aggregate"));
    }
    if is_aggregate_in_where(text) {
        return Some("an aggregate stands in WHERE, which looks at one row at a time".to_owned());
    }
    if let Some(rest) = text.strip_prefix("HAVING clause references: ") {
        let condition = unqualified(rest.split_once(" must appear")?.0);
        return Some(format!("HAVING looks at groups, and {condition} is about rows"));
    }
    if let Some(types) = between(text, "No function matches the given name and argument types '", "'") {
        let (function, types) = types.split_once('(')?;
        let types = types.trim_end_matches(')').split(", ").map(in_sql).collect::<Vec<_>>().join(", ");
        return Some(format!("{function} does not take ({types})"));
    }
    if let Some(rest) = text.strip_prefix("Cannot create filter with non-boolean predicate ") {
        let (predicate, kind) = rest.split_once(" returning ")?;
        let predicate = unqualified(predicate.trim_matches('\''));
        return Some(format!("{predicate} is {}, and a condition is true or false", a(in_sql(kind))));
    }
    if let Some(types) = between(text, "Cannot coerce arithmetic expression ", " to valid types") {
        let words: Vec<&str> = types.split(' ').map(in_sql).collect();
        return Some(format!("{} cannot be computed", words.join(" ")));
    }
    if text.starts_with("Too many columns! The subquery should only return one column") {
        return Some("the subquery gives several columns, and one is expected".to_owned());
    }
    if is_window_in_where(text) {
        return Some("a window function stands in WHERE, which comes before it".to_owned());
    }
    if let Some(rest) = text.strip_prefix("For SELECT DISTINCT, ORDER BY expressions ") {
        let column = unqualified(rest.split_once(" must appear")?.0);
        return Some(format!("{column} is not selected, and SELECT DISTINCT is ordered by what is"));
    }
    None
}

fn of_arrow(cause: &ArrowError) -> String {
    match cause {
        ArrowError::DivideByZero => "a number was divided by zero".to_owned(),
        ArrowError::CastError(text) => not_cast(text)
            .map_or_else(|| text.clone(), |(value, kind)| format!("the text '{value}' is no {kind}")),
        ArrowError::ParseError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The text that cannot be cast, and what it should be.
fn not_cast(text: &str) -> Option<(&str, &str)> {
    let (value, kind) = text.strip_prefix("Cannot cast string '")?.split_once("' to value of ")?;
    Some((value, in_sql(kind.trim_end_matches(" type"))))
}

/// `Expected: X, found: Y at Line: 1, Column: 2` as `expected X, found Y`.
fn of_syntax(text: &str) -> String {
    let text = text.rsplit_once(" at Line: ").map_or(text, |(said, _)| said);
    let text = text.replace("found: EOF", "found the end");
    text.replace("Expected: ", "expected ").replace("found: ", "found ")
}

/// A type in the words that a person would use.
fn in_sql(kind: &str) -> &str {
    match kind.trim() {
        "Utf8" | "Utf8View" | "LargeUtf8" | "String" => "text",
        "Float64" | "Float32" | "Int64" | "Int32" | "UInt64" | "Int16" | "Int8" | "UInt32" => "number",
        "Boolean" => "boolean",
        "Date32" | "Date64" => "date",
        other if other.starts_with("Timestamp") => "time",
        other if other.starts_with("Decimal") => "number",
        other => other,
    }
}

/// A kind of value with its article.
fn a(kind: &str) -> String {
    format!("a {kind}")
}

/// A column or condition without the relations before its columns.
fn unqualified(text: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let mut words = String::new();
    let mut word = String::new();
    for letter in text.chars().chain([' ']) {
        if is_part(letter) {
            word.push(letter);
            continue;
        }
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        words += if is_number { &word } else { word.rsplit('.').next().unwrap_or_default() };
        word.clear();
        words.push(letter);
    }
    without_types(words.trim_end())
}

/// `Int64(1)` as `1`.
fn without_types(text: &str) -> String {
    let mut said = text.to_owned();
    for kind in ["Int64(", "Float64(", "Utf8(", "Boolean("] {
        while let Some(start) = said.find(kind) {
            let inner = start + kind.len();
            let Some(end) = said[inner..].find(')') else { return said };
            said = format!("{}{}{}", &said[..start], &said[inner..inner + end], &said[inner + end + 1..]);
        }
    }
    said
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

/// The table that a failure to plan names as not found.
pub(super) fn unknown_table(text: &str) -> Option<&str> {
    let name = text.strip_prefix("table '")?.split_once("' not found")?.0;
    Some(name.splitn(3, '.').last().unwrap_or(name))
}

/// The function that a failure to plan names as unknown, and the one that it proposes.
pub(super) fn unknown_function(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix("Invalid function '")?.split_once('\'')?;
    Some((name, rest.split_once('\'')?.1.split_once('\'')?.0))
}

/// The column that a grouped question selects as it is.
pub(super) fn not_grouped(text: &str) -> Option<&str> {
    let column = between(text, "column \"", "\" must appear in the GROUP BY clause")?;
    column.rsplit('.').next()
}

/// Whether a failure to plan is an aggregate in WHERE.
pub(super) fn is_aggregate_in_where(text: &str) -> bool {
    text.starts_with("Aggregate functions are not allowed in the WHERE clause")
}

/// Whether a failure to plan is a window function outside of SELECT and ORDER BY.
pub(super) fn is_window_in_where(text: &str) -> bool {
    text.starts_with("Physical plan does not support logical expression WindowFunction")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_conditions_stand_without_their_relations_and_types() {
        assert_eq!(unqualified("results.score > Int64(1)"), "score > 1");
        assert_eq!(unqualified("results.case_id"), "case_id");
        assert_eq!(unqualified("a.x + Float64(0.5) < Utf8(b.c)"), "x + 0.5 < c");
    }

    #[test]
    fn syntax_is_said_without_its_place() {
        assert_eq!(
            of_syntax("Expected: end of statement, found: FORM at Line: 1, Column: 10"),
            "expected end of statement, found FORM"
        );
        assert_eq!(of_syntax("Expected: an expression, found: EOF"), "expected an expression, found the end");
    }
}
