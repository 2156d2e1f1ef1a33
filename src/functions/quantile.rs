//! Quantiles of values that are in order already.
//!
//! The engine's `percentile_cont` cuts the weight between two neighbours to six digits: the ninth tenth of 0 to 9 comes
//! out as 8.099999 there.

/// The value at `p` of ascending values: at place p * (n - 1) from 0, between two places in proportion (Hyndman and
/// Fan 1996, definition 7, as numpy's `linear`).
///
/// `None` without values, and unless 0 <= p <= 1.
pub fn quantile_of(ordered: &[f64], p: f64) -> Option<f64> {
    let last = ordered.len().checked_sub(1)?;
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    let place = p * last as f64;
    // At most the last place: p is at most 1.
    let (below, above) = (*ordered.get(place.floor() as usize)?, *ordered.get(place.ceil() as usize)?);
    let weight = place.fract();
    // From the nearer side, so that both ends are met exactly.
    Some(if weight < 0.5 {
        below + (above - below) * weight
    } else {
        above - (above - below) * (1.0 - weight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_values_in_proportion() {
        let digits: Vec<f64> = (0..10).map(f64::from).collect();
        for (p, expected) in [(0.0, 0.0), (0.5, 4.5), (0.9, 8.1), (0.95, 8.55), (0.99, 8.91), (1.0, 9.0)] {
            let found = quantile_of(&digits, p).unwrap();
            assert!((found - expected).abs() < 1e-14, "{p}: {found}");
        }
        assert_eq!(quantile_of(&[3.0], 0.99), Some(3.0));
        assert_eq!(quantile_of(&[0.1, 0.1, 0.1, 0.1], 0.9), Some(0.1));
    }

    #[test]
    fn without_values_or_with_another_p_there_is_none() {
        assert_eq!(quantile_of(&[], 0.5), None);
        for p in [-0.1, 1.1, f64::NAN] {
            assert_eq!(quantile_of(&[1.0, 2.0], p), None);
        }
    }
}
