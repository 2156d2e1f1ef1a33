//! The record of a server: what was asked of it.

use http::request::Parts;
use hyper::Method;
use percent_encoding::percent_decode_str;

/// The kinds of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    Get,
    /// A part of an object.
    Range,
    Head,
    List,
    Put,
    /// A put with `If-None-Match: *`.
    Create,
    /// Of one object or of many.
    Delete,
    StartUpload,
    Part,
    CompleteUpload,
    AbortUpload,
    Other,
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub asked: Asked,
    /// The header `Host`.
    pub host: String,
    /// The path, not decoded.
    pub path: String,
    /// The query, not decoded; empty where there is none.
    pub query: String,
    pub bucket: String,
    /// The key, decoded; of a LIST its prefix.
    pub key: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The key of the account that signed it.
    pub key_id: Option<String>,
    /// The region that it was signed for.
    pub region: Option<String>,
    /// What was answered; `None` without an answer (yet).
    pub status: Option<u16>,
}

impl Request {
    pub fn of(parts: &Parts) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let path = parts.uri.path().to_owned();
        let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((&path[1..], ""));
        let asked = asked(parts, &query, key.is_empty());
        let key = if asked == Asked::List { parameter(&query, "prefix") } else { decoded(key) };
        // AWS4-HMAC-SHA256 Credential=KEY/DAY/REGION/s3/aws4_request, ...
        let scope = header("authorization").and_then(|text| text.split_once("Credential="));
        let scope: Vec<&str> = scope.map(|(_, rest)| rest.split(['/', ',']).collect()).unwrap_or_default();
        Self {
            asked,
            host: header("host").unwrap_or_default().to_owned(),
            bucket: decoded(bucket),
            key,
            range: header("range").map(str::to_owned),
            key_id: scope.first().map(|text| (*text).to_owned()),
            region: scope.get(2).map(|text| (*text).to_owned()),
            path: path.clone(),
            query,
            status: None,
        }
    }
}

fn asked(parts: &Parts, query: &str, whole_bucket: bool) -> Asked {
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    match parts.method {
        Method::HEAD => Asked::Head,
        Method::GET if whole_bucket => Asked::List,
        Method::GET if parts.headers.contains_key("range") => Asked::Range,
        Method::GET => Asked::Get,
        Method::PUT if has("partNumber") => Asked::Part,
        Method::PUT if parts.headers.contains_key("if-none-match") => Asked::Create,
        Method::PUT => Asked::Put,
        Method::POST if has("uploads") => Asked::StartUpload,
        Method::POST if has("uploadId") => Asked::CompleteUpload,
        Method::POST if has("delete") => Asked::Delete,
        Method::DELETE if has("uploadId") => Asked::AbortUpload,
        Method::DELETE => Asked::Delete,
        _ => Asked::Other,
    }
}

fn parameter(query: &str, name: &str) -> String {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    decoded(&value.unwrap_or_default().replace('+', " "))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
