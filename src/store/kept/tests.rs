use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;

use super::*;
use crate::objects::{Counted, Traffic};

const DATA: &str = "runs/part-1.parquet";

async fn kept(path: &str, size: u64) -> (Kept, Arc<Traffic>, Vec<u8>) {
    let content: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
    let memory = InMemory::new();
    memory.put(&Path::from(path), content.clone().into()).await.unwrap();
    let traffic = Arc::new(Traffic::default());
    let counted = Counted::new(Arc::new(memory), Arc::clone(&traffic));
    (Kept::new(Arc::new(counted)), traffic, content)
}

#[tokio::test]
async fn a_small_file_is_asked_for_once() {
    let (kept, traffic, content) = kept(DATA, 1000).await;
    let path = Path::from(DATA);
    assert_eq!(kept.get_range(&path, 990..1000).await.unwrap(), &content[990..]);
    let pieces = kept.get_ranges(&path, &[0..10, 5..900]).await.unwrap();
    assert_eq!((&pieces[0][..], &pieces[1][..]), (&content[..10], &content[5..900]));
    let whole = kept.get(&path).await.unwrap();
    assert_eq!((whole.range.clone(), whole.meta.size), (0..1000, 1000));
    assert_eq!(whole.bytes().await.unwrap(), content);
    assert!(traffic.so_far().total().requests == 1, "{}", traffic.so_far());
}

#[tokio::test]
async fn a_checkpoint_is_read_whole_whatever_is_asked_first() {
    let path = "runs/_delta_log/00000000000000000020.checkpoint.parquet";
    let (kept, traffic, content) = kept(path, 3 * TAIL).await;
    let path = Path::from(path);
    let suffix = GetOptions { range: Some(GetRange::Suffix(7)), ..GetOptions::default() };
    let end = kept.get_opts(&path, suffix).await.unwrap();
    assert_eq!(end.range, 3 * TAIL - 7..3 * TAIL);
    assert_eq!(end.bytes().await.unwrap(), &content[content.len() - 7..]);
    assert_eq!(kept.get_range(&path, 5..900).await.unwrap(), &content[5..900]);
    assert_eq!((traffic.so_far().total().requests, traffic.so_far().get.bytes), (1, 3 * TAIL));
}

#[tokio::test]
async fn of_a_large_file_the_end_and_what_was_read_stay() {
    let size = 3 * TAIL;
    let (kept, traffic, content) = kept(DATA, size).await;
    let path = Path::from(DATA);
    kept.get_range(&path, size - 8..size).await.unwrap();
    for _ in 0..2 {
        let ranges = [10..20, 300..400, size - 100..size];
        let pieces = kept.get_ranges(&path, &ranges).await.unwrap();
        for (piece, range) in pieces.iter().zip(ranges) {
            assert_eq!(*piece, content[range.start as usize..range.end as usize]);
        }
    }
    // The end, and the two pieces at the beginning as one.
    assert_eq!((traffic.so_far().total().requests, traffic.so_far().total().bytes), (2, TAIL + 390));
}

#[tokio::test]
async fn what_may_change_is_asked_for_again() {
    for path in ["runs/_delta_log/_last_checkpoint", "config.toml", "sql/view.sql", "runs/_delta_log/1.json"]
    {
        let (kept, traffic, content) = kept(path, 10).await;
        for _ in 0..2 {
            assert_eq!(kept.get(&Path::from(path)).await.unwrap().bytes().await.unwrap(), content);
        }
        assert_eq!(traffic.so_far().get.requests, 2, "{path}");
    }
}

#[tokio::test]
async fn a_table_that_was_made_again_is_read_again() {
    let commit = "store/runs/_delta_log/00000000000000000000.json";
    let (kept, traffic, content) = kept(commit, 10).await;
    let path = Path::from(commit);
    for requests in [1, 1, 2] {
        if requests == 2 {
            kept.forget(&Path::from("store/results"));
            kept.forget(&Path::from("store/runs"));
        }
        assert_eq!(kept.get(&path).await.unwrap().bytes().await.unwrap(), content);
        assert_eq!(traffic.so_far().get.requests, requests);
    }
    assert_eq!(kept.shelf().bytes, 10);
}

#[tokio::test]
async fn no_more_than_the_bound_is_kept() {
    let memory = InMemory::new();
    let kept = Kept::new(Arc::new(memory.clone()));
    let paths: Vec<Path> = (0..40).map(|at| Path::from(format!("t/_delta_log/{at:020}.json"))).collect();
    for path in &paths {
        memory.put(path, vec![1; 2 * 1024 * 1024].into()).await.unwrap();
        kept.get(path).await.unwrap();
    }
    let shelf = kept.shelf();
    assert!(shelf.bytes <= MOST && shelf.bytes == shelf.files.values().map(File::size).sum::<usize>());
    assert!(shelf.files.contains_key(&paths[39]) && !shelf.files.contains_key(&paths[0]));
}
