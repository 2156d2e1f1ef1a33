//! Who waits for S3 at a terminal sees that something goes on, and nothing of it stays.

use std::time::Duration;

use crate::repl::pty::Start;
use crate::support::fixture;
use crate::support::s3::{Fault, Rule, S3Server};
use crate::support::sandbox::Sandbox;

#[test]
fn a_command_that_waits_for_s3_shows_it_until_it_ends() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    server.put_folder(&fixture("agentv/baseline"), "nightly");
    // Longer than the moment after which it shows.
    server.fault(Rule::new(Fault::Delay(Duration::from_secs(2))).times(1));
    let start = Start::new(&sandbox, &["show", "s3://team-runs/nightly", "--format", "ids"]).size(24, 60);
    let start = server.environment().iter().fold(start, |start, (name, value)| start.env(name, value));
    let mut terminal = start.open();
    assert_eq!(terminal.exit_code(), 0);
    terminal.wait_for_text("edge [x] (v2)*");
    assert!(terminal.written().contains("S3: 0 requests, 0 B"), "{}", terminal.written());
    assert!(!terminal.screen().iter().any(|line| line.contains("S3: ")), "{:?}", terminal.screen());
}
