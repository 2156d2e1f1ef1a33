//! The session behind the shell, and what lives until the shell ends: views of the moment and the last result.

mod fresh;
mod own;
mod waiting;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use datafusion::sql::parser::Statement;

use crate::cli::args::GlobalArgs;
use crate::cli::context::{Context, facts_of, views_of};
use crate::cli::exit::CliError;
use crate::cli::output::Output;
use crate::objects::{Io, Traffic};
use crate::session::{
    Facts, Kept, Nothing, Request, Rows, Session, SessionError, View, statement_references,
};
use crate::store::Store;
use fresh::Basis;
pub use own::Own;

/// The relation that is the last result.
pub const LAST: &str = "_";

/// How many bytes of a result are kept where a person is shown the beginning of it.
pub const MOST_BYTES: usize = 256 * 1024 * 1024;

/// The result of a statement.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its rows; where there are too many to be kept, some of them.
    pub rows: Rows,
    /// How many rows were counted and not kept.
    pub left_out: usize,
    /// From the question to its last row.
    pub elapsed: Duration,
}

/// How a statement is waited for.
#[derive(Clone, Copy)]
pub struct Waiting<'a> {
    /// Where progress is shown; `None` where nobody looks on.
    pub progress: Option<&'a Output>,
    /// How many bytes of the result are kept.
    pub most_bytes: usize,
}

/// Answers statements.
#[derive(Default)]
pub struct Asking {
    opened: Option<Opened>,
    store: Option<Store>,
    own: Own,
    last: Option<Answered>,
    /// What the store had been asked before it was opened here.
    since: Io,
    before: Io,
    io: Option<Io>,
    times_opened: u64,
}

struct Opened {
    session: Session,
    basis: Basis,
}

/// A session over what a store holds; one that answers what needs no runs where there is no store, or none of its runs
/// is in scope.
///
/// # Errors
/// As [`Session::open`], but for that.
pub async fn opened(facts: Option<Facts>, request: Request) -> Result<Session, SessionError> {
    let Some(facts) = facts else {
        return Session::over_nothing(&Facts::none()?, request, Nothing::NoStore);
    };
    match Session::open(facts.clone(), request.clone()).await {
        Err(SessionError::NoRuns) => Session::over_nothing(&facts, request, Nothing::NoRuns),
        opened => opened,
    }
}

impl Asking {
    /// The session over the store as it is now, within what the flags say. It is opened again only when the flags or the
    /// store changed. Without a store, or without runs, it answers what needs none.
    ///
    /// # Errors
    /// When the store cannot be read, or the scope names what is not there.
    pub async fn session(&mut self, global: &GlobalArgs, output: &Output) -> Result<&mut Session, CliError> {
        let context = Context::new(global.clone(), output);
        let request = global.session.request()?;
        let earlier = self.traffic().map(|traffic| (traffic.so_far(), traffic));
        let mut opened = match self.opened.take() {
            Some(opened) if opened.basis.is_still(&context).await => opened,
            _ => self.open(&context).await?,
        };
        let traffic = opened.session.traffic();
        self.before = match earlier {
            Some((io, earlier)) if Arc::ptr_eq(&earlier, traffic) => io,
            _ => self.since,
        };
        opened.session.at(request.now)?;
        Ok(&mut self.opened.insert(opened).session)
    }

    async fn open(&mut self, context: &Context<'_>) -> Result<Opened, CliError> {
        let request = context.global.session.request()?;
        let basis = Basis::of(context)?;
        if !basis.has_place() {
            let mut session = opened(None, request).await?;
            self.own.add_to(&mut session)?;
            return Ok(Opened { session, basis });
        }
        let store = context.store().await?;
        self.since = store.traffic().so_far();
        let (snapshot, views) = futures::join!(context.snapshot(&store), views_of(&store));
        let snapshot = snapshot?;
        let facts = facts_of(&store, &snapshot, views?)?;
        self.times_opened += 1;
        self.store = Some(store);
        let mut session = opened(Some(facts), request).await?;
        self.own.add_to(&mut session)?;
        Ok(Opened { session, basis: basis.over(snapshot) })
    }

    fn traffic(&self) -> Option<Arc<Traffic>> {
        let of_session = self.opened.as_ref().map(|opened| opened.session.traffic());
        of_session.or_else(|| self.store.as_ref().map(Store::traffic)).cloned()
    }

    /// Answers one statement that asks; its result is the last one then.
    ///
    /// # Errors
    /// When it does not plan or run.
    pub async fn answer(
        &mut self,
        statement: Statement,
        waiting: &Waiting<'_>,
    ) -> Result<Answered, SessionError> {
        let begun = Instant::now();
        let Kept { rows, left_out } = self.rows(statement, waiting).await?;
        let answered = Answered { rows, left_out, elapsed: begun.elapsed() };
        if !answered.rows.schema.fields().is_empty() {
            self.last = Some(answered.clone());
        }
        Ok(answered)
    }

    /// The rows of one statement that asks; the last result stays.
    ///
    /// # Errors
    /// When it does not plan or run.
    pub async fn rows(&mut self, statement: Statement, waiting: &Waiting<'_>) -> Result<Kept, SessionError> {
        let Some(Opened { session, .. }) = &mut self.opened else { return Err(SessionError::NoRuns) };
        if let Some(last) = &self.last
            && statement_references(&statement)?.iter().any(|name| name == LAST)
        {
            session.put_rows(LAST, &last.rows)?;
        }
        let traffic = Arc::clone(session.traffic());
        let before = self.before;
        let reading = OnceLock::new();
        let work = async {
            let answering = session.question(statement).await?.begin(waiting.most_bytes);
            let _ = reading.set(answering.reading());
            answering.kept().await
        };
        let read = || {
            let rows = reading.get().map_or(0, crate::session::Reading::rows);
            (rows, (traffic.so_far() - before).total().bytes)
        };
        let ended = waiting::until(work, read, waiting.progress).await;
        self.io = Some(traffic.so_far() - before);
        ended
    }

    /// Plans one statement that asks, to find what is wrong with it.
    ///
    /// # Errors
    /// When it does not plan.
    pub async fn planned(&mut self, statement: Statement) -> Result<(), SessionError> {
        let Some(Opened { session, .. }) = &mut self.opened else { return Err(SessionError::NoRuns) };
        session.question(statement).await.map(drop)
    }

    /// All rows of a relation, in the same order each time.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be computed.
    pub async fn relation(&mut self, name: &str) -> Result<Rows, SessionError> {
        let Some(Opened { session, .. }) = &mut self.opened else { return Err(SessionError::NoRuns) };
        if let Some(last) = self.last.as_ref().filter(|_| name == LAST) {
            session.put_rows(LAST, &last.rows)?;
        }
        session.relation(name).await
    }

    /// The rows of the last statement that gave some.
    pub fn last(&self) -> Option<&Rows> {
        self.last.as_ref().map(|last| &last.rows)
    }

    /// The result of the last statement that gave rows.
    pub fn last_answered(&self) -> Option<&Answered> {
        self.last.as_ref()
    }

    /// What the last query asked of the object store and of files; `None` before the first one.
    pub fn io(&self) -> Option<Io> {
        self.io
    }

    /// How often a session was opened over what a store holds.
    pub const fn times_opened(&self) -> u64 {
        self.times_opened
    }

    /// The session of the last question.
    pub fn opened(&self) -> Option<&Session> {
        self.opened.as_ref().map(|opened| &opened.session)
    }

    /// The same, for questions beside it.
    pub fn opened_mut(&mut self) -> Option<&mut Session> {
        self.opened.as_mut().map(|opened| &mut opened.session)
    }

    /// What the person added to the session.
    pub fn own(&self) -> &Own {
        &self.own
    }

    /// Adds a view for as long as the shell is open.
    ///
    /// # Errors
    /// When there is no session yet, the name is taken by a stored relation, or it does not plan.
    pub async fn add_view(&mut self, view: View) -> Result<(), SessionError> {
        let Some(Opened { session, .. }) = &mut self.opened else { return Err(SessionError::NoRuns) };
        session.add_view(view.clone()).await?;
        self.own.views.insert(view.name.clone(), view);
        Ok(())
    }

    /// Adds a table for as long as the shell is open.
    ///
    /// # Errors
    /// When the name is taken by a stored relation.
    pub fn add_table(&mut self, name: &str, rows: Rows) -> Result<(), SessionError> {
        if let Some(Opened { session, .. }) = &mut self.opened {
            session.put_rows(name, &rows)?;
        }
        self.own.tables.insert(name.to_owned(), rows);
        Ok(())
    }

    /// Takes a view or a table of the person's away; whether there was one. What else had its name is back.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.own.views.remove(name).is_some() | self.own.tables.remove(name).is_some();
        if found {
            self.opened = None;
        }
        found
    }

    /// Sets an option of the engine for as long as the shell is open.
    ///
    /// # Errors
    /// When there is no such option, or it does not take the value.
    pub fn set_option(&mut self, name: &str, value: &str) -> Result<(), SessionError> {
        if let Some(Opened { session, .. }) = &mut self.opened {
            session.set_option(name, value)?;
        }
        self.own.options.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Gives an option of the engine its usual value.
    pub fn reset_option(&mut self, name: &str) {
        if self.own.options.remove(name).is_some() {
            self.opened = None;
        }
    }
}
