//! Distributions as a person reads them: histograms, what carries the change, and what is in no bin.

use std::collections::BTreeSet;

use super::super::compare::shown_value;
use super::super::labels::{Labels, arms_in_words};
use super::{Bin, Distribution, Share};
use crate::answer::{Block, Cell, Column, Histogram, Series, Table, number};
use crate::session::Session;

/// How many tasks are shown.
const TASKS_SHOWN: usize = 5;

/// How many arms are shown.
const ARMS_SHOWN: usize = 20;

/// How many of the cases that changed most are named.
const TOP: usize = 3;

/// From how many candidates on their changes stand in a table.
const MOST_SENTENCES: usize = 4;

/// The blocks, from top to bottom.
pub(super) fn blocks(distribution: &Distribution, session: &Session) -> Vec<Block> {
    let labels = Labels::of(distribution.arms.iter().map(String::as_str), session);
    let tasks: BTreeSet<&str> = distribution.bins.iter().map(|bin| bin.task.as_str()).collect();
    let mut blocks = vec![headline(distribution, session, (&labels, &tasks))];
    for task in tasks.iter().take(TASKS_SHOWN) {
        for metric in &distribution.shown {
            let part = Part { distribution, labels: &labels, task, metric };
            if part.bins("values").next().is_none() {
                continue;
            }
            if tasks.len() > 1 {
                blocks.extend([Block::Gap, Block::Line(format!("task {task}"))]);
            }
            blocks.extend([Block::Gap, Block::Histogram(part.values())]);
            blocks.extend(part.changes());
        }
    }
    blocks.extend(closing(distribution, &labels, &tasks));
    blocks
}

fn headline(distribution: &Distribution, session: &Session, known: (&Labels, &BTreeSet<&str>)) -> Block {
    let (labels, tasks) = known;
    let mut said = Vec::new();
    match tasks.iter().collect::<Vec<_>>().as_slice() {
        [] => {}
        [task] => said.push((**task).to_owned()),
        tasks => said.push(format!("{} tasks", tasks.len())),
    }
    said.push(distribution.shown.join(", "));
    said.push(arms_in_words(distribution.arms.len(), session.by()));
    if distribution.arms.len() > 1 {
        said.push(format!("baseline {}", labels.get(&distribution.baseline)));
    }
    Block::Headline { left: said.join(" · "), right: session.origin().to_owned() }
}

/// One metric of one task.
#[derive(Clone, Copy)]
struct Part<'a> {
    distribution: &'a Distribution,
    labels: &'a Labels,
    task: &'a str,
    metric: &'a str,
}

impl<'a> Part<'a> {
    fn bins(self, of: &'static str) -> impl Iterator<Item = &'a Bin> {
        let bins = self.distribution.bins.iter();
        bins.filter(move |bin| bin.of == of && bin.task == self.task && bin.metric == self.metric)
    }

    fn unit(self) -> Option<&'a str> {
        let metrics = &self.distribution.metrics;
        metrics.iter().find(|known| known.metric == self.metric).and_then(|known| known.unit.as_deref())
    }

    fn values(self) -> Histogram {
        let title = match self.unit().filter(|unit| !self.metric.ends_with(unit)) {
            Some(unit) => format!("{} ({unit})", self.metric),
            None => self.metric.to_owned(),
        };
        self.histogram("values", title, &number::human_number)
    }

    /// The bins of the arms that carry the metric, in their order.
    fn histogram(self, of: &'static str, title: String, text: &dyn Fn(f64) -> String) -> Histogram {
        let mut histogram = Histogram { title, ..Histogram::default() };
        for arm in self.distribution.arms.iter().take(ARMS_SHOWN) {
            let bins: Vec<&Bin> = self.bins(of).filter(|bin| bin.arm == *arm).collect();
            if bins.is_empty() {
                continue;
            }
            if histogram.bins.is_empty() {
                histogram.bins = edges(&bins, text);
            }
            let counts = bins.iter().map(|bin| bin.count).collect();
            histogram.series.push(Series { head: self.labels.get(arm).to_owned(), counts });
        }
        histogram
    }

    /// The changes of the candidates, and which cases carry them.
    fn changes(self) -> Vec<Block> {
        if self.bins("deltas").next().is_none() {
            return Vec::new();
        }
        let title = format!("change from {}", self.labels.get(&self.distribution.baseline));
        let deltas = |value: f64| number::signed(value, number::human_number);
        let histogram = self.histogram("deltas", title, &deltas);
        let many = histogram.series.len() > MOST_SENTENCES;
        let mut blocks = vec![Block::Gap, Block::Histogram(histogram), Block::Gap];
        let candidates: Vec<Changes<'a>> =
            self.distribution.arms.iter().take(ARMS_SHOWN).filter_map(|arm| Changes::of(self, arm)).collect();
        if many {
            blocks.push(Block::Table(carried(&candidates)));
        } else {
            blocks.extend(candidates.iter().map(|changes| Block::Line(changes.sentence())));
        }
        blocks
    }
}

/// Edges as texts: short ones, unless they would show two edges as the same number.
fn edges(bins: &[&Bin], text: &dyn Fn(f64) -> String) -> Vec<(String, String)> {
    let blurred = bins.iter().any(|bin| bin.low < bin.high && text(bin.low) == text(bin.high));
    let exact = |value: f64| value.to_string();
    let text: &dyn Fn(f64) -> String = if blurred { &exact } else { text };
    bins.iter().map(|bin| (text(bin.low), text(bin.high))).collect()
}

/// What changed in one candidate, those cases first that changed most.
struct Changes<'a> {
    part: Part<'a>,
    candidate: &'a str,
    shares: Vec<&'a Share>,
}

impl<'a> Changes<'a> {
    fn of(part: Part<'a>, candidate: &'a str) -> Option<Self> {
        let shares = part.distribution.shares.iter();
        let shares: Vec<&Share> = shares
            .filter(|share| {
                share.candidate == candidate && share.task == part.task && share.metric == part.metric
            })
            .collect();
        (!shares.is_empty()).then_some(Self { part, candidate, shares })
    }

    fn moved(&self, up: bool) -> usize {
        self.shares.iter().filter(|share| if up { share.delta > 0.0 } else { share.delta < 0.0 }).count()
    }

    /// The cases that changed most, and their share of all change.
    fn top(&self) -> (&[&'a Share], Option<f64>) {
        let changed = self.moved(true) + self.moved(false);
        let top = &self.shares[..changed.min(TOP)];
        (top, top.last().and_then(|share| share.cumulative_share))
    }

    fn named(&self) -> String {
        let text = |value: f64| shown_value(self.part.metric, self.part.unit(), value);
        let named = self
            .top()
            .0
            .iter()
            .map(|share| format!("{} {}", share.case_id, number::signed(share.delta, text)));
        named.collect::<Vec<_>>().join(", ")
    }

    fn sentence(&self) -> String {
        let label = self.part.labels.get(self.candidate);
        let (up, down) = (self.moved(true), self.moved(false));
        let cases = number::counted(self.shares.len(), "case", "cases");
        if up + down == 0 {
            return format!("{label}: none of {cases} changed");
        }
        let (top, share) = self.top();
        let carry = share.map_or_else(|| "most".to_owned(), number::percent);
        let who = match (top.len(), up + down) {
            (1, _) => format!("the one that did carries {carry} of all change"),
            (all, changed) if all == changed => format!("these carry {carry} of all change"),
            (some, _) => format!("the {some} that changed most carry {carry} of all change"),
        };
        format!("{label}: {up} up, {down} down of {cases}; {who}: {}", self.named())
    }
}

fn carried(candidates: &[Changes<'_>]) -> Table {
    let mut columns = vec![Column::text("change")];
    columns.extend(["up", "down", "same"].map(Column::number));
    columns.push(Column::number(format!("top {TOP} carry")));
    columns.push(Column::text("changed most"));
    let row = |changes: &Changes<'_>| {
        let (up, down) = (changes.moved(true), changes.moved(false));
        let counts = [up, down, changes.shares.len() - up - down];
        let mut cells = vec![Cell::plain(changes.part.labels.get(changes.candidate))];
        cells.extend(counts.map(|count| Cell::plain(number::count(count as i64))));
        cells.push(Cell::plain(changes.top().1.map_or_else(|| "—".to_owned(), number::percent)));
        cells.push(Cell::plain(changes.named()));
        cells
    };
    Table { columns, rows: candidates.iter().map(row).collect() }
}

fn closing(distribution: &Distribution, labels: &Labels, tasks: &BTreeSet<&str>) -> Vec<Block> {
    let mut notes = Vec::new();
    if tasks.len() > TASKS_SHOWN {
        notes.push(format!("{} more tasks: --task NAME, or --format json", tasks.len() - TASKS_SHOWN));
    }
    if distribution.arms.len() > ARMS_SHOWN {
        notes.push(format!(
            "{} of {} arms not shown, the first {ARMS_SHOWN} are: --scope or --format csv",
            distribution.arms.len() - ARMS_SHOWN,
            distribution.arms.len()
        ));
    }
    for metric in &distribution.shown {
        let mut bins = distribution.bins.iter().filter(|bin| bin.metric == *metric);
        if bins.next().is_none() {
            notes.push(format!("no case has a value of {metric}"));
        } else if distribution.arms.len() > 1 && bins.all(|bin| bin.of == "values") {
            notes.push(format!("{metric}: no case has a value in the baseline and in a candidate"));
        }
    }
    notes.extend(in_no_bin(distribution, labels));
    if let [only] = distribution.arms.as_slice() {
        notes.push(format!("only {}: nothing to compare it with", labels.get(only)));
    }
    let others: Vec<&str> = distribution.metrics.iter().map(|known| known.metric.as_str()).collect();
    let others: Vec<&str> =
        others.into_iter().filter(|name| !distribution.shown.iter().any(|shown| shown == name)).collect();
    notes.extend(not_shown(&others));
    notes.into_iter().map(Block::Note).collect()
}

/// Cases without a value; of many arms only the sum.
fn in_no_bin(distribution: &Distribution, labels: &Labels) -> Vec<String> {
    let mut notes = Vec::new();
    for metric in &distribution.shown {
        let mut missing: Vec<(&str, i64)> = Vec::new();
        for unscored in distribution.unscored.iter().filter(|unscored| unscored.metric == *metric) {
            match missing.iter_mut().find(|(arm, _)| *arm == unscored.arm) {
                Some((_, count)) => *count += unscored.unscored,
                None => missing.push((&unscored.arm, unscored.unscored)),
            }
        }
        let cases = |count: i64| number::counted(usize::try_from(count).unwrap_or(0), "case", "cases");
        let said = if missing.len() > MOST_SENTENCES {
            let all = missing.iter().map(|(_, count)| count).sum();
            vec![format!("{} of {} arms", cases(all), missing.len())]
        } else {
            missing.iter().map(|(arm, count)| format!("{} of {}", cases(*count), labels.get(arm))).collect()
        };
        if !said.is_empty() {
            notes.push(format!("without a value of {metric}, in no bin: {}", said.join(", ")));
        }
    }
    notes
}

fn not_shown(others: &[&str]) -> Option<String> {
    const NAMED: usize = 6;
    let names = others.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = match others.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!(" and {more} more"),
        _ => String::new(),
    };
    (!others.is_empty()).then(|| format!("metrics not shown: {names}{more}; --metric NAME shows one"))
}
