//! A store in S3 is optimized, checked, vacuumed and asked as it was, like one on the disk.

use super::reaching;
use crate::support::fixture;
use crate::support::s3::S3Server;
use crate::support::sandbox::{Ran, Sandbox};

#[test]
fn a_store_in_s3_is_looked_after_as_one_on_the_disk() {
    let server = S3Server::start();
    let sandbox = Sandbox::new();
    let in_s3 = |words: &[&str]| {
        let mut command = sandbox.command(words);
        server.reached_by(&mut command).args(["--store", "s3://team-runs/a store/#1%2Fü"]);
        sandbox.finish(command, "")
    };
    looked_after(&in_s3);
}

/// What is promised of maintenance, of a store that these commands have.
pub(super) fn looked_after(in_s3: &dyn Fn(&[&str]) -> Ran) {
    for name in ["baseline", "candidate"] {
        in_s3(&["ingest", &fixture("agentv").join(name).display().to_string()]).fine();
    }
    let before = in_s3(&["compare", "--json"]).fine().stdout;
    let done = in_s3(&["optimize", "--json"]).fine().json();
    assert_eq!((&done["tables"][2]["merged"], &done["tables"][2]["files_after"]), (&2.into(), &1.into()));
    assert!(in_s3(&["optimize"]).fine().stdout.starts_with("nothing to do"));
    assert_eq!(in_s3(&["compare", "--json"]).fine().stdout, before);
    assert_eq!(in_s3(&["runs", "--as-of", "1", "--json"]).fine().json()["total"], 1);
    let vacuum = |more: &[&str]| {
        let words = [&["vacuum", "--older-than", "0s", "--nobody-else", "--json"], more].concat();
        in_s3(&words).fine().json()
    };
    let looked = vacuum(&[]);
    assert_eq!((&looked["deleted"], &looked["removed"]), (&false.into(), &0.into()));
    let gone = vacuum(&["--delete"]);
    // Amazon's times are whole seconds: what was written in this one may stay.
    assert!(gone["removed"] == gone["count"] && gone["count"].as_u64() <= Some(6), "{gone}");
    in_s3(&["store", "check", "--deep"]).fine();
    assert_eq!(in_s3(&["compare", "--json"]).fine().stdout, before);
}

#[test]
fn where_there_is_no_store_nothing_is_looked_after() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    for words in [
        &["vacuum"][..],
        &["vacuum", "--delete"],
        &["tag", "last", "a=b"],
        &["optimize"],
        &["store", "check"],
        &["store", "versions"],
        &["runs", "--as-of", "1"],
    ] {
        let ran = reaching(&server, &sandbox, &[words, &["--store", "s3://team-runs/nothing"]].concat());
        assert!(ran.stderr.starts_with("error: no store at s3://team-runs/nothing\n"), "{}", ran.stderr);
        ran.exits(66);
    }
    assert_eq!(server.keys(), Vec::<String>::new());
}
