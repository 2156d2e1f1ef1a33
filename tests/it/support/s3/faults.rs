//! What goes wrong between a client and the server: rules that strike requests, by a script or by chance from a seed.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use hyper::body::{Bytes, Frame};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use s3s::{Body, HttpResponse};

use super::record::{Asked, Request};

/// What happens to a request. The first six leave the answer as it is; of the others the first decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// It is answered this much later.
    Delay(Duration),
    /// A LIST gives one key, and the next one when asked for the next page.
    OneKeyPerPage,
    /// `If-None-Match` and `If-Match` are not looked at, as older servers do.
    NoConditions,
    /// It needs no signature, as in a public bucket.
    Public,
    /// Of what is not there it is said that there is no permission, as Amazon does where nobody may list.
    HidesMissing,
    /// A LIST names this key as well, which the server's folder cannot hold.
    AlsoLists(&'static str),
    /// 503 SlowDown.
    SlowDown,
    /// Nothing is done, and the connection is closed.
    Dropped,
    /// It is done, and the connection is closed without an answer.
    LostAnswer,
    /// It is done, and half of the announced body is sent.
    CutBody,
    /// It is not done and never answered.
    NoAnswer,
    /// An answer with a code of S3's, such as `Refused(403, "AccessDenied")`; nothing is done.
    Refused(u16, &'static str),
    /// Only a signature for this region is right; another one is told so, by 301.
    InRegion(&'static str),
    /// The same, told by 400 as Amazon does for signatures.
    MalformedInRegion(&'static str),
    /// 307 with this address in `Location`.
    Redirect(String),
}

impl Fault {
    /// 403 AccessDenied.
    pub const DENIED: Self = Self::Refused(403, "AccessDenied");
    /// 400 ExpiredToken.
    pub const EXPIRED: Self = Self::Refused(400, "ExpiredToken");
    /// 409 of a conditional put that meets another one.
    pub const CONFLICT: Self = Self::Refused(409, "ConditionalRequestConflict");
    /// 412 of a conditional put that comes too late.
    pub const PRECONDITION: Self = Self::Refused(412, "PreconditionFailed");
}

/// A fault, which requests it strikes, and how often.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    asked: Vec<Asked>,
    key: Option<String>,
    signed_by: Option<String>,
    skipped: usize,
    times: usize,
    chance: f64,
}

impl Rule {
    /// Every request, for ever.
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            asked: Vec::new(),
            key: None,
            signed_by: None,
            skipped: 0,
            times: usize::MAX,
            chance: 1.0,
        }
    }

    /// Only requests of these kinds.
    pub fn on(mut self, asked: &[Asked]) -> Self {
        self.asked = asked.to_vec();
        self
    }

    /// Only requests whose key (the prefix of a LIST) contains this.
    pub fn with_key(mut self, part: &str) -> Self {
        self.key = Some(part.to_owned());
        self
    }

    /// Only requests that are signed with this key of the account.
    pub fn signed_by(mut self, key_id: &str) -> Self {
        self.signed_by = Some(key_id.to_owned());
        self
    }

    /// Not the first ones.
    pub const fn after(mut self, skipped: usize) -> Self {
        self.skipped = skipped;
        self
    }

    /// So often at most.
    pub const fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Each time with this probability.
    pub const fn with_chance(mut self, chance: f64) -> Self {
        self.chance = chance;
        self
    }

    fn fits(&self, request: &Request) -> bool {
        (self.asked.is_empty() || self.asked.contains(&request.asked))
            && self.key.as_ref().is_none_or(|part| request.key.contains(part))
            && self.signed_by.as_ref().is_none_or(|id| request.key_id.as_ref() == Some(id))
    }

    fn strikes(&mut self, request: &Request, chance: &mut StdRng) -> bool {
        if self.times == 0 || !self.fits(request) {
            return false;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return false;
        }
        let strikes = self.chance >= 1.0 || chance.random_bool(self.chance);
        if strikes && self.times != usize::MAX {
            self.times -= 1;
        }
        strikes
    }
}

/// The rules that hold now.
pub struct Faults(Mutex<(Vec<Rule>, StdRng)>);

impl Default for Faults {
    fn default() -> Self {
        Self(Mutex::new((Vec::new(), StdRng::seed_from_u64(0))))
    }
}

impl Faults {
    pub fn add(&self, rule: Rule) {
        self.state().0.push(rule);
    }

    pub fn clear(&self) {
        self.state().0.clear();
    }

    pub fn seed(&self, seed: u64) {
        self.state().1 = StdRng::seed_from_u64(seed);
    }

    /// The faults that strike a request: all that leave its answer alone, and the first that does not.
    pub fn of(&self, request: &Request) -> Struck {
        let mut state = self.state();
        let (rules, chance) = &mut *state;
        let mut struck = Struck::default();
        for rule in rules {
            if matches!(
                rule.fault,
                Fault::Delay(_)
                    | Fault::OneKeyPerPage
                    | Fault::NoConditions
                    | Fault::Public
                    | Fault::HidesMissing
                    | Fault::AlsoLists(_)
            ) {
                if rule.strikes(request, chance) {
                    struck.beside.push(rule.fault.clone());
                }
            } else if struck.instead.is_none() && rule.strikes(request, chance) {
                struck.instead = Some(rule.fault.clone());
            }
        }
        struck
    }

    fn state(&self) -> MutexGuard<'_, (Vec<Rule>, StdRng)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What strikes one request.
#[derive(Debug, Clone, Default)]
pub struct Struck {
    beside: Vec<Fault>,
    instead: Option<Fault>,
}

impl Struck {
    /// Whether this fault, which leaves the answer alone, is among them.
    pub fn has(&self, fault: &Fault) -> bool {
        self.beside.contains(fault)
    }

    /// How much later it is answered.
    pub fn delay(&self) -> Duration {
        let delay = |fault: &Fault| match fault {
            Fault::Delay(time) => *time,
            _ => Duration::ZERO,
        };
        self.beside.iter().map(delay).sum()
    }

    /// The usual answer, as far as it is another one.
    pub async fn changed(&self, request: &Request, answer: HttpResponse) -> HttpResponse {
        if self.has(&Fault::HidesMissing) && answer.status() == StatusCode::NOT_FOUND {
            return refusal(request, 403, "AccessDenied");
        }
        let key = self.beside.iter().find_map(|fault| match fault {
            Fault::AlsoLists(key) => Some(*key),
            _ => None,
        });
        match key.filter(|_| request.asked == Asked::List && answer.status().is_success()) {
            Some(key) => listing_also(answer, key).await,
            None => answer,
        }
    }

    /// What comes instead of the usual answer.
    pub const fn instead(&self) -> Option<&Fault> {
        self.instead.as_ref()
    }
}

/// An answer that says no as S3 does; to HEAD without a body.
pub fn refusal(request: &Request, status: u16, code: &str) -> HttpResponse {
    let message = format!("The server of the tests says {code}.");
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <Resource>/{}</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>",
        request.bucket
    );
    let body = if request.asked == Asked::Head { Body::empty() } else { Body::from(body) };
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/xml"));
    answer
}

/// What a request gets that is signed for another region than the bucket's; `None` when it is the right one.
pub fn elsewhere(request: &Request, fault: &Fault) -> Option<HttpResponse> {
    let (region, status, code) = match fault {
        Fault::InRegion(region) => (*region, 301, "PermanentRedirect"),
        Fault::MalformedInRegion(region) => (*region, 400, "AuthorizationHeaderMalformed"),
        _ => return None,
    };
    if request.region.as_deref() == Some(region) {
        return None;
    }
    let mut answer = refusal(request, status, code);
    answer.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static(region));
    Some(answer)
}

/// 307 to another address.
pub fn redirect(request: &Request, location: &str) -> HttpResponse {
    let mut answer = refusal(request, 307, "TemporaryRedirect");
    answer.headers_mut().insert("location", HeaderValue::from_str(location).expect("an address"));
    answer
}

async fn whole(mut body: Body) -> Vec<u8> {
    use futures::StreamExt as _;
    let mut whole = Vec::new();
    while let Some(Ok(bytes)) = body.next().await {
        whole.extend_from_slice(&bytes);
    }
    whole
}

/// A listing with one more key.
async fn listing_also(answer: HttpResponse, key: &str) -> HttpResponse {
    let (mut parts, body) = answer.into_parts();
    let text = String::from_utf8(whole(body).await).expect("XML");
    let object = format!(
        "<Contents><Key>{key}</Key><LastModified>2026-05-04T08:00:00.000Z</LastModified><Size>1</Size></Contents>\
         </ListBucketResult>"
    );
    parts.headers.remove("content-length");
    HttpResponse::from_parts(parts, Body::from(text.replace("</ListBucketResult>", &object)))
}

/// The same answer, whose body ends in the middle; the connection is then closed.
pub async fn cut(answer: HttpResponse) -> HttpResponse {
    let (mut parts, body) = answer.into_parts();
    let mut whole = whole(body).await;
    let length = HeaderValue::from_str(&whole.len().to_string()).expect("a number");
    parts.headers.insert("content-length", length);
    whole.truncate(whole.len() / 2);
    let sent = Half { bytes: Some(Bytes::from(whole)), is_sent: false };
    HttpResponse::from_parts(parts, Body::http_body(sent))
}

/// A body that breaks off once what it has was sent.
struct Half {
    bytes: Option<Bytes>,
    is_sent: bool,
}

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(bytes) = self.bytes.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.is_sent {
            // The connection is flushed when there is nothing to write.
            self.is_sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}
