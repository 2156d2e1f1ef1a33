//! Whether a file only grew: its beginning is what the whole of it was before.

use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::source::{Source, SourceError};

/// The bytes that a file began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beginning {
    bytes: u64,
    hash: [u8; 32],
}

impl Beginning {
    /// The first `bytes` of a file, and whether it still begins as it did `before`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(
        source: &dyn Source,
        (path, bytes): (&Path, u64),
        before: Option<&Self>,
    ) -> Result<(Self, bool), SourceError> {
        let failed = |error: io::Error| SourceError::of_reader(path, &error);
        let mut reader = source.open(path)?.take(bytes);
        let mut hash = Sha256::new();
        let known = before.map_or(0, |before| before.bytes);
        let mut read = io::copy(&mut reader.by_ref().take(known), &mut hash).map_err(failed)?;
        let grown = before
            .is_some_and(|before| *before == Self { bytes: read, hash: hash.clone().finalize().into() });
        read += io::copy(&mut reader, &mut hash).map_err(failed)?;
        Ok((Self { bytes: read, hash: hash.finalize().into() }, grown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalDisk;

    #[test]
    fn a_file_grew_when_it_begins_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let large = "x".repeat(1 << 20);
        for (was, is, grew) in [
            ("one\n".to_owned(), "one\ntwo\n".to_owned(), true),
            ("one\n".to_owned(), "one\n".to_owned(), true),
            ("one\n".to_owned(), "One\ntwo\n".to_owned(), false),
            ("one\n".to_owned(), "on".to_owned(), false),
            (large.clone(), format!("{large}y"), true),
            (large.clone(), format!("y{large}"), false),
        ] {
            std::fs::write(&path, &was).unwrap();
            let (before, _) = Beginning::of(&LocalDisk, (&path, was.len() as u64), None).unwrap();
            std::fs::write(&path, &is).unwrap();
            let (_, grown) = Beginning::of(&LocalDisk, (&path, is.len() as u64), Some(&before)).unwrap();
            assert_eq!(grown, grew, "{} -> {}", was.len(), is.len());
        }
    }
}
