//! What a person adds to an open session: views, tables in memory, options of the engine.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::datasource::MemTable;

use super::relations::BASE_RELATIONS;
use super::views::{self, View};
use super::{Rows, Session, SessionError};
use crate::model::Timestamp;

/// The kind of a view that lives as long as the session.
pub const OF_SESSION: &str = "session";

impl Session {
    /// Adds a view, in the place of one of its name. It is planned at once: what is no question adds nothing.
    ///
    /// # Errors
    /// When a stored relation has the name, or the view does not plan.
    pub async fn add_view(&mut self, view: View) -> Result<(), SessionError> {
        if is_stored(&view.name) {
            return Err(SessionError::Taken { name: view.name });
        }
        let name = view.name.clone();
        let before = self.views.insert(view);
        self.forget(&name)?;
        if let Err(error) = self.prepare(std::slice::from_ref(&name)).await {
            self.views.remove(&name);
            if let Some(before) = before {
                self.views.insert(before);
            }
            self.forget(&name)?;
            return Err(error);
        }
        Ok(())
    }

    /// Adds a view without planning it: what is wrong with it is an error of who asks it.
    ///
    /// # Errors
    /// Never in practice; DataFusion's own checks are passed on.
    pub fn insert_view(&mut self, view: View) -> Result<(), SessionError> {
        let name = view.name.clone();
        self.views.insert(view);
        self.forget(&name)
    }

    /// Puts rows in the place of whatever relation of the caller's has the name. Where columns have the same name, the
    /// second one is `name_2`.
    ///
    /// # Errors
    /// When a stored relation has the name, or the rows do not have the columns.
    pub fn put_rows(&mut self, name: &str, rows: &Rows) -> Result<(), SessionError> {
        if is_stored(name) {
            return Err(SessionError::Taken { name: name.to_owned() });
        }
        let rows = rows.with_unique_names()?;
        let table = MemTable::try_new(rows.schema, vec![rows.batches])?;
        self.forget(name)?;
        self.ctx.deregister_table(TableReference::bare(name))?;
        self.ctx.register_table(TableReference::bare(name), Arc::new(table))?;
        Ok(())
    }

    /// Sets an option of the engine, such as `datafusion.execution.batch_size`.
    ///
    /// # Errors
    /// When there is no such option, or it does not take the value.
    pub fn set_option(&mut self, name: &str, value: &str) -> Result<(), SessionError> {
        self.ctx.state_ref().write().config_mut().options_mut().set(name, value)?;
        Ok(())
    }

    /// The same session at a later time: views that look at the clock are planned again.
    ///
    /// # Errors
    /// Never in practice; DataFusion's own checks are passed on.
    pub fn at(&mut self, now: Option<Timestamp>) -> Result<(), SessionError> {
        self.request.now = now;
        // What is not planned is read by nothing that is.
        let with_clock =
            |view: &&View| self.registered.contains(&view.name) && view.sql.contains("$now_micros");
        let names: Vec<String> = self.views.iter().filter(with_clock).map(|view| view.name.clone()).collect();
        names.iter().try_for_each(|name| self.forget(name))
    }

    /// Forgets the plans of a relation and of every view that reads it, however indirectly.
    pub(super) fn forget(&mut self, name: &str) -> Result<(), SessionError> {
        let mut kept = Vec::new();
        for view in std::mem::take(&mut self.registered) {
            let reads = view == name
                || self.views.needed(std::slice::from_ref(&view)).is_ok_and(|needed| needed.reads(name));
            if reads {
                self.materialized.retain(|other| *other != view);
                self.ctx.deregister_table(TableReference::bare(view))?;
            } else {
                kept.push(view);
            }
        }
        self.registered = kept;
        Ok(())
    }

    /// Makes the files that relations name relations of this statement; those of the statement before are gone.
    pub(super) async fn register_files(&mut self, names: &[String]) -> Result<(), SessionError> {
        for name in names.iter().filter(|name| super::foreign::is_file(name)) {
            let reference = TableReference::bare(name.as_str());
            if self.ctx.table_exist(reference.clone())? {
                continue;
            }
            let table = super::foreign::table(&self.ctx, name).await?;
            self.ctx.register_table(reference, table)?;
            self.files.push(name.clone());
        }
        Ok(())
    }

    /// Forgets the files of the statement before, and the views that read them.
    pub(super) fn forget_files(&mut self) -> Result<(), SessionError> {
        for name in std::mem::take(&mut self.files) {
            self.forget(&name)?;
            self.ctx.deregister_table(TableReference::bare(name))?;
        }
        Ok(())
    }
}

/// Whether a stored relation has the name.
pub fn is_stored(name: &str) -> bool {
    BASE_RELATIONS.iter().any(|(stored, _)| *stored == name)
}

/// A view that lives as long as the session.
pub fn view_of_session(name: &str, sql: &str) -> View {
    View { question: "a view of this session".to_owned(), ..views::View::new(name, OF_SESSION, sql) }
}
