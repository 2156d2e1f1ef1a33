//! Where a store is, as a person names it: a folder, or an address in S3.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::objects::s3::{Address, S3Error};

/// A place for a store. There need be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder.
    Disk(PathBuf),
    /// A bucket, or a prefix in it.
    S3(Address),
}

impl Place {
    /// The place that was named: an address where it begins like one, else a folder.
    ///
    /// # Errors
    /// [`S3Error::Address`] when it begins like an address and is none, for one that lost a slash, and for addresses of
    /// other services.
    pub fn of(path: &Path) -> Result<Self, S3Error> {
        Ok(Address::of(path)?.map_or_else(|| Self::Disk(path.to_owned()), Self::S3))
    }

    /// The folder; `None` for a place in S3.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Disk(path) => Some(path),
            Self::S3(_) => None,
        }
    }

    /// Whether it is known, without asking any network, that nothing is there.
    pub fn is_missing(&self) -> bool {
        self.folder().is_some_and(|path| !path.exists())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(path) => path.display().fmt(f),
            Self::S3(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_an_address_and_prints_as_it_was_given() {
        for text in ["store", "/data/.runq", "./s3://x", "a:b", "://x"] {
            let place = Place::of(Path::new(text)).unwrap();
            assert_eq!((place.folder(), place.to_string().as_str()), (Some(Path::new(text)), text));
        }
        let place = Place::of(Path::new("s3://team/a b/#1%2Fü")).unwrap();
        assert_eq!((place.folder(), place.to_string().as_str()), (None, "s3://team/a b/#1%2Fü"));
    }

    #[test]
    fn an_address_that_lost_a_slash_makes_no_folder() {
        let error = Place::of(Path::new("s3:/team/runs")).unwrap_err().to_string();
        assert!(error.ends_with("write s3://team/runs"), "{error}");
    }

    #[test]
    fn other_services_are_refused_without_what_may_be_a_password() {
        for text in ["https://me:hunter2@host/x", "gs://hunter2/x", "s3a://me:hunter2@x", "file:///hunter2"] {
            let error = Place::of(Path::new(text)).unwrap_err().to_string();
            assert!(error.contains("no address in S3") && !error.contains("hunter2"), "{error}");
        }
    }
}
