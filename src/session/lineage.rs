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
mod tests;
