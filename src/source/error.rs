//! Why bytes could not be had, in the words that people read.

use std::io;
use std::path::{Path, PathBuf};

use object_store::Error;

use crate::objects::s3::{Refusal, S3Error};

/// Why bytes could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct SourceError {
    /// What was asked for.
    pub path: PathBuf,
    /// What is wrong, as a fragment.
    pub problem: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    /// Whether there is nothing by that path (rather than something that cannot be read).
    pub missing: bool,
    /// Whether the place that holds it could not be reached, or did not let us in: another time it may be read.
    pub unreachable: bool,
    /// Whether the place was reached and there is no permission.
    pub denied: bool,
}

impl SourceError {
    /// There is nothing by that path.
    pub fn missing(path: &Path) -> Self {
        Self { missing: true, ..Self::unreadable(path, "there is no such file or folder") }
    }

    /// There is something, and it cannot be read.
    pub fn unreadable(path: &Path, problem: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            problem: problem.into(),
            hint: None,
            missing: false,
            unreachable: false,
            denied: false,
        }
    }

    /// What a reader of a file met on its way.
    pub fn of_reader(path: &Path, error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            Some(known) => known.clone(),
            None => Self {
                missing: error.kind() == io::ErrorKind::NotFound,
                ..Self::unreadable(path, error.to_string())
            },
        }
    }

    /// A file of which one part is of another state than the rest.
    pub(super) fn replaced(path: &Path) -> Self {
        Self::unreadable(path, "it was replaced while it was read; read it again")
    }

    /// What S3 says of an object, or of the keys below an address.
    pub fn of_object(path: &Path, error: &Error) -> Self {
        if let Some(refusal) = Refusal::of(error) {
            return Self::refused(path, &refusal);
        }
        match error {
            Error::NotFound { .. } => Self::missing(path),
            Error::Precondition { .. } => Self::replaced(path),
            Error::InvalidPath { .. } => Self::unreadable(path, innermost(error)),
            error => Self {
                unreachable: true,
                ..Self::unreadable(path, format!("S3 cannot be reached: {}", innermost(error)))
            },
        }
    }

    fn refused(path: &Path, refusal: &Refusal) -> Self {
        let said = without(&refusal.to_string(), &path.display().to_string());
        Self {
            hint: Some(refusal.hint().into_owned()),
            missing: refusal.is_missing(),
            unreachable: !refusal.is_missing(),
            denied: refusal.is_denied(),
            ..Self::unreadable(path, said)
        }
    }

    /// An address or settings that lead nowhere.
    pub fn of_connection(path: &Path, error: &S3Error) -> Self {
        let hint = Some(error.hint().to_owned());
        match error {
            // As it may be repeated: without a password.
            S3Error::Address { text, problem } => Self {
                hint,
                ..Self::unreadable(Path::new(text), format!("this is no address in S3: {problem}"))
            },
            error => Self { hint, unreachable: true, ..Self::unreadable(path, error.to_string()) },
        }
    }
}

impl From<SourceError> for io::Error {
    fn from(error: SourceError) -> Self {
        Self::other(error)
    }
}

/// A text about an address behind that address: `it` in its place.
fn without(text: &str, address: &str) -> String {
    let words: Vec<&str> = text.splitn(2, address).collect();
    match words.as_slice() {
        [before, after] if after.is_empty() || after.starts_with([' ', ',', ':', ';']) => {
            format!("{before}it{after}")
        }
        _ => text.to_owned(),
    }
}

/// The innermost reason: what stands around it repeats it.
fn innermost(error: &Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_said_once() {
        let said = |text| without(text, "s3://b/a");
        assert_eq!(
            said("no permission to list s3://b/a (AccessDenied)"),
            "no permission to list it (AccessDenied)"
        );
        assert_eq!(said("cannot read s3://b/a"), "cannot read it");
        for other in ["cannot read s3://b/ab", "cannot read s3://b/a/c", "no credentials found"] {
            assert_eq!(said(other), other);
        }
    }
}
