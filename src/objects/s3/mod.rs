//! S3: addresses as the AWS command line has them, credentials from AWS's chain, and a connection that is counted, goes
//! nowhere but to the endpoint it was given, and gives up after a while.
//!
//! Credentials are never written anywhere and stand in no error.

mod address;
mod asked;
mod credentials;
mod error;
mod refusal;
mod settings;
mod signing;
mod sure;
mod uploads;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

pub use address::{Address, SCHEME, joined_address};
pub use error::S3Error;
pub use refusal::Refusal;
pub use settings::Settings;
pub use uploads::{abort_unfinished, is_uploading};

use super::Traffic;
use signing::{Region, Signing};
use sure::Sure;
use wire::Wire;

/// The region of S3 that is asked when none was named. A bucket elsewhere says where it is.
const DEFAULT_REGION: &str = "us-east-1";

/// Waiting between two tries: from here, doubled each time, with a random part.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Reaches a bucket; keys are those of the bucket. Asks nothing of the network yet.
///
/// Every request that goes out is counted in `traffic`, with its tries.
///
/// # Errors
/// When the settings do not make a connection.
pub fn bucket(
    name: &str,
    settings: &Settings,
    traffic: Arc<Traffic>,
) -> Result<Arc<dyn ObjectStore>, S3Error> {
    let region = settings.region.as_deref().unwrap_or(DEFAULT_REGION);
    let endpoint = settings.endpoint_of(name);
    let wire = Wire::new(settings, traffic)?;
    let region_of = Region::new(region, endpoint.is_none());
    let root = settings.root_of(name);
    let signing = Signing::new(wire, (name, &root), settings.chain.clone(), region_of);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(name)
        .with_region(region)
        .with_virtual_hosted_style_request(settings.virtual_hosted)
        .with_allow_http(settings.allow_http)
        .with_skip_signature(settings.chain.is_none())
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_disable_tagging(true)
        .with_client_options(ClientOptions::new().with_allow_http(settings.allow_http))
        .with_retry(retries(settings))
        .with_http_connector(Connected(HttpClient::new(signing)));
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(chain) = &settings.chain {
        let chain: Arc<credentials::Chain> = Arc::clone(chain);
        builder = builder.with_credentials(chain);
    }
    let bucket = builder.build().map_err(|error| S3Error::Settings { problem: error.to_string() })?;
    Ok(Arc::new(Sure::new(Arc::new(bucket))))
}

/// A connection that was made already.
#[derive(Debug)]
struct Connected(HttpClient);

impl HttpConnector for Connected {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

fn retries(settings: &Settings) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_WAIT, max_backoff: LONGEST_WAIT, base: 2.0 },
        max_retries: settings.tries.saturating_sub(1),
        retry_timeout: settings.patience,
    }
}
