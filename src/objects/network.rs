//! S3 as this process reaches it, for callers that wait on a thread: connections are made once per bucket, and what is
//! read at once is bounded.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError, mpsc};

use object_store::ObjectStore;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Reach;
use super::s3::S3Error;

/// How many requests of readers are under way at once. With 20 to 50 ms until S3 begins to answer, 16 keep a line of
/// 1 Gbit/s busy already with pieces of 256 KiB; more would only share it, and hold more memory.
pub const AT_ONCE: usize = 16;

/// Threads that carry requests. They only wait and copy.
const THREADS: usize = 2;

/// The connections of this process, made from its environment when a bucket is named for the first time.
static OF_PROCESS: LazyLock<Arc<Network>> = LazyLock::new(|| Arc::new(Network::default()));

/// Connections to buckets.
#[derive(Default)]
pub struct Network {
    reach: Arc<Reach>,
    runtime: OnceLock<Option<Runtime>>,
    buckets: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>>,
    turns: OnceLock<Arc<Semaphore>>,
}

impl Network {
    /// The connections of this process.
    pub fn of_process() -> Arc<Self> {
        Arc::clone(&OF_PROCESS)
    }

    /// Connections that are there already, by the name of the bucket.
    pub fn over(buckets: impl IntoIterator<Item = (String, Arc<dyn ObjectStore>)>) -> Self {
        let network = Self::default();
        network.buckets.lock().unwrap_or_else(PoisonError::into_inner).extend(buckets);
        network
    }

    /// What reaches a bucket. Credentials and settings are looked for at the first call.
    ///
    /// # Errors
    /// When the settings do not make a connection.
    pub fn bucket(&self, name: &str) -> Result<Arc<dyn ObjectStore>, S3Error> {
        if let Some(bucket) = self.known(name) {
            return Ok(bucket);
        }
        let (reach, wanted) = (Arc::clone(&self.reach), name.to_owned());
        let (bucket, _) = self.wait(async move { reach.bucket(&wanted).await })??;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(buckets.entry(name.to_owned()).or_insert(bucket)))
    }

    fn known(&self, name: &str) -> Option<Arc<dyn ObjectStore>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn runtime(&self) -> Result<&Runtime, S3Error> {
        let threads = || Builder::new_multi_thread().worker_threads(THREADS).enable_all().build().ok();
        self.runtime.get_or_init(threads).as_ref().ok_or_else(no_threads)
    }

    /// Takes turns among what is read at once.
    pub fn turns(&self) -> Arc<Semaphore> {
        Arc::clone(self.turns.get_or_init(|| Arc::new(Semaphore::new(AT_ONCE))))
    }

    /// The settings of S3 and the count of what is asked.
    pub const fn reach(&self) -> &Arc<Reach> {
        &self.reach
    }

    /// Begins work that the connections' threads go on with; its end is waited for at the other side.
    ///
    /// # Errors
    /// When there are no threads to work with.
    pub fn begin<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<mpsc::Receiver<T>, S3Error> {
        let runtime = self.runtime()?;
        let (sender, receiver) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            // Whoever asked may have gone.
            let _ = sender.send(work.await);
        });
        Ok(receiver)
    }

    /// Waits for work without a thread that stands still. The work ends when nobody waits for it any more.
    ///
    /// # Errors
    /// When there are no threads to work with.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, S3Error> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work, self.runtime()?.handle());
        match tasks.join_next().await {
            Some(Ok(done)) => Ok(done),
            _ => Err(no_threads()),
        }
    }

    /// Waits for work on this thread. May be called from any thread: the work is done by others.
    ///
    /// # Errors
    /// When there are no threads to work with.
    pub fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, S3Error> {
        self.begin(work)?.recv().map_err(|_| no_threads())
    }
}

fn no_threads() -> S3Error {
    S3Error::Settings { problem: "there are no threads to reach it with".to_owned() }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
