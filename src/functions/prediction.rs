//! What a sum of values that are yet to come will probably be, from values that were seen.

use super::student_t_quantile;

/// Values that were seen, and how many more like them are to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// How many were seen.
    pub n: i64,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation; `None` when there is none (one value, or only a mean is known).
    pub stddev: Option<f64>,
    /// How many more are to come.
    pub further: i64,
}

/// The sum of the values to come, and the range that holds it with this probability: the prediction interval for the sum
/// of k further values of each group,
///
/// `sum(k mean) ± t(df) sqrt(sum(s² k (1 + k / n)))`, df = sum(n - 1),
///
/// for independent groups (Hahn and Meeker, Statistical Intervals, 1991, section 4.8 for one group; the variances of
/// independent groups add). No group gives `None`; a group without a deviation gives a sum without a range. The lower end
/// is 0 at least, since the values are amounts.
pub fn sum_to_come(groups: &[Seen], probability: f64) -> Option<(f64, Option<(f64, f64)>)> {
    if groups.is_empty() {
        return None;
    }
    let sum: f64 = groups.iter().map(|group| group.further as f64 * group.mean).sum();
    let variance: Option<f64> = groups
        .iter()
        .map(|group| {
            let (k, n) = (group.further as f64, group.n as f64);
            group.stddev.filter(|_| group.n > 0).map(|stddev| stddev * stddev * k * (1.0 + k / n))
        })
        .sum();
    let df: i64 = groups.iter().map(|group| (group.n - 1).max(0)).sum();
    let range = variance.and_then(|variance| {
        let half = student_t_quantile(0.5 + probability / 2.0, df as f64)? * variance.sqrt();
        Some(((sum - half).max(0.0), sum + half))
    });
    Some((sum, range))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy 1.16: `stats.t.ppf(0.9, 5)` = 1.4758840488244811.
    #[test]
    fn one_group_is_the_textbook_interval() {
        let seen = Seen { n: 6, mean: 10.0, stddev: Some(2.0), further: 3 };
        let (sum, range) = sum_to_come(&[seen], 0.8).unwrap();
        let (low, high) = range.unwrap();
        assert_eq!(sum, 30.0);
        let half = 1.475_884_048_824_481 * 2.0 * (3.0_f64 * 1.5).sqrt();
        assert!((high - (30.0 + half)).abs() < 1e-9 && (low - (30.0 - half)).abs() < 1e-9, "{low} {high}");
    }

    #[test]
    fn what_has_no_deviation_has_no_range_and_nothing_seen_nothing() {
        assert_eq!(sum_to_come(&[], 0.8), None);
        let one = Seen { n: 1, mean: 4.0, stddev: None, further: 2 };
        assert_eq!(sum_to_come(&[one], 0.8), Some((8.0, None)));
        let sure = Seen { n: 5, mean: 4.0, stddev: Some(0.0), further: 2 };
        assert_eq!(sum_to_come(&[sure, one], 0.8), Some((16.0, None)));
        assert_eq!(sum_to_come(&[sure], 0.8), Some((8.0, Some((8.0, 8.0)))));
    }

    #[test]
    fn an_amount_is_never_below_zero() {
        let wild = Seen { n: 2, mean: 1.0, stddev: Some(5.0), further: 1 };
        assert_eq!(sum_to_come(&[wild], 0.8).unwrap().1.unwrap().0, 0.0);
    }
}
