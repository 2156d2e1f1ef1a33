//! The connection: HTTP clients that follow no redirect, wait not for ever, and count what goes out.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use http::header::RANGE;
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService as _};

use super::error::S3Error;
use super::settings::Settings;
use super::unnameable::Unnameable;
use crate::objects::Traffic;
use crate::objects::traffic::{GET, HEAD, LIST, RANGES, WRITE};

/// How long it may take until a host answers at all.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer may stand still.
const STANDSTILL: Duration = Duration::from_secs(20);

/// The slowest line that something is sent on, in bytes a second: a part of an upload is given so much longer.
const SLOWEST: u64 = 32 * 1024;

/// The connection of a bucket.
#[derive(Debug)]
pub(super) struct Wire {
    /// For requests without a body: an answer may not stand still.
    asking: reqwest::Client,
    /// For requests with one, of which the library takes the time from their beginning.
    sending: reqwest::Client,
    standstill: Duration,
    traffic: Arc<Traffic>,
    unnameable: Unnameable,
}

/// It took too long.
#[derive(Debug, thiserror::Error)]
#[error("timed out")]
struct TimedOut;

impl Wire {
    pub(super) fn new(settings: &Settings, traffic: Arc<Traffic>) -> Result<Self, S3Error> {
        let standstill = STANDSTILL.min(settings.patience);
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| S3Error::Settings {
            problem: error.to_string(),
        };
        let client = |limit: Option<Duration>| client(settings, limit).map_err(unusable);
        Ok(Self {
            asking: client(Some(standstill))?,
            sending: client(None)?,
            standstill,
            traffic,
            unnameable: Unnameable::default(),
        })
    }

    /// The keys that its listings lack.
    pub(super) fn unnameable(&self) -> Unnameable {
        self.unnameable.clone()
    }

    /// Sends a request. What is not the bytes of an object comes whole or not at all.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let kind = kind_of(&request);
        let sent = if kind == WRITE { request.body().content_length() as u64 } else { 0 };
        let begun = Instant::now();
        let answer = match kind {
            GET | RANGES => self.asking.call(request).await,
            LIST => self.unnameable.taken_out_of(self.asking.call(request).await?).await,
            HEAD => whole(self.asking.call(request).await?).await,
            _ => {
                let limit = self.standstill + Duration::from_secs(sent / SLOWEST);
                let answer = async { whole(self.sending.call(request).await?).await };
                let late = |_| HttpError::new(HttpErrorKind::Timeout, TimedOut);
                tokio::time::timeout(limit, answer).await.map_err(late).flatten()
            }
        };
        let read = answer.as_ref().ok().filter(|_| matches!(kind, GET | RANGES)).map_or(0, length);
        self.traffic.count(kind, (1, sent + read), begun.elapsed());
        answer
    }
}

fn client(
    settings: &Settings,
    standstill: Option<Duration>,
) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("runq/", env!("CARGO_PKG_VERSION")))
        // A signature holds for one host: what is asked elsewhere is asked by name.
        .redirect(reqwest::redirect::Policy::none())
        .https_only(!settings.allow_http)
        .connect_timeout(CONNECT.min(settings.patience));
    if let Some(limit) = standstill {
        builder = builder.read_timeout(limit);
    }
    if let Some(path) = &settings.ca_bundle {
        let bundle = fs::read(path).map_err(|error| format!("AWS_CA_BUNDLE {}: {error}", path.display()))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&bundle)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    Ok(builder.build()?)
}

/// An answer with its body in hand.
async fn whole(answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (parts, body) = answer.into_parts();
    Ok(HttpResponse::from_parts(parts, body.bytes().await?.into()))
}

fn kind_of(request: &HttpRequest) -> usize {
    match *request.method() {
        Method::HEAD => HEAD,
        Method::GET if request.uri().query().is_some_and(|query| query.contains("list-type=")) => LIST,
        Method::GET if request.headers().contains_key(RANGE) => RANGES,
        Method::GET => GET,
        _ => WRITE,
    }
}

/// The bytes that an answer announces; those of a refusal are no data.
fn length(answer: &HttpResponse) -> u64 {
    if !answer.status().is_success() {
        return 0;
    }
    let length = answer.headers().get(http::header::CONTENT_LENGTH);
    length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}
