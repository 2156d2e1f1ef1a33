//! The path that a person probably meant by one that leads nowhere.

use std::path::{Path, PathBuf};

use super::Source;
use crate::model::nearest;
use crate::objects::s3::joined_address;

/// The entry of the parent folder whose name is nearest to that of a path which does not exist, beside it as it was
/// given, or the address that it was before paths were joined; `None` when nothing is near or the folder cannot be listed.
pub fn near_path(source: &dyn Source, path: &Path) -> Option<PathBuf> {
    if let Some(address) = path.to_str().and_then(joined_address) {
        return Some(PathBuf::from(address));
    }
    let wanted = path.file_name()?.to_str()?;
    let here = Path::new(".");
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(here);
    let siblings = source.list(parent).ok()?;
    let names = siblings.iter().filter_map(|entry| entry.path.file_name()?.to_str());
    let near = nearest(wanted, names)?;
    Some(if parent == here { PathBuf::from(near) } else { parent.join(near) })
}
