//! AgentV's published examples, with what its compare command makes of them.

use std::path::{Path, PathBuf};

use super::comparisons::{Change, as_agentv, change, only_candidate};
use super::rounded;
use crate::support::{compared, shared};

fn example(path: &str) -> Option<PathBuf> {
    shared(&format!("evals/agentv_examples/repo-dd6d3bd97/examples/{path}"))
}

async fn of_files(baseline: &Path, candidate: &Path) -> Change {
    let document = compared(&[baseline, candidate], as_agentv("run", None, 0.1)).await;
    change(&document, &only_candidate(&document))
}

/// Wins, losses, ties, mean delta and mean normalized gain as AgentV prints them.
fn printed(change: &Change) -> ([u64; 3], f64, Option<f64>) {
    let gain = change.normalized_gain.map(|gain| rounded(gain, 3));
    (change.counts, rounded(change.mean_delta, 3), gain)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_files_of_flat_rows() {
    let Some(folder) = example("features/compare/evals") else { return };
    let change =
        of_files(&folder.join("baseline-results.jsonl"), &folder.join("candidate-results.jsonl")).await;
    assert_eq!(printed(&change), ([1, 0, 4], 0.054, Some(0.198)));
    assert_eq!(change.apart, [0, 0, 0]);
    assert_eq!(change.cases.len(), 5);
    let (outcome, from, to) = &change.cases["code-review-001"];
    assert_eq!((outcome.as_str(), *from, *to), ("improved", Some(0.72), Some(0.88)));
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_of_one_file_pair_by_pair() {
    let Some(file) = example("features/benchmark-tooling/fixtures/combined-results.jsonl") else { return };
    let document = compared(&[&file], as_agentv("model", Some("gemini-3-flash-preview"), 0.1)).await;
    let larger = change(&document, "gpt-4.1");
    assert_eq!(printed(&larger), ([1, 0, 2], 0.033, Some(0.056)));
    // 0.70 to 0.80 is a win in binary doubles; 0.85 to 0.95 and 0.95 to 0.85 are none.
    assert_eq!(larger.cases["code-generation"].0, "improved");
    assert_eq!(printed(&change(&document, "gpt-5-mini")), ([0, 0, 3], 0.017, Some(0.111)));
    let document = compared(&[&file], as_agentv("model", Some("gpt-4.1"), 0.1)).await;
    assert_eq!(printed(&change(&document, "gpt-5-mini")), ([0, 0, 3], -0.017, Some(-0.194)));
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_with_different_cases() {
    let Some(file) = example("features/matrix-evaluation/evals/dataset.eval.baseline.jsonl") else { return };
    let document = compared(&[&file], as_agentv("model", Some("claude"), 0.1)).await;
    let change = change(&document, "copilot");
    assert_eq!(printed(&change), ([2, 0, 0], 1.0, Some(1.0)));
    assert_eq!(change.apart, [0, 1, 0]);
    assert_eq!(change.cases["copilot-only-task"].0, "candidate_only");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_setups_of_a_grader() {
    let Some(folder) = example("showcase/offline-grader-benchmark/fixtures") else { return };
    let change = of_files(&folder.join("setup-a.raw.jsonl"), &folder.join("setup-b.raw.jsonl")).await;
    assert_eq!(printed(&change), ([2, 2, 1], 0.033, Some(-0.025)));
    assert_eq!(change.apart, [0, 0, 0]);
}
