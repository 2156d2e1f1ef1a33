//! Credentials from AWS's own chain: environment, profiles with SSO and roles, web identities, containers, instances.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;

/// Credentials are fetched anew when they end within this time: a request with its tries lasts no longer.
const BEFORE_THEY_END: Duration = Duration::from_secs(5 * 60);

/// A chain that was asked, with what it gave.
pub(super) struct Chain {
    provider: SharedCredentialsProvider,
    now: fn() -> SystemTime,
    kept: Mutex<Option<Kept>>,
}

/// Credentials until they end; those without an end are kept.
#[derive(Clone)]
struct Kept {
    credential: Arc<AwsCredential>,
    end: Option<SystemTime>,
}

impl Chain {
    pub(super) fn new(provider: SharedCredentialsProvider, now: fn() -> SystemTime) -> Self {
        Self { provider, now, kept: Mutex::default() }
    }

    fn kept(&self) -> Option<Arc<AwsCredential>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let soon = (self.now)() + BEFORE_THEY_END;
        kept.end.is_none_or(|end| end > soon).then_some(kept.credential)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chain")
    }
}

#[async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        if let Some(credential) = self.kept() {
            return Ok(credential);
        }
        let given = self.provider.provide_credentials().await.map_err(|error| {
            object_store::Error::Unauthenticated { path: "credentials".to_owned(), source: Box::new(error) }
        })?;
        let credential = Arc::new(AwsCredential {
            key_id: given.access_key_id().to_owned(),
            secret_key: given.secret_access_key().to_owned(),
            token: given.session_token().map(str::to_owned),
        });
        let kept = Kept { credential: Arc::clone(&credential), end: given.expiry() };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(credential)
    }
}
