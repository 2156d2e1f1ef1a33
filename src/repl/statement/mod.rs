//! Statements: those that ask, those that change what the session has, those that write a file, and those that are
//! refused.

mod change;
mod copy;
mod kind;
mod plan;

use datafusion::sql::parser::{DFParser, Statement};

use super::asking::{MOST_BYTES, Waiting};
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
        let statements = DFParser::parse_sql(sql)
            .map_err(|error| pointed(SessionError::from(error), sql, &Known::default()))?;
        for statement in statements {
            self.asking.session(&self.global, self.output).await?;
            match Kind::of(statement)? {
                Kind::Question(statement) => self.question(*statement, sql).await?,
                Kind::Relations => self.relations()?,
                Kind::Copy(statement) => copy::copy(self, statement, sql).await?,
                Kind::Change(change) => change::carry_out(self, change, sql).await?,
            }
        }
        Ok(())
    }

    async fn question(&mut self, statement: Statement, sql: &str) -> Result<(), CliError> {
        let (is_plan, advice) = (matches!(statement, Statement::Explain(_)), advice(&statement));
        let waiting = self.waiting();
        let answered = match self.asking.answer(statement, &waiting).await {
            Ok(answered) => answered,
            Err(error) => return Err(self.explained(error, sql).await),
        };
        let is_terminal = self.output.screen().is_terminal();
        let answer = match is_plan && is_terminal && self.is_for_people() {
            true => plan::answer(&answered, self.output.screen().width),
            false => present::answer(&answered, &self.settings, is_terminal)?,
        };
        self.output.redirected(self.format(), None).answer(&answer)?;
        if let Some(advice) = advice {
            self.output.note(&advice);
        }
        Ok(())
    }

    /// `SHOW TABLES`: what can be asked, whether it is planned already or not.
    fn relations(&self) -> Result<(), CliError> {
        let Some(session) = self.asking.opened() else { return Ok(()) };
        let answer = views(session.views())?;
        Ok(self.output.redirected(self.format(), None).answer(&answer)?)
    }

    /// Whether answers are shown to a person, who sees the beginning of a long one.
    fn is_for_people(&self) -> bool {
        self.output.screen().is_terminal() && matches!(self.format().name(), "table" | "box" | "line")
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
