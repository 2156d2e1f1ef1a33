//! The connection: one HTTP client per bucket that follows no redirect, waits not for ever, and counts what goes out.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::Method;
use http::header::RANGE;
use object_store::client::{HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService};
use object_store::{ClientOptions, Error, Result};

use super::settings::Settings;
use crate::objects::Traffic;
use crate::objects::traffic::{GET, HEAD, LIST, RANGES, WRITE};

/// How long it may take until a host answers at all.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer may stand still.
const STANDSTILL: Duration = Duration::from_secs(20);

/// Makes the connection of a bucket.
#[derive(Debug)]
pub(super) struct Wire {
    settings: Settings,
    traffic: Arc<Traffic>,
}

impl Wire {
    pub(super) const fn new(settings: Settings, traffic: Arc<Traffic>) -> Self {
        Self { settings, traffic }
    }

    fn client(&self) -> std::result::Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
        let patience = self.settings.patience;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("runq/", env!("CARGO_PKG_VERSION")))
            // A signature holds for one host: what is asked elsewhere is asked by name.
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!self.settings.allow_http)
            .connect_timeout(CONNECT.min(patience))
            .read_timeout(STANDSTILL.min(patience));
        if let Some(path) = &self.settings.ca_bundle {
            let bundle =
                fs::read(path).map_err(|error| format!("AWS_CA_BUNDLE {}: {error}", path.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&bundle)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        Ok(builder.build()?)
    }
}

impl HttpConnector for Wire {
    fn connect(&self, _options: &ClientOptions) -> Result<HttpClient> {
        let client = self.client().map_err(|source| Error::Generic { store: "S3", source })?;
        Ok(HttpClient::new(CountedClient { client, traffic: Arc::clone(&self.traffic) }))
    }
}

#[derive(Debug)]
struct CountedClient {
    client: reqwest::Client,
    traffic: Arc<Traffic>,
}

#[async_trait]
impl HttpService for CountedClient {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let kind = kind_of(&request);
        let sent = if kind == WRITE { request.body().content_length() as u64 } else { 0 };
        let begun = Instant::now();
        let answer = self.client.call(request).await;
        let read = answer.as_ref().ok().filter(|_| matches!(kind, GET | RANGES)).map_or(0, length);
        self.traffic.count(kind, (1, sent + read), begun.elapsed());
        answer
    }
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
