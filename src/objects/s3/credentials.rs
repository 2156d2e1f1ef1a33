//! Credentials from AWS's own chain: environment, profiles with SSO and roles, web identities, containers, instances.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use tokio::sync::Mutex;

use super::no_credentials::{is_of_the_machine, why};
use super::refusal::Refusal;
use super::settings::{chain_anew, profile, profile_alone, variable};

/// Credentials are fetched anew when they end within this time: a request with its tries lasts no longer.
const BEFORE_THEY_END: Duration = Duration::from_secs(5 * 60);

/// A chain that is asked, with what it gave. One for all buckets, asked by one at a time.
pub(super) struct Chain {
    now: fn() -> SystemTime,
    /// Whether it can be made anew from the environment and the files of the AWS tools.
    from_files: bool,
    kept: Mutex<Kept>,
}

/// The chain, and credentials until they end; those without an end are kept.
struct Kept {
    provider: SharedCredentialsProvider,
    /// Whether it has failed: then it does not tell why any more.
    has_failed: bool,
    given: Option<(Arc<AwsCredential>, Option<SystemTime>)>,
}

impl Chain {
    pub(super) fn new(
        provider: SharedCredentialsProvider,
        from_files: bool,
        now: fn() -> SystemTime,
    ) -> Self {
        Self { now, from_files, kept: Mutex::new(Kept { provider, has_failed: false, given: None }) }
    }

    /// Credentials that do not end soon, where the chain has such.
    pub(super) async fn credential(&self) -> Result<Arc<AwsCredential>, Refusal> {
        let mut kept = self.kept.lock().await;
        let soon = (self.now)() + BEFORE_THEY_END;
        match &kept.given {
            Some((credential, end)) if end.is_none_or(|end| end > soon) => Ok(Arc::clone(credential)),
            _ => {
                if kept.has_failed && self.from_files {
                    kept.renew().await;
                }
                kept.ask().await
            }
        }
    }

    /// Whether the chain has others than those that were refused; they are given from now on. It is made anew for that:
    /// a profile may have been written anew, by a login at another terminal.
    pub(super) async fn has_others_than(&self, refused: &Arc<AwsCredential>) -> bool {
        let mut kept = self.kept.lock().await;
        if kept.given.as_ref().is_some_and(|(given, _)| given != refused) {
            return true;
        }
        if self.from_files {
            kept.renew().await;
        }
        kept.ask().await.is_ok_and(|given| given != *refused)
    }
}

impl Kept {
    /// Reads the environment and the files of the AWS tools anew.
    async fn renew(&mut self) {
        if let Some(provider) = chain_anew().await {
            self.provider = provider;
        }
    }

    async fn ask(&mut self) -> Result<Arc<AwsCredential>, Refusal> {
        let given = self.provider.provide_credentials().await;
        self.has_failed = given.is_err();
        let given = match given {
            Ok(given) => given,
            // The machine was asked last, and its word hides what is wrong with the profile that was named.
            Err(error) if is_of_the_machine(&error) && profile().is_some() => {
                let of_profile = profile_alone().provide_credentials().await;
                return Err(why(&of_profile.err().unwrap_or(error), &variable));
            }
            Err(error) => return Err(why(&error, &variable)),
        };
        let credential = Arc::new(AwsCredential {
            key_id: given.access_key_id().to_owned(),
            secret_key: given.secret_access_key().to_owned(),
            token: given.session_token().map(str::to_owned),
        });
        self.given = Some((Arc::clone(&credential), given.expiry()));
        Ok(credential)
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
        self.credential().await.map_err(|refusal| object_store::Error::Unauthenticated {
            path: "credentials".to_owned(),
            source: Box::new(super::refusal::Unanswered(refusal)),
        })
    }
}
