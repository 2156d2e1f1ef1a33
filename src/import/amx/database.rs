//! Opens a history so that nothing of it changes: not its bytes, not its times, not the folder it stands in.
//!
//! A database at rest is opened where it stands, as a file that never changes (`immutable`), so that SQLite takes no
//! locks and writes nothing beside it. With a log beside it (`-wal`, or the `-journal` of a writer that is at work or
//! was killed) the file alone is not the truth: then both are copied and SQLite brings the copy in order. So is a file
//! that is not on this machine's disk. A database that is written to meanwhile is noticed and refused, never mixed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};
use tempfile::TempDir;
use url::Url;

use super::sniff::POINTER;
use super::{RESULTS, RUNS};
use crate::import::ImportError;
use crate::model::few;
use crate::source::Source;

/// What every SQLite database begins with (<https://www.sqlite.org/fileformat2.html>, 1.3).
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

/// Length of the header of a SQLite database.
const HEADER_BYTES: u64 = 100;

/// What stands beside a database whose last changes are not in it yet.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// How much of a log tells it from another one: the header of a write-ahead log with its salts.
const LOG_HEADER_BYTES: u64 = 32;

/// How often a copy is taken until nobody wrote meanwhile.
const COPIES: usize = 5;

/// Columns without which a table cannot be understood; all others are missing values where a version lacks them.
const NEEDED: [(&str, &[&str]); 2] = [
    (RUNS, &["id", "started_at", "status", "command"]),
    (RESULTS, &["id", "run_id", "saved_at", "schema_name", "table_name", "alternatives_json"]),
];

/// A history that is open for reading.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    /// What the file looked like when it was opened; `None` for a copy, which nobody else writes to.
    opened_as: Option<Stamp>,
    /// The copy, removed when the connection is closed.
    _copy: Option<TempDir>,
}

impl Database {
    /// Opens the database.
    ///
    /// # Errors
    /// When it is no database, is cut off, cannot be copied, or is written to without a pause.
    pub(super) fn open(source: &dyn Source, path: &Path) -> Result<Self, ImportError> {
        let mut stamp = Stamp::of(source, path)?;
        stamp.check(path)?;
        if let Some(local) = source.local_path(path).filter(|_| stamp.logs.is_empty()) {
            let connection = connect(&in_place(&local), OpenFlags::SQLITE_OPEN_READ_ONLY);
            let connection = connection.map_err(|error| not_readable(path, &error))?;
            return Ok(Self { connection, path: path.to_owned(), opened_as: Some(stamp), _copy: None });
        }
        for _ in 0..COPIES {
            let copy = copied(source, path, &stamp)?;
            let now = Stamp::of(source, path)?;
            if now == stamp {
                let file = copy.path().join("history.db");
                // Bringing a log in order writes to the copy.
                let connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE);
                let connection = connection.map_err(|error| not_readable(path, &error))?;
                return Ok(Self { connection, path: path.to_owned(), opened_as: None, _copy: Some(copy) });
            }
            stamp = now;
        }
        Err(changing(path))
    }

    /// The file that was opened.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether both tables are there.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) fn is_ours(&self) -> Result<bool, ImportError> {
        let tables = self.tables()?;
        Ok(NEEDED.iter().all(|(table, _)| tables.iter().any(|name| name == table)))
    }

    /// A statement over all rows of a table, in the order of their runs.
    ///
    /// # Errors
    /// When the table or a column that nobody can do without is missing.
    pub(super) fn prepare(&self, table: &'static str) -> Result<Statement<'_>, ImportError> {
        self.check_table(table)?;
        let statement = match table {
            RUNS => self.connection.prepare("SELECT * FROM analysis_runs ORDER BY id"),
            _ => self.connection.prepare("SELECT * FROM run_results ORDER BY run_id, id"),
        };
        statement.map_err(|error| not_readable(&self.path, &error))
    }

    /// Whether the file is still what was opened.
    ///
    /// # Errors
    /// When somebody has written to it meanwhile: what was read may be half of one state and half of another.
    pub(super) fn check_unchanged(&self, source: &dyn Source) -> Result<(), ImportError> {
        match &self.opened_as {
            Some(stamp) if Stamp::of(source, &self.path)? != *stamp => Err(changing(&self.path)),
            _ => Ok(()),
        }
    }

    fn check_table(&self, table: &str) -> Result<(), ImportError> {
        let found = self.tables()?;
        let hint = Some("is this AMX's history.db? AMX keeps it at ~/.amx/history.db");
        if !found.iter().any(|name| name == table) {
            let found = if found.is_empty() { "no tables".to_owned() } else { few(&found, 8) };
            let message = format!("expected the table {table}, found {found}");
            return Err(ImportError::unreadable(&self.path, None, message, hint));
        }
        let columns = self.names("SELECT name FROM pragma_table_info(?1)", table)?;
        let needed = NEEDED.iter().find(|(name, _)| *name == table).map_or(&[][..], |(_, columns)| columns);
        match needed.iter().find(|needed| !columns.iter().any(|column| column == *needed)) {
            Some(missing) => {
                let message = format!("expected the column {missing} in {table}, found {}", few(&columns, 8));
                Err(ImportError::unreadable(&self.path, None, message, hint))
            }
            None => Ok(()),
        }
    }

    fn tables(&self) -> Result<Vec<String>, ImportError> {
        self.names("SELECT name FROM sqlite_master WHERE type = ?1 ORDER BY name", "table")
    }

    fn names(&self, query: &str, bound: &str) -> Result<Vec<String>, ImportError> {
        let read = || {
            let mut statement = self.connection.prepare(query)?;
            statement.query_map([bound], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()
        };
        read().map_err(|error| not_readable(&self.path, &error))
    }
}

/// Whether the first bytes of a database name both tables.
pub(super) fn holds_tables(head: &[u8]) -> bool {
    let holds = |name: &str| head.windows(name.len()).any(|window| window == name.as_bytes());
    holds(RUNS) && holds(RESULTS)
}

/// What tells a state of the file from a later one.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    /// The first bytes of the file; every commit counts up a number in them.
    header: Vec<u8>,
    size: u64,
    /// The logs that hold something: what is put behind the file's name, their first bytes, their sizes.
    logs: Vec<(&'static str, Vec<u8>, u64)>,
}

impl Stamp {
    fn of(source: &dyn Source, path: &Path) -> Result<Self, ImportError> {
        let mut logs = Vec::new();
        for suffix in LOGS {
            let log = beside(path, suffix);
            let size = source.entry(&log)?.map_or(0, |entry| entry.size);
            if size > 0 {
                logs.push((suffix, source.read_range(&log, 0..LOG_HEADER_BYTES)?.to_vec(), size));
            }
        }
        let header = source.read_range(path, 0..HEADER_BYTES)?.to_vec();
        let size = source.entry(path)?.map_or(0, |entry| entry.size);
        Ok(Self { header, size, logs })
    }

    /// Whether this is a whole database, as far as its header tells.
    fn check(&self, path: &Path) -> Result<(), ImportError> {
        let (message, hint) = match &self.header {
            header if header.is_empty() => ("the file is empty".to_owned(), "AMX fills it at its first run"),
            header if header.starts_with(POINTER) => (
                "this is a Git LFS pointer, not the file itself".to_owned(),
                "fetch the file with git lfs pull",
            ),
            header if !header.starts_with(MAGIC) => (
                "expected a SQLite database, found something else".to_owned(),
                "is this AMX's history.db? AMX keeps it at ~/.amx/history.db",
            ),
            _ => match self.expected_size().filter(|expected| *expected > self.size) {
                None => return Ok(()),
                Some(expected) => (
                    format!("expected {expected} bytes, found {}: the database is cut off", self.size),
                    "copy it again, with AMX closed",
                ),
            },
        };
        Err(ImportError::unreadable(path, None, message, Some(hint)))
    }

    /// The size that the header tells; `None` where a writer did not keep it, or a log says more.
    fn expected_size(&self) -> Option<u64> {
        let at = |from: usize| Some(u32::from_be_bytes(self.header.get(from..from + 4)?.try_into().ok()?));
        let page_size = match u16::from_be_bytes(self.header.get(16..18)?.try_into().ok()?) {
            1 => 65_536,
            size => u64::from(size),
        };
        let kept = at(24)? == at(92)? && self.logs.is_empty();
        kept.then_some(u64::from(at(28)?) * page_size)
    }
}

/// Copies the database and its logs into a folder of its own.
fn copied(source: &dyn Source, path: &Path, stamp: &Stamp) -> Result<TempDir, ImportError> {
    let failed = |error: io::Error| {
        let message = format!("no copy could be made to read it from: {error}");
        ImportError::unreadable(path, None, message, Some("is there room in the folder for temporary files?"))
    };
    let folder = TempDir::with_prefix("runq-").map_err(failed)?;
    let logs = stamp.logs.iter().map(|(suffix, ..)| *suffix);
    for suffix in logs.chain([""]) {
        let mut bytes = source.open(&beside(path, suffix))?;
        let mut file = File::create(folder.path().join(format!("history.db{suffix}"))).map_err(failed)?;
        io::copy(&mut bytes, &mut file).map_err(failed)?;
    }
    Ok(folder)
}

/// The URI of a file that is only read and does not change.
fn in_place(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match Url::from_file_path(&absolute) {
        Ok(mut uri) => {
            uri.set_query(Some("mode=ro&immutable=1"));
            PathBuf::from(String::from(uri))
        }
        Err(()) => absolute,
    }
}

fn connect(name: &Path, access: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let flags = access | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(name, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A file beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What SQLite says, with what to do about it.
pub(super) fn not_readable(path: &Path, error: &rusqlite::Error) -> ImportError {
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the database is damaged or encrypted; `sqlite3 FILE .recover` saves what is left"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "close AMX and try again",
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
            "is there room in the folder for temporary files?"
        }
        _ => "is the file complete?",
    };
    ImportError::unreadable(path, None, format!("not readable as SQLite: {error}"), Some(hint))
}

fn changing(path: &Path) -> ImportError {
    let message = "the database was written to while it was read";
    ImportError::unreadable(path, None, message, Some("wait until AMX has finished its run, then try again"))
}
