//! A person's predicate over one relation (`--scope`, `--where`, `--select`): one expression that is true or false of a
//! row. It can write nothing and read nothing else: a second statement does not parse, and a subquery is refused.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::prelude::SessionContext;

use super::hint::{Known, hint_of};
use super::wording::{in_words, unknown_table};
use super::{Place, SessionError};

/// A predicate as it was given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Predicate<'a> {
    /// The flag that gave it.
    pub flag: &'static str,
    /// Its text.
    pub text: &'a str,
    /// The relation it is over.
    pub relation: &'a str,
}

impl Predicate<'_> {
    /// The predicate as an expression over the relation's columns.
    ///
    /// # Errors
    /// When it does not parse or plan, is not true or false of one row, or asks another relation.
    pub fn planned(&self, ctx: &SessionContext, schema: &DFSchema) -> Result<Expr, SessionError> {
        let expression = ctx.parse_sql_expr(self.text, schema).map_err(|error| self.fault(&error))?;
        let is_subquery = |part: &Expr| {
            matches!(
                part,
                Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_)
            )
        };
        if expression.exists(|part| Ok(is_subquery(part)))? {
            return Err(self.with_subquery());
        }
        let is_over_rows = |part: &Expr| matches!(part, Expr::AggregateFunction(_) | Expr::WindowFunction(_));
        if expression.exists(|part| Ok(is_over_rows(part)))? {
            let hint = format!("runq sql asks over several rows of {}", self.relation);
            return Err(self.refused("it is over several rows, and a predicate is over one", Some(hint)));
        }
        match expression.get_type(schema) {
            Ok(DataType::Boolean | DataType::Null) | Err(_) => Ok(expression),
            Ok(other) => {
                let said = format!("it is {}, and a predicate is true or false", in_sql(&other));
                Err(self.refused(&said, Some("compare it with something: status = 'limit'".to_owned())))
            }
        }
    }

    fn fault(&self, error: &DataFusionError) -> SessionError {
        let problem = match error.find_root() {
            DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
                SchemaError::FieldNotFound { field, .. } if field.relation.is_none() => {
                    format!("there is no column {} in {}", field.name, self.relation)
                }
                _ => in_words(error),
            },
            DataFusionError::Plan(text) if unknown_table(text).is_some() => return self.with_subquery(),
            _ => in_words(error),
        };
        SessionError::Predicate {
            flag: self.flag,
            predicate: self.text.to_owned(),
            problem,
            place: Place::of(self.text, error),
            hint: hint_of(error, self.text, &Known::default()),
        }
    }

    fn with_subquery(&self) -> SessionError {
        let said = format!("a subquery stands in it, and a predicate is over {} alone", self.relation);
        self.refused(&said, Some("runq sql asks several relations at once".to_owned()))
    }

    fn refused(&self, problem: &str, hint: Option<String>) -> SessionError {
        SessionError::Predicate {
            flag: self.flag,
            predicate: self.text.to_owned(),
            problem: problem.to_owned(),
            place: None,
            hint,
        }
    }
}

fn in_sql(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "a text",
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => "a time",
        other if other.is_numeric() => "a number",
        _ => "a value",
    }
}
