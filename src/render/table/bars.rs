//! Draws a histogram with block elements: bars beside each other for a few arms, one line of columns each for many.
//!
//! Bars are as long as the share of the arm's own values, on one scale for all arms, so that arms with more cases than
//! others compare. What is there is never drawn as nothing.

use std::io::{self, Write};

use super::super::Screen;
use super::super::text::width;
use super::layout::GAP;
use super::paint::{PLAIN, write_table};
use crate::answer::{Cell, Column, Fold, Histogram, Mark, Series, Table, number};

/// Bars of eighths of a letter.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Columns of eighths of a line.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bin without a value in a line of columns.
const EMPTY: char = '·';

/// Bars are never shorter than this where arms stand beside each other.
const SHORTEST: usize = 10;

/// Nor longer than this.
const LONGEST: usize = 40;

/// How long they are where nobody says how wide the screen is.
const USUAL: usize = 20;

/// How many columns a line has at most; with more bins each of them is several.
const MOST_COLUMNS: usize = 40;

/// How many counts stand behind a line of columns at most.
const MOST_COUNTS: usize = 8;

pub(super) fn write_histogram(histogram: &Histogram, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    if histogram.is_turned() {
        return write_table(&lines(histogram), PLAIN, screen, out);
    }
    let folds = histogram.folds();
    let (beside, bar) = room(histogram, &folds, screen.width);
    let most = largest_share(histogram);
    for (at, part) in histogram.series.chunks(beside).enumerate() {
        if at > 0 {
            out.write_all(b"\n")?;
        }
        write_table(&bars(histogram, &folds, part, (bar, most)), PLAIN, screen, out)?;
    }
    Ok(())
}

/// How many arms stand beside each other, and how long their bars are.
fn room(histogram: &Histogram, folds: &[Fold], screen: Option<usize>) -> (usize, usize) {
    let all = histogram.series.len().max(1);
    let Some(screen) = screen else { return (all, USUAL) };
    let labels = folds.iter().map(|fold| width(&histogram.label(*fold)));
    let label = labels.chain([width(&histogram.title)]).max().unwrap_or(0);
    let count = histogram.series.iter().map(|series| width(&count_head(series))).max().unwrap_or(0);
    let bar_of = |beside: usize| (screen.saturating_sub(label) / beside).saturating_sub(count + GAP + GAP);
    let beside = (1..=all).rev().find(|beside| bar_of(*beside) >= SHORTEST).unwrap_or(1);
    (beside, bar_of(beside).clamp(SHORTEST, LONGEST))
}

fn count_head(series: &Series) -> String {
    format!("of {}", number::count(series.total()))
}

fn largest_share(histogram: &Histogram) -> f64 {
    let shares =
        histogram.series.iter().flat_map(|series| (0..series.counts.len()).map(|at| series.share(at)));
    shares.fold(0.0, f64::max)
}

/// Bins as rows; each arm a bar and its count.
fn bars(histogram: &Histogram, folds: &[Fold], part: &[Series], (bar, most): (usize, f64)) -> Table {
    let mut columns = vec![Column::whole(histogram.title.clone())];
    for series in part {
        columns.push(Column::text(series.head.clone()));
        columns.push(Column::number(count_head(series)));
    }
    let row = |fold: &Fold| {
        let mut cells = vec![Cell::plain(histogram.label(*fold))];
        for series in part {
            if fold.bins > 1 {
                cells.push(Cell::marked(format!("{} empty bins", fold.bins), Mark::Dim));
                cells.push(Cell::default());
            } else {
                cells.push(Cell::plain(drawn(series.share(fold.first), most, bar)));
                let count = series.counts.get(fold.first).copied().unwrap_or(0);
                cells.push(Cell::plain(number::count(count)));
            }
        }
        cells
    };
    Table { columns, rows: folds.iter().map(row).collect() }
}

/// A bar of eighths, at most `longest` letters.
fn drawn(share: f64, most: f64, longest: usize) -> String {
    let eighths = eighths(share, most, longest);
    let mut bar: String = std::iter::repeat_n('█', eighths / 8).collect();
    bar.extend((eighths % 8).checked_sub(1).and_then(|at| EIGHTHS.get(at)));
    bar
}

/// How many eighths of `whole` letters a share takes: at least one when it is any.
fn eighths(share: f64, most: f64, whole: usize) -> usize {
    if share <= 0.0 || most <= 0.0 {
        return 0;
    }
    // At most `8 * whole`: a share is at most the largest one.
    ((share / most * (8 * whole) as f64).round() as usize).clamp(1, 8 * whole)
}

/// Arms as rows; each a line of columns, one per bin or per several bins.
fn lines(histogram: &Histogram) -> Table {
    let folds = histogram.folds();
    let each = histogram.bins.len().div_ceil(MOST_COLUMNS).max(1);
    let joined = |series: &Series| -> Vec<f64> {
        let shares: Vec<f64> = (0..series.counts.len()).map(|at| series.share(at)).collect();
        shares.chunks(each).map(|shares| shares.iter().sum()).collect()
    };
    let most = histogram.series.iter().flat_map(joined).fold(0.0, f64::max);
    let counts = if folds.len() <= MOST_COUNTS { folds.as_slice() } else { &[] };
    let mut columns = vec![
        Column::text(histogram.title.clone()),
        Column::whole(line_head(histogram, each)),
        Column::number("n"),
    ];
    columns.extend(counts.iter().map(|fold| Column::number(histogram.label(*fold))));
    let row = |series: &Series| {
        let line = joined(series).into_iter().map(|share| column(share, most)).collect::<String>();
        let mut cells = vec![
            Cell::plain(series.head.clone()),
            Cell::plain(line),
            Cell::plain(number::count(series.total())),
        ];
        cells.extend(counts.iter().map(|fold| {
            Cell::plain(series.counts.get(fold.first).map_or_else(String::new, |count| number::count(*count)))
        }));
        cells
    };
    Table { columns, rows: histogram.series.iter().map(row).collect() }
}

fn line_head(histogram: &Histogram, each: usize) -> String {
    let whole = histogram.label(Fold { first: 0, bins: histogram.bins.len().max(1) });
    if each > 1 { format!("{whole}, {each} bins each") } else { whole }
}

fn column(share: f64, most: f64) -> char {
    eighths(share, most, 1).checked_sub(1).and_then(|at| HEIGHTS.get(at)).copied().unwrap_or(EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(arms: usize, counts: &[i64]) -> Histogram {
        let bins = (0..counts.len()).map(|at| (at.to_string(), (at + 1).to_string())).collect();
        let series = (0..arms).map(|arm| Series { head: format!("model-{arm}"), counts: counts.to_vec() });
        Histogram { title: "score".into(), bins, series: series.collect() }
    }

    fn shown(histogram: &Histogram, width: Option<usize>) -> String {
        let mut out = Vec::new();
        write_histogram(histogram, &Screen { width, color: false }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_longest_bar_is_the_largest_share_and_one_of_many_is_not_nothing() {
        assert_eq!(drawn(0.5, 0.5, 4), "████");
        assert_eq!(drawn(0.25, 0.5, 4), "██");
        assert_eq!(drawn(0.3, 0.5, 4), "██▍");
        assert_eq!(drawn(0.0001, 0.5, 4), "▏");
        assert_eq!(drawn(0.0, 0.5, 4), "");
        assert_eq!(drawn(0.0, 0.0, 4), "");
    }

    #[test]
    fn arms_stand_beside_each_other_where_there_is_room_and_below_where_not() {
        let three = histogram(3, &[1, 3, 0]);
        assert_eq!(shown(&three, Some(100)).matches("score").count(), 1);
        let narrow = shown(&three, Some(50));
        assert_eq!(narrow.matches("score").count(), 2, "{narrow}");
        for line in narrow.lines() {
            assert!(width(line) <= 50, "{line}");
        }
        assert_eq!(
            shown(&histogram(2, &[1, 3]), None),
            "\
score  model-0               of 4  model-1               of 4
0 – 1  ██████▋                  1  ██████▋                  1
1 – 2  ████████████████████     3  ████████████████████     3
"
        );
    }

    #[test]
    fn many_arms_and_a_thousand_bins_stay_one_line_each() {
        let mut counts = vec![0; 1000];
        counts[999] = 3;
        let text = shown(&histogram(100, &counts), Some(80));
        assert_eq!(text.lines().count(), 101, "{text}");
        let line = text.lines().nth(1).unwrap();
        assert!(line.contains(&format!("{}█", "·".repeat(39))), "{line}");
        assert!(text.contains("0 – 1000, 25 bins each"), "{text}");
    }
}
