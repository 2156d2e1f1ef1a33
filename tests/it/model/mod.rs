//! Random interleavings of everything that works on a store, held against a map: nothing is lost, nothing is there
//! twice, and no reader ever sees half a run.

mod objects;
mod process;
mod reading;
mod truth;
mod world;

use std::sync::Arc;

use object_store::memory::InMemory;
use runq::store::{SyncedDisk, SystemDisk};
use url::Url;
use world::World;

/// One thread, so that a seed gives nearly the same order each time.
fn lives(objects: Arc<dyn object_store::ObjectStore>, root: Url, (seed, steps): (u64, usize)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(objects, root, seed).await;
        world.live(steps).await;
    });
}

fn in_memory(seed: u64, steps: usize) {
    lives(Arc::new(InMemory::new()), Url::parse("memory:///store/").expect("a URL"), (seed, steps));
}

fn on_disk(seed: u64, steps: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = Url::from_directory_path(folder.path()).expect("an absolute path");
    lives(Arc::new(SyncedDisk::new(Arc::new(SystemDisk))), root, (seed, steps));
}

#[test]
fn in_memory_many_steps() {
    in_memory(1, 40);
}

#[test]
fn on_a_disk_many_steps() {
    on_disk(1, 20);
}
