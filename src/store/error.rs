//! What can go wrong with a store, and what a person can do about it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::ErrorKind;

use deltalake_core::DeltaTableError;
use deltalake_core::datafusion::error::DataFusionError;
use deltalake_core::kernel::transaction::TransactionError;

use crate::objects::s3::{Refusal, S3Error};

type Cause = Box<dyn StdError + Send + Sync>;

/// A failed operation on a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store at the path, or only a part of one.
    #[error("no store at {path}")]
    NotAStore {
        /// Path or URL that was opened.
        path: String,
    },
    /// A write to a store that was opened for reading.
    #[error("the store at {path} is open for reading only")]
    ReadOnly {
        /// Path or URL of the store.
        path: String,
    },
    /// The operating system or the service refuses access.
    #[error("no permission for {path}")]
    NoPermission {
        /// The file or folder where it is known, else the store.
        path: String,
        /// What was refused.
        source: Cause,
    },
    /// No space or quota is left.
    #[error("no space left for the store at {path}")]
    DiskFull {
        /// Path or URL of the store.
        path: String,
        /// What could not be written.
        source: Cause,
    },
    /// The disk or the service does not answer as it should.
    #[error("table {table} of the store at {path} cannot be reached")]
    Unavailable {
        /// Path or URL of the store.
        path: String,
        /// Table that was read or written.
        table: &'static str,
        /// What failed.
        source: Cause,
    },
    /// Stored files are missing or do not have the form they should have.
    #[error("table {table} of the store at {path} is damaged")]
    Damaged {
        /// Path or URL of the store.
        path: String,
        /// Table that was read.
        table: &'static str,
        /// What was found.
        source: Cause,
    },
    /// A column that must have a value is not there.
    #[error("table {table} of the store at {path} has no column {column}")]
    LacksColumn {
        /// Path or URL of the store.
        path: String,
        /// Table that was read or written.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// Rows need a value that this version of runq does not know.
    #[error("table {table} of the store at {path} wants a value for {column}, which this runq does not know")]
    Newer {
        /// Path or URL of the store.
        path: String,
        /// Table that was written.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// Other writers were faster every time.
    #[error("table {table} of the store at {path} changed {tries} times while it was used")]
    Busy {
        /// Path or URL of the store.
        path: String,
        /// Table that kept changing.
        table: &'static str,
        /// How often it was tried.
        tries: usize,
    },
    /// The service does not refuse to put what is there: of two writers one would undo the other's commit.
    #[error(
        "the service of {path} does not honour conditional puts (If-None-Match), which keep writers apart"
    )]
    Unguarded {
        /// Address of the store.
        path: String,
    },
    /// The store was not there then.
    #[error("the store at {path} has no {asked}; it has versions {there}")]
    NoSuchVersion {
        /// Path or URL of the store.
        path: String,
        /// What was asked for.
        asked: String,
        /// What there is.
        there: String,
    },
    /// An old version cannot be shown any more.
    #[error("version {version} of the store at {path} is no longer whole: of table {table}, {said}")]
    HistoryGone {
        /// Path or URL of the store.
        path: String,
        /// The version of `runs`.
        version: u64,
        /// The table of which something is gone.
        table: &'static str,
        /// What.
        said: String,
    },
    /// The address or the settings of S3 lead nowhere.
    #[error(transparent)]
    S3(#[from] S3Error),
    /// S3 did not do what it was asked, or could not be reached.
    #[error(transparent)]
    Service(#[from] Refusal),
    /// The caller asks for what the store does not do.
    #[error("refused: {what}")]
    Refused {
        /// What was asked for, expected and found.
        what: String,
    },
}

impl StoreError {
    /// What a person can do about it.
    pub fn hint(&self) -> Cow<'static, str> {
        let said = match self {
            Self::NotAStore { .. } => "`runq ingest PATH` makes a store; `--store DIR` names an existing one",
            Self::ReadOnly { .. } => "leave out `--read-only` and `--as-of`, and unset RUNQ_READ_ONLY",
            Self::NoPermission { .. } => {
                "check the owner and the mode of the folder, or use another store with `--store DIR`"
            }
            Self::DiskFull { .. } => {
                "free some space; what was published before is complete, and the command can be run again"
            }
            Self::Unavailable { .. } => {
                "check the disk or the connection and run the command again; nothing was half published"
            }
            Self::Newer { .. } => "a newer runq made this store: write to it with that one; reading is fine",
            Self::Damaged { .. } | Self::LacksColumn { .. } => {
                "restore the folder from a backup, or make a new store and ingest the sources again"
            }
            Self::Busy { .. } => "run the command again when fewer writers are at work",
            Self::Unguarded { .. } => {
                "with `--single-writer` runq writes all the same: only while nobody else writes to this store"
            }
            Self::NoSuchVersion { .. } => "`runq store versions` lists them",
            Self::HistoryGone { .. } => {
                "`runq store versions` lists younger ones; `runq vacuum --older-than` decides how long they are kept"
            }
            Self::S3(error) => error.hint(),
            Self::Service(refusal) => return refusal.hint(),
            Self::Refused { .. } => "this is a bug of runq; please report it",
        };
        said.into()
    }

    /// Sorts a library's error by what a person can do about it.
    pub(super) fn new(path: &str, table: &'static str, cause: impl Into<Cause>) -> Self {
        let source = cause.into();
        let path = path.to_owned();
        if let Some(refusal) = Refusal::of(source.as_ref()) {
            return Self::Service(refusal);
        }
        match Kind::of(source.as_ref()) {
            Kind::Denied(at) => Self::NoPermission { path: at.unwrap_or(path), source },
            Kind::Full => Self::DiskFull { path, source },
            Kind::NotATable => Self::NotAStore { path },
            Kind::Damaged => Self::Damaged { path, table, source },
            Kind::Other => Self::Unavailable { path, table, source },
        }
    }

    pub(super) fn refused(what: impl Into<String>) -> Self {
        Self::Refused { what: what.into() }
    }
}

enum Kind {
    Denied(Option<String>),
    Full,
    NotATable,
    Damaged,
    Other,
}

impl Kind {
    /// Looks through the whole chain: what says most stands deepest.
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut found = Self::Other;
        let mut place = None;
        let mut link = Some(error);
        while let Some(error) = link {
            if let Some(object_store::Error::PermissionDenied { path, .. }) = error.downcast_ref() {
                place = Some(path.clone());
            }
            if let Some(kind) = Self::of_link(error) {
                found = kind;
            }
            link = error.source();
        }
        if let Self::Other | Self::Damaged = found {
            found = Self::of_text(&error.to_string()).unwrap_or(found);
        }
        match found {
            Self::Denied(_) => Self::Denied(place),
            other => other,
        }
    }

    fn of_link(error: &(dyn StdError + 'static)) -> Option<Self> {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(Self::Denied(None)),
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Self::Full),
                _ => None,
            };
        }
        if let Some(object) = error.downcast_ref::<object_store::Error>() {
            return match object {
                object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. } => Some(Self::Denied(None)),
                object_store::Error::NotFound { .. } => Some(Self::Damaged),
                _ => Some(Self::Other),
            };
        }
        if error.is::<crate::model::ReadRowError>() {
            return Some(Self::Damaged);
        }
        if let Some(DataFusionError::ParquetError(parquet)) = error.downcast_ref() {
            return Some(Self::of_parquet(&parquet.to_string()));
        }
        match error.downcast_ref::<DeltaTableError>()? {
            DeltaTableError::NotATable(_) => Some(Self::NotATable),
            // The kernel's own error cannot be named here.
            DeltaTableError::KernelError(kernel) if kernel.to_string().contains("Path does not exist") => {
                Some(Self::NotATable)
            }
            DeltaTableError::InvalidJsonLog { .. }
            | DeltaTableError::InvalidStatsJson { .. }
            | DeltaTableError::Parquet { .. }
            | DeltaTableError::KernelError(_)
            | DeltaTableError::MetadataError(_)
            | DeltaTableError::InvalidVersion(_) => Some(Self::Damaged),
            _ => None,
        }
    }

    /// The Parquet reader keeps the error of the disk below it only as text.
    fn of_parquet(text: &str) -> Self {
        let shortened_or_gone = text.contains("range") || text.contains("not found");
        if text.contains("Object Store error") && !shortened_or_gone { Self::Other } else { Self::Damaged }
    }

    /// Some layers below keep an operating system error only as its text.
    fn of_text(text: &str) -> Option<Self> {
        if text.contains("(os error 13)") || text.contains("(os error 30)") {
            Some(Self::Denied(None))
        } else if text.contains("(os error 28)") || text.contains("(os error 122)") {
            Some(Self::Full)
        } else {
            None
        }
    }
}

/// Whether a commit failed only because another writer was faster, so that it may be tried on the newer state.
pub(super) fn is_conflict(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::Transaction {
            source: TransactionError::CommitConflict(_) | TransactionError::MaxCommitAttempts(_)
        } | DeltaTableError::VersionAlreadyExists(_)
    )
}

/// The engine wraps causes in shared pointers, which hide them from a walk along the sources.
pub(super) fn unwrapped(error: DataFusionError) -> Cause {
    match error {
        DataFusionError::External(cause) => cause,
        DataFusionError::Context(_, inner) => unwrapped(*inner),
        DataFusionError::ObjectStore(cause) => cause,
        other => Box::new(other),
    }
}
