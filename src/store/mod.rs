//! The store: runs and what belongs to them, as Delta tables of Parquet under one folder.
//!
//! The only place that knows Delta and object paths. A run is published all or nothing: the rows that belong to
//! it first, its row in `runs` last, and a reader takes only rows whose `ingest_id` a run names. What a crash
//! leaves behind is never visible and is removed by the next ingest of that run or by [`Store::clean`].
//!
//! Layout: `<root>/{runs,results,scores,steps,metrics}`, one Delta table each, with the columns of
//! [`crate::model`].

mod check;
mod clean;
mod commit;
mod conditional;
mod error;
mod files;
mod history;
mod kept;
mod location;
mod log;
mod optimize;
mod place;
mod publish;
mod race;
mod registry;
mod removal;
mod schema;
mod snapshot;
mod synced;
mod upload;
mod vacuum;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use url::Url;

pub use check::{Checked, Depth, Litter as UnnamedRows, TableChecked, Trouble};
pub use clean::Cleaned;
pub use error::StoreError;
pub use history::{AsOf, StoreVersion};
use location::Location;
pub use optimize::{Optimization, Optimized, OptimizedTable, Pace};
pub use place::Place;
pub use publish::{LostRun, Publication, Published};
pub use snapshot::StoreSnapshot;
pub use synced::{Disk, SyncedDisk, SystemDisk, replace_file};
pub use vacuum::{Unneeded, Vacuumed, VacuumedTable};

use crate::model::{Row, RunRow};
use crate::objects::{Reach, Traffic};

/// Name of a store's folder where none was named.
pub const STORE_FOLDER: &str = ".runq";

/// What may be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Questions only; every write is refused.
    ReadOnly,
    /// Questions and writes.
    ReadWrite,
    /// Questions and writes, with the word of a person that nobody else writes meanwhile: for services that do not honour
    /// conditional puts.
    SingleWriter,
}

/// The nearest store folder at or above `start`, as git finds its `.git`.
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(STORE_FOLDER)).find(|folder| folder.is_dir())
}

/// An opened store. Cheap to keep; holds no lock and no file.
#[derive(Debug, Clone)]
pub struct Store {
    location: Location,
    access: Access,
}

impl Store {
    /// Opens the store in a folder, or at an address in S3.
    ///
    /// # Errors
    /// As [`Store::open_at`].
    pub async fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        Self::open_at(&Place::of(root)?, access, &Reach::default()).await
    }

    /// Opens the store in a folder, or at an address in S3. Nothing is asked of S3 yet: whether a store is there is told by
    /// the first look into it.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] when there is none, [`StoreError::NoPermission`] when it cannot be read.
    pub async fn open_at(place: &Place, access: Access, reach: &Reach) -> Result<Self, StoreError> {
        let root = match place {
            Place::S3(address) => {
                return Ok(Self { location: Location::in_s3(address, reach).await?, access });
            }
            Place::Disk(root) => root,
        };
        let not_a_store = || StoreError::NotAStore { path: root.display().to_string() };
        let root = match root.canonicalize() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_a_store()),
            other => other.map_err(|error| at(root, error))?,
        };
        let url = Url::from_directory_path(&root).map_err(|()| not_a_store())?;
        Self::existing(Location::new(disk(), &url, reach.traffic()), access).await
    }

    /// Opens the store in a folder, or at an address in S3, for writing, and makes what is missing of it.
    ///
    /// Two writers may do this at the same time; both get the same store.
    ///
    /// # Errors
    /// As [`Store::create_at`].
    pub async fn create(root: &Path) -> Result<Self, StoreError> {
        Self::create_at(&Place::of(root)?, Access::ReadWrite, &Reach::default()).await
    }

    /// As [`Store::create`].
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::NoPermission`], [`StoreError::DiskFull`], [`StoreError::Unguarded`] or
    /// [`StoreError::Unavailable`].
    pub async fn create_at(place: &Place, access: Access, reach: &Reach) -> Result<Self, StoreError> {
        let root = match place {
            Place::S3(address) => return Self::made(Location::in_s3(address, reach).await?, access).await,
            Place::Disk(root) => root,
        };
        std::fs::create_dir_all(root).map_err(|error| at(root, error))?;
        let root = root.canonicalize().map_err(|error| at(root, error))?;
        let url = Url::from_directory_path(&root)
            .map_err(|()| StoreError::refused(format!("{} is no absolute path", root.display())))?;
        Self::made(Location::new(disk(), &url, reach.traffic()), access).await
    }

    /// Opens the store at a URL through any object store whose root is the root of the URL's host.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(
        objects: Arc<dyn ObjectStore>,
        root: &Url,
        access: Access,
    ) -> Result<Self, StoreError> {
        Self::existing(Location::new(objects, root, &Arc::default()), access).await
    }

    /// Opens the store at a URL for writing, and makes what is missing of it.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub async fn create_with(objects: Arc<dyn ObjectStore>, root: &Url) -> Result<Self, StoreError> {
        Self::made(Location::new(objects, root, &Arc::default()), Access::ReadWrite).await
    }

    async fn existing(location: Location, access: Access) -> Result<Self, StoreError> {
        if location.is_far() || location.exists().await? {
            Ok(Self { location, access })
        } else {
            Err(StoreError::NotAStore { path: location.label() })
        }
    }

    async fn made(location: Location, access: Access) -> Result<Self, StoreError> {
        let store = Self { location, access };
        store.check_writable()?;
        if !store.location.exists().await? {
            store.writable().await?;
            store.location.create().await?;
        }
        Ok(store)
    }

    /// What may be done with it.
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Where it is: the path on a disk, else the URL.
    pub fn label(&self) -> String {
        self.location.label()
    }

    /// Whether it is reached through a network.
    pub fn is_far(&self) -> bool {
        self.location.is_far()
    }

    /// Whether this is the store at a place. What stands there now may be another one under the same name.
    pub fn is_at(&self, place: &Place) -> bool {
        match place {
            Place::Disk(path) => path.canonicalize().is_ok_and(|path| path == Path::new(&self.label())),
            Place::S3(address) => address.to_string() == self.label(),
        }
    }

    /// What users of the store have put beside its tables at a key: none is no error.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub async fn file(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.location.file(key).await
    }

    /// What users of the store have put into a folder beside its tables: names and contents, by name.
    ///
    /// # Errors
    /// When the folder cannot be listed, or one of its files cannot be read.
    pub async fn files(&self, folder: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        self.location.files(folder).await
    }

    /// Counts what is asked of the object store, from when it was opened.
    pub fn traffic(&self) -> &Arc<Traffic> {
        self.location.traffic()
    }

    /// A consistent view of everything that is published now; later commits do not change it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when runs are published faster than they can be read, else what the disk says.
    pub async fn snapshot(&self) -> Result<StoreSnapshot, StoreError> {
        Box::pin(StoreSnapshot::newest(&self.location)).await
    }

    /// Begins to publish runs. Nothing is visible before [`Publication::commit`].
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`] when the store was opened for reading.
    pub async fn publish(&self) -> Result<Publication<'_>, StoreError> {
        self.writable().await?;
        Ok(Publication::new(&self.location))
    }

    /// Whether it may be written, and by several at a time: to be asked before the first write.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`] when the store was opened for reading, [`StoreError::Unguarded`] when two writers could
    /// undo each other's work.
    pub(crate) async fn writable(&self) -> Result<(), StoreError> {
        self.check_writable()?;
        self.location.check_conditions(self.access == Access::SingleWriter).await
    }

    /// The same, of a store that has to be there already: nothing is put where there is none.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`], and as [`Store::writable`].
    pub(crate) async fn writable_store(&self) -> Result<(), StoreError> {
        self.check_writable()?;
        if !self.location.exists().await? {
            return Err(StoreError::NotAStore { path: self.label() });
        }
        self.writable().await
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        match self.access {
            Access::ReadWrite | Access::SingleWriter => Ok(()),
            Access::ReadOnly => Err(StoreError::ReadOnly { path: self.label() }),
        }
    }
}

/// Local disks, synced.
fn disk() -> Arc<dyn ObjectStore> {
    Arc::new(SyncedDisk::new(Arc::new(SystemDisk)))
}

/// A failure to make or find the root folder, before any table is known.
fn at(path: &Path, error: std::io::Error) -> StoreError {
    StoreError::new(&path.display().to_string(), RunRow::TABLE, error)
}
