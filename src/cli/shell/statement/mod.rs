//! Statements: those that ask, those that change what the session has, those that write a file, and those that are
//! refused.

mod change;
mod copy;
mod kind;

use datafusion::sql::parser::{DFParser, Statement};

use super::asking::{MOST_BYTES, Waiting};
use super::destination::Asks;
use super::{Shell, present};
use crate::cli::exit::CliError;
use crate::cli::sql::{explained, pointed};
use crate::questions::views::views;
use crate::session::{Known, SessionError, advice};
use kind::Kind;

impl<'a> Shell<'a> {
    /// Answers the statements of a text.
    ///
    /// # Errors
    /// The first error; what follows it is not answered.
    pub(super) async fn answer(&mut self, sql: &str) -> Result<(), CliError> {
        self.echo(sql, ";")?;
        self.last_statement = Some(sql.to_owned());
        let answered = self.answer_all(sql).await;
        if answered.is_err() {
            self.destination.forget_once();
        }
        answered
    }

    async fn answer_all(&mut self, sql: &str) -> Result<(), CliError> {
        let statements = DFParser::parse_sql(sql)
            .map_err(|error| pointed(SessionError::from(error), sql, &Known::default()))?;
        for statement in statements {
            self.answer_parsed(statement, sql).await?;
        }
        Ok(())
    }

    /// Answers a statement that stands in `sql`.
    ///
    /// # Errors
    /// When it is refused, or does not plan or run.
    pub(super) async fn answer_parsed(&mut self, statement: Statement, sql: &str) -> Result<(), CliError> {
        self.asking.session(&self.global, self.output).await?;
        match Kind::of(statement)? {
            Kind::Question(statement) => self.question(*statement, sql).await,
            Kind::Relations => self.relations(),
            Kind::Copy(statement) => copy::copy(self, statement, sql).await,
            Kind::Change(change) => change::carry_out(self, change, sql).await,
        }
    }

    async fn question(&mut self, statement: Statement, sql: &str) -> Result<(), CliError> {
        let advice = advice(&statement);
        let waiting = self.waiting();
        let answered = match self.asking.answer(statement, &waiting).await {
            Ok(answered) => answered,
            Err(error) => return Err(self.explained(error, sql).await),
        };
        present::show(self, &answered)?;
        if let Some(advice) = advice {
            self.output.note(&advice);
        }
        if let Some(io) = self.asking.io().filter(|_| self.settings.io) {
            self.output.line(&io.to_string());
        }
        Ok(())
    }

    /// `SHOW TABLES`: what can be asked, whether it is planned already or not.
    fn relations(&mut self) -> Result<(), CliError> {
        let Some(session) = self.asking.opened() else { return Ok(()) };
        let answer = views(session.views())?;
        self.give_as(&answer, Asks::Rows)
    }

    /// Whether the next rows are shown to a person, who sees the beginning of a long answer.
    fn is_for_people(&self) -> bool {
        let form = self.settings.form_of_rows(self.output.format());
        self.destination.is_screen() && self.output.screen().is_terminal() && form.is_screen()
    }

    /// How statements are waited for: what nobody is shown need not be kept without end.
    fn waiting(&self) -> Waiting<'a> {
        let looks_on = self.output.draws_progress() && self.output.screen().is_terminal();
        Waiting {
            progress: Some(self.output).filter(|_| looks_on),
            most_bytes: if self.is_for_people() { MOST_BYTES } else { usize::MAX },
        }
    }

    async fn explained(&mut self, error: SessionError, sql: &str) -> CliError {
        match self.asking.opened_mut() {
            Some(session) => explained(error, session, sql).await,
            None => error.into(),
        }
    }
}
