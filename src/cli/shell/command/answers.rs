//! The last answer again, how a statement is answered, and texts.

use async_trait::async_trait;
use datafusion::common::format::ExplainStatementOptions;
use datafusion::sql::parser::{DFParser, ExplainStatement, Statement};

use super::DotCommand;
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::cli::shell::present;
use crate::cli::sql::pointed;
use crate::session::{Known, SessionError};

/// `.last`: the last result whole.
pub struct Last;

#[async_trait(?Send)]
impl DotCommand for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn takes(&self) -> &'static str {
        ""
    }

    fn about(&self) -> &'static str {
        "the last result with all of its rows, in the form that is set now"
    }

    async fn run(&self, _rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let Some(last) = shell.asking.last_answered().cloned() else {
            return Err(CliError::usage(
                "there is no result yet",
                Some("a statement gives one: SELECT * FROM arms;"),
            ));
        };
        present::show_whole(shell, &last)
    }
}

/// `.explain`: the plan of a statement.
pub struct Explain;

#[async_trait(?Send)]
impl DotCommand for Explain {
    fn name(&self) -> &'static str {
        "explain"
    }

    fn takes(&self) -> &'static str {
        "[SQL]"
    }

    fn about(&self) -> &'static str {
        "how a statement is answered: the last one without SQL"
    }

    fn more(&self) -> &'static str {
        "EXPLAIN ANALYZE SELECT ...; answers it and says what each step took."
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let sql = match (rest, shell.last_statement.clone()) {
            ("", None) => {
                return Err(CliError::usage(
                    "there is no statement yet",
                    Some(".explain SELECT * FROM arms"),
                ));
            }
            ("", Some(last)) => last,
            (sql, _) => sql.to_owned(),
        };
        let statements = DFParser::parse_sql(&sql)
            .map_err(|error| pointed(SessionError::from(error), &sql, &Known::default()))?;
        for statement in statements {
            let statement = match statement {
                explained @ Statement::Explain(_) => explained,
                statement => Statement::Explain(ExplainStatement {
                    options: ExplainStatementOptions::default(),
                    statement: Box::new(statement),
                }),
            };
            shell.answer_parsed(statement, &sql).await?;
        }
        Ok(())
    }
}

/// `.print`: a text among the answers.
pub struct Print;

#[async_trait(?Send)]
impl DotCommand for Print {
    fn name(&self) -> &'static str {
        "print"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\qecho"]
    }

    fn takes(&self) -> &'static str {
        "[TEXT]"
    }

    fn about(&self) -> &'static str {
        "this text among the answers"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        // One pair of quotes around all of it is not meant, as other shells have it.
        let text = match super::words(rest) {
            Ok(words) if words.len() == 1 => words.concat(),
            _ => rest.to_owned(),
        };
        shell.put(&format!("{text}\n"))
    }
}
