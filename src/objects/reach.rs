//! How one process reaches object stores: the settings of S3, read once, and a count of all that is asked.

use std::sync::Arc;

use object_store::ObjectStore;
use tokio::sync::OnceCell;

use super::Traffic;
use super::s3::{self, S3Error, Settings};

/// Shared by everything in a process that reaches S3.
#[derive(Debug, Default)]
pub struct Reach {
    traffic: Arc<Traffic>,
    settings: OnceCell<Settings>,
}

impl Reach {
    /// Reaches S3 as it is told, whatever the environment says.
    pub fn with(settings: Settings) -> Self {
        Self { traffic: Arc::default(), settings: OnceCell::new_with(Some(settings)) }
    }

    /// Counts what is asked through it, whoever asks.
    pub const fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// How S3 is reached.
    ///
    /// # Errors
    /// As [`Settings::from_environment`].
    pub async fn settings(&self) -> Result<&Settings, S3Error> {
        self.settings.get_or_try_init(|| Box::pin(Settings::from_environment())).await
    }

    /// Whether a bucket was ever asked for.
    pub fn is_asked(&self) -> bool {
        self.settings.initialized()
    }

    /// A bucket, and the count of what is asked of it.
    ///
    /// # Errors
    /// When the settings do not make a connection.
    pub async fn bucket(&self, name: &str) -> Result<(Arc<dyn ObjectStore>, Arc<Traffic>), S3Error> {
        let traffic = Arc::new(Traffic::within(&self.traffic));
        let bucket = s3::bucket(name, self.settings().await?, Arc::clone(&traffic))?;
        Ok((bucket, traffic))
    }
}
