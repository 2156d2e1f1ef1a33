//! A server that speaks S3 on loopback, with its objects in a temporary folder. Its writes are under one lock, so that
//! conditional ones hold as Amazon's do.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use hyper::Method;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

/// The key that the server knows.
pub const KEY_ID: &str = "AKIDRUNQTESTS";
/// Its secret, which must stand nowhere in what runq says or stores.
pub const SECRET: &str = "s3cr3t/Of+The+Tests=";
/// The bucket that is there.
pub const BUCKET: &str = "team-runs";

/// A running server; it ends with its value.
pub struct S3Server {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
    _folder: TempDir,
}

impl S3Server {
    /// Starts a server with one empty bucket.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket can be made");
        let files = FileSystem::new(folder.path()).expect("the folder is there");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        runtime.spawn(serve(listener, service.build()));
        Self { address, _runtime: runtime, _folder: folder }
    }

    /// What `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives a command the environment that reaches the server.
    pub fn reached_by<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    let one_writes = Arc::new(Mutex::new(()));
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (service, one_writes) = (service.clone(), Arc::clone(&one_writes));
        let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (service, one_writes) = (service.clone(), Arc::clone(&one_writes));
            async move {
                // The server looks whether an object is there and then writes it, in two steps.
                let writes = !matches!(*request.method(), Method::GET | Method::HEAD);
                let _turn = if writes { Some(one_writes.lock().await) } else { None };
                let answer = service.call(request.map(s3s::Body::from)).await;
                Ok::<_, Infallible>(answer.expect("the server answers"))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}
