//! An address leads to the bucket and key that it names, letter for letter, or it is refused.

use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStoreExt as _;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use runq::objects::Traffic;
use runq::objects::s3::{Address, Settings, bucket};

use crate::support::s3::{KEY_ID, S3Server, SECRET};

/// What a person, a script or somebody evil may put into an address.
fn odd_addresses() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "b-c",
        "x.y",
        " ",
        "%2F",
        "%2e%2e",
        "#",
        "?",
        "&x=1",
        "+",
        "..",
        ".",
        "@",
        ":",
        ":80",
        "\\",
        "/",
        "//",
        "ü",
        "東",
        "\u{0}",
        "\n",
        "*",
        "[",
        "'",
        "\"",
        "$(id)",
        "<",
        "127.0.0.1",
        "evil.test",
        "s3://",
        "~",
        "%00",
        "%",
        "=",
        "a\u{301}",
    ]);
    let text =
        |most| prop::collection::vec(pieces.clone(), 0..most).prop_map(|parts: Vec<&str>| parts.concat());
    let bucket = prop_oneof![3 => Just("team-runs".to_owned()), 1 => text(4)];
    (bucket, text(8)).prop_map(|(bucket, key)| format!("s3://{bucket}/{key}"))
}

#[test]
fn no_address_leads_to_another_host_bucket_or_key_than_the_one_it_names() {
    let server = S3Server::start();
    let settings = Settings::for_endpoint(&server.endpoint(), "us-east-1", (KEY_ID, SECRET)).unwrap();
    let settings = settings.bounded(1, Duration::from_secs(20));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let asked = runner.run(&odd_addresses(), |text| {
        let Ok(address) = Address::parse(&text) else { return Ok(()) };
        let store = bucket(address.bucket(), &settings, Arc::new(Traffic::default())).unwrap();
        server.take_requests();
        let _ = runtime.block_on(async { store.get(address.key()).await });
        let requests = server.take_requests();
        // As it was written, but for a slash at the end.
        let named = text.trim_start_matches("s3://").trim_end_matches('/');
        let (bucket, key) = named.split_once('/').unwrap_or((named, ""));
        for request in &requests {
            prop_assert_eq!(&request.host, &server.host());
            prop_assert_eq!((request.bucket.as_str(), request.key.as_str()), (bucket, key));
        }
        // What the HTTP library would have changed on the way never goes out at all.
        prop_assert!(requests.len() <= 1);
        Ok(())
    });
    asked.unwrap();
}
