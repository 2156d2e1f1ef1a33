//! How often values fall into bins: the counts of several arms over the same bins.

use super::{Cell, Column, Table, number};

/// From so many empty bins in a row on they are shown as one line.
const FOLDED: usize = 3;

/// From how many series on they stand as rows.
const MOST_BESIDE: usize = 4;

/// Counts per bin, one series per arm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// What was counted: the head of the bins.
    pub title: String,
    /// Lower and upper edge of each bin, as they are shown.
    pub bins: Vec<(String, String)>,
    /// The arms, each with one count per bin.
    pub series: Vec<Series>,
}

/// The counts of one arm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// What the arm is called.
    pub head: String,
    /// How many values lie in each bin.
    pub counts: Vec<i64>,
}

impl Series {
    /// How many values lie in all bins.
    pub fn total(&self) -> i64 {
        self.counts.iter().sum()
    }

    /// The share of bin `at`, 0 without any value.
    pub fn share(&self, at: usize) -> f64 {
        match (self.counts.get(at), self.total()) {
            (Some(count), total @ 1..) => *count as f64 / total as f64,
            _ => 0.0,
        }
    }
}

/// Neighbouring bins that are shown as one line: a bin, or several in which no arm has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    /// The first bin.
    pub first: usize,
    /// How many bins.
    pub bins: usize,
}

impl Histogram {
    /// The lines that are shown. Nothing is left out: folded bins say how many they are.
    pub fn folds(&self) -> Vec<Fold> {
        let is_empty = |at: usize| self.series.iter().all(|series| series.counts.get(at) == Some(&0));
        let mut folds = Vec::new();
        let mut at = 0;
        while at < self.bins.len() {
            let empty = (at..self.bins.len()).take_while(|bin| is_empty(*bin)).count();
            let bins = if empty >= FOLDED { empty } else { 1 };
            folds.push(Fold { first: at, bins });
            at += bins;
        }
        folds
    }

    /// A line's edges.
    pub fn label(&self, fold: Fold) -> String {
        let low = self.bins.get(fold.first).map_or("", |bin| bin.0.as_str());
        let high = self.bins.get(fold.first + fold.bins - 1).map_or("", |bin| bin.1.as_str());
        if low == high { low.to_owned() } else { format!("{low} – {high}") }
    }

    /// Whether there are too many arms to stand beside each other.
    pub fn is_turned(&self) -> bool {
        self.series.len() > MOST_BESIDE
    }

    /// The counts alone, for formats that draw nothing.
    pub fn numbers(&self) -> Table {
        let folds = self.folds();
        let label = |fold: &Fold| match fold.bins {
            1 => self.label(*fold),
            bins => format!("{} ({bins} bins)", self.label(*fold)),
        };
        let count = |series: &Series, fold: &Fold| {
            Cell::plain(series.counts.get(fold.first).map_or_else(String::new, |count| number::count(*count)))
        };
        if self.is_turned() {
            let mut columns = vec![Column::text(self.title.clone()), Column::number("n")];
            columns.extend(folds.iter().map(|fold| Column::number(label(fold))));
            let row = |series: &Series| {
                let mut cells =
                    vec![Cell::plain(series.head.clone()), Cell::plain(number::count(series.total()))];
                cells.extend(folds.iter().map(|fold| count(series, fold)));
                cells
            };
            return Table { columns, rows: self.series.iter().map(row).collect() };
        }
        let mut columns = vec![Column::whole(self.title.clone())];
        let head = |series: &Series| format!("{} (of {})", series.head, number::count(series.total()));
        columns.extend(self.series.iter().map(|series| Column::number(head(series))));
        let row = |fold: &Fold| {
            let counts = self.series.iter().map(|series| count(series, fold));
            std::iter::once(Cell::plain(label(fold))).chain(counts).collect()
        };
        Table { columns, rows: folds.iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[&[i64]]) -> Histogram {
        let bins = (0..counts[0].len()).map(|at| (at.to_string(), (at + 1).to_string())).collect();
        let series = counts.iter().enumerate();
        let series = series
            .map(|(at, counts)| Series { head: format!("arm {at}"), counts: counts.to_vec() })
            .collect();
        Histogram { title: "score".into(), bins, series }
    }

    #[test]
    fn three_bins_that_are_empty_for_everybody_become_one_line() {
        let histogram = histogram(&[&[1, 0, 0, 0, 0, 2, 0, 0, 3], &[0, 1, 0, 0, 0, 0, 0, 0, 0]]);
        let folds: Vec<(usize, usize)> =
            histogram.folds().iter().map(|fold| (fold.first, fold.bins)).collect();
        assert_eq!(folds, [(0, 1), (1, 1), (2, 3), (5, 1), (6, 1), (7, 1), (8, 1)]);
        assert_eq!(histogram.label(Fold { first: 2, bins: 3 }), "2 – 5");
    }

    #[test]
    fn numbers_hold_every_count() {
        let table = histogram(&[&[1, 0, 0, 0], &[5, 0, 0, 0]]).numbers();
        let heads: Vec<&str> = table.columns.iter().map(|column| column.head.as_str()).collect();
        assert_eq!(heads, ["score", "arm 0 (of 1)", "arm 1 (of 5)"]);
        let rows: Vec<Vec<&str>> =
            table.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect()).collect();
        assert_eq!(rows, [["0 – 1", "1", "5"], ["1 – 4 (3 bins)", "0", "0"]]);
    }

    #[test]
    fn many_arms_are_rows() {
        let table = histogram(&[&[1, 2], &[1, 2], &[1, 2], &[1, 2], &[0, 0]]).numbers();
        assert_eq!(table.rows.len(), 5);
        assert_eq!(
            table.rows[4].iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>(),
            ["arm 4", "0", "0", "0"]
        );
    }
}
