//! What S3 answered when it did not do what it was asked, in the words that people read.
//!
//! Several layers below keep an error only as its text. So a refusal is one line that is found again in any text around
//! it: `S3 [AccessDenied]: no permission to list s3://bucket/key`. The connection puts it in the place of what was
//! answered: no XML, no URL and no signature comes further than that.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use http::StatusCode;
use object_store::client::HttpError;

use super::asked::Asked;
use super::settings::profile;

/// What a refusal begins with in a text.
const MARK: &str = "S3 [";

/// The code of a refusal that has none of S3's.
const REDIRECT: &str = "Redirect";
pub(super) const NO_CREDENTIALS: &str = "NoCredentials";
pub(super) const CREDENTIALS: &str = "Credentials";
pub(super) const UNKNOWN_PROFILE: &str = "UnknownProfile";
pub(super) const NO_LOGIN: &str = "NoLogin";
pub(super) const NO_TOKEN: &str = "NoToken";
const UNKNOWN_HOST: &str = "UnknownHost";
const NO_CONNECTION: &str = "NoConnection";
const NO_TLS: &str = "NoSecureConnection";
const NO_ANSWER: &str = "NoAnswer";
const CUT: &str = "ConnectionCut";

/// Why S3 did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    code: String,
    said: String,
}

impl Refusal {
    /// The refusal in an error or below it, if there is one. A missing object is none: whoever asked for it knows what
    /// that means; a missing bucket is.
    pub fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut link = Some(error);
        while let Some(error) = link {
            let found = error.downcast_ref::<Self>().cloned().or_else(|| Self::in_text(&error.to_string()));
            let found = found.or_else(|| is_cut(error).then(Self::cut));
            if let Some(refusal) = found.filter(|refusal| !refusal.is_about_an_object()) {
                return Some(refusal);
            }
            link = error.source();
        }
        None
    }

    /// The refusal in a text.
    pub fn in_text(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once(MARK)?;
        let (code, rest) = rest.split_once("]: ")?;
        let said = rest.lines().next().unwrap_or_default();
        Some(Self { code: code.to_owned(), said: said.to_owned() })
    }

    /// S3's own code for it, or one of runq's where S3 said nothing.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether it is the name that is wrong: there is no such bucket.
    pub fn is_missing(&self) -> bool {
        self.code == "NoSuchBucket"
    }

    /// Whether the service was reached, knows who asks, and does not let them.
    pub fn is_denied(&self) -> bool {
        matches!(self.code.as_str(), "AccessDenied" | "403")
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Cow<'static, str> {
        match (self.code.as_str(), profile()) {
            (NO_LOGIN, Some(profile)) => format!("`aws sso login --profile {profile}` logs in").into(),
            (code, _) => hint(code).into(),
        }
    }

    /// What stands for an answer of S3 that says no.
    pub(super) fn answered(asked: &Asked, status: StatusCode, answer: &Answered) -> Self {
        let code = answer.code.clone().unwrap_or_else(|| status.as_u16().to_string());
        let said = match code.as_str() {
            "NoSuchBucket" => format!("there is no bucket {}", asked.bucket),
            "InvalidAccessKeyId" | "NotSignedUp" => "the service does not know the access key".to_owned(),
            "SignatureDoesNotMatch" => "the secret does not fit the access key".to_owned(),
            "RequestTimeTooSkewed" => {
                "this machine's clock and that of the service differ too much".to_owned()
            }
            "ExpiredToken" | "TokenRefreshRequired" => "the credentials have expired".to_owned(),
            "InvalidToken" => "the session token does not fit the access key".to_owned(),
            "SlowDown" | "ServiceUnavailable" | "TooManyRequests" | "503" | "429" => {
                format!("the service is too busy to {asked} ({code}), however often it was asked")
            }
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => match &answer.region {
                Some(region) => format!("bucket {} is in the region {region}", asked.bucket),
                None => format!("bucket {} is in another region", asked.bucket),
            },
            _ if status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED => {
                format!("no permission to {asked} ({code})")
            }
            _ => match &answer.message {
                Some(message) => format!("cannot {asked}: {code}: {message}"),
                None => format!("cannot {asked}: the service answered {status}"),
            },
        };
        Self::new(&code, &said)
    }

    /// A redirect, which is not followed. The address may hold anything: only its host is said.
    pub(super) fn redirected(asked: &Asked, location: Option<&str>) -> Self {
        let host = location.and_then(|text| url::Url::parse(text).ok()?.host_str().map(str::to_owned));
        let host = host.map_or_else(|| "elsewhere".to_owned(), |host| format!("to {host}"));
        Self::new(REDIRECT, &format!("cannot {asked}: the service redirects {host}"))
    }

    /// A request without an answer.
    pub(super) fn unanswered(asked: &Asked, error: &(dyn StdError + 'static)) -> Self {
        let mut text = String::new();
        let mut link = Some(error);
        while let Some(error) = link {
            text.push_str(&error.to_string().to_ascii_lowercase());
            text.push('\n');
            link = error.source();
        }
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        let host = &asked.host;
        if has(&["dns error", "failed to lookup", "name or service not known"]) {
            Self::new(UNKNOWN_HOST, &format!("there is no host {host}"))
        } else if has(&["certificate", "tls", "corrupt message", "handshake"]) {
            Self::new(NO_TLS, &format!("no secure connection to {host}"))
        } else if has(&["connect"]) && has(&["timed out", "deadline"]) {
            Self::new(NO_CONNECTION, &format!("{host} cannot be reached in time"))
        } else if has(&["timed out", "deadline", "timeout"]) {
            Self::new(NO_ANSWER, &format!("{host} does not answer in time"))
        } else if has(&["connect"]) && !has(&["reset", "closed"]) {
            Self::new(NO_CONNECTION, &format!("{host} cannot be reached"))
        } else {
            Self::new(CUT, &format!("the connection to {host} was cut"))
        }
    }

    /// An answer that ended in its middle, every time.
    fn cut() -> Self {
        Self::new(CUT, "the connection to the service was cut in the middle of an answer")
    }

    pub(super) fn new(code: &str, said: &str) -> Self {
        let one_line = |text: &str, most: usize| -> String {
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
        };
        let code = one_line(code, 60).replace([']', '['], "");
        Self { code, said: one_line(said, 400) }
    }

    /// Whether nobody was there to answer.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(self.code.as_str(), UNKNOWN_HOST | NO_CONNECTION | NO_TLS)
    }

    fn is_about_an_object(&self) -> bool {
        matches!(
            self.code.as_str(),
            "NoSuchKey"
                | "404"
                | "412"
                | "409"
                | "416"
                | "PreconditionFailed"
                | "ConditionalRequestConflict"
                | "InvalidRange"
        )
    }

    /// The line that is found again.
    pub(super) fn line(&self) -> String {
        format!("{MARK}{}]: {}\n", self.code, self.said)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl StdError for Refusal {}

/// What a person can do about it, by its code. At most two lines of a narrow terminal and a half.
fn hint(code: &str) -> &'static str {
    match code {
        "NoSuchBucket" => "check the bucket's name and AWS_ENDPOINT_URL; runq makes no buckets",
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "403" => {
            "check AWS_PROFILE and its policy: s3:ListBucket, s3:GetObject, to write s3:PutObject, s3:DeleteObject; \
             AWS_SKIP_SIGNATURE=true reads public buckets"
        }
        "InvalidAccessKeyId" | "NotSignedUp" => "check AWS_ACCESS_KEY_ID, AWS_PROFILE and AWS_ENDPOINT_URL",
        "SignatureDoesNotMatch" => "check AWS_SECRET_ACCESS_KEY or the profile's secret",
        "RequestTimeTooSkewed" => "set this machine's clock",
        "ExpiredToken" | "TokenRefreshRequired" | "InvalidToken" => {
            "get new ones (`aws sso login`, a new AWS_SESSION_TOKEN) and run the command again"
        }
        NO_CREDENTIALS => {
            "looked in AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws and what the machine gives; `aws sso login` makes some; \
             AWS_SKIP_SIGNATURE=true reads public buckets"
        }
        UNKNOWN_PROFILE => "check AWS_PROFILE; `aws configure list-profiles` lists those that there are",
        NO_LOGIN => "`aws sso login` logs in",
        NO_TOKEN => {
            "the machine or the pod writes that file; without the setting, other credentials are looked for"
        }
        CREDENTIALS => "check AWS_PROFILE and the files in ~/.aws; `aws sso login` renews a login",
        REDIRECT => "nothing is sent to another host than the one named: set AWS_REGION or AWS_ENDPOINT_URL",
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            "set AWS_REGION to the region of the bucket"
        }
        UNKNOWN_HOST => "check AWS_ENDPOINT_URL, AWS_REGION and the network",
        NO_CONNECTION => "check AWS_ENDPOINT_URL and the network, and run the command again",
        NO_TLS => {
            "AWS_CA_BUNDLE names a file of certificates to trust; plain http is http:// and AWS_ALLOW_HTTP=true"
        }
        _ => {
            "run the command again; nothing was half published (RUNQ_NETWORK_TIMEOUT and AWS_MAX_ATTEMPTS let it try longer)"
        }
    }
}

/// Whether the bytes of an object ended too early: the one error of the connection that does not go through our hands.
fn is_cut(error: &(dyn StdError + 'static)) -> bool {
    error.is::<HttpError>() || error.to_string().contains("S3 error: HTTP error: ")
}

/// A refusal in an error of the layer below, which prints the line that is found again.
#[derive(Debug)]
pub(super) struct Unanswered(pub(super) Refusal);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.line())
    }
}

impl StdError for Unanswered {}

/// What the body of a refusal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) region: Option<String>,
}

impl Answered {
    /// Reads `<Error><Code>..</Code><Message>..</Message></Error>`; what is no such thing says nothing.
    pub(super) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        if !text.contains("<Error>") && !text.contains("<Error ") {
            return Self::default();
        }
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once('<')?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let is_code = |code: &String| code.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        Self { code: element("Code").filter(is_code), message: element("Message"), region: element("Region") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_found_again_in_the_text_of_any_layer() {
        let refusal = Refusal::new("AccessDenied", "no permission to list s3://b/a]: b [x]");
        let text = format!("External: Error performing GET http://h/ in 1ms - {}, retries 3", refusal.line());
        assert_eq!(Refusal::in_text(&text), Some(refusal.clone()));
        let wrapped = std::io::Error::other(format!("Parquet error: {text}"));
        assert_eq!(Refusal::of(&wrapped), Some(refusal));
        assert_eq!(Refusal::in_text("object at location a [b]: not found"), None);
    }

    #[test]
    fn a_hint_fits_on_three_lines_of_a_narrow_terminal() {
        for code in [
            "NoSuchBucket",
            "AccessDenied",
            "ExpiredToken",
            NO_CREDENTIALS,
            CREDENTIALS,
            NO_TLS,
            REDIRECT,
            "500",
        ] {
            assert!(hint(code).len() <= 165, "{code}: {}", hint(code).len());
        }
    }

    #[test]
    fn a_missing_object_is_no_refusal_and_a_missing_bucket_is() {
        let of = |code: &str| Refusal::of(&Refusal::new(code, "x"));
        assert_eq!(of("NoSuchKey"), None);
        assert!(of("NoSuchBucket").unwrap().is_missing());
    }

    #[test]
    fn the_body_of_a_refusal_says_its_code_and_nothing_else_does() {
        let body =
            "<?xml version=\"1.0\"?>\n<Error><Code>ExpiredToken</Code><Message>The token.</Message></Error>";
        let parsed = Answered::parse(body.as_bytes());
        assert_eq!(
            (parsed.code.as_deref(), parsed.message.as_deref()),
            (Some("ExpiredToken"), Some("The token."))
        );
        for body in ["", "<html><Code>x</Code>", "<Error><Code>a b</Code></Error>", "<Error><Code>"] {
            assert_eq!(Answered::parse(body.as_bytes()).code, None, "{body}");
        }
    }
}
