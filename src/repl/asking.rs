//! The session behind the shell, and what lives until the shell ends: views of the moment and the last result.

use std::time::{Duration, Instant};

use datafusion::sql::parser::Statement;

use crate::cli::args::{GlobalArgs, ImportArgs};
use crate::cli::context::{Context, open};
use crate::cli::exit::CliError;
use crate::cli::output::Output;
use crate::session::{Rows, Session, SessionError};

/// The result of a statement.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its rows.
    pub rows: Rows,
    /// From the question to its last row.
    pub elapsed: Duration,
}

/// Answers statements.
#[derive(Default)]
pub struct Asking {
    session: Option<Session>,
    last: Option<Rows>,
}

impl Asking {
    /// The session over the store as it is now, within what the flags say.
    ///
    /// # Errors
    /// When there is no store, it cannot be read, or the scope names what is not there.
    pub async fn session(&mut self, global: &GlobalArgs, output: &Output) -> Result<&mut Session, CliError> {
        let context = Context::new(global.clone(), output);
        let (session, _) = open(context.asked(&[], &ImportArgs::default()).await?).await?;
        Ok(self.session.insert(session))
    }

    /// Answers one statement.
    ///
    /// # Errors
    /// When it does not plan or run.
    pub async fn answer(&mut self, statement: Statement) -> Result<Answered, SessionError> {
        let Some(session) = &mut self.session else { return Err(SessionError::NoRuns) };
        let begun = Instant::now();
        let rows = session.statement(statement).await?;
        self.last = Some(rows.clone());
        Ok(Answered { rows, elapsed: begun.elapsed() })
    }

    /// The rows of the last statement that gave some.
    pub fn last(&self) -> Option<&Rows> {
        self.last.as_ref()
    }

    /// The session of the last question.
    pub fn opened(&self) -> Option<&Session> {
        self.session.as_ref()
    }
}
