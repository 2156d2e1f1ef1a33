//! Random interleavings of everything that works on a store, held against a map: nothing is lost, nothing is there
//! twice, and no reader ever sees half a run.

mod objects;
mod process;
mod reading;
mod truth;
mod world;

use std::sync::Arc;

use object_store::memory::InMemory;
use runq::objects::s3::{self, Settings};
use runq::store::{SyncedDisk, SystemDisk};
use url::Url;
use world::World;

use crate::support::s3::{Asked, BUCKET, Fault, KEY_ID, Rule, S3Server, SECRET};

/// One thread, so that a seed gives nearly the same order each time.
fn lives(objects: Arc<dyn object_store::ObjectStore>, root: Url, (seed, steps): (u64, usize)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(objects, root, seed).await;
        world.live(steps).await;
        eprintln!(
            "{} merged, {} removed, {} remembered",
            world.all.merged, world.all.removed, world.all.remembered
        );
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

/// A server whose answers now and then are lost, late or cut.
fn in_s3(seed: u64, steps: usize) {
    let server = S3Server::start();
    let settings = Settings::for_endpoint(&server.endpoint(), "us-east-1", (KEY_ID, SECRET));
    let settings = settings.expect("an endpoint");
    let bucket = s3::bucket(BUCKET, &settings, Arc::default()).expect("a bucket");
    server.seed(seed);
    for fault in [Fault::LostAnswer, Fault::SlowDown, Fault::CutBody] {
        server.fault(Rule::new(fault).with_chance(0.003));
    }
    server.fault(Rule::new(Fault::CONFLICT).on(&[Asked::Create]).with_chance(0.02));
    let root = Url::parse(&format!("s3://{BUCKET}/")).expect("a URL");
    lives(bucket, root, (seed, steps));
}

#[test]
fn in_memory_many_steps() {
    in_memory(1, 60);
}

#[test]
fn on_a_disk_many_steps() {
    on_disk(1, 20);
}

#[test]
fn in_s3_many_steps() {
    in_s3(1, 20);
}
