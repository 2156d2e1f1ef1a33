//! What stands where, asked with as few requests as tell it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use object_store::path::Error as PathError;
use object_store::{Error, ObjectStoreExt as _};

use super::known::{Object, There};
use super::{S3Source, Wanted};
use crate::objects::s3::SCHEME;
use crate::source::SourceError;

impl S3Source {
    /// What stands at a path; asked for where it is not known.
    pub(super) fn there(&self, wanted: &Wanted) -> Result<There, SourceError> {
        let known = self.known().at(&wanted.name);
        if known != There::Unknown {
            return Ok(known);
        }
        // A name with an ending is most likely a file.
        let likely = wanted.key.extension().is_some();
        if likely && let Some(object) = self.head(wanted)? {
            return Ok(There::File(object));
        }
        let listed = self.known().is_listed(&wanted.name);
        if !listed {
            self.list_below(wanted)?;
        }
        let is_bucket = wanted.key.as_ref().is_empty();
        if !likely && !is_bucket && self.known().at(&wanted.name) == There::Unknown {
            self.head(wanted)?;
        }
        Ok(self.known().at(&wanted.name))
    }

    /// Whether an object is there: one request.
    pub(super) fn head(&self, wanted: &Wanted) -> Result<Option<Object>, SourceError> {
        if wanted.key.as_ref().is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.known().object(&wanted.name) {
            return Ok(known.cloned());
        }
        let (store, key, path) = (Arc::clone(&wanted.store), wanted.key.clone(), wanted.path.clone());
        let met = self.wait(&wanted.path, async move {
            store.head(&key).await.map_err(|error| SourceError::of_object(&path, &error))
        });
        match met {
            Ok(meta) => {
                let object = Object::from(&meta);
                self.known().add(wanted.name.clone(), object.clone());
                Ok(Some(object))
            }
            Err(error) => self.seen_as_absent(wanted, error).map(|_| None),
        }
    }

    /// Lists everything below a folder.
    fn list_below(&self, wanted: &Wanted) -> Result<(), SourceError> {
        let (store, key, path) = (Arc::clone(&wanted.store), wanted.key.clone(), wanted.path.clone());
        let turns = self.network.turns();
        let (metas, unnameable) = self.wait(&wanted.path, async move {
            let _turn = turns.acquire().await;
            let prefix = Some(&key).filter(|key| !key.as_ref().is_empty());
            let (mut metas, mut unnameable) = (Vec::new(), Vec::new());
            let mut listing = store.list(prefix);
            while let Some(next) = listing.next().await {
                match next {
                    Ok(meta) => metas.push(meta),
                    Err(Error::InvalidPath { source }) => unnameable.push(key_in(source)),
                    Err(error) => return Err(SourceError::of_object(&path, &error)),
                }
            }
            Ok((metas, unnameable))
        })?;
        let bucket = bucket_of(&wanted.name);
        let objects = metas.iter().map(|meta| (format!("{bucket}/{}", meta.location), Object::from(meta)));
        let mut known = self.known();
        known.add_listing(&wanted.name, objects);
        known.add_unnameable(&wanted.name, unnameable);
        Ok(())
    }

    /// Says which keys a listing of a folder named that have no path.
    pub(super) fn unnameable_below(&self, folder: &Path) -> Vec<SourceError> {
        let Ok(wanted) = self.wanted(folder) else { return Vec::new() };
        let known = self.known();
        let Some((first, others)) = known.unnameable(&wanted.name).split_first() else { return Vec::new() };
        let path = PathBuf::from(format!("{SCHEME}{}/{first}", bucket_of(&wanted.name)));
        let which = match others.len() {
            0 => "this key".to_owned(),
            others => format!("this key and {others} others like it"),
        };
        let said =
            format!("{which} cannot be read: a part of it is empty, . or .., or has control characters");
        let hint = "`aws s3 mv` gives it a name without // in it".to_owned();
        vec![SourceError { hint: Some(hint), ..SourceError::unreadable(&path, said) }]
    }

    /// Lists a folder without what is below the folders in it.
    pub(super) fn list_here(&self, wanted: &Wanted) -> Result<(), SourceError> {
        let (store, key, path) = (Arc::clone(&wanted.store), wanted.key.clone(), wanted.path.clone());
        let listing = self.wait(&wanted.path, async move {
            let prefix = Some(&key).filter(|key| !key.as_ref().is_empty());
            store.list_with_delimiter(prefix).await.map_err(|error| SourceError::of_object(&path, &error))
        })?;
        let bucket = bucket_of(&wanted.name);
        let mut known = self.known();
        for folder in &listing.common_prefixes {
            known.add_folder(&format!("{bucket}/{folder}"));
        }
        for meta in &listing.objects {
            known.add(format!("{bucket}/{}", meta.location), Object::from(meta));
        }
        Ok(())
    }

    /// What is not there, `missing`; else the error. Where nobody may list, S3 says of what is not there that it may not
    /// be read: there that counts as not there, or no run could be read whose optional files are not.
    ///
    /// # Errors
    /// The error that it was, when it does not say that.
    pub(super) fn seen_as_absent(
        &self,
        wanted: &Wanted,
        error: SourceError,
    ) -> Result<SourceError, SourceError> {
        if !(error.missing || error.denied && self.is_closed(wanted)) {
            return Err(error);
        }
        self.known().add_absent(&wanted.name);
        Ok(SourceError::missing(&wanted.path))
    }

    /// Whether there is no permission to list the folder of an object; asked once for each folder.
    fn is_closed(&self, wanted: &Wanted) -> bool {
        let folder = wanted.name.rsplit_once('/').map_or("", |(folder, _)| folder);
        if let Some(closed) = self.known().is_closed(folder) {
            return closed;
        }
        let (store, path) = (Arc::clone(&wanted.store), wanted.path.clone());
        let above = wanted.key.parent();
        let first = self.wait(&wanted.path, async move {
            let first = store.list(above.as_ref()).next().await.transpose();
            first.map_err(|error| SourceError::of_object(&path, &error))
        });
        let closed = first.is_err_and(|error| error.denied);
        self.known().add_closed(folder, closed);
        closed
    }
}

fn bucket_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(bucket, _)| bucket)
}

/// The key that is no path.
fn key_in(error: PathError) -> String {
    match error {
        PathError::EmptySegment { path } | PathError::BadSegment { path, .. } => path,
        error => error.to_string(),
    }
}
