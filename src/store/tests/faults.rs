//! A publication that fails at any of its operations shows the old runs or the new ones, and can be repeated.

use super::objects::{Fault, Watched};
use super::*;

/// Publishes through a store that fails at one operation. Whether that operation was reached.
async fn publish_failing(memory: &InMemory, ingests: &[Ingest], fault: Fault) -> (bool, bool) {
    let watched = Watched::new(Arc::new(memory.clone()), fault);
    let outcome = match Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadWrite).await {
        Ok(store) => publish(&store, ingests).await.map(|_| ()),
        Err(error) => Err(error),
    };
    (watched.has_failed(), outcome.is_ok())
}

const EVERY_KIND: [fn(usize) -> Fault; 3] = [Fault::Before, Fault::After, Fault::Crash];

async fn check_every_fault(memory: &InMemory, old: &[RunRow], new: &Ingest) {
    check_faults(memory, old, new, &EVERY_KIND).await;
}

async fn check_faults(memory: &InMemory, old: &[RunRow], new: &Ingest, kinds: &[fn(usize) -> Fault]) {
    for kind in kinds {
        let mut operation = 1;
        loop {
            let fault = kind(operation);
            let disk = memory.fork();
            let (reached, succeeded) = publish_failing(&disk, std::slice::from_ref(new), fault).await;
            let store = Store::open_with(Arc::new(disk), &memory_url(), Access::ReadWrite).await.unwrap();
            let after = store.snapshot().await.unwrap();
            assert_whole(&after).await;
            let is_new = after.runs.contains(&new.run);
            assert!(is_new || (!succeeded && after.runs == old), "{fault:?}: {:?}", after.runs);

            let mut again = new.clone();
            if operation % 2 == 0 {
                again = ingest(&new.run.run_id, new.run.generation, "ingest-again", new.results.len());
            }
            let published = publish(&store, std::slice::from_ref(&again)).await.unwrap();
            if !is_new {
                assert_eq!((published.runs.len(), &published.litter), (1, &None), "{fault:?}");
            }
            let last = store.snapshot().await.unwrap();
            assert_whole(&last).await;
            let expected: i64 = last.runs.iter().map(|run| run.result_count).sum();
            if !is_new {
                assert_eq!(stored(&last, "results").await as i64, expected, "{fault:?}");
            }
            if !reached {
                break;
            }
            operation += 1;
        }
        assert!(operation > 8, "{kind:?}: only {operation} operations were seen", kind = kind(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_publication() {
    let (_, memory) = memory_store().await;
    check_every_fault(&memory, &[], &ingest("a", 1, "ingest-aaaa1", 2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement() {
    let (store, memory) = memory_store().await;
    let old = [ingest("a", 1, "ingest-aaaa1", 3)];
    publish(&store, &old).await.unwrap();
    check_every_fault(&memory, &[old[0].run.clone()], &ingest("a", 2, "ingest-aaaa2", 2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_publication_into_a_store_that_lacks_columns() {
    let (memory, old) = older::older_memory().await;
    check_faults(&memory, &[old.run], &ingest("a", 1, "ingest-aaaa1", 1), &[Fault::Crash]).await;
}

#[tokio::test]
async fn how_many_operations_a_small_publication_takes() {
    let (_, memory) = memory_store().await;
    let watched = Watched::new(Arc::new(memory), Fault::Never);
    let store = Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadWrite).await.unwrap();
    let opened = watched.operations().len();
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 12)]).await.unwrap();
    let all = watched.operations();
    let puts = all.iter().filter(|operation| operation.starts_with("put")).count();
    assert_eq!(puts, 9, "a try of conditions, a file and a commit for each of four tables: {all:#?}");
    assert!(all.len() - opened < 60, "{} operations: {all:#?}", all.len() - opened);
}
