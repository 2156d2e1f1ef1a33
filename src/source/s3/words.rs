//! What went wrong between us and S3, in words.

use std::path::Path;

use object_store::Error;

use crate::objects::s3::S3Error;
use crate::source::SourceError;

/// What an error says of an object or of the keys below an address.
pub fn problem(path: &Path, error: &Error) -> SourceError {
    let said = error.to_string();
    let unreachable =
        |problem: &str| SourceError { unreachable: true, ..SourceError::unreadable(path, problem) };
    match error {
        _ if said.contains("NoSuchBucket") => {
            SourceError { problem: "there is no such bucket".to_owned(), ..SourceError::missing(path) }
        }
        Error::NotFound { .. } => SourceError::missing(path),
        Error::PermissionDenied { .. } => unreachable("S3 gives no permission to read it"),
        Error::Unauthenticated { .. } => unreachable("S3 does not accept the credentials, or there are none"),
        Error::Precondition { .. } => SourceError::unreadable(path, REPLACED),
        error => unreachable(&format!("S3 cannot be reached: {}", cause(error))),
    }
}

/// A file of which one part is of another state than the rest.
pub(super) const REPLACED: &str = "it was replaced while it was read; read it again";

/// An address or settings that lead nowhere.
pub(super) fn unconnected(path: &Path, error: &S3Error) -> SourceError {
    let problem = match error {
        S3Error::Address { problem, .. } => format!("this is no address in S3: {problem}"),
        error => format!("{error}; {}", error.hint()),
    };
    SourceError {
        unreachable: !matches!(error, S3Error::Address { .. }),
        ..SourceError::unreadable(path, problem)
    }
}

/// The innermost reason: what stands around it repeats it.
fn cause(error: &Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
