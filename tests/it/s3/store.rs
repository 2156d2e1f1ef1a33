//! A store in S3 answers as one on the disk does.

use crate::support::fixture;
use crate::support::s3::S3Server;
use crate::support::sandbox::Sandbox;

#[test]
fn a_store_in_s3_gives_the_answers_of_one_on_the_disk() {
    let server = S3Server::start();
    let sandbox = Sandbox::with_samples();
    let runs = fixture("agentv").display().to_string();
    let in_s3 = |words: &[&str]| {
        let mut command = sandbox.command(words);
        server.reached_by(&mut command).args(["--store", "s3://team-runs/a store/#1%2Fü"]);
        sandbox.finish(command, "")
    };
    in_s3(&["ingest", &runs]).fine();
    for words in [&["runs", "--json"][..], &["sql", "SELECT count(*) FROM scores"], &["compare", "--json"]] {
        let (there, here) = (in_s3(words), sandbox.run(words));
        assert_eq!((there.code, &there.stdout), (here.code, &here.stdout), "{words:?}: {}", there.stderr);
    }
}
