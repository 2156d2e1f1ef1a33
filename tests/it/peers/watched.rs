//! Runs of AgentV as a watch sees them: written line by line, cut anywhere, resumed, rewritten and made compact.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::recorded::{Attempt, last_rows, row_files, rows, state, states};
use super::{VERSIONS, held};
use crate::support::watching::{Contents, Lab, copy_over};

/// Numbers that look like chance and are the same in every run of the test.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// The state's folder in the lab, without its rows, and where these are to stand.
fn laid_out(lab: &Lab, folder: &Path) -> (PathBuf, Vec<u8>) {
    let watched = lab.path("watched");
    copy_over(folder, &watched);
    let file = row_files(&watched).remove(0);
    let bytes = fs::read(&file).expect("rows");
    fs::write(&file, "").expect("an empty file");
    (file, bytes)
}

/// What a run's attempts are and where they stand.
fn attempts(contents: &Contents) -> Vec<Vec<&Value>> {
    const COLUMNS: [&str; 12] = [
        "run_id",
        "task",
        "case_id",
        "model",
        "epoch",
        "attempt",
        "latest",
        "copies",
        "in_source",
        "source_row",
        "execution",
        "status",
    ];
    contents.results.iter().map(|row| COLUMNS.iter().map(|name| &row[*name]).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_the_file_is_cut_the_store_ends_as_after_one_ingest() {
    for version in VERSIONS {
        let Some(states) = states(version) else { return };
        for (seed, name) in ["baseline/s0", "baseline/s5", "crash/s0", "crash/s3"].iter().enumerate() {
            let Some(state) = states.iter().find(|state| state.name() == *name) else { continue };
            let mut lab = Lab::new().await;
            let (file, bytes) = laid_out(&lab, &state.folder);
            let mut chance = Chance(seed as u64 + 1);
            let mut cuts: Vec<usize> = (0..7).map(|_| chance.below(bytes.len())).collect();
            cuts.sort_unstable();
            for cut in cuts {
                fs::write(&file, &bytes[..cut]).expect("rows");
                let round = lab.round().await;
                assert!(round.summary.reading.faults.is_empty(), "{version} {name} at {cut}");
                let run = lab.watch.runs().next();
                let lines = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
                let taken = run.map_or(0, |run| run.result_count + run.folded_count);
                assert!([lines, lines + 1].contains(&(taken as usize)), "{version} {name} at {cut}");
            }
            fs::write(&file, &bytes).expect("rows");
            lab.finish().await;
            let (watched, once) = (lab.contents().await, lab.once().await);
            assert_eq!(attempts(&watched), attempts(&once), "{version} {name}");
            // A resumed run has files of its last execution beside rows of every one, and they belong to the last row that
            // names them: how much else is known of an earlier attempt depends on when it was read.
            if name.ends_with("s0") {
                assert_eq!(watched, once, "{version} {name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn states_that_follow_each_other_keep_every_attempt_once() {
    for version in VERSIONS {
        let Some(states) = states(version) else { return };
        for label in ["crash", "baseline", "budget"] {
            let mut lab = Lab::new().await;
            let mut seen: BTreeSet<Attempt> = BTreeSet::new();
            for state in states.iter().filter(|state| state.label == label) {
                copy_over(&state.folder, &lab.path("watched"));
                lab.round().await;
                let name = format!("{version} {}", state.name());
                let now = rows(&state.folder);
                seen.extend(now.iter().cloned());
                let mut session = lab.session().await;
                let mut held = held(&mut session).await;
                assert_eq!(held.len(), 1, "{name}: one run");
                let (_, held) = held.pop_first().expect("the run");
                assert_eq!(held.attempts, seen, "{name}: what was there before is kept");
                assert_eq!(held.count, seen.len(), "{name}: each once, full or compact");
                assert_eq!(held.in_source, now.iter().cloned().collect(), "{name}: what is there now");
                assert_eq!(held.latest, last_rows(&now), "{name}: the last row of each case counts");
            }
            assert!(!seen.is_empty(), "{version} has {label}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_is_seen_as_it_is() {
    for (version, status) in VERSIONS.into_iter().zip(["unknown", "incomplete", "incomplete"]) {
        let Some(states) = states(version) else { return };
        let mut lab = Lab::new().await;
        copy_over(&state(&states, "crash/s0").folder, &lab.path("watched"));
        lab.round().await;
        let runs: Vec<(&str, i64)> =
            lab.watch.runs().map(|run| (run.status.as_str(), run.result_count)).collect();
        assert_eq!(runs, [(status, 5)], "{version}");
    }
}
