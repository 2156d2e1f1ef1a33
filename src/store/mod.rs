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
mod error;
mod files;
mod history;
mod location;
mod log;
mod optimize;
mod publish;
mod race;
mod registry;
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

use object_store::ObjectStore;
use url::Url;

pub use check::{Checked, Depth, Litter as UnnamedRows, TableChecked, Trouble};
pub use clean::Cleaned;
pub use error::StoreError;
pub use history::{AsOf, StoreVersion};
use location::Location;
pub use optimize::{Optimization, Optimized, OptimizedTable, Pace};
pub use publish::{LostRun, Publication, Published};
pub use snapshot::StoreSnapshot;
pub use synced::{Disk, SyncedDisk, SystemDisk, replace_file};
pub use vacuum::{Unneeded, Vacuumed, VacuumedTable};

use crate::model::{Row, RunRow};
use crate::objects::Traffic;
use crate::objects::s3::{Address, Settings};

/// Name of a store's folder where none was named.
pub const STORE_FOLDER: &str = ".runq";

/// What may be done with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Questions only; every write is refused.
    ReadOnly,
    /// Questions and writes.
    ReadWrite,
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
    /// [`StoreError::NotAStore`] when there is none, [`StoreError::NoPermission`] when it cannot be read.
    pub async fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        if let Some(address) = Address::of(root)? {
            let location = Location::in_s3(&address, &Settings::from_environment().await?)?;
            return Self::open_at(location, access).await;
        }
        let not_a_store = || StoreError::NotAStore { path: root.display().to_string() };
        let root = match root.canonicalize() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_a_store()),
            other => other.map_err(|error| at(root, error))?,
        };
        let url = Url::from_directory_path(&root).map_err(|()| not_a_store())?;
        Self::open_with(Arc::new(SyncedDisk::new(Arc::new(SystemDisk))), &url, access).await
    }

    /// Opens the store in a folder for writing, and makes what is missing of it.
    ///
    /// Two writers may do this at the same time; both get the same store.
    ///
    /// # Errors
    /// [`StoreError::NoPermission`], [`StoreError::DiskFull`] or [`StoreError::Unavailable`].
    pub async fn create(root: &Path) -> Result<Self, StoreError> {
        if let Some(address) = Address::of(root)? {
            let location = Location::in_s3(&address, &Settings::from_environment().await?)?;
            location.create().await?;
            return Ok(Self { location, access: Access::ReadWrite });
        }
        std::fs::create_dir_all(root).map_err(|error| at(root, error))?;
        let root = root.canonicalize().map_err(|error| at(root, error))?;
        let url = Url::from_directory_path(&root)
            .map_err(|()| StoreError::refused(format!("{} is no absolute path", root.display())))?;
        Self::create_with(Arc::new(SyncedDisk::new(Arc::new(SystemDisk))), &url).await
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
        Self::open_at(Location::new(objects, root), access).await
    }

    async fn open_at(location: Location, access: Access) -> Result<Self, StoreError> {
        if location.exists().await? {
            Ok(Self { location, access })
        } else {
            Err(StoreError::NotAStore { path: location.label() })
        }
    }

    /// Opens the store at a URL for writing, and makes what is missing of it.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub async fn create_with(objects: Arc<dyn ObjectStore>, root: &Url) -> Result<Self, StoreError> {
        let location = Location::new(objects, root);
        location.create().await?;
        Ok(Self { location, access: Access::ReadWrite })
    }

    /// What may be done with it.
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Where it is: the path on a disk, else the URL.
    pub fn label(&self) -> String {
        self.location.label()
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
        StoreSnapshot::take(&self.location).await
    }

    /// Begins to publish runs. Nothing is visible before [`Publication::commit`].
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`] when the store was opened for reading.
    pub async fn publish(&self) -> Result<Publication<'_>, StoreError> {
        self.check_writable()?;
        Ok(Publication::new(&self.location))
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        match self.access {
            Access::ReadWrite => Ok(()),
            Access::ReadOnly => Err(StoreError::ReadOnly { path: self.label() }),
        }
    }
}

/// A failure to make or find the root folder, before any table is known.
fn at(path: &Path, error: std::io::Error) -> StoreError {
    StoreError::new(&path.display().to_string(), RunRow::TABLE, error)
}
