//! Signs each request as it goes out, and asks once more where the answer says how to ask: with newer credentials, or
//! in the region of the bucket. What says no otherwise becomes a [`Refusal`].

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use http::header::{AUTHORIZATION, LOCATION, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{
    HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};

use super::asked::Asked;
use super::credentials::Chain;
use super::refusal::{Answered, Refusal, Unanswered};
use super::sure::Doubt;
use super::wire::Wire;

const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// How often a place is tried where nobody has ever answered.
const FEW: usize = 3;

/// Codes that newer credentials answer.
const EXPIRED: [&str; 3] = ["ExpiredToken", "TokenRefreshRequired", "InvalidToken"];

/// The connection to a bucket.
#[derive(Debug)]
pub(super) struct Signing {
    wire: Wire,
    bucket: String,
    /// What stands before keys in a URL's path.
    root: String,
    /// `None` where requests go out without a signature.
    chain: Option<Arc<Chain>>,
    region: Region,
    /// Tries that reached nobody, as long as nobody has answered; `None` afterwards.
    unreached: Mutex<Option<usize>>,
}

/// Where a bucket is: as it was set, until an answer says otherwise.
#[derive(Debug)]
pub(super) struct Region {
    set: String,
    now: Mutex<String>,
    /// Whether the region stands in the host name, as at Amazon.
    in_host: bool,
}

impl Region {
    pub(super) fn new(set: &str, in_host: bool) -> Self {
        Self { set: set.to_owned(), now: Mutex::new(set.to_owned()), in_host }
    }

    fn now(&self) -> String {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a bucket is elsewhere than where it was asked for. Only what can be a region is believed: it becomes part
    /// of a host name.
    fn learn(&self, asked_in: &str, told: &str) -> bool {
        let is_region = (3..=30).contains(&told.len())
            && told.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !is_region || told == asked_in {
            return false;
        }
        told.clone_into(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
        true
    }

    /// The address of a request in a region.
    fn moved(&self, uri: &Uri, region: &str) -> Uri {
        let host = uri.authority().map(|authority| {
            authority.as_str().replacen(
                &format!("s3.{}.amazonaws", self.set),
                &format!("s3.{region}.amazonaws"),
                1,
            )
        });
        let mut parts = uri.clone().into_parts();
        match host.filter(|_| self.in_host && region != self.set).and_then(|host| host.parse().ok()) {
            Some(authority) => parts.authority = Some(authority),
            None => return uri.clone(),
        }
        Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
    }
}

/// What was used for a try.
struct Used {
    region: String,
    credential: Option<Arc<AwsCredential>>,
}

impl Signing {
    pub(super) fn new(
        wire: Wire,
        (bucket, root): (&str, &str),
        chain: Option<Arc<Chain>>,
        region: Region,
    ) -> Self {
        let (bucket, root) = (bucket.to_owned(), root.to_owned());
        Self { wire, bucket, root, chain, region, unreached: Mutex::new(Some(0)) }
    }

    /// One try, signed as things stand now.
    async fn try_once(&self, request: &HttpRequest) -> Result<(HttpResponse, Used), HttpError> {
        let mut request = request.clone();
        let used = self.sign(&mut request).await?;
        let asked = Asked::of(&request, &self.bucket, &self.root);
        let answer = self.wire.send(request).await.map_err(|error| self.unanswered(&asked, &error))?;
        *self.unreached.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok((answer, used))
    }

    /// Everything that is asked of S3 can be asked again: puts that may only create are looked at when in doubt. A place
    /// where nobody has ever answered is given up soon: its name is wrong.
    fn unanswered(&self, asked: &Asked, error: &HttpError) -> HttpError {
        let refusal = Refusal::unanswered(asked, error);
        let mut unreached = self.unreached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tries) = unreached.as_mut().filter(|_| refusal.is_nobody()) {
            *tries += 1;
            if *tries >= FEW {
                return given_up(refusal);
            }
        }
        HttpError::new(HttpErrorKind::Request, Unanswered(refusal))
    }

    async fn sign(&self, request: &mut HttpRequest) -> Result<Used, HttpError> {
        let region = self.region.now();
        *request.uri_mut() = self.region.moved(request.uri(), &region);
        let Some(chain) = &self.chain else { return Ok(Used { region, credential: None }) };
        let credential = chain.credential().await.map_err(given_up)?;
        let digest = request.headers().get(&CONTENT_HASH).and_then(|value| unhex(value.as_bytes()));
        request.headers_mut().remove(AUTHORIZATION);
        request.headers_mut().remove(&TOKEN);
        AwsAuthorizer::new(&credential, "s3", &region).authorize(request, digest.as_deref());
        if let Some(value) = request.headers_mut().get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        Ok(Used { region, credential: Some(credential) })
    }

    /// Whether the answer says how to ask better.
    async fn learns(&self, (headers, said): (&HeaderMap, &Answered), used: &Used) -> bool {
        let told =
            headers.get(&BUCKET_REGION).and_then(|value| value.to_str().ok()).or(said.region.as_deref());
        if told.is_some_and(|told| self.region.learn(&used.region, told)) {
            return true;
        }
        let has_expired = said.code.as_deref().is_some_and(|code| EXPIRED.contains(&code));
        match (&self.chain, &used.credential) {
            (Some(chain), Some(credential)) if has_expired => chain.has_others_than(credential).await,
            _ => false,
        }
    }

    /// An answer to HEAD has no body that could say why: the same as a GET of one byte has.
    async fn reason(&self, request: &HttpRequest) -> Option<Answered> {
        let mut why = request.clone();
        *why.method_mut() = Method::GET;
        why.headers_mut().insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        let (answer, _) = self.try_once(&why).await.ok()?;
        let is_refusal = !answer.status().is_success();
        let body = answer.into_body().bytes().await.ok().filter(|_| is_refusal)?;
        Some(Answered::parse(&body))
    }
}

#[async_trait]
impl HttpService for Signing {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let doubt = request.extensions().get::<Doubt>().cloned();
        // Region and credentials may each be learned once.
        for may_learn in [true, true, false] {
            let tried = self.try_once(&request).await;
            let (answer, used) = tried.inspect_err(|_| Doubt::arises(doubt.as_ref()))?;
            let status = answer.status();
            if status.is_success() || status == StatusCode::NOT_MODIFIED {
                return Ok(answer);
            }
            let (parts, body) = answer.into_parts();
            let mut said = Answered::parse(&body.bytes().await.unwrap_or_default());
            let is_open =
                matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED);
            if request.method() == Method::HEAD && is_open && !parts.headers.contains_key(&BUCKET_REGION) {
                said = self.reason(&request).await.unwrap_or_default();
            }
            if may_learn
                && (is_open || status.is_redirection())
                && self.learns((&parts.headers, &said), &used).await
            {
                continue;
            }
            if status.is_server_error() && said.code.as_deref() != Some("SlowDown") {
                Doubt::arises(doubt.as_ref());
            }
            let asked = Asked::of(&request, &self.bucket, &self.root);
            return Ok(refused(&asked, (parts, said), doubt.is_some()));
        }
        Err(given_up(Refusal::redirected(&Asked::of(&request, &self.bucket, &self.root), None)))
    }
}

/// The answer that says no, in our words. The layer above keeps nothing of a redirect but its status; it takes 409 for
/// "exists already", while for a put that may only create it says "ask again".
fn refused(
    asked: &Asked,
    (mut parts, said): (http::response::Parts, Answered),
    creates: bool,
) -> HttpResponse {
    let status = parts.status;
    let refusal =
        if status.is_redirection() && said.region.is_none() && !parts.headers.contains_key(&BUCKET_REGION) {
            let location = parts.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            Refusal::redirected(asked, location)
        } else {
            Refusal::answered(asked, status, &said)
        };
    if status.is_redirection() {
        parts.status = StatusCode::BAD_REQUEST;
    } else if status == StatusCode::CONFLICT && creates {
        parts.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    parts.headers.remove(http::header::CONTENT_LENGTH);
    HttpResponse::from_parts(parts, text_body(refusal.line()))
}

fn text_body(text: String) -> HttpResponseBody {
    HttpResponseBody::from(text)
}

/// What is not worth another try.
fn given_up(refusal: Refusal) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, Unanswered(refusal))
}

/// The bytes of a hash in hex; `None` for words such as `UNSIGNED-PAYLOAD`.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks(2).map(|pair| Some(digit(pair[0])? * 16 + digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_elsewhere_is_asked_at_amazons_host_of_that_region_and_nowhere_else() {
        let amazon = Region::new("us-east-1", true);
        let uri: Uri = "https://s3.us-east-1.amazonaws.com/b/a%2Fb?x=1".parse().unwrap();
        assert_eq!(
            amazon.moved(&uri, "eu-west-1").to_string(),
            "https://s3.eu-west-1.amazonaws.com/b/a%2Fb?x=1"
        );
        let named: Uri = "https://minio.example:9000/b/k".parse().unwrap();
        assert_eq!(Region::new("us-east-1", false).moved(&named, "eu-west-1"), named);
        for told in ["evil.com/", "a.b", "x@y", "us-east-1", "", "EU-WEST-1"] {
            assert!(!amazon.learn("us-east-1", told), "{told}");
        }
        assert!(amazon.learn("us-east-1", "eu-west-1"));
        assert_eq!(amazon.now(), "eu-west-1");
    }

    #[test]
    fn only_a_hash_is_a_hash() {
        assert_eq!(unhex(b"00ff1A"), Some(vec![0, 255, 26]));
        assert_eq!(unhex(b"UNSIGNED-PAYLOAD"), None);
        assert_eq!(unhex(b"abc"), None);
    }
}
