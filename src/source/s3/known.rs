//! What is known of the objects of S3 without asking again: listings answer for what is there and for what is not.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;

use object_store::ObjectMeta;

use crate::objects::s3::Address;
use crate::source::{Entry, Stamp};

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub size: u64,
    /// When it was written, in nanoseconds since 1970.
    pub written: i128,
    /// What tells its bytes from others; `None` where a listing does not say.
    pub e_tag: Option<String>,
}

impl From<&ObjectMeta> for Object {
    fn from(meta: &ObjectMeta) -> Self {
        Self {
            size: meta.size,
            written: i128::from(meta.last_modified.timestamp_micros()) * 1000,
            e_tag: meta.e_tag.as_deref().map(bare),
        }
    }
}

/// Servers disagree on the quotes.
fn bare(e_tag: &str) -> String {
    e_tag.trim_start_matches("W/").trim_matches('"').to_owned()
}

/// Objects by `bucket/key`.
#[derive(Debug, Default)]
pub(super) struct Known {
    objects: BTreeMap<String, Object>,
    /// Folders of which everything below was listed, each with a `/` at its end.
    listed: BTreeSet<String>,
    /// Folders that a listing of the one above named, each with a `/` at its end.
    folders: BTreeSet<String>,
    /// Names that no object has.
    absent: BTreeSet<String>,
    /// Folders by whether there is no permission to list them.
    closed: BTreeMap<String, bool>,
    /// Keys without a path, by the folder that was listed.
    unnameable: BTreeMap<String, Vec<String>>,
}

/// How objects are called here.
pub(super) fn name_of(address: &Address) -> String {
    match address.key().as_ref() {
        "" => address.bucket().to_owned(),
        key => format!("{}/{key}", address.bucket()),
    }
}

/// What stands at a name, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum There {
    File(Object),
    Folder,
    Nothing,
    /// Nothing was asked yet that tells.
    Unknown,
}

impl Known {
    pub fn at(&self, name: &str) -> There {
        let below = format!("{name}/");
        let is_folder = self.folders.contains(&below)
            || self.below(&below).next().is_some()
            || self.listed.contains(&below) && !name.contains('/')
            || !self.unnameable(name).is_empty();
        match self.objects.get(name) {
            // An empty object before a folder stands for the folder.
            Some(object) if object.size > 0 || !is_folder => There::File(object.clone()),
            _ if is_folder => There::Folder,
            _ if self.covers(name) => There::Nothing,
            _ if self.absent.contains(name) && self.listed.contains(&below) => There::Nothing,
            _ => There::Unknown,
        }
    }

    /// The object of a name, `Some(None)` when it is known that there is none.
    pub fn object(&self, name: &str) -> Option<Option<&Object>> {
        match self.objects.get(name) {
            Some(object) => Some(Some(object)),
            None => (self.covers(name) || self.absent.contains(name)).then_some(None),
        }
    }

    /// Whether a listing tells everything about a name.
    fn covers(&self, name: &str) -> bool {
        name.match_indices('/').any(|(at, _)| self.listed.contains(&name[..=at]))
    }

    pub fn is_listed(&self, folder: &str) -> bool {
        let below = format!("{folder}/");
        self.listed.contains(&below) || self.covers(&below)
    }

    pub fn add(&mut self, name: String, object: Object) {
        self.absent.remove(&name);
        self.objects.insert(name, object);
    }

    pub fn add_absent(&mut self, name: &str) {
        self.absent.insert(name.to_owned());
    }

    pub fn is_closed(&self, folder: &str) -> Option<bool> {
        self.closed.get(folder).copied()
    }

    pub fn add_closed(&mut self, folder: &str, closed: bool) {
        self.closed.insert(folder.to_owned(), closed);
    }

    /// Keys below a folder that no path leads to, as its listing said.
    pub fn unnameable(&self, folder: &str) -> &[String] {
        self.unnameable.get(folder).map_or(&[], Vec::as_slice)
    }

    pub fn add_unnameable(&mut self, folder: &str, keys: Vec<String>) {
        self.unnameable.insert(folder.to_owned(), keys);
    }

    /// Everything below a folder.
    pub fn add_listing(&mut self, folder: &str, objects: impl IntoIterator<Item = (String, Object)>) {
        self.listed.insert(format!("{folder}/"));
        self.objects.extend(objects);
    }

    pub fn add_folder(&mut self, name: &str) {
        self.folders.insert(format!("{name}/"));
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a String, &'a Object)> {
        let from = (Bound::Excluded(prefix.to_owned()), Bound::Unbounded);
        self.objects.range::<String, _>(from).take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// Files and folders directly in a folder, under the path that the folder was asked by.
    pub fn children(&self, folder: &str, path: &Path) -> Vec<Entry> {
        let prefix = format!("{folder}/");
        let mut found = BTreeMap::new();
        let mut from = prefix.clone();
        let after = |from: &String| (Bound::Excluded(from.clone()), Bound::Unbounded);
        while let Some((name, object)) = self.objects.range::<String, _>(after(&from)).next() {
            let Some(rest) = name.strip_prefix(&prefix) else { break };
            match rest.split_once('/') {
                Some((child, _)) => {
                    found.insert((child.to_owned(), true), 0);
                    // Behind everything in the child.
                    from = format!("{prefix}{child}/\u{10ffff}");
                }
                None => {
                    found.insert((rest.to_owned(), false), object.size);
                    from.clone_from(name);
                }
            }
        }
        let named = self.folders.range(prefix.clone()..).take_while(|name| name.starts_with(&prefix));
        for child in named.filter_map(|name| name.strip_prefix(&prefix)?.strip_suffix('/')) {
            if !child.contains('/') {
                found.insert((child.to_owned(), true), 0);
            }
        }
        let stands_for_folder =
            |name: &str, size: u64| size == 0 && found.contains_key(&(name.to_owned(), true));
        let entry = |((name, folder), size): (&(String, bool), &u64)| Entry {
            path: path.join(name),
            folder: *folder,
            size: *size,
        };
        let real = found.iter().filter(|((name, folder), size)| *folder || !stands_for_folder(name, **size));
        real.map(entry).collect()
    }

    /// What tells a listed folder from another state of it: how many objects are below, and when the last one was written.
    pub fn stamp(&self, folder: &str) -> Stamp {
        let prefix = format!("{folder}/");
        let (mut size, mut written) = (0, 0);
        for (_, object) in self.below(&prefix) {
            size += 1;
            written = written.max(object.written);
        }
        Stamp { size, times: [written, 0], file: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(size: u64) -> Object {
        Object { size, written: 0, e_tag: None }
    }

    fn known(names: &[&str]) -> Known {
        let mut known = Known::default();
        known.add_listing("bucket/runs", names.iter().map(|name| (format!("bucket/runs/{name}"), object(1))));
        known
    }

    #[test]
    fn a_listing_answers_for_what_is_not_there() {
        let known = known(&["a/index.jsonl", "a-b", "a.jsonl"]);
        assert_eq!(known.at("bucket/runs"), There::Folder);
        assert_eq!(known.at("bucket/runs/a"), There::Folder);
        assert_eq!(known.at("bucket/runs/a.jsonl"), There::File(object(1)));
        assert_eq!(known.at("bucket/runs/a/timing.json"), There::Nothing);
        assert_eq!(known.at("bucket/runs2"), There::Unknown);
        assert_eq!(known.at("bucket/other/timing.json"), There::Unknown);
    }

    #[test]
    fn folders_and_files_of_like_names_stand_side_by_side() {
        let known = known(&["a/1", "a/2/3", "a-b", "a0", "ü x/y"]);
        let names = |folder: &str| {
            let entries = known.children(folder, Path::new("s3://bucket/x"));
            entries.iter().map(|entry| (entry.path.display().to_string(), entry.folder)).collect::<Vec<_>>()
        };
        let named = |name: &str, folder| (format!("s3://bucket/x/{name}"), folder);
        assert_eq!(
            names("bucket/runs"),
            [named("a", true), named("a-b", false), named("a0", false), named("ü x", true)]
        );
        assert_eq!(names("bucket/runs/a"), [named("1", false), named("2", true)]);
    }

    #[test]
    fn an_empty_object_before_a_folder_stands_for_the_folder() {
        let mut known = known(&["a/1"]);
        known.add("bucket/runs/a".to_owned(), object(0));
        assert_eq!(known.at("bucket/runs/a"), There::Folder);
    }
}
