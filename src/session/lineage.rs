//! Which runs re-ran or varied which: the family of each run in scope, from the headers of all runs there are.
//!
//! A run names at most one parent. Below a root stand its variations, down to three levels, and its re-runs, one level.
//! What lies further below, a parent that is not there and parents in a circle are no versions of the root; they are
//! rows with a `problem`, so that an answer can name them. Reads headers only.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::SessionError;
use super::facts::RunEntry;

/// How many levels of variations stand in the stack of a run.
const DEEPEST: i64 = 3;

/// What a run that varies another one is to it.
const VARIATIONS: &str = "variations";

/// What any other run that names a parent is to it when the source has no word.
const RERUN: &str = "rerun";

/// A run below a run in scope, or what is wrong with a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descendant {
    /// The run in scope, as its place in the selection.
    pub root: usize,
    /// The run below it, as its place among all runs; the root itself when its own parent is the problem.
    pub run: usize,
    /// `variations`, `rerun` or the source's own word.
    pub relation: String,
    /// How many levels below the root; for a circle its length, 0 for a parent that is not there.
    pub depth: i64,
    /// Place among the root's descendants, from 1; `None` for a run that is no version of the root.
    pub place: Option<i64>,
    /// Why it is none, as a sentence.
    pub problem: Option<String>,
}

/// Who names whom as parent, over all runs there are.
pub(crate) struct Lineage<'a> {
    runs: &'a [RunEntry],
    by_ingest: HashMap<&'a str, usize>,
    parents: HashMap<usize, usize>,
    children: HashMap<usize, Vec<usize>>,
}

impl<'a> Lineage<'a> {
    /// The lineage of some runs.
    pub fn of(runs: &'a [RunEntry]) -> Self {
        let mut named: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
        let with_parent: Vec<usize> =
            (0..runs.len()).filter(|at| runs[*at].run.parent_run_id.is_some()).collect();
        if !with_parent.is_empty() {
            for (at, entry) in runs.iter().enumerate() {
                named.entry((&entry.run.tool, &entry.run.run_id)).or_default().push(at);
            }
        }
        let mut parents = HashMap::new();
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        for at in with_parent {
            if let Some(parent) = parent_of(runs, at, &named) {
                parents.insert(at, parent);
                children.entry(parent).or_default().push(at);
            }
        }
        let by_ingest =
            runs.iter().enumerate().map(|(at, entry)| (entry.run.ingest_id.as_str(), at)).collect();
        Self { runs, by_ingest, parents, children }
    }

    /// The descendants of each of the selected runs, and what is wrong with their parents.
    pub fn descendants(&self, selected: &[RunEntry]) -> Vec<Descendant> {
        if self.runs.iter().all(|entry| entry.run.parent_run_id.is_none()) {
            return Vec::new();
        }
        let mut rows = Vec::new();
        for (root, entry) in selected.iter().enumerate() {
            if let Some(&at) = self.by_ingest.get(entry.run.ingest_id.as_str()) {
                rows.extend(self.below(root, at));
                rows.extend(self.own_problem(root, at));
            }
        }
        rows
    }

    /// Whether each of the selected runs stands under no other one of them. Of a circle the least one does.
    pub fn originals(&self, selected: &[RunEntry]) -> Vec<bool> {
        let chosen: HashSet<usize> = selected
            .iter()
            .filter_map(|entry| self.by_ingest.get(entry.run.ingest_id.as_str()).copied())
            .collect();
        selected
            .iter()
            .map(|entry| match self.by_ingest.get(entry.run.ingest_id.as_str()) {
                Some(&at) => self.is_original(at, &chosen),
                None => true,
            })
            .collect()
    }

    fn is_original(&self, at: usize, chosen: &HashSet<usize>) -> bool {
        if let Some(circle) = self.circle(at) {
            let least = circle
                .into_iter()
                .filter(|member| chosen.contains(member))
                .min_by(|left, right| self.in_order(*left, *right));
            return least == Some(at);
        }
        let mut seen = HashSet::from([at]);
        let mut above = at;
        while let Some(&parent) = self.parents.get(&above) {
            if chosen.contains(&parent) {
                return false;
            }
            if !seen.insert(parent) {
                return true;
            }
            above = parent;
        }
        true
    }

    /// The tree below a run. It ends: who comes again is the root itself, and that is left to `own_problem`.
    fn below(&self, root: usize, top: usize) -> Vec<Descendant> {
        let mut listed: Vec<Descendant> = Vec::new();
        let mut left_out: Vec<Descendant> = Vec::new();
        let mut open: Vec<(usize, i64, bool)> = vec![(top, 0, true)];
        while let Some((parent, depth, goes_on)) = open.pop() {
            for &run in self.children.get(&parent).into_iter().flatten().filter(|run| **run != top) {
                let varies = self.relation(run) == VARIATIONS;
                let problem = if !goes_on || depth > 0 && !varies {
                    Some(self.stands_under_parent(run, parent))
                } else if depth + 1 > DEEPEST {
                    Some(self.lies_too_deep(run, top))
                } else {
                    None
                };
                let row = Descendant {
                    root,
                    run,
                    relation: self.relation(run).to_owned(),
                    depth: depth + 1,
                    place: None,
                    problem,
                };
                if row.problem.is_none() {
                    open.push((run, depth + 1, varies));
                    listed.push(row);
                } else {
                    left_out.push(row);
                }
            }
        }
        self.placed(listed, left_out)
    }

    fn placed(&self, mut listed: Vec<Descendant>, mut left_out: Vec<Descendant>) -> Vec<Descendant> {
        let by_id = listed.windows(2).all(|pair| shape(self.id(pair[0].run)) == shape(self.id(pair[1].run)));
        listed.sort_by(|left, right| match by_id {
            true => natural(self.id(left.run), self.id(right.run)),
            false => self.in_order(left.run, right.run),
        });
        left_out.sort_by(|left, right| self.in_order(left.run, right.run));
        for (row, place) in listed.iter_mut().zip(1..) {
            row.place = Some(place);
        }
        listed.extend(left_out);
        listed
    }

    /// What is wrong with the parent of a root: it is the run itself, in a circle with it, or not there.
    fn own_problem(&self, root: usize, at: usize) -> Option<Descendant> {
        let parent = self.runs[at].run.parent_run_id.as_deref()?;
        let (depth, problem) = match (self.parents.get(&at), self.circle(at)) {
            (None, _) => {
                let own = self.id(at);
                let verb = self.verb(at);
                (0, format!("run {own} {verb} run {parent}, which is not here"))
            }
            (Some(_), Some(circle)) => (circle.len() as i64, self.circle_in_words(circle)),
            (Some(_), None) => return None,
        };
        let relation = self.relation(at).to_owned();
        Some(Descendant { root, run: at, relation, depth, place: None, problem: Some(problem) })
    }

    /// The runs of the circle that a run is in.
    fn circle(&self, at: usize) -> Option<Vec<usize>> {
        let mut members = vec![at];
        let mut seen = HashSet::from([at]);
        let mut above = *self.parents.get(&at)?;
        while above != at {
            if !seen.insert(above) {
                return None;
            }
            members.push(above);
            above = *self.parents.get(&above)?;
        }
        Some(members)
    }

    fn circle_in_words(&self, mut members: Vec<usize>) -> String {
        members.sort_by(|left, right| self.in_order(*left, *right));
        let ids: Vec<&str> = members.iter().map(|member| self.id(*member)).collect();
        match ids.as_slice() {
            [] => String::new(),
            [own] => format!("run {own} names itself as parent"),
            [one, other] => format!("runs {one} and {other} name each other as parent"),
            [first @ .., last] => {
                format!("runs {} and {last} name each other as parent in a circle", first.join(", "))
            }
        }
    }

    fn stands_under_parent(&self, run: usize, parent: usize) -> String {
        let (own, verb, above) = (self.id(run), self.verb(run), self.id(parent));
        let what = if self.relation(parent) == VARIATIONS { "a variation" } else { "a re-run" };
        format!("run {own} {verb} run {above}, which is {what} itself: it stands under run {above}")
    }

    fn lies_too_deep(&self, run: usize, top: usize) -> String {
        let mut under = run;
        for _ in 0..DEEPEST {
            under = self.parents.get(&under).copied().unwrap_or(under);
        }
        let (own, top, under) = (self.id(run), self.id(top), self.id(under));
        format!("run {own} lies deeper than {DEEPEST} levels below run {top}: it stands under run {under}")
    }

    fn id(&self, at: usize) -> &str {
        &self.runs[at].run.run_id
    }

    fn relation(&self, at: usize) -> &str {
        self.runs[at].run.relation.as_deref().unwrap_or(RERUN)
    }

    fn verb(&self, at: usize) -> &'static str {
        if self.relation(at) == VARIATIONS { "varies" } else { "re-runs" }
    }

    /// By time, then by id; runs without a time come first.
    fn in_order(&self, left: usize, right: usize) -> Ordering {
        let time = |at: usize| self.runs[at].run.started_at;
        time(left).cmp(&time(right)).then_with(|| natural(self.id(left), self.id(right)))
    }

    /// The relation `run_descendants`.
    ///
    /// # Errors
    /// Never for columns of this file; Arrow's check is passed on.
    pub fn batch(&self, selected: &[RunEntry], rows: &[Descendant]) -> Result<RecordBatch, SessionError> {
        let texts = |of: &dyn Fn(&Descendant) -> Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<StringArray>())
        };
        let numbers = |of: &dyn Fn(&Descendant) -> Option<i64>| -> ArrayRef {
            Arc::new(rows.iter().map(of).collect::<Int64Array>())
        };
        let run = |row: &Descendant| &self.runs[row.run].run;
        let columns: [(&str, ArrayRef); 9] = [
            ("root_run_id", texts(&|row| Some(selected[row.root].run.run_id.clone()))),
            ("root_ingest_id", texts(&|row| Some(selected[row.root].run.ingest_id.clone()))),
            ("run_id", texts(&|row| Some(run(row).run_id.clone()))),
            ("ingest_id", texts(&|row| Some(run(row).ingest_id.clone()))),
            ("parent_run_id", texts(&|row| run(row).parent_run_id.clone())),
            ("relation", texts(&|row| Some(row.relation.clone()))),
            ("depth", numbers(&|row| Some(row.depth))),
            ("place", numbers(&|row| row.place)),
            ("problem", texts(&|row| row.problem.clone())),
        ];
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, column)| {
                let type_ =
                    if *name == "depth" || *name == "place" { DataType::Int64 } else { DataType::Utf8 };
                debug_assert_eq!(column.data_type(), &type_);
                Field::new(*name, type_, true)
            })
            .collect();
        let arrays = columns.into_iter().map(|(_, column)| column).collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }

    /// The runs that are versions of selected ones and are not selected themselves.
    pub fn others(&self, selected: &[RunEntry], rows: &[Descendant]) -> Vec<RunEntry> {
        let mut known: HashSet<&str> = selected.iter().map(|entry| entry.run.ingest_id.as_str()).collect();
        rows.iter()
            .filter(|row| row.problem.is_none())
            .map(|row| &self.runs[row.run])
            .filter(|entry| known.insert(&entry.run.ingest_id))
            .cloned()
            .collect()
    }
}

/// The run that another one names as parent: of the same tool; of several states of it the one beside the child.
fn parent_of(runs: &[RunEntry], at: usize, named: &HashMap<(&str, &str), Vec<usize>>) -> Option<usize> {
    let child = &runs[at];
    let wanted = child.run.parent_run_id.as_deref()?;
    let candidates = named.get(&(child.run.tool.as_str(), wanted))?;
    let beside = |other: &&usize| {
        let other = &runs[**other];
        (other.run.source_path == child.run.source_path, other.argument == child.argument)
    };
    candidates.iter().max_by_key(beside).copied()
}

/// An id with every number as `0`: ids of one shape are counted up by their tool, or hold a time.
fn shape(id: &str) -> String {
    let mut shape = String::new();
    for part in parts(id) {
        shape.push_str(if part.starts_with(|c: char| c.is_ascii_digit()) { "0" } else { part });
    }
    shape
}

/// The order of ids in which 9 comes before 10.
fn natural(left: &str, right: &str) -> Ordering {
    let number = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    for (one, other) in parts(left).zip(parts(right)) {
        let order = if number(one) && number(other) {
            let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        } else {
            one.cmp(other)
        };
        if order.is_ne() {
            return order;
        }
    }
    parts(left).count().cmp(&parts(right).count()).then_with(|| left.cmp(right))
}

/// A text as pieces of digits and pieces without.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.as_bytes().chunk_by(|one, other| one.is_ascii_digit() == other.is_ascii_digit()).scan(
        0,
        |from, chunk| {
            let start = *from;
            *from += chunk.len();
            text.get(start..*from)
        },
    )
}

#[cfg(test)]
mod tests {
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
        let runs =
            [original(1), varied(11, 1), varied(12, 11), varied(13, 12), varied(14, 13), varied(15, 14)];
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
        assert_eq!(
            below(&two, 5),
            (stack(&[(7, 1)]), vec!["runs 5 and 7 name each other as parent".to_owned()])
        );
        assert_eq!(
            below(&two, 7),
            (stack(&[(5, 1)]), vec!["runs 5 and 7 name each other as parent".to_owned()])
        );
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
}
