//! What a request asks for, as a person would say it.

use std::fmt;

use http::Method;
use object_store::client::HttpRequest;
use percent_encoding::percent_decode_str;

use super::address::SCHEME;

/// A request in words: `list s3://bucket/prefix`.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    verb: &'static str,
    pub(super) bucket: String,
    key: String,
    /// Host and port.
    pub(super) host: String,
}

impl Asked {
    /// `root` is the path that stands before keys in a URL.
    pub(super) fn of(request: &HttpRequest, bucket: &str, root: &str) -> Self {
        let uri = request.uri();
        let query = uri.query().unwrap_or_default();
        let path = uri.path().strip_prefix(root).unwrap_or_default().trim_start_matches('/');
        let (verb, key) = match *request.method() {
            Method::GET if query.contains("list-type=") => ("list", prefix(query)),
            Method::GET | Method::HEAD => ("read", path),
            Method::DELETE if query.contains("uploadId=") => ("end an upload of", path),
            Method::DELETE => ("delete", path),
            Method::POST if query.starts_with("delete") => ("delete objects of", path),
            _ => ("write", path),
        };
        Self {
            verb,
            bucket: bucket.to_owned(),
            key: percent_decode_str(key).decode_utf8_lossy().into_owned(),
            host: uri.authority().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, bucket, key, .. } = self;
        let between = if key.is_empty() { "" } else { "/" };
        write!(f, "{verb} {SCHEME}{bucket}{between}{}", key.trim_end_matches('/'))
    }
}

fn prefix(query: &str) -> &str {
    query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::HttpRequestBody;

    #[test]
    fn a_request_is_said_with_the_address_that_it_is_about() {
        let said = |method: Method, uri: &str| {
            let request =
                http::Request::builder().method(method).uri(uri).body(HttpRequestBody::empty()).unwrap();
            Asked::of(&request, "runs", "/runs").to_string()
        };
        assert_eq!(
            said(Method::GET, "http://h:1/runs?delimiter=%2F&list-type=2&prefix=a%20b%2F"),
            "list s3://runs/a b"
        );
        assert_eq!(said(Method::GET, "http://h:1/runs?list-type=2"), "list s3://runs");
        assert_eq!(said(Method::HEAD, "http://h:1/runs/a/%252F%23"), "read s3://runs/a/%2F#");
        assert_eq!(said(Method::PUT, "http://h:1/runs/a?partNumber=1&uploadId=x"), "write s3://runs/a");
        assert_eq!(said(Method::POST, "http://h:1/runs?delete"), "delete objects of s3://runs");
    }
}
