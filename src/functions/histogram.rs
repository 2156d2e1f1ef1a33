//! Bins of a histogram: where their edges are, and which bin a value is in.
//!
//! Both follow from one function, so that a value on an edge is always on the side that the edges as they are shown
//! tell: bins are right-closed, the first one has its lower edge too (0.2 is in the first of five bins from 0 to 1).

/// More bins than this are not told apart.
const MOST_BINS: i64 = 1 << 20;

/// Above this the products below would overflow.
const LARGE: f64 = 1e300;

/// Edge `k` of equal bins from `low` to `high`: 0 is `low`, `bins` is `high`.
///
/// `None` unless `low <= high` are finite, there are bins, and 0 <= k <= bins.
pub fn histogram_edge(k: f64, low: f64, high: f64, bins: i64) -> Option<f64> {
    let valid = low.is_finite() && high.is_finite() && low <= high && (1..=MOST_BINS).contains(&bins);
    (valid && (0.0..=bins as f64).contains(&k)).then(|| edge(k, low, high, bins as f64))
}

/// The bin of `x`, from 1: the first one whose upper edge is not below it.
///
/// `None` when `x` is outside `low` to `high`, or there are no such bins.
pub fn histogram_bin(x: f64, low: f64, high: f64, bins: i64) -> Option<f64> {
    histogram_edge(0.0, low, high, bins)?;
    if !(low..=high).contains(&x) {
        return None;
    }
    let (mut below, mut found) = (0, bins);
    while found - below > 1 {
        let middle = below + (found - below) / 2;
        if x <= edge(middle as f64, low, high, bins as f64) { found = middle } else { below = middle }
    }
    Some(found as f64)
}

/// Whole numbers stay whole, and k/bins is the double nearest to it: one rounding for 0 to 1 and for -1 to 1.
fn edge(k: f64, low: f64, high: f64, bins: f64) -> f64 {
    if k == 0.0 {
        low
    } else if k == bins {
        high
    } else if low.abs().max(high.abs()) > LARGE {
        (low * ((bins - k) / bins) + high * (k / bins)).clamp(low, high)
    } else {
        ((low * (bins - k) + high * k) / bins).clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bins_of_a_fifth_are_right_closed() {
        // features.md C22, AgentV's histogram: 0.2 is in the first bin, 0.8 in the fourth, 1 in the fifth.
        let bins = [0.0, 0.1, 0.2, 0.2000001, 0.4, 0.6, 0.60001, 0.8, 0.9, 1.0]
            .map(|x| histogram_bin(x, 0.0, 1.0, 5).unwrap());
        assert_eq!(bins, [1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 4.0, 5.0, 5.0]);
        // 3 * 0.2 is more than 0.6; the edge is the double that is written 0.6.
        assert_eq!(histogram_edge(3.0, 0.0, 1.0, 5), Some(0.6));
    }

    #[test]
    fn every_edge_of_ten_and_a_thousand_bins_is_in_the_bin_below_it() {
        for bins in [10, 1000] {
            for k in 1..=bins {
                let written: f64 = format!("{}", k as f64 / bins as f64).parse().unwrap();
                assert_eq!(histogram_bin(written, 0.0, 1.0, bins), Some(k as f64), "{written}");
            }
        }
    }

    #[test]
    fn edges_around_zero_are_symmetric_and_zero_is_in_the_middle() {
        let edges = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0].map(|k| histogram_edge(k, -1.0, 1.0, 5).unwrap());
        assert_eq!(edges, [-1.0, -0.6, -0.2, 0.2, 0.6, 1.0]);
        assert_eq!(histogram_bin(0.0, -1.0, 1.0, 5), Some(3.0));
        assert_eq!(histogram_bin(-1.0, -1.0, 1.0, 5), Some(1.0));
    }

    #[test]
    fn what_has_no_bins_has_no_answer() {
        assert_eq!(histogram_bin(f64::NAN, 0.0, 1.0, 5), None);
        assert_eq!(histogram_bin(1.5, 0.0, 1.0, 5), None);
        assert_eq!(histogram_bin(f64::INFINITY, 0.0, f64::INFINITY, 5), None);
        assert_eq!(histogram_edge(1.0, 1.0, 0.0, 5), None);
        assert_eq!(histogram_edge(1.0, 0.0, 1.0, 0), None);
        assert_eq!(histogram_edge(6.0, 0.0, 1.0, 5), None);
    }

    #[test]
    fn the_whole_range_of_doubles_has_bins() {
        let (low, high) = (-f64::MAX, f64::MAX);
        assert_eq!(histogram_bin(0.0, low, high, 3), Some(2.0));
        assert_eq!(histogram_bin(high, low, high, 3), Some(3.0));
        assert_eq!(histogram_bin(7.0, 7.0, 7.0, 1), Some(1.0));
    }
}
