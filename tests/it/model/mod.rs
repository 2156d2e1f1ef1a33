//! Random interleavings of everything that works on a store, held against a map: nothing is lost, nothing is there
//! twice, and no reader ever sees half a run.

mod objects;
mod process;
mod reading;
mod truth;
mod world;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::memory::InMemory;
use runq::objects::s3::{self, Settings};
use runq::store::{SyncedDisk, SystemDisk};
use tokio::runtime::{Builder, Runtime};
use url::Url;
use world::World;

use crate::support::s3::{Asked, BUCKET, Fault, KEY_ID, Rule, S3Server, SECRET};

/// One thread, so that a seed gives nearly the same order each time.
fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Connections belong to the threads that opened them, so these stay.
fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn lives(runtime: &Runtime, objects: Arc<dyn ObjectStore>, root: Url, (seed, steps): (u64, usize)) {
    runtime.block_on(async {
        let mut world = World::new(objects, root, seed).await;
        world.live(steps).await;
        assert!(world.all.merged > 0 && world.all.remembered > 0, "{:?}", world.all.failed);
    });
}

fn in_memory(seed: u64, steps: usize) {
    lives(
        &one_thread(),
        Arc::new(InMemory::new()),
        Url::parse("memory:///store/").expect("a URL"),
        (seed, steps),
    );
}

fn on_disk(seed: u64, steps: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = Url::from_directory_path(folder.path()).expect("an absolute path");
    lives(&one_thread(), Arc::new(SyncedDisk::new(Arc::new(SystemDisk))), root, (seed, steps));
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
    lives(&threads(), bucket, root, (seed, steps));
}

#[test]
fn in_memory_with_the_first_seeds() {
    (1..=2).for_each(|seed| in_memory(seed, 80));
}

#[test]
fn in_memory_with_the_next_seeds() {
    (3..=4).for_each(|seed| in_memory(seed, 80));
}

#[test]
fn on_a_disk_with_a_seed() {
    on_disk(1, 80);
}

#[test]
fn in_s3_with_a_seed() {
    in_s3(1, 30);
}

/// Eight thousand steps: `RUNQ_SEED=9 cargo test --test it -- --ignored model::a_long_life`
#[test]
#[ignore = "takes half an hour"]
fn a_long_life() {
    let seed = std::env::var("RUNQ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(9);
    for seed in seed..seed + 10 {
        in_memory(seed, 500);
        on_disk(seed, 250);
        in_s3(seed, 50);
    }
}
