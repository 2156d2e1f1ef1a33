//! What a person adds to a session, to be added again when it is opened anew.

use std::collections::BTreeMap;

use crate::session::{Rows, Session, SessionError, View};

/// Views, tables and options of the person's.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Views by name.
    pub views: BTreeMap<String, View>,
    /// Tables in memory by name.
    pub tables: BTreeMap<String, Rows>,
    /// Options of the engine.
    pub options: BTreeMap<String, String>,
}

impl Own {
    /// Whether a view or a table has the name.
    pub fn has(&self, name: &str) -> bool {
        self.views.contains_key(name) || self.tables.contains_key(name)
    }

    /// Adds all of it to a session that was just opened. A view that does not plan in it is an error of who asks it.
    pub fn add_to(&self, session: &mut Session) -> Result<(), SessionError> {
        for (name, value) in &self.options {
            session.set_option(name, value)?;
        }
        for (name, rows) in &self.tables {
            session.put_rows(name, rows)?;
        }
        self.views.values().try_for_each(|view| session.insert_view(view.clone()))
    }
}
