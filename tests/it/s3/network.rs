//! A network that fails: what is asked of S3 goes well in the end, or ends in one truthful message, and nothing is half
//! published.

use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use runq::objects::Traffic;
use runq::objects::s3::{Refusal, Settings, bucket};

use crate::support::s3::{Asked, BUCKET, Fault, KEY_ID, OTHER_KEY, Rule, S3Server, SECRET};
use crate::support::sandbox::{Ran, Sandbox};

/// The bucket as the library reaches it; tried often, and bounded so that no test waits long.
fn reached(server: &S3Server) -> Arc<dyn ObjectStore> {
    let settings = Settings::for_endpoint(&server.endpoint(), "us-east-1", (KEY_ID, SECRET)).unwrap();
    bucket(BUCKET, &settings.bounded(6, Duration::from_secs(20)), Arc::new(Traffic::default())).unwrap()
}

async fn create(store: &dyn ObjectStore, key: &str, content: &str) -> object_store::Result<()> {
    store.put_opts(&Path::from(key), content.to_owned().into(), PutMode::Create.into()).await.map(|_| ())
}

async fn read(store: &dyn ObjectStore, key: &str) -> String {
    let bytes = store.get(&Path::from(key)).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn in_store(sandbox: &Sandbox, server: &S3Server, environment: &[(&str, &str)], words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    server.reached_by(&mut command).args(["--store", "s3://team-runs/runs"]);
    command.env("AWS_MAX_ATTEMPTS", "3").envs(environment.iter().copied());
    sandbox.finish(command, "")
}

#[tokio::test]
async fn a_bucket_in_another_region_is_asked_there_once_and_from_then_on() {
    for fault in [Fault::InRegion("eu-west-3"), Fault::MalformedInRegion("eu-west-3")] {
        let server = S3Server::start();
        server.fault(Rule::new(fault));
        let store = reached(&server);
        create(&*store, "a/1", "one").await.unwrap();
        store.put_multipart(&Path::from("a/2")).await.unwrap().abort().await.unwrap();
        assert_eq!(read(&*store, "a/1").await, "one");
        assert_eq!(store.head(&Path::from("a/1")).await.unwrap().size, 3);
        let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
        assert_eq!(listed.len(), 1);
        store.delete(&Path::from("a/1")).await.unwrap();
        let regions: Vec<_> = server.requests().into_iter().map(|request| request.region.unwrap()).collect();
        assert_eq!(regions[0], "us-east-1");
        assert!(regions[1..].iter().all(|region| region == "eu-west-3"), "{regions:?}");
    }
}

#[tokio::test]
async fn a_head_alone_learns_the_region_too() {
    let server = S3Server::start();
    let store = reached(&server);
    create(&*store, "a", "one").await.unwrap();
    server.fault(Rule::new(Fault::MalformedInRegion("eu-west-3")));
    assert_eq!(store.head(&Path::from("a")).await.unwrap().size, 3);
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_and_said() {
    let (server, other) = (S3Server::start(), S3Server::start());
    let location = format!("{}/team-runs/a?X-Amz-Signature=deadbeef", other.endpoint());
    server.fault(Rule::new(Fault::Redirect(location)));
    let store = reached(&server);
    for error in [
        store.get(&Path::from("a")).await.unwrap_err(),
        create(&*store, "a", "x").await.unwrap_err(),
        store.list(None).try_next().await.unwrap_err(),
        store.head(&Path::from("a")).await.unwrap_err(),
    ] {
        let refusal = Refusal::of(&error).unwrap();
        assert!(refusal.to_string().contains("redirects to 127.0.0.1"), "{refusal}");
        assert!(!format!("{error:?} {error}").contains("deadbeef"), "{error:?}");
    }
    assert_eq!(other.requests(), []);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_has_created() {
    let server = S3Server::start();
    server.fault(Rule::new(Fault::LostAnswer).on(&[Asked::Create]).times(1));
    let store = reached(&server);
    create(&*store, "log/1.json", "ours").await.unwrap();
    assert_eq!(read(&*store, "log/1.json").await, "ours");
    // Every answer is lost: the object tells.
    server.heal().fault(Rule::new(Fault::LostAnswer).on(&[Asked::Create]));
    create(&*store, "log/2.json", "ours").await.unwrap();
}

#[tokio::test]
async fn a_create_that_meets_anothers_object_is_a_conflict_also_after_a_lost_try() {
    let server = S3Server::start();
    let store = reached(&server);
    create(&*store, "log/1.json", "theirs").await.unwrap();
    let conflict = |answer| assert!(matches!(answer, Err(Error::AlreadyExists { .. })), "{answer:?}");
    conflict(create(&*store, "log/1.json", "theirs").await);
    for fault in [Fault::LostAnswer, Fault::Dropped, Fault::Refused(500, "InternalError")] {
        server.heal().fault(Rule::new(fault).on(&[Asked::Create]).times(1));
        conflict(create(&*store, "log/1.json", "ours..").await);
    }
    assert_eq!(read(&*store, "log/1.json").await, "theirs");
}

#[tokio::test]
async fn a_409_is_asked_again_and_a_412_is_a_conflict() {
    let server = S3Server::start();
    let store = reached(&server);
    server.fault(Rule::new(Fault::CONFLICT).on(&[Asked::Create]).times(2));
    create(&*store, "log/1.json", "ours").await.unwrap();
    assert_eq!(server.count(&[Asked::Create]), 3);
    server.heal().fault(Rule::new(Fault::PRECONDITION).on(&[Asked::Create]));
    let answer = create(&*store, "log/2.json", "ours").await;
    assert!(matches!(answer, Err(Error::AlreadyExists { .. })), "{answer:?}");
    assert_eq!(server.count(&[Asked::Create]), 4);
}

#[tokio::test]
async fn what_is_cut_in_the_middle_is_read_to_its_end() {
    let server = S3Server::start();
    let store = reached(&server);
    let content: String = (0..20_000).map(|line| format!("{line}\n")).collect();
    for key in ["a", "b", "c"] {
        store.put(&Path::from(key), PutPayload::from(content.clone())).await.unwrap();
    }
    server.fault(Rule::new(Fault::CutBody).on(&[Asked::Get, Asked::Range]).times(2));
    assert_eq!(read(&*store, "a").await, content);
    server.heal().fault(Rule::new(Fault::CutBody).on(&[Asked::Range]).times(1));
    assert_eq!(store.get_range(&Path::from("a"), 10..5_000).await.unwrap(), content.as_bytes()[10..5_000]);
    server.heal().fault(Rule::new(Fault::CutBody).on(&[Asked::List]).times(2));
    let listed: Vec<_> =
        store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    assert_eq!(listed, ["a", "b", "c"]);
    server.heal().fault(Rule::new(Fault::CutBody).on(&[Asked::Delete]).times(1));
    store.delete(&Path::from("b")).await.unwrap();
    server.heal().fault(Rule::new(Fault::CutBody).on(&[Asked::Get, Asked::Range]));
    let error = store.get(&Path::from("a")).await.unwrap().bytes().await.unwrap_err();
    assert!(Refusal::of(&error).unwrap().to_string().contains("was cut"), "{error}");
}

#[tokio::test]
async fn a_listing_of_one_key_per_page_is_whole() {
    let server = S3Server::start();
    let store = reached(&server);
    let keys = ["a b", "a%2Fb", "a#x", "b/ä+ö", "b/c?d=e"];
    for key in keys {
        store.put(&Path::parse(key).unwrap(), "x".into()).await.unwrap();
    }
    server.fault(Rule::new(Fault::OneKeyPerPage));
    let mut listed: Vec<_> =
        store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    listed.sort();
    let mut expected = keys.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    assert_eq!(server.count(&[Asked::List]), keys.len());
}

#[tokio::test]
async fn a_busy_service_is_asked_again_and_given_up_after_the_bound() {
    let server = S3Server::start();
    let store = reached(&server);
    server.fault(Rule::new(Fault::SlowDown).times(3));
    create(&*store, "a", "one").await.unwrap();
    server.heal().fault(Rule::new(Fault::SlowDown)).take_requests();
    let error = store.get(&Path::from("a")).await.unwrap_err();
    assert_eq!(server.requests().len(), 6);
    let said = "the service is too busy to read s3://team-runs/a (SlowDown), however often it was asked";
    assert_eq!(Refusal::of(&error).unwrap().to_string(), said);
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up_after_the_bound() {
    let server = S3Server::start();
    let settings = Settings::for_endpoint(&server.endpoint(), "us-east-1", (KEY_ID, SECRET)).unwrap();
    let settings = settings.bounded(10, Duration::from_millis(300));
    let store = bucket(BUCKET, &settings, Arc::new(Traffic::default())).unwrap();
    server.fault(Rule::new(Fault::NoAnswer));
    for error in [
        store.get(&Path::from("a")).await.unwrap_err(),
        create(&*store, "a", "one").await.unwrap_err(),
        store.list(None).try_next().await.unwrap_err(),
    ] {
        let refusal = Refusal::of(&error).unwrap();
        assert_eq!(refusal.to_string(), format!("{} does not answer in time", server.host()));
    }
    // No try begins after the bound: each took all of it.
    let tries = server.count(&[Asked::Create]);
    assert!((1..=2).contains(&tries), "{tries}");
}

#[tokio::test]
async fn a_refusal_is_said_in_words_for_every_kind_of_request() {
    let server = S3Server::start();
    let store = reached(&server);
    let said = |error: Error| Refusal::of(&error).unwrap().to_string();
    server.fault(Rule::new(Fault::DENIED));
    let key = Path::from("x/ü");
    assert_eq!(
        said(store.get(&key).await.unwrap_err()),
        "no permission to read s3://team-runs/x/ü (AccessDenied)"
    );
    assert_eq!(
        said(store.head(&key).await.unwrap_err()),
        "no permission to read s3://team-runs/x/ü (AccessDenied)"
    );
    let listed = store.list(Some(&key)).try_next().await.unwrap_err();
    assert_eq!(said(listed), "no permission to list s3://team-runs/x/ü (AccessDenied)");
    let put = create(&*store, "x", "y").await.unwrap_err();
    assert_eq!(said(put), "no permission to write s3://team-runs/x (AccessDenied)");
    for (status, code, words) in [
        (403, "InvalidAccessKeyId", "the service does not know the access key"),
        (403, "SignatureDoesNotMatch", "the secret does not fit the access key"),
        (403, "RequestTimeTooSkewed", "this machine's clock and that of the service differ too much"),
        (400, "ExpiredToken", "the credentials have expired"),
        (404, "NoSuchBucket", "there is no bucket team-runs"),
    ] {
        server.heal().fault(Rule::new(Fault::Refused(status, code)));
        assert_eq!(said(store.get(&key).await.unwrap_err()), words);
        assert_eq!(said(store.list(None).try_next().await.unwrap_err()), words);
    }
}

/// What a person sees: the message, one hint, the exit code; and the store is as it was.
#[test]
fn each_failure_of_the_service_is_one_message_and_publishes_nothing() {
    let server = S3Server::start();
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("one", 1, &[("a", "m", 1.0, "ok"), ("b", "m", 0.0, "ok")]);
    let later = sandbox.agentv("two", 2, &[("a", "m", 1.0, "ok"), ("b", "m", 1.0, "ok")]);
    in_store(&sandbox, &server, &[], &["ingest", &run]).fine();
    let before = in_store(&sandbox, &server, &[], &["runs", "--json"]).fine().stdout;
    for (fault, said, code) in [
        (Rule::new(Fault::SlowDown), "too busy", 69),
        (Rule::new(Fault::DENIED), "no permission to", 69),
        (Rule::new(Fault::DENIED).on(&[Asked::List]), "no permission to list s3://team-runs/runs", 69),
        (Rule::new(Fault::DENIED).on(&[Asked::Create, Asked::Put]), "no permission to write", 69),
        (Rule::new(Fault::EXPIRED), "the credentials have expired", 69),
        (Rule::new(Fault::Refused(404, "NoSuchBucket")), "there is no bucket team-runs", 66),
        (Rule::new(Fault::Dropped), "the connection to 127.0.0.1", 69),
        (Rule::new(Fault::Redirect("http://elsewhere.test/".to_owned())), "redirects to elsewhere.test", 69),
    ] {
        server.heal().fault(fault.clone());
        let ran = in_store(&sandbox, &server, &[], &["ingest", &later]).exits(code);
        assert_eq!(ran.stdout, "", "{fault:?}");
        assert!(ran.stderr.contains(said), "{fault:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("hint: "), "{fault:?}: {}", ran.stderr);
        for never in ["<", "Error performing", "S3 [", "Signature", SECRET] {
            assert!(!ran.stderr.contains(never), "{fault:?}: {}", ran.stderr);
        }
        assert!(ran.stderr.lines().count() <= 4, "{}", ran.stderr);
    }
    server.heal();
    assert_eq!(in_store(&sandbox, &server, &[], &["runs", "--json"]).fine().stdout, before);
    in_store(&sandbox, &server, &[], &["ingest", &later]).fine();
}

#[test]
fn a_question_in_the_middle_of_which_the_service_refuses_says_so() {
    let server = S3Server::start();
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("one", 1, &[("a", "m", 1.0, "ok"), ("b", "m", 0.0, "ok")]);
    in_store(&sandbox, &server, &[], &["ingest", &run]).fine();
    for (rule, said) in [
        (
            Rule::new(Fault::DENIED).with_key("scores/part"),
            "no permission to read s3://team-runs/runs/scores/part",
        ),
        (Rule::new(Fault::SlowDown).with_key("scores/part"), "too busy to read"),
        (Rule::new(Fault::CutBody).with_key("scores/part"), "was cut"),
    ] {
        server.heal().fault(rule);
        for words in [&["sql", "SELECT sum(value) FROM scores"][..], &["compare", "--by", "case_id"]] {
            let ran = in_store(&sandbox, &server, &[], words).exits(69);
            assert!(ran.stderr.contains(said) && ran.stderr.contains("hint: "), "{words:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn who_cannot_be_reached_is_said() {
    let sandbox = Sandbox::new();
    let server = S3Server::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let tls = server.endpoint().replace("http", "https");
    for (environment, said) in [
        (("AWS_ENDPOINT_URL", format!("http://{free}")), format!("{free} cannot be reached")),
        (
            ("AWS_ENDPOINT_URL", "http://no-such-host.invalid".to_owned()),
            "there is no host no-such-host.invalid".to_owned(),
        ),
        (("AWS_ENDPOINT_URL", tls), format!("no secure connection to {}", server.host())),
        (
            ("AWS_ACCESS_KEY_ID", "AKIDNOBODY".to_owned()),
            "the service does not know the access key".to_owned(),
        ),
        (("AWS_SECRET_ACCESS_KEY", "wrong".to_owned()), "the secret does not fit the access key".to_owned()),
    ] {
        let ran = in_store(&sandbox, &server, &[(environment.0, &environment.1)], &["runs"]).exits(69);
        assert!(ran.stderr.starts_with(&format!("error: {said}\n")), "{environment:?}: {}", ran.stderr);
    }
}

#[test]
fn a_storm_of_faults_leaves_the_old_state_or_the_new_one() {
    let server = S3Server::start();
    let sandbox = Sandbox::new();
    let runs: Vec<String> = (1..=4)
        .map(|day| sandbox.agentv("storm", day, &[("a", "m", 1.0, "ok"), ("b", "m", 0.0, "ok")]))
        .collect();
    in_store(&sandbox, &server, &[], &["ingest", &runs[0]]).fine();
    let count = || {
        in_store(
            &sandbox,
            &server,
            &[],
            &["sql", "SELECT run_id, count(*) FROM results GROUP BY 1", "--format", "jsonl"],
        )
    };
    let mut published = 1;
    for (seed, run) in runs.iter().enumerate().skip(1) {
        server.heal().seed(seed as u64);
        for fault in [
            Fault::SlowDown,
            Fault::Dropped,
            Fault::LostAnswer,
            Fault::CutBody,
            Fault::Refused(500, "InternalError"),
        ] {
            server.fault(Rule::new(fault).with_chance(0.06));
        }
        let ran = in_store(&sandbox, &server, &[("AWS_MAX_ATTEMPTS", "8")], &["ingest", run]);
        server.heal();
        let rows = count().fine();
        // Whole runs of two results each, and what was said to be published is.
        assert!(rows.documents().iter().all(|row| row["count(*)"] == 2), "{}", rows.stdout);
        let now = rows.documents().len();
        assert!(now == published + 1 || (ran.code != 0 && now == published), "{}: {}", ran.code, ran.stderr);
        published = now;
    }
    assert!(published >= 3, "the storm is one that patience survives");
}

#[test]
fn a_login_at_another_terminal_is_seen_in_the_middle_of_a_question() {
    let server = S3Server::start();
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("one", 1, &[("a", "m", 1.0, "ok"), ("b", "m", 0.0, "ok")]);
    in_store(&sandbox, &server, &[], &["ingest", &run]).fine();
    // The process gives the first key once and the second one ever after.
    let keys = |(id, secret): (&str, &str)| {
        format!(
            "{{\"Version\":1,\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\",\"SessionToken\":\"t0ken\"}}"
        )
    };
    sandbox.write("first.json", keys((KEY_ID, SECRET)));
    sandbox.write("second.json", keys(OTHER_KEY));
    sandbox.write("give.sh", "cat first.json 2>/dev/null && mv first.json used.json || cat second.json\n");
    sandbox.write(".aws/config", "[profile team]\ncredential_process = sh give.sh\nregion = us-east-1\n");
    server.fault(Rule::new(Fault::EXPIRED).signed_by(KEY_ID).after(4)).take_requests();
    let mut command =
        sandbox.command(&["sql", "SELECT count(*) FROM scores", "--store", "s3://team-runs/runs"]);
    server.reached_by(&mut command).env("AWS_PROFILE", "team");
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    sandbox.finish(command, "").fine();
    let signed_by =
        |id: &str| server.requests().iter().filter(|request| request.key_id.as_deref() == Some(id)).count();
    assert!(signed_by(KEY_ID) >= 5 && signed_by(OTHER_KEY.0) > 0);
}
