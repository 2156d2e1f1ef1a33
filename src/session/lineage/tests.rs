use super::*;
use crate::model::{RunRow, Timestamp};

/// A run by its id, the one it names as parent, and what it is to it; `id` is also its time.
fn run(id: i64, parent: Option<i64>, relation: &str) -> RunEntry {
    let run = RunRow {
        run_id: id.to_string(),
        ingest_id: format!("i{id}"),
        started_at: Some(Timestamp(id)),
        parent_run_id: parent.map(|parent| parent.to_string()),
        relation: parent.map(|_| relation.to_owned()),
        ..RunRow::default()
    };
    RunEntry { run, argument: None }
}

fn varied(id: i64, parent: i64) -> RunEntry {
    run(id, Some(parent), VARIATIONS)
}

fn rerun(id: i64, parent: i64) -> RunEntry {
    run(id, Some(parent), RERUN)
}

fn original(id: i64) -> RunEntry {
    run(id, None, "")
}

/// The stack below one run as (run, depth), and what is named.
fn below(runs: &[RunEntry], root: i64) -> (Vec<(String, i64)>, Vec<String>) {
    let root: Vec<RunEntry> =
        runs.iter().filter(|entry| entry.run.run_id == root.to_string()).cloned().collect();
    let rows = Lineage::of(runs).descendants(&root);
    let stack = rows.iter().filter(|row| row.problem.is_none());
    let places: Vec<Option<i64>> = stack.clone().map(|row| row.place).collect();
    assert_eq!(places, (1..=places.len() as i64).map(Some).collect::<Vec<_>>());
    (
        stack.map(|row| (runs[row.run].run.run_id.clone(), row.depth)).collect(),
        rows.iter().filter_map(|row| row.problem.clone()).collect(),
    )
}

fn stack(runs: &[(i64, i64)]) -> Vec<(String, i64)> {
    runs.iter().map(|(run, depth)| (run.to_string(), *depth)).collect()
}

fn original_ids(runs: &[RunEntry]) -> Vec<&str> {
    let kept = Lineage::of(runs).originals(runs);
    runs.iter().zip(kept).filter(|(_, kept)| *kept).map(|(entry, _)| entry.run.run_id.as_str()).collect()
}

#[test]
fn variations_go_three_levels_down_and_the_fourth_is_named() {
    let runs = [original(1), varied(11, 1), varied(12, 11), varied(13, 12), varied(14, 13), varied(15, 14)];
    let (found, problems) = below(&runs, 1);
    assert_eq!(found, stack(&[(11, 1), (12, 2), (13, 3)]));
    assert_eq!(problems, ["run 14 lies deeper than 3 levels below run 1: it stands under run 11"]);
    assert_eq!(below(&runs, 11).0, stack(&[(12, 1), (13, 2), (14, 3)]));
    assert_eq!(original_ids(&runs), ["1"]);
}

#[test]
fn re_runs_go_one_level_down() {
    let runs = [original(1), rerun(8, 1), rerun(9, 8), varied(10, 8), varied(11, 1), rerun(12, 11)];
    let (found, problems) = below(&runs, 1);
    assert_eq!(found, stack(&[(8, 1), (11, 1)]));
    assert_eq!(
        problems,
        [
            "run 9 re-runs run 8, which is a re-run itself: it stands under run 8",
            "run 10 varies run 8, which is a re-run itself: it stands under run 8",
            "run 12 re-runs run 11, which is a variation itself: it stands under run 11",
        ]
    );
    assert_eq!(below(&runs, 8).0, stack(&[(9, 1), (10, 1)]));
    assert_eq!(below(&runs, 11).0, stack(&[(12, 1)]));
}

#[test]
fn branches_that_meet_in_one_parent_are_counted_once() {
    let runs = [original(1), varied(2, 1), varied(3, 1), varied(4, 3), varied(5, 2), rerun(6, 1)];
    let (found, problems) = below(&runs, 1);
    assert_eq!(found, stack(&[(2, 1), (3, 1), (4, 2), (5, 2), (6, 1)]));
    assert_eq!(problems, [""; 0]);
}

#[test]
fn a_run_that_names_itself_ends() {
    let runs = [varied(5, 5), varied(6, 5)];
    let (found, problems) = below(&runs, 5);
    assert_eq!(found, stack(&[(6, 1)]));
    assert_eq!(problems, ["run 5 names itself as parent"]);
    assert_eq!(original_ids(&runs), ["5"]);
}

#[test]
fn circles_end_and_are_named_from_each_of_their_runs() {
    let two = [varied(5, 7), rerun(7, 5)];
    assert_eq!(below(&two, 5), (stack(&[(7, 1)]), vec!["runs 5 and 7 name each other as parent".to_owned()]));
    assert_eq!(below(&two, 7), (stack(&[(5, 1)]), vec!["runs 5 and 7 name each other as parent".to_owned()]));
    assert_eq!(original_ids(&two), ["5"]);
    let three = [varied(5, 9), varied(7, 5), varied(9, 7), varied(10, 9)];
    let (found, problems) = below(&three, 7);
    assert_eq!(found, stack(&[(5, 2), (9, 1), (10, 2)]));
    assert_eq!(problems, ["runs 5, 7 and 9 name each other as parent in a circle"]);
    assert_eq!(original_ids(&three), ["5"]);
}

#[test]
fn a_circle_longer_than_the_stack_ends_too() {
    let runs: Vec<RunEntry> = (1..=8).map(|id| varied(id, if id == 1 { 8 } else { id - 1 })).collect();
    let (found, problems) = below(&runs, 1);
    assert_eq!(found, stack(&[(2, 1), (3, 2), (4, 3)]));
    assert_eq!(problems.len(), 2);
    assert!(problems[1].starts_with("runs 1, 2, 3, 4, 5, 6, 7 and 8 name each other"), "{problems:?}");
    assert_eq!(original_ids(&runs), ["1"]);
}

#[test]
fn a_parent_that_is_not_there_is_named() {
    let runs = [rerun(8, 99), varied(9, 8)];
    let (found, problems) = below(&runs, 8);
    assert_eq!(found, stack(&[(9, 1)]));
    assert_eq!(problems, ["run 8 re-runs run 99, which is not here"]);
    assert_eq!(original_ids(&runs), ["8"]);
}

#[test]
fn only_runs_in_scope_make_an_original_a_version() {
    let runs = [original(1), varied(11, 1), varied(12, 11), original(2)];
    let kept = Lineage::of(&runs).originals(&runs[1..]);
    assert_eq!(kept, [true, false, true]);
}

#[test]
fn two_states_of_a_run_keep_their_own_families() {
    let state = |mut entry: RunEntry, path: &str, argument: usize| {
        entry.run.source_path = path.to_owned();
        entry.run.ingest_id = format!("{path}-{}", entry.run.run_id);
        entry.argument = Some(argument);
        entry
    };
    let runs = [
        state(original(1), "a", 0),
        state(varied(2, 1), "a", 0),
        state(original(1), "b", 1),
        state(varied(2, 1), "b", 1),
    ];
    let rows = Lineage::of(&runs).descendants(&runs);
    let pairs: Vec<(usize, usize)> = rows.iter().map(|row| (row.root, row.run)).collect();
    assert_eq!(pairs, [(0, 1), (2, 3)]);
}

#[test]
fn ids_that_count_are_ordered_as_numbers_and_others_by_time() {
    let late_clock = |mut entry: RunEntry| {
        entry.run.started_at = Some(Timestamp(1000));
        entry
    };
    let counted = [original(1), late_clock(varied(9, 1)), varied(10, 1)];
    assert_eq!(below(&counted, 1).0, stack(&[(9, 1), (10, 1)]));
    let mut named = [original(1), varied(2, 1), varied(3, 1)];
    named[1].run.run_id = "b".to_owned();
    named[2].run.run_id = "a".to_owned();
    assert_eq!(below(&named, 1).0, [("b".to_owned(), 1), ("a".to_owned(), 1)]);
}

#[test]
fn natural_order_counts_digits_as_numbers() {
    let mut ids = ["run 10", "run 9", "run 009", "run", "10", "9", "b2", "b10", ""];
    ids.sort_by(|left, right| natural(left, right));
    assert_eq!(ids, ["", "9", "10", "b2", "b10", "run", "run 009", "run 9", "run 10"]);
    assert_eq!(shape("a1::2026-05-01"), shape("a9::2026-11-20"));
    assert_ne!(shape("a1"), shape("b1"));
}
