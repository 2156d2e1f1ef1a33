//! A server that speaks S3 on loopback, with its objects in a folder. Its writes are under one lock, so that
//! conditional ones hold as Amazon's do. In front of it stand faults, and everything asked is recorded.

mod faults;
mod record;
mod service;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

pub use faults::{Fault, Rule};
pub use record::{Asked, Request};
use service::Shared;

/// The key that the server knows.
pub const KEY_ID: &str = "AKIDRUNQTESTS";
/// Its secret, which must stand nowhere in what runq says or stores.
pub const SECRET: &str = "s3cr3t/Of+The+Tests=";
/// Another key that it knows, with its secret.
pub const OTHER_KEY: (&str, &str) = ("AKIDRUNQSECOND", "an0ther/s3cret+Of+Them=");
/// The bucket that is there.
pub const BUCKET: &str = "team-runs";

/// A running server; it ends with its value.
pub struct S3Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    folder: PathBuf,
    /// `None` when it ends.
    runtime: Option<tokio::runtime::Runtime>,
    _temporary: Option<TempDir>,
}

impl S3Server {
    /// Starts a server with one empty bucket.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self::over(folder.path(), "127.0.0.1:0");
        server._temporary = Some(folder);
        server
    }

    /// Starts a server over a folder, whose folders are buckets, on an address (`127.0.0.1:0`: any free port).
    pub fn over(folder: &Path, address: &str) -> Self {
        std::fs::create_dir_all(folder.join(BUCKET)).expect("a bucket can be made");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = std::net::TcpListener::bind(address).expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a bound port");
        let shared = Arc::<Shared>::default();
        runtime.spawn(service::serve(listener, service::build(folder), Arc::clone(&shared)));
        Self { address, shared, folder: folder.to_owned(), runtime: Some(runtime), _temporary: None }
    }

    /// What `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The host and port, as clients name them.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The variables that reach the server.
    pub fn environment(&self) -> [(&'static str, String); 6] {
        environment_of(self.endpoint())
    }

    /// Gives a command the environment that reaches the server.
    pub fn reached_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.environment())
    }

    /// From now on this goes wrong, until [`S3Server::heal`].
    pub fn fault(&self, rule: Rule) -> &Self {
        self.shared.faults.add(rule);
        self
    }

    /// Every request is answered this much later.
    pub fn delay(&self, time: Duration) -> &Self {
        self.fault(Rule::new(Fault::Delay(time)))
    }

    /// Chance begins anew from here.
    pub fn seed(&self, seed: u64) -> &Self {
        self.shared.faults.seed(seed);
        self
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) -> &Self {
        self.shared.faults.clear();
        self
    }

    /// What was asked so far, in the order in which it came in.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests()
    }

    /// How many requests of these kinds came in so far.
    pub fn count(&self, asked: &[Asked]) -> usize {
        self.requests().iter().filter(|request| asked.contains(&request.asked)).count()
    }

    /// Forgets what was asked, and gives it.
    pub fn take_requests(&self) -> Vec<Request> {
        self.shared.take_requests()
    }

    /// Puts the files of a folder into the bucket, under a prefix.
    pub fn put_folder(&self, folder: &Path, prefix: &str) {
        for file in files_below(folder) {
            let name = file.strip_prefix(folder).expect("below the folder").display();
            self.put(&format!("{prefix}/{name}"), std::fs::read(&file).expect("a file can be read"));
        }
    }

    /// Puts an object into the bucket, behind the server's back.
    pub fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let file = self.folder.join(BUCKET).join(key);
        std::fs::create_dir_all(file.parent().expect("a key has a folder")).expect("it can be made");
        std::fs::write(file, bytes).expect("an object can be written");
    }

    /// The bytes of an object, `None` where there is none.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(BUCKET).join(key)).ok()
    }

    /// Where the server keeps its objects: a folder per bucket, and its own notes beside them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The keys in the bucket, sorted.
    pub fn keys(&self) -> Vec<String> {
        let bucket = self.folder.join(BUCKET);
        let mut keys: Vec<String> = files_below(&bucket)
            .iter()
            .filter_map(|path| path.strip_prefix(&bucket).ok()?.to_str().map(str::to_owned))
            .collect();
        keys.sort();
        keys
    }

    /// The parts of uploads that were neither completed nor aborted.
    pub fn unfinished_parts(&self) -> usize {
        let is_part = |path: &PathBuf| path.to_string_lossy().contains(".upload_id-");
        files_below(&self.folder).iter().filter(|path| is_part(path)).count()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // Also within a test that is asynchronous itself.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The variables that reach a server which knows our key.
pub fn environment_of(endpoint: String) -> [(&'static str, String); 6] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// For people and benches: `cargo test --test it -- --ignored serve_s3 --nocapture`, until stdin ends.
/// Each line of stdin tells what was asked since the last one.
/// `RUNQ_S3_DELAY_MS` delays each answer, `RUNQ_S3_FOLDER` keeps the objects, `RUNQ_S3_ADDRESS` names host and port.
#[test]
#[ignore = "serves until stdin ends"]
fn serve_s3() {
    let said = |name: &str| std::env::var(name).ok();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = said("RUNQ_S3_FOLDER").map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let server = S3Server::over(&folder, said("RUNQ_S3_ADDRESS").as_deref().unwrap_or("127.0.0.1:0"));
    if let Some(delay) = said("RUNQ_S3_DELAY_MS").and_then(|text| text.parse().ok()) {
        server.delay(Duration::from_millis(delay));
    }
    for (name, value) in server.environment() {
        eprintln!("export {name}='{value}'");
    }
    eprintln!("serving s3://{BUCKET} from {} until stdin ends", folder.display());
    for line in std::io::stdin().lines() {
        line.expect("stdin can be read");
        eprintln!("{}", record::summed(&server.take_requests()));
    }
}
