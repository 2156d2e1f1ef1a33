//! Whether an open session is still what would be opened now.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::cli::args::SessionArgs;
use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::store::{Access, Place, StoreSnapshot};

/// What a session was opened over.
pub(super) struct Basis {
    store: Option<Place>,
    access: Access,
    flags: SessionArgs,
    /// The person's own views in the store: name, time of change, bytes.
    views: Vec<(PathBuf, Option<SystemTime>, u64)>,
    snapshot: Option<StoreSnapshot>,
}

impl Basis {
    /// What a session would be opened over now, but for what the store holds.
    ///
    /// # Errors
    /// When the store that is named is no place for one.
    pub fn of(context: &Context<'_>) -> Result<Self, CliError> {
        let store = context.place()?;
        Ok(Self {
            views: store.as_ref().map(views_in).unwrap_or_default(),
            store,
            access: context.access(),
            flags: context.global.session.clone(),
            snapshot: None,
        })
    }

    /// Whether there is a place for a store.
    pub const fn has_place(&self) -> bool {
        self.store.is_some()
    }

    /// The same with what the store holds.
    pub fn over(self, snapshot: StoreSnapshot) -> Self {
        Self { snapshot: Some(snapshot), ..self }
    }

    /// Whether the flags are the same, and nothing changed in the store: no run was published, no metric described, no
    /// view written.
    pub async fn is_still(&self, context: &Context<'_>) -> bool {
        let Ok(now) = Self::of(context) else { return false };
        let same = (&self.store, self.access, &self.flags, &self.views)
            == (&now.store, now.access, &now.flags, &now.views);
        same && match &self.snapshot {
            Some(snapshot) => snapshot.is_newest().await,
            None => self.store.is_none(),
        }
    }
}

/// The files of the person's own views in a store. Those in S3 are read when a session is opened, and not asked about at
/// every statement.
fn views_in(store: &Place) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let Some(store) = store.folder() else { return Vec::new() };
    let entries = std::fs::read_dir(store.join("sql")).into_iter().flatten().flatten();
    let mut views: Vec<_> = entries
        .filter_map(|entry| {
            let there = entry.metadata().ok()?;
            Some((entry.path(), there.modified().ok(), there.len()))
        })
        .collect();
    views.sort();
    views
}
