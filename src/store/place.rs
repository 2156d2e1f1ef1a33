//! Where a store is, as a person names it: a folder, or an address in S3.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::objects::s3::{Address, S3Error, joined_address};

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
        if let Some(address) = Address::of(path)? {
            return Ok(Self::S3(address));
        }
        if let Some(address) = path.to_str().and_then(joined_address) {
            let text = path.display().to_string();
            return Err(S3Error::Address { text, problem: format!("did you mean {address}?") });
        }
        match path.to_str().and_then(scheme) {
            Some(scheme) => Err(S3Error::Address {
                // What stands behind it may hold a password.
                text: format!("{scheme}://..."),
                problem: "expected a folder or s3://BUCKET/KEY".to_owned(),
            }),
            None => Ok(Self::Disk(path.to_owned())),
        }
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

/// What stands before `://`, where that can be the scheme of a URL.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once("://")?;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_letter)).then_some(scheme)
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
        assert!(error.ends_with("did you mean s3://team/runs?"), "{error}");
    }

    #[test]
    fn other_services_are_refused_without_what_may_be_a_password() {
        for text in ["https://me:hunter2@host/x", "gs://hunter2/x", "s3a://hunter2/x", "file:///hunter2"] {
            let error = Place::of(Path::new(text)).unwrap_err().to_string();
            assert!(error.contains("s3://BUCKET/KEY") && !error.contains("hunter2"), "{error}");
        }
    }
}
