//! Whether an open session is still what would be opened now.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cli::args::SessionArgs;
use crate::cli::context::Context;
use crate::store::{Access, Store, StoreSnapshot};

/// What a session was opened over.
pub(super) struct Basis {
    store: Option<PathBuf>,
    access: Access,
    flags: SessionArgs,
    /// The person's own views in the store: name, time of change, bytes.
    views: Vec<(PathBuf, Option<SystemTime>, u64)>,
    snapshot: Option<StoreSnapshot>,
}

impl Basis {
    /// What a session would be opened over now, but for what the store holds.
    pub fn of(context: &Context<'_>) -> Self {
        let store = context.store_path();
        Self {
            views: store.as_deref().map(views_in).unwrap_or_default(),
            store,
            access: context.access(),
            flags: context.global.session.clone(),
            snapshot: None,
        }
    }

    /// The same with what the store holds.
    pub fn over(self, snapshot: StoreSnapshot) -> Self {
        Self { snapshot: Some(snapshot), ..self }
    }

    /// Whether a store is the one at a path, opened for the same.
    pub fn is_of(&self, store: &Store, path: &Path) -> bool {
        let is_there = path.canonicalize().is_ok_and(|path| path == Path::new(&store.label()));
        is_there && store.access() == self.access
    }

    /// Whether the flags are the same, and nothing changed in the store: no run was published, no metric described, no
    /// view written.
    pub async fn is_still(&self, context: &Context<'_>) -> bool {
        let now = Self::of(context);
        let same = (&self.store, self.access, &self.flags, &self.views)
            == (&now.store, now.access, &now.flags, &now.views);
        same && match &self.snapshot {
            Some(snapshot) => snapshot.is_newest().await,
            None => self.store.is_none(),
        }
    }
}

/// The files of the person's own views in a store.
fn views_in(store: &Path) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
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
