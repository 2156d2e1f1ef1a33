//! The server itself: s3s over a folder, with the faults in front of it.

use std::path::Path;
use std::sync::{Arc, Mutex as Locked, PoisonError};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::{CompleteMultipartUploadInput, ListObjectsV2Input, PutObjectInput};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpResponse, S3Request, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::faults::{Fault, Faults, Struck, cut, elsewhere, redirect, refusal};
use super::record::{Asked, Request};
use super::{KEY_ID, OTHER_KEY, SECRET};

/// What the server and its test share.
#[derive(Default)]
pub struct Shared {
    pub faults: Faults,
    requests: Locked<Vec<Request>>,
    one_writes: Mutex<()>,
}

impl Shared {
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, request: Request) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }
}

pub fn build(folder: &Path) -> S3Service {
    let mut service = S3ServiceBuilder::new(FileSystem::new(folder).expect("the folder is there"));
    service.set_auth(Keys);
    service.set_access(Struck::default());
    service.build()
}

/// The keys of the account.
struct Keys;

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, key_id: &str) -> S3Result<SecretKey> {
        let known = [(KEY_ID, SECRET), OTHER_KEY].into_iter().find(|(id, _)| *id == key_id);
        let (_, secret) = known.ok_or_else(|| s3_error!(InvalidAccessKeyId, "there is no such key"))?;
        Ok(SecretKey::from(secret))
    }
}

/// What a request asks is changed only behind the check of its signature.
#[async_trait::async_trait]
impl S3Access for Struck {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signed = context.credentials().is_some();
        let struck = context.extensions_mut().get::<Self>();
        if signed || struck.is_some_and(|struck| struck.has(&Fault::Public)) {
            return Ok(());
        }
        Err(s3_error!(AccessDenied, "a signature is required"))
    }

    async fn list_objects_v2(&self, request: &mut S3Request<ListObjectsV2Input>) -> S3Result<()> {
        if request.extensions.get::<Self>().is_some_and(|struck| struck.has(&Fault::OneKeyPerPage)) {
            request.input.max_keys = Some(1);
        }
        Ok(())
    }

    async fn put_object(&self, request: &mut S3Request<PutObjectInput>) -> S3Result<()> {
        if request.extensions.get::<Self>().is_some_and(|struck| struck.has(&Fault::NoConditions)) {
            (request.input.if_none_match, request.input.if_match) = (None, None);
        }
        Ok(())
    }

    async fn complete_multipart_upload(
        &self,
        request: &mut S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<()> {
        if request.extensions.get::<Self>().is_some_and(|struck| struck.has(&Fault::NoConditions)) {
            (request.input.if_none_match, request.input.if_match) = (None, None);
        }
        Ok(())
    }
}

pub async fn serve(listener: std::net::TcpListener, service: S3Service, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (service, shared) = (service.clone(), Arc::clone(&shared));
        let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (service, shared) = (service.clone(), Arc::clone(&shared));
            async move { answered(&service, &shared, request).await }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed")]
struct Closed;

async fn answered(
    service: &S3Service,
    shared: &Shared,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<HttpResponse, Closed> {
    let (parts, body) = request.into_parts();
    let mut noted = Request::of(&parts);
    let struck = shared.faults.of(&noted);
    tokio::time::sleep(struck.delay()).await;
    let request = hyper::Request::from_parts(parts, s3s::Body::from(body));
    let answer = behind(service, shared, (&noted, &struck), request).await;
    noted.status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
    if let (Asked::Get | Asked::Range, Ok(answer)) = (noted.asked, &answer)
        && answer.status().is_success()
    {
        let length = answer.headers().get(http::header::CONTENT_LENGTH);
        noted.bytes = length.and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or_default();
    }
    shared.note(noted);
    answer
}

async fn behind(
    service: &S3Service,
    shared: &Shared,
    (asked, struck): (&Request, &Struck),
    mut request: hyper::Request<s3s::Body>,
) -> Result<HttpResponse, Closed> {
    request.extensions_mut().insert(struck.clone());
    match struck.instead() {
        None => Ok(struck.changed(asked, done(service, shared, asked, request).await).await),
        Some(Fault::SlowDown) => Ok(refusal(asked, 503, "SlowDown")),
        Some(Fault::Refused(status, code)) => Ok(refusal(asked, *status, code)),
        Some(Fault::Redirect(location)) => Ok(redirect(asked, location)),
        Some(Fault::Dropped) => Err(Closed),
        Some(Fault::NoAnswer) => {
            shared.note(asked.clone());
            std::future::pending().await
        }
        Some(Fault::LostAnswer) => {
            done(service, shared, asked, request).await;
            Err(Closed)
        }
        Some(Fault::CutBody) => Ok(cut(done(service, shared, asked, request).await).await),
        Some(fault) => match elsewhere(asked, fault) {
            Some(answer) => Ok(answer),
            None => Ok(done(service, shared, asked, request).await),
        },
    }
}

async fn done(
    service: &S3Service,
    shared: &Shared,
    asked: &Request,
    request: hyper::Request<s3s::Body>,
) -> HttpResponse {
    // The server looks whether an object is there and then writes it, in two steps.
    let writes = !matches!(asked.asked, Asked::Get | Asked::Range | Asked::Head | Asked::List);
    let _turn = if writes { Some(shared.one_writes.lock().await) } else { None };
    let answer = service.call(request).await.expect("the server answers");
    // Of an upload that has ended s3s says that it is not allowed.
    let of_upload = matches!(asked.asked, Asked::Part | Asked::CompleteUpload | Asked::AbortUpload);
    if of_upload && answer.status() == 403 { refusal(asked, 404, "NoSuchUpload") } else { answer }
}
