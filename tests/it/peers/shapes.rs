//! What `export compare --as agentv` writes is what AgentV printed: the same JSON, the same order, the same bytes.

use runq::interop::Asked;
use runq::session::Request;
use serde_json::Value;
use std::path::{Path, PathBuf};

use super::comparisons::{Recorded, recorded};
use super::{FIRST, LATER, REWRITING, by};
use crate::interop::{asked, shape};
use crate::support::session;

/// Asks for the shape as AgentV was asked.
async fn shaped(recorded: &Recorded) -> Value {
    let paths: Vec<&Path> = recorded.paths.iter().map(PathBuf::as_path).collect();
    let dimension = if paths.len() == 2 { "run" } else { "model" };
    let request = Request { baseline: recorded.baseline.clone(), ..by(dimension) };
    let asked = Asked {
        threshold: recorded.threshold,
        candidate: recorded.candidate.clone(),
        arms: recorded.targets.clone(),
        ..asked()
    };
    let mut session = session(&paths, request).await;
    shape("agentv").document(&mut session, &asked).await.expect("a document").document
}

/// The bytes of `JSON.stringify(value, null, 2)`; the recording kept the values and their order.
fn stringified(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

async fn check(version: &str) {
    let Some(recorded) = recorded(version) else { return };
    assert_eq!(recorded.len(), 10, "{version}: every comparison that was printed as JSON");
    for recorded in &recorded {
        let ours = shaped(recorded).await;
        assert_eq!(ours, recorded.printed, "{version} {}", recorded.step);
        assert_eq!(stringified(&ours), stringified(&recorded.printed), "{version} {}: bytes", recorded.step);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn comparisons_of_the_first_version_are_written_alike() {
    check(FIRST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comparisons_of_the_rewriting_version_are_written_alike() {
    check(REWRITING).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn comparisons_of_the_later_version_are_written_alike() {
    check(LATER).await;
}
