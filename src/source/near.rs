//! The path that a person probably meant by one that leads nowhere.

use std::path::{Path, PathBuf};

use super::Source;
use crate::model::nearest;

/// The entry of the parent folder whose name is nearest to that of a path which does not exist, beside it as it was
/// given; `None` when nothing is near or the folder cannot be listed.
pub fn near_path(source: &dyn Source, path: &Path) -> Option<PathBuf> {
    let wanted = path.file_name()?.to_str()?;
    let here = Path::new(".");
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(here);
    let siblings = source.list(parent).ok()?;
    let names = siblings.iter().filter_map(|entry| entry.path.file_name()?.to_str());
    let near = nearest(wanted, names)?;
    Some(if parent == here { PathBuf::from(near) } else { parent.join(near) })
}
