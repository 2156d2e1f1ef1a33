//! `s3://bucket/key`, read as the AWS command line reads it: what stands behind the bucket is the key, letter for
//! letter. Nothing is decoded, so `%2F`, `#`, `+` and `?` are part of the key.

use std::fmt;
use std::path::{Path, PathBuf};

use object_store::path::Path as Key;
use url::Url;

use super::error::S3Error;

/// How an address begins.
pub const SCHEME: &str = "s3://";

/// A bucket, and a key or the beginning of keys in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    bucket: String,
    key: Key,
}

impl Address {
    /// The address that a path is, or `None` when it is a path of this machine.
    ///
    /// # Errors
    /// [`S3Error::Address`] when it begins like an address and is none.
    pub fn of(path: &Path) -> Result<Option<Self>, S3Error> {
        match path.to_str().filter(|text| is_address(text)) {
            Some(text) => Self::parse(text).map(Some),
            None => Ok(None),
        }
    }

    /// Reads an address. A `/` at its end means nothing.
    ///
    /// # Errors
    /// [`S3Error::Address`] for another scheme, a bucket that cannot be one, and keys that runq cannot reach: with an empty
    /// part, `.` or `..` in them.
    pub fn parse(text: &str) -> Result<Self, S3Error> {
        let refused = |problem: &str| S3Error::Address { text: text.to_owned(), problem: problem.to_owned() };
        if !is_address(text) {
            return Err(refused("expected s3://BUCKET/KEY"));
        }
        let rest = text.get(SCHEME.len()..).unwrap_or_default();
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        check_bucket(bucket).map_err(refused)?;
        let key = match key {
            key if key.starts_with('/') || key.contains("//") => {
                return Err(refused("the key has an empty part: two / behind each other"));
            }
            key => Key::parse(key).map_err(|error| refused(&error.to_string()))?,
        };
        Ok(Self { bucket: bucket.to_owned(), key })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key inside the bucket; empty for the whole bucket.
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// As a path, which prints as the address.
    pub fn to_path(&self) -> PathBuf {
        PathBuf::from(self.to_string())
    }

    /// The bucket as a URL, without the key.
    ///
    /// # Errors
    /// [`S3Error::Address`] when the bucket's name makes no URL.
    pub fn bucket_url(&self) -> Result<Url, S3Error> {
        Url::parse(&format!("{SCHEME}{}/", self.bucket))
            .map_err(|error| S3Error::Address { text: self.to_string(), problem: error.to_string() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, key } = self;
        if key.as_ref().is_empty() {
            write!(f, "{SCHEME}{bucket}")
        } else {
            write!(f, "{SCHEME}{bucket}/{key}")
        }
    }
}

/// Whether a word begins like an address of S3.
fn is_address(text: &str) -> bool {
    text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// The address that `s3:/bucket/key` was: what joins paths takes one of two slashes away.
pub fn joined_address(path: &str) -> Option<String> {
    let rest = path.strip_prefix("s3:/").filter(|rest| !rest.is_empty() && !rest.starts_with('/'))?;
    Some(format!("{SCHEME}{rest}"))
}

/// Amazon's rules, with the letters that older buckets may have: nothing that could end a host name or a path.
fn check_bucket(name: &str) -> Result<(), &'static str> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if name.is_empty() {
        return Err("the bucket is missing: s3://BUCKET/KEY");
    }
    if name.starts_with("arn:") {
        return Err("access points are not supported; name the bucket");
    }
    if !(3..=63).contains(&name.len()) || !name.chars().all(is_fine) {
        return Err("a bucket has 3 to 63 letters, digits, dots and hyphens");
    }
    if name.starts_with(['.', '-']) || name.ends_with(['.', '-']) || name.contains("..") {
        return Err(
            "a bucket begins and ends with a letter or a digit, and has no two dots behind each other",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_bucket_is_the_key_letter_for_letter() {
        for key in ["a b", "a%2Fb", "a#1", "ä/ö", "a+b", "a?x=1", "a=b/c&d"] {
            let address = Address::parse(&format!("s3://bucket/{key}")).unwrap();
            assert_eq!((address.bucket(), address.key().as_ref()), ("bucket", key));
            assert_eq!(address.to_string(), format!("s3://bucket/{key}"));
        }
        let whole = Address::parse("S3://bucket/").unwrap();
        assert_eq!((whole.key().as_ref(), whole.to_string().as_str()), ("", "s3://bucket"));
        assert_eq!(Address::parse("s3://bucket/a/").unwrap(), Address::parse("s3://bucket/a").unwrap());
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for text in [
            "s3://",
            "s3:///key",
            "s3://ab",
            "s3://user@host/key",
            "s3://host:99/key",
            "s3://buc ket/k",
            "s3://b%2Fc/k",
            "s3://bucket#x/k",
            "s3://bucket?x/k",
            "s3://bucket\\x/k",
            "s3://bucket/a/../b",
            "s3://bucket/./b",
            "s3://bucket//a",
            "s3://bucket/a//b",
            "s3://.bucket/a",
            "s3://a..b/k",
            "s3://arn:aws:s3:::x/k",
            "https://bucket/k",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(matches!(&error, S3Error::Address { text: said, .. } if said == text), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_that_lost_a_slash_is_told() {
        assert_eq!(joined_address("s3:/team/runs").as_deref(), Some("s3://team/runs"));
        for path in ["s3://team/runs", "s3:/", "./s3:/team", "/s3:/team", "s3:team"] {
            assert_eq!(joined_address(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_of_this_machine_is_no_address() {
        for path in ["s3", "./s3://x", "/s3://bucket", "s3:/bucket", ""] {
            assert_eq!(Address::of(Path::new(path)).unwrap(), None, "{path}");
        }
        assert!(Address::of(Path::new("s3://bucket/key")).unwrap().is_some());
        assert!(Address::of(Path::new("s3://b/key")).is_err());
    }
}
