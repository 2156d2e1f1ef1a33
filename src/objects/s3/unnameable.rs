//! Keys that no path leads to: with an empty part (`a//b`), with `.` or `..` as a part, or with control characters. S3
//! has such keys, and the layer above fails a whole listing on the first one. So they are taken out of the answers; who
//! lists is told of them behind everything else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, BoxStream, StreamExt as _};
use object_store::client::{HttpError, HttpResponse};
use object_store::path::{Error as PathError, Path};
use object_store::{Error, ObjectMeta, Result};

/// The elements of a listing's answer, each with that in it which names it.
const ELEMENTS: [(&str, &str); 2] = [("Contents", "Key"), ("CommonPrefixes", "Prefix")];

/// Keys of a bucket that were taken out of its listings.
#[derive(Debug, Clone, Default)]
pub(super) struct Unnameable(Arc<Mutex<BTreeSet<String>>>);

impl Unnameable {
    fn keys(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a LIST, whole, without them.
    pub(super) async fn taken_out_of(
        &self,
        answer: HttpResponse,
    ) -> std::result::Result<HttpResponse, HttpError> {
        let (mut parts, body) = answer.into_parts();
        let bytes = body.bytes().await?;
        let listing = std::str::from_utf8(&bytes).ok().filter(|_| parts.status.is_success());
        let Some((rest, keys)) = listing.and_then(without) else {
            return Ok(HttpResponse::from_parts(parts, bytes.into()));
        };
        self.keys().extend(keys);
        parts.headers.remove(http::header::CONTENT_LENGTH);
        Ok(HttpResponse::from_parts(parts, rest.into()))
    }

    /// A listing, and behind it an error for each key below the prefix that it lacks.
    pub(super) fn told_behind(
        &self,
        listing: BoxStream<'static, Result<ObjectMeta>>,
        prefix: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.filter(|prefix| !prefix.as_ref().is_empty());
        let below = prefix.map(|prefix| format!("{prefix}/")).unwrap_or_default();
        let kept = self.clone();
        let errors = async move {
            let mut keys = kept.keys();
            let told: Vec<String> = keys.iter().filter(|key| key.starts_with(&below)).cloned().collect();
            told.iter().for_each(|key| {
                keys.remove(key);
            });
            stream::iter(told.into_iter().map(|key| Err(refused(key))))
        };
        listing.chain(stream::once(errors).flatten()).boxed()
    }
}

/// Why a key has no path.
fn refused(key: String) -> Error {
    let source = Path::parse(&key).err().unwrap_or(PathError::EmptySegment { path: key });
    Error::InvalidPath { source }
}

/// The answer without the elements whose names are no paths, and these names; `None` when there are none.
fn without(answer: &str) -> Option<(String, Vec<String>)> {
    let mut rest = answer.to_owned();
    let mut keys = Vec::new();
    for (element, name) in ELEMENTS {
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let mut kept = String::with_capacity(rest.len());
        let mut left = rest.as_str();
        // What is inside of an element is escaped: no name holds a `<`.
        while let Some((before, behind)) = left.split_once(open.as_str()) {
            let (inside, after) = behind.split_once(close.as_str())?;
            let key = text_of(inside, name);
            kept.push_str(before);
            match key.filter(|key| !is_path(key)) {
                // A folder without a name is told by the keys in it, where these are listed.
                Some(key) => keys.extend((name == "Key").then_some(key)),
                None => kept.extend([open.as_str(), inside, close.as_str()]),
            }
            left = after;
        }
        kept.push_str(left);
        rest = kept;
    }
    (rest.len() != answer.len()).then_some((rest, keys))
}

fn text_of(inside: &str, name: &str) -> Option<String> {
    let (_, behind) = inside.split_once(&format!("<{name}>"))?;
    let (text, _) = behind.split_once("</")?;
    Some(unescaped(text))
}

/// Whether the layer above takes it, and takes it for what it is.
fn is_path(key: &str) -> bool {
    !key.starts_with('/') && Path::parse(key).is_ok()
}

/// XML's text without its escapes.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut left = text;
    while let Some((before, behind)) = left.split_once('&') {
        plain.push_str(before);
        let Some((escape, after)) = behind.split_once(';') else { break };
        plain.extend(letter(escape));
        left = after;
    }
    plain + left
}

fn letter(escape: &str) -> Option<char> {
    match escape {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        number => {
            let number = number.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(keys: &[&str], folders: &[&str]) -> String {
        let key = |key: &&str| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
        let folder = |folder: &&str| format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
        let keys: String = keys.iter().map(key).collect();
        let folders: String = folders.iter().map(folder).collect();
        format!("<ListBucketResult><Prefix>a//</Prefix>{keys}{folders}</ListBucketResult>")
    }

    #[test]
    fn what_has_no_path_is_taken_out_and_named() {
        let answer = listing(&["a/b", "a//b&amp;c", "/a", "a/../b", "a/x&#x1;y", "a/c/"], &["a/c/", "a//"]);
        let (rest, keys) = without(&answer).unwrap();
        assert_eq!(rest, listing(&["a/b", "a/c/"], &["a/c/"]));
        assert_eq!(keys, ["a//b&c", "/a", "a/../b", "a/x\u{1}y"]);
    }

    #[test]
    fn an_answer_of_names_with_paths_stays_as_it_is() {
        let fine = listing(&["a b", "%2F#", "&lt;Key&gt;/x", "a&", "ü/"], &["a/b/"]);
        for answer in [fine.as_str(), "", "<Contents><Key>a//b"] {
            assert_eq!(without(answer), None, "{answer}");
        }
    }
}
