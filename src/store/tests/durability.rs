//! What is reported as published is on the disk: file, then folder, then the commit that names it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::super::{Disk, SyncedDisk};
use super::*;

/// Notes every sync and whether the name was there at that time.
#[derive(Debug, Default)]
struct Notes {
    events: Mutex<Vec<Event>>,
    full: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Event {
    File { path: PathBuf, named: bool },
    Folder(PathBuf),
}

impl Disk for Notes {
    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.sync_all()?;
        self.events.lock().unwrap().push(Event::File { path: path.into(), named: path.exists() });
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.events.lock().unwrap().push(Event::Folder(path.into()));
        Ok(())
    }
}

impl Notes {
    fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap())
    }
}

fn url_of(folder: &Path) -> Url {
    Url::from_directory_path(folder).unwrap()
}

#[tokio::test]
async fn files_and_folders_are_synced_before_the_commit_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let notes = Arc::new(Notes::default());
    let store = Store::create_with(Arc::new(SyncedDisk::new(notes.clone())), &url_of(&root)).await.unwrap();
    let made = notes.take();
    for table in ["runs", "results", "scores", "steps", "metrics"] {
        assert!(made.contains(&Event::Folder(root.join(table))), "the name of {table}/_delta_log");
    }
    assert!(made.contains(&Event::Folder(root.clone())), "the names of the tables");

    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 12)]).await.unwrap();
    let events = notes.take();
    for table in ["steps", "scores", "results", "runs"] {
        let place = |found: &dyn Fn(&Event) -> bool| events.iter().position(found).unwrap();
        let in_log = |path: &Path| path.parent() == Some(&root.join(table).join("_delta_log"));
        let data = place(
            &|event| matches!(event, Event::File { path, .. } if path.parent() == Some(&root.join(table))),
        );
        let name = place(&|event| *event == Event::Folder(root.join(table)));
        let commit = place(&|event| matches!(event, Event::File { path, .. } if in_log(path)));
        let committed = place(&|event| *event == Event::Folder(root.join(table).join("_delta_log")));
        assert!(data < name && name < commit && commit < committed, "{table}: {events:#?}");
    }
    let named = events.iter().filter(|event| matches!(event, Event::File { named: true, .. })).count();
    assert_eq!(named, 0, "no file has its name before it is synced: {events:#?}");
    let header = |event: &Event| matches!(event, Event::File { path, .. } if path.starts_with(root.join("runs/_delta_log")));
    let rows = |event: &Event| matches!(event, Event::File { path, .. } if path.starts_with(root.join("results/_delta_log")));
    assert!(events.iter().position(header) > events.iter().position(rows), "the header comes last");
}

#[tokio::test]
async fn large_uploads_copies_and_renames_are_synced_too() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let notes = Arc::new(Notes::default());
    let disk = SyncedDisk::new(notes.clone());
    let key = |name: &str| Key::from_absolute_path(root.join(name)).unwrap();

    let mut upload = disk.put_multipart(&key("new/deep/a")).await.unwrap();
    upload.put_part(PutPayload::from_static(b"one ")).await.unwrap();
    upload.put_part(PutPayload::from_static(b"two")).await.unwrap();
    upload.complete().await.unwrap();
    let events = notes.take();
    assert_eq!(events[..2], [Event::Folder(root.clone()), Event::Folder(root.join("new"))]);
    assert_eq!(events[2], Event::File { path: root.join("new/deep/a"), named: true });
    assert_eq!(events[3], Event::Folder(root.join("new/deep")));
    assert_eq!(disk.get(&key("new/deep/a")).await.unwrap().bytes().await.unwrap(), "one two");

    disk.copy(&key("new/deep/a"), &key("copy/b")).await.unwrap();
    assert_eq!(notes.take().last(), Some(&Event::Folder(root.join("copy"))));
    disk.rename(&key("copy/b"), &key("moved/c")).await.unwrap();
    let events = notes.take();
    assert_eq!(events.last(), Some(&Event::Folder(root.join("copy"))), "the old name is gone for good");
    assert!(events.contains(&Event::Folder(root.join("moved"))));
}

#[tokio::test]
async fn an_exclusive_put_never_replaces_and_leaves_no_staging_file() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let disk = SyncedDisk::new(Arc::new(Notes::default()));
    let key = Key::from_absolute_path(root.join("a.json")).unwrap();
    let create = || PutOptions::from(PutMode::Create);
    std::fs::write(root.join("a.json#1"), "left by a kill").unwrap();
    disk.put_opts(&key, "first".into(), create()).await.unwrap();
    let error = disk.put_opts(&key, "second".into(), create()).await.unwrap_err();
    assert!(matches!(error, object_store::Error::AlreadyExists { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(root.join("a.json")).unwrap(), "first");
    disk.put(&key, "third".into()).await.unwrap();
    assert_eq!(std::fs::read_to_string(root.join("a.json")).unwrap(), "third");
    let names: std::collections::BTreeSet<_> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a.json".into(), "a.json#1".into()].into(), "only the foreign staging file stays");
}

#[tokio::test]
async fn a_full_disk_is_named_as_such_and_publishes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    let full = SyncedDisk::new(Arc::new(Notes { full: true, ..Notes::default() }));
    let url = url_of(&folder.path().canonicalize().unwrap());
    let writer = Store::open_with(Arc::new(full), &url, Access::ReadWrite).await.unwrap();
    let error = publish(&writer, &[ingest("a", 1, "ingest-aaaa1", 12)]).await.unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert!(store.snapshot().await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn a_store_is_found_opened_and_missed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("project/.runq");
    let missing = Store::open(&root, Access::ReadOnly).await.unwrap_err();
    assert!(matches!(missing, StoreError::NotAStore { .. }), "{missing:?}");
    std::fs::create_dir_all(folder.path().join("project/deep/down")).unwrap();
    std::fs::create_dir_all(&root).unwrap();
    let empty = Store::open(&root, Access::ReadOnly).await.unwrap_err();
    assert!(matches!(empty, StoreError::NotAStore { .. }), "{empty:?}");

    Store::create(&root).await.unwrap();
    let found = super::super::find(&folder.path().join("project/deep/down")).unwrap();
    assert_eq!(found, root);
    assert_eq!(super::super::find(Path::new("/nowhere/at/all")), None);
    let store = Store::open(&found, Access::ReadOnly).await.unwrap();
    assert_eq!(store.label(), root.canonicalize().unwrap().display().to_string());
    assert!(store.snapshot().await.unwrap().runs.is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_may_not_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    let results = folder.path().join("results");
    let mode = |mode| std::fs::set_permissions(&results, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    if std::fs::write(results.join("probe"), "").is_ok() {
        mode(0o755);
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    let error = publish(&store, &[ingest("a", 1, "ingest-aaaa1", 2)]).await.unwrap_err();
    mode(0o755);
    assert!(matches!(&error, StoreError::NoPermission { path, .. } if path.contains("results")), "{error:?}");
}

#[tokio::test]
async fn a_store_with_a_missing_or_broken_file_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 2)]).await.unwrap();
    let data = std::fs::read_dir(folder.path().join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .unwrap();
    let content = std::fs::read(&data).unwrap();
    std::fs::remove_file(&data).unwrap();
    let error = store.snapshot().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { table: "runs", .. }), "{error:?}");
    std::fs::write(&data, &content[..content.len() / 2]).unwrap();
    let again = Store::open(folder.path(), Access::ReadOnly).await.unwrap();
    let error = again.snapshot().await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { table: "runs", .. }), "{error:?}");
}

#[tokio::test]
async fn a_store_that_was_deleted_and_made_again_is_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(".runq");
    let store = Store::create(&root).await.unwrap();
    for generation in 1..=3 {
        publish(&store, &[ingest("a", generation, &format!("ingest-{generation:05}"), 2)]).await.unwrap();
    }
    assert_eq!(store.snapshot().await.unwrap().runs[0].generation, 3);
    std::fs::remove_dir_all(&root).unwrap();
    let error = store.snapshot().await.unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
    publish(&Store::create(&root).await.unwrap(), &[ingest("b", 1, "ingest-bbbb1", 1)]).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs[0].run_id, "b");
    assert_whole(&snapshot).await;
}
