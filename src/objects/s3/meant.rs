//! What people write where an address in S3 is meant, or that of another service: with what they could write instead.

use percent_encoding::percent_decode_str;
use url::Url;

use super::address::SCHEME;
use super::error::S3Error;

/// Other names of S3 in addresses: those of Hadoop's tools.
const OTHER_NAMES: [&str; 2] = ["s3a", "s3n"];

/// Services by the schemes of their addresses.
const OTHERS: [(&str, &str); 9] = [
    ("gs", "Google Cloud Storage is not supported"),
    ("gcs", "Google Cloud Storage is not supported"),
    ("az", "Azure is not supported"),
    ("abfs", "Azure is not supported"),
    ("abfss", "Azure is not supported"),
    ("wasbs", "Azure is not supported"),
    ("http", "files of the web are not read: download it"),
    ("https", "files of the web are not read: download it"),
    ("file", "name the path alone"),
];

/// What a word is that looks like an address and is none; `None` for a path. What stands in it may hold a password, so
/// only what is sure not to is repeated.
pub(super) fn refused(text: &str) -> Option<S3Error> {
    let error = |text: String, problem: String| Some(S3Error::Address { text, problem });
    let Some((scheme, rest)) = scheme(text) else {
        let rest = without_slashes(text)?;
        return error(format!("s3:{rest}"), format!("write {SCHEME}{}", rest.trim_start_matches('/')));
    };
    let hidden = format!("{scheme}://...");
    let lower = scheme.to_ascii_lowercase();
    if OTHER_NAMES.contains(&lower.as_str()) {
        return match has_password(rest) {
            false => error(text.to_owned(), format!("write {SCHEME}{rest}")),
            true => error(hidden, format!("write {SCHEME}BUCKET/KEY, and the keys into the environment")),
        };
    }
    if let Some((host, address)) = amazons(text) {
        return error(format!("{lower}://{host}/..."), format!("write {address}"));
    }
    let why = OTHERS.iter().find(|(other, _)| *other == lower).map(|(_, why)| *why);
    error(hidden, why.unwrap_or("expected a path or s3://BUCKET/KEY").to_owned())
}

/// Whether a user, or a key with its secret, stands before the bucket.
pub(super) fn has_password(behind_scheme: &str) -> bool {
    behind_scheme.split('/').next().is_some_and(|authority| authority.contains('@'))
}

/// What stands before and behind `://`, where that can be the scheme of a URL.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_letter);
    is_scheme.then_some((scheme, rest))
}

/// What stands behind `s3:` where the slashes are forgotten.
fn without_slashes(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    (scheme.eq_ignore_ascii_case("s3") && !rest.is_empty() && !has_password(rest)).then_some(rest)
}

/// The host and the address of an object that is named by Amazon's web address of it, or of its page in the console.
fn amazons(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.to_owned();
    let path = percent_decode_str(url.path()).decode_utf8().ok()?.into_owned();
    let path = path.trim_start_matches('/');
    if host.ends_with("console.aws.amazon.com") {
        let mut parts = path.split('/').skip_while(|part| !matches!(*part, "buckets" | "object"));
        let bucket = parts.nth(1)?.to_owned();
        let key = url.query_pairs().find(|(name, _)| name == "prefix").map(|(_, key)| key.into_owned());
        return Some((host, format!("{SCHEME}{bucket}/{}", key.unwrap_or_default())));
    }
    let before = host.strip_suffix(".amazonaws.com")?;
    // BUCKET.s3.REGION, s3.REGION, and s3-REGION of older ones. A bucket has no part that is called s3 behind it.
    let parts: Vec<&str> = before.split('.').collect();
    let service = parts.iter().position(|part| *part == "s3" || part.starts_with("s3-"))?;
    let address = match parts[..service].join(".") {
        bucket if bucket.is_empty() => format!("{SCHEME}{path}"),
        bucket => format!("{SCHEME}{bucket}/{path}"),
    };
    Some((host, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        refused(text).map(|error| error.to_string())
    }

    #[test]
    fn a_slip_of_an_address_is_told_with_the_address() {
        for (text, meant) in [
            ("s3:/runs/a b", "s3://runs/a b"),
            ("S3:runs/a", "s3://runs/a"),
            ("s3a://runs/a", "s3://runs/a"),
            (
                "https://runs.s3.amazonaws.com/a%20b/index.jsonl?X-Amz-Signature=hunter2",
                "s3://runs/a b/index.jsonl",
            ),
            ("https://my.runs.s3.eu-west-1.amazonaws.com/a", "s3://my.runs/a"),
            ("https://s3.eu-west-1.amazonaws.com/runs/a", "s3://runs/a"),
            ("https://s3-eu-west-1.amazonaws.com/runs/a", "s3://runs/a"),
            ("https://eu-west-1.console.aws.amazon.com/s3/object/runs?region=x&prefix=a/b", "s3://runs/a/b"),
            ("https://s3.console.aws.amazon.com/s3/buckets/runs?prefix=a/", "s3://runs/a/"),
        ] {
            let said = said(text).unwrap();
            assert!(said.ends_with(&format!(": write {meant}")) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn other_services_are_named_and_no_password_is() {
        for (text, why) in [
            ("gs://hunter2/x", "Google Cloud Storage is not supported"),
            ("az://hunter2/x", "Azure is not supported"),
            ("https://me:hunter2@host/x?hunter2", "download it"),
            ("file:///hunter2", "the path alone"),
            ("ftp://hunter2", "expected a path"),
            ("s3a://AKID:hunter2@bucket/x", "write s3://BUCKET/KEY"),
        ] {
            let said = said(text).unwrap();
            assert!(said.contains(why) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_path_is_a_path() {
        for path in ["s3", "./s3:/x", "/s3://x", "a:b", "://x", "s3:", "runs/s3:x", "./gs://x", "C:/x"] {
            assert_eq!(said(path), None, "{path}");
        }
    }
}
