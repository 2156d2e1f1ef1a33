//! What people are told of an address, of credentials and of permissions: the same at every place, with the same code.

use super::reaching;
use crate::support::s3::S3Server;
use crate::support::sandbox::{Ran, Sandbox};

/// The places where a command meets S3, each with what is named there.
const PLACES: [(&str, [&str; 4]); 4] = [
    ("a store", ["runs", "--store", "s3://BUCKET/store", "--json"]),
    ("a source", ["ingest", "s3://BUCKET/runs", "--store", "here"]),
    ("a target", ["export", "SELECT 1", "-o", "s3://BUCKET/x.csv"]),
    ("a statement", ["sql", "SELECT * FROM 's3://BUCKET/x.csv'", "--format", "csv"]),
];

fn at(words: [&str; 4], bucket: &str) -> Vec<String> {
    words.iter().map(|word| word.replace("BUCKET", bucket)).collect()
}

fn ran(server: &S3Server, sandbox: &Sandbox, words: &[String], environment: &[(&str, &str)]) -> Ran {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = sandbox.command(&words);
    server.reached_by(&mut command).env("AWS_MAX_ATTEMPTS", "2");
    for (name, value) in environment {
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    sandbox.finish(command, "")
}

#[test]
fn a_missing_bucket_is_not_found_at_every_place() {
    let (server, sandbox) = (S3Server::start(), Sandbox::with_samples());
    for (place, words) in PLACES {
        let ran = ran(&server, &sandbox, &at(words, "no-such-bucket"), &[]);
        assert!(
            ran.stderr.contains("there is no bucket no-such-bucket\n  hint: check the"),
            "{place}: {}",
            ran.stderr
        );
        assert_eq!(ran.code, 66, "{place}: {}", ran.stderr);
    }
}

#[test]
fn what_is_wrong_with_credentials_is_said_alike_at_every_place() {
    let (server, sandbox) = (S3Server::start(), Sandbox::with_samples());
    let unknown = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", ""), ("AWS_PROFILE", "nope")];
    for (place, words) in PLACES {
        for (environment, said) in [
            (
                &[("AWS_SECRET_ACCESS_KEY", "wrong")][..],
                "the secret does not fit the access key\n  hint: check",
            ),
            (&unknown[..], "there is no profile nope in ~/.aws/config or ~/.aws/credentials\n  hint: check"),
        ] {
            let ran = ran(&server, &sandbox, &at(words, "team-runs"), environment);
            assert!(ran.stderr.contains(said), "{place}: {}", ran.stderr);
            assert_eq!(ran.code, 69, "{place}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_login_that_is_missing_is_named_with_the_command_that_makes_it() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    sandbox.write(
        ".aws/config",
        "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = dev\n\
         [sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n\
         [profile old]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
         sso_account_id = 123456789012\nsso_role_name = dev\n\
         [profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = gone\n",
    );
    let keys = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    for (environment, said) in [
        (
            &[("AWS_PROFILE", "sso")][..],
            "no SSO login: its token is not in ~/.aws/sso/cache\n  hint: `aws sso login --profile sso` logs in",
        ),
        (&[("AWS_PROFILE", "old")][..], "no SSO login: its token is not in [sandbox]/.aws/sso/cache/"),
        (
            &[("AWS_PROFILE", "role")][..],
            "there is no profile gone in ~/.aws/config or ~/.aws/credentials (named by the profile role)",
        ),
        (
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/token"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")][..],
            "no file /no/token",
        ),
    ] {
        let environment: Vec<_> = keys.iter().chain(environment).copied().collect();
        let words = ["runs", "--store", "s3://team-runs/store"].map(str::to_owned);
        let ran = ran(&server, &sandbox, &words, &environment).exits(69);
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    assert_eq!(server.requests(), []);
}

#[test]
fn an_address_that_was_meant_is_told() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    for (word, said) in [
        ("s3:/team-runs/a", "write s3://team-runs/a"),
        ("s3:team-runs/a", "write s3://team-runs/a"),
        ("https://team-runs.s3.amazonaws.com/a?X-Amz-Signature=hunter2", "write s3://team-runs/a"),
        ("gs://team-runs/a", "Google Cloud Storage is not supported"),
        ("az://hunter2/a", "Azure is not supported"),
        ("s3://AKID:hunter2@team-runs/a", "a bucket has"),
    ] {
        for words in [&["ingest", word][..], &["compare", word, word], &["export", "SELECT 1", "-o", word]] {
            let ran = reaching(&server, &sandbox, words);
            assert!(
                ran.stderr.contains(said) && !ran.stderr.contains("hunter2"),
                "{words:?}: {}",
                ran.stderr
            );
            assert!(matches!(ran.code, 2 | 65), "{words:?}: {}", ran.stderr);
        }
    }
    assert_eq!(server.requests(), []);
}
