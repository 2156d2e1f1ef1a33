//! Whether a file is AMX's history, by its name, its first bytes and the tables in it.

use super::database::{Database, MAGIC, holds_tables};
use crate::import::{Candidate, Fit};

/// Name that AMX gives its database.
const OWN_NAME: &str = "history.db";

/// Extensions of SQLite databases.
const EXTENSIONS: [&str; 4] = ["db", "db3", "sqlite", "sqlite3"];

/// What a Git LFS pointer begins with.
pub(super) const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// Whether a file of this name may be a database.
pub(super) fn is_database_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

/// Whether the file is AMX's history. One that a person named by AMX's own name is it also when it is damaged, and so
/// is a Git LFS pointer of that name: what is wrong is then said by whoever reads it.
pub(super) fn sniff(file: &Candidate<'_>) -> Fit {
    let own_name = file.file_name() == OWN_NAME;
    if !file.head.starts_with(MAGIC) {
        let stands_for_it = file.named || file.head.starts_with(POINTER);
        return if own_name && stands_for_it { Fit::Own } else { Fit::No };
    }
    match tables(file) {
        Some(true) => Fit::Own,
        Some(false) if own_name && file.named => Fit::Own,
        Some(false) => Fit::No,
        None if own_name || file.named => Fit::Own,
        None => Fit::No,
    }
}

/// Whether the database holds AMX's tables; `None` when it cannot be opened.
fn tables(file: &Candidate<'_>) -> Option<bool> {
    if file.source.local_path(file.path).is_some() {
        return Database::open(file.source, file.path).and_then(|database| database.is_ours()).ok();
    }
    // Elsewhere the whole file would have to be fetched: its first pages tell, and its name.
    Some(holds_tables(file.head) || file.file_name() == OWN_NAME)
}
