//! How S3 is reached: from the environment and the AWS profile, as the AWS tools read them.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::service_config::ServiceConfigKey;
use url::Url;

use super::credentials::Chain;
use super::error::S3Error;

/// How often a request is tried unless `AWS_MAX_ATTEMPTS` says so.
const TRIES: usize = 10;

/// How long a request may take with all its tries unless `RUNQ_NETWORK_TIMEOUT` says so.
const PATIENCE: Duration = Duration::from_secs(60);

/// How S3 is reached. Prints no credentials.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where S3 is; `None` means Amazon's own.
    pub(super) endpoint: Option<Url>,
    /// `None` where nothing names one.
    pub(super) region: Option<String>,
    /// Whether the bucket stands in the host name rather than in the path.
    pub(super) virtual_hosted: bool,
    /// Whether plain http was asked for.
    pub(super) allow_http: bool,
    /// A file of certificates to trust besides the system's.
    pub(super) ca_bundle: Option<PathBuf>,
    /// How often a request is tried, at least once.
    pub(super) tries: usize,
    /// How long a request may take with all its tries.
    pub(super) patience: Duration,
    /// `None` where requests go out without a signature. Shared by all buckets.
    pub(super) chain: Option<Arc<Chain>>,
}

impl Settings {
    /// From the environment and the AWS profile: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION`,
    /// `AWS_DEFAULT_REGION`, `AWS_PROFILE`, `AWS_CA_BUNDLE`, `AWS_MAX_ATTEMPTS` as the AWS tools have them, and
    /// `AWS_ALLOW_HTTP`, `AWS_SKIP_SIGNATURE`, `AWS_VIRTUAL_HOSTED_STYLE_REQUEST` as other tools over S3 have them.
    /// `RUNQ_NETWORK_TIMEOUT` is in seconds.
    ///
    /// # Errors
    /// [`S3Error::Endpoint`] and [`S3Error::Settings`].
    pub async fn from_environment() -> Result<Self, S3Error> {
        let config = configuration().await;
        let service =
            ServiceConfigKey::builder().service_id("s3").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let of_s3 = service.build().ok().and_then(|key| config.service_config()?.load_config(key));
        let endpoint = of_s3.or_else(|| config.endpoint_url().map(str::to_owned));
        let allow_http = flag("AWS_ALLOW_HTTP")?;
        let anonymous = flag("AWS_SKIP_SIGNATURE")?;
        Ok(Self {
            endpoint: endpoint.map(|text| checked(&text, allow_http)).transpose()?,
            region: config.region().map(ToString::to_string),
            virtual_hosted: flag("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")?,
            allow_http,
            ca_bundle: env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from),
            tries: number("AWS_MAX_ATTEMPTS")?.map_or(TRIES, |tries| tries.max(1.0) as usize),
            patience: number("RUNQ_NETWORK_TIMEOUT")?.map_or(PATIENCE, Duration::from_secs_f64),
            chain: config
                .credentials_provider()
                .filter(|_| !anonymous)
                .map(|provider| Arc::new(Chain::new(provider, true, system_time))),
        })
    }

    /// For an endpoint and a key with its secret, whatever the environment says. Plain http is used when it is named.
    ///
    /// # Errors
    /// [`S3Error::Endpoint`].
    pub fn for_endpoint(
        endpoint: &str,
        region: &str,
        (key_id, secret): (&str, &str),
    ) -> Result<Self, S3Error> {
        let endpoint = checked(endpoint, true)?;
        let keys = Credentials::new(key_id, secret, None, None, "given");
        Ok(Self {
            allow_http: endpoint.scheme() == "http",
            endpoint: Some(endpoint),
            region: Some(region.to_owned()),
            virtual_hosted: false,
            ca_bundle: None,
            tries: TRIES,
            patience: PATIENCE,
            chain: Some(Arc::new(Chain::new(SharedCredentialsProvider::new(keys), false, system_time))),
        })
    }

    /// With other bounds: how often a request is tried, and how long it may take with all its tries.
    #[must_use]
    pub const fn bounded(mut self, tries: usize, patience: Duration) -> Self {
        (self.tries, self.patience) = (tries, patience);
        self
    }

    /// The endpoint as requests for a bucket need it.
    pub(super) fn endpoint_of(&self, bucket: &str) -> Option<String> {
        let mut endpoint = self.endpoint.clone()?;
        if self.virtual_hosted {
            let host = format!("{bucket}.{}", endpoint.host_str()?);
            endpoint.set_host(Some(&host)).ok()?;
        }
        Some(endpoint.as_str().trim_end_matches('/').to_owned())
    }

    /// What stands before keys in the path of a URL.
    pub(super) fn root_of(&self, bucket: &str) -> String {
        let path = self.endpoint.as_ref().map_or("", |endpoint| endpoint.path().trim_end_matches('/'));
        if self.virtual_hosted { path.to_owned() } else { format!("{path}/{bucket}") }
    }
}

/// What the environment and the files of the AWS tools say. The region is not asked of an instance: that takes seconds
/// where there is none.
async fn configuration() -> SdkConfig {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new());
    // Its own reading of AWS_MAX_ATTEMPTS and AWS_RETRY_MODE panics at values that it does not like.
    let retries = RetryConfig::standard();
    aws_config::defaults(BehaviorVersion::latest()).region(region).retry_config(retries).load().await
}

/// The chain of credentials, with its files read anew.
pub(super) async fn chain_anew() -> Option<SharedCredentialsProvider> {
    configuration().await.credentials_provider()
}

/// The credentials of the profile, without what the chain asks behind it.
pub(super) fn profile_alone() -> ProfileFileCredentialsProvider {
    ProfileFileCredentialsProvider::builder().build()
}

/// The profile that was named.
pub(super) fn profile() -> Option<String> {
    variable("AWS_PROFILE")
}

#[expect(clippy::disallowed_methods, reason = "credentials end by the system's clock")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

/// An endpoint that requests may go to.
fn checked(text: &str, allow_http: bool) -> Result<Url, S3Error> {
    let refused = |endpoint: &str, problem| S3Error::Endpoint { endpoint: endpoint.to_owned(), problem };
    let url = Url::parse(text).map_err(|_| refused("in AWS_ENDPOINT_URL", "is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(url.host_str().unwrap_or_default(), "must not hold a user or a password"));
    }
    match url.scheme() {
        "https" => {}
        "http" if allow_http => {}
        "http" => return Err(refused(text, "is plain http")),
        _ => return Err(refused(text, "is neither https nor http")),
    }
    if url.host_str().is_none_or(str::is_empty) || url.query().is_some() || url.fragment().is_some() {
        return Err(refused(text, "is more or less than a host, a port and a path"));
    }
    Ok(url)
}

fn flag(name: &str) -> Result<bool, S3Error> {
    let Some(value) = variable(name) else { return Ok(false) };
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(S3Error::Settings { problem: format!("{name} is {value}, expected true or false") }),
    }
}

/// A number above 0.
fn number(name: &str) -> Result<Option<f64>, S3Error> {
    let Some(value) = variable(name) else { return Ok(None) };
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 && number <= 1e6 => Ok(Some(number)),
        _ => Err(S3Error::Settings { problem: format!("{name} is {value}, expected a number above 0") }),
    }
}

/// A variable of the environment; one that is empty is as good as unset.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_used_only_when_asked_for() {
        assert!(checked("https://s3.example:9000/x", false).is_ok());
        assert!(checked("http://127.0.0.1:9000", true).is_ok());
        let error = checked("http://127.0.0.1:9000", false).unwrap_err();
        assert!(
            error.to_string().contains("plain http") && error.hint().contains("AWS_ALLOW_HTTP"),
            "{error}"
        );
    }

    #[test]
    fn an_endpoint_with_a_password_is_refused_and_not_repeated() {
        for text in ["https://me:hunter2@host", "https://hunter2@host/x"] {
            let error = checked(text, false).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        for text in ["host:9000", "ftp://host", "https://host?x=1", "nonsense"] {
            assert!(checked(text, true).is_err(), "{text}");
        }
    }
}
