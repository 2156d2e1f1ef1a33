//! What is wrong before S3 was asked anything.

/// An address or a setting that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Error {
    /// A word that begins like an address and is none.
    #[error("{text} is no address in S3: {problem}")]
    Address {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The endpoint is not what it should be.
    #[error("the endpoint {endpoint} of S3 {problem}")]
    Endpoint {
        /// As it was set; without a user and password.
        endpoint: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A setting that cannot be used.
    #[error("the settings of S3 cannot be used: {problem}")]
    Settings {
        /// What is wrong.
        problem: String,
    },
}

impl S3Error {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Address { .. } => "an address is s3://BUCKET or s3://BUCKET/KEY, the key letter for letter",
            Self::Endpoint { .. } => {
                "AWS_ENDPOINT_URL is https://HOST[:PORT]; plain http is used only with AWS_ALLOW_HTTP=true"
            }
            Self::Settings { .. } => "check the environment (AWS_*) and ~/.aws/config",
        }
    }
}
