//! Credentials: where they come from, and that they stand nowhere in what runq says or stores.

use crate::support::s3::{Fault, KEY_ID, OTHER_KEY, Rule, S3Server, SECRET};
use crate::support::sandbox::{Ran, Sandbox};

const STORE: &str = "s3://team-runs/runs";

/// Runs with the endpoint and this environment, but without keys of its own.
fn with(sandbox: &Sandbox, server: &S3Server, environment: &[(&str, &str)], words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    server.reached_by(&mut command).args(["--store", STORE]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env_remove("AWS_REGION");
    command.envs(environment.iter().copied());
    sandbox.finish(command, "")
}

fn stored(server: &S3Server) -> Sandbox {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("one", 1, &[("a", "m", 1.0, "ok"), ("b", "m", 0.0, "ok")]);
    let keys = [("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    with(&sandbox, server, &keys, &["ingest", &run]).fine();
    sandbox
}

#[test]
fn no_secret_stands_in_any_output_or_in_the_store() {
    let server = S3Server::start();
    let sandbox = stored(&server);
    let secrets = [
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", "t0k3n-0f-tests"),
    ];
    let traced: Vec<_> =
        secrets.into_iter().chain([("RUST_LOG", "trace"), ("AWS_MAX_ATTEMPTS", "2")]).collect();
    for fault in
        [None, Some(Fault::DENIED), Some(Fault::EXPIRED), Some(Fault::Dropped), Some(Fault::SlowDown)]
    {
        server.heal();
        if let Some(fault) = fault {
            server.fault(Rule::new(fault));
        }
        for words in [&["runs", "--json"][..], &["compare"], &["sql", "SELECT * FROM runs"]] {
            let ran = with(&sandbox, &server, &traced, words);
            for secret in [SECRET, KEY_ID, "t0k3n-0f-tests", "Signature=", "AWS4-HMAC"] {
                assert!(
                    !format!("{}{}", ran.stdout, ran.stderr).contains(secret),
                    "{words:?}: {}",
                    ran.stderr
                );
            }
        }
    }
    for (path, bytes) in sandbox.files("").into_iter().chain(files(server.folder())) {
        let holds = |secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!holds(SECRET) && !holds("t0k3n-0f-tests"), "{}", path.display());
    }
}

fn files(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), std::fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn profiles_are_read_as_the_aws_tools_read_them() {
    let server = S3Server::start();
    let sandbox = stored(&server);
    let endpoint = server.endpoint();
    let (id, secret) = OTHER_KEY;
    sandbox.write(".aws/credentials", format!("[default]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n\n[other]\naws_access_key_id={id}\naws_secret_access_key={secret}\n"));
    sandbox.write(
        "keys.sh",
        format!("echo '{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\"}}'\n"),
    );
    sandbox.write(
        ".aws/config",
        format!(
            "[default]\nregion = eu-north-1\n\n[profile other]\nregion = ap-south-1\nendpoint_url = {endpoint}\n\n\
             [profile process]\ncredential_process = sh keys.sh\nservices = local\n\n\
             [services local]\ns3 =\n  endpoint_url = {endpoint}\n\n\
             [profile broken]\ncredential_process = sh nowhere.sh\n"
        ),
    );
    let signed = |profile: &str, endpoint: &[(&str, &str)]| {
        server.take_requests();
        let mut environment = vec![("AWS_PROFILE", profile)];
        environment.extend_from_slice(endpoint);
        let mut command = sandbox.command(&["runs", "--store", STORE]);
        command.env("AWS_ALLOW_HTTP", "1").env("AWS_EC2_METADATA_DISABLED", "true").envs(environment);
        sandbox.finish(command, "").fine();
        let request = server.requests().pop().unwrap();
        (request.key_id.unwrap(), request.region.unwrap())
    };
    let named = [("AWS_ENDPOINT_URL_S3", endpoint.as_str())];
    assert_eq!(signed("default", &named), (KEY_ID.to_owned(), "eu-north-1".to_owned()));
    assert_eq!(signed("other", &[]), (id.to_owned(), "ap-south-1".to_owned()));
    assert_eq!(signed("process", &[]), (id.to_owned(), "us-east-1".to_owned()));
    assert_eq!(signed("other", &[("AWS_REGION", "sa-east-1")]).1, "sa-east-1");
    let ran = with(&sandbox, &server, &[("AWS_PROFILE", "broken")], &["runs"]).exits(69);
    assert!(ran.stderr.starts_with("error: the credentials cannot be had: "), "{}", ran.stderr);
}

#[test]
fn without_credentials_it_says_where_it_looked_and_a_public_bucket_needs_none() {
    let server = S3Server::start();
    let sandbox = stored(&server);
    let ran = with(&sandbox, &server, &[], &["runs"]).exits(69);
    assert!(ran.stderr.starts_with("error: no credentials found\n"), "{}", ran.stderr);
    for word in ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SKIP_SIGNATURE=true"] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    let anonymous = [("AWS_SKIP_SIGNATURE", "true")];
    with(&sandbox, &server, &anonymous, &["runs"]).exits(69);
    server.fault(Rule::new(Fault::Public)).take_requests();
    with(&sandbox, &server, &anonymous, &["runs"]).fine();
    assert!(server.requests().iter().all(|request| request.key_id.is_none()));
}

#[test]
fn settings_that_are_none_are_told_and_those_of_other_tools_do_no_harm() {
    let server = S3Server::start();
    let sandbox = stored(&server);
    sandbox.write(".aws/config", "[default]\nmax_attempts = 0\nretry_mode = fierce\n");
    let keys = [("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    let set = |name, value| with(&sandbox, &server, &[&keys[..], &[(name, value)]].concat(), &["runs"]);
    set("AWS_RETRY_MODE", "adaptive").fine();
    for (name, value) in
        [("AWS_MAX_ATTEMPTS", "0"), ("AWS_MAX_ATTEMPTS", "many"), ("RUNQ_NETWORK_TIMEOUT", "-1")]
    {
        let told = set(name, value).exits(2);
        assert!(
            told.stderr.contains(&format!("{name} is {value}, expected a number above 0")),
            "{}",
            told.stderr
        );
    }
}
