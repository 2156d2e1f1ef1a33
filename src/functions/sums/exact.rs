//! The exact sum of the doubles of a group, rounded once, when asked for.
//!
//! Two doubles hold the usual sum without error; whatever they cannot hold goes to a [`Wide`] integer. What the
//! parts are may depend on the order of the values, what they add up to does not, and only that is rounded.

use super::wide::Wide;

/// Values of a group so far: how many, and their exact sum `high + low + wide`.
///
/// Once an infinity or NaN was added, `high` is the IEEE sum of those alone and the other parts mean nothing.
/// Finite values never make `high` infinite.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactSum {
    pub(super) count: u64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) wide: Option<Box<Wide>>,
}

impl ExactSum {
    /// Adds a value, whatever it is.
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1;
        self.absorb(value);
    }

    /// Takes back a finite value that was added before.
    pub(super) fn remove(&mut self, value: f64) {
        self.count = self.count.saturating_sub(1);
        self.absorb(-value);
    }

    /// Adds all of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.absorb(other.high);
        self.absorb(other.low);
        if let Some(wide) = &other.wide {
            self.widened().merge(wide);
        }
    }

    /// The exact sum rounded to the nearest double, half to even; +0 for a sum of zero, infinite for one beyond
    /// the range of a double. `None` without a value.
    pub(super) fn total(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        if self.high.is_nan() {
            // A NaN made of infinities has another sign than one that was read: there is one NaN here.
            return Some(f64::NAN);
        }
        match &self.wide {
            Some(wide) if self.high.is_finite() => {
                let mut sum = Wide::clone(wide);
                sum.add(self.high);
                sum.add(self.low);
                Some(sum.round())
            }
            _ => Some(self.high),
        }
    }

    /// The exact sum over the count, rounded to the nearest double; what is not finite as in [`ExactSum::total`].
    pub(super) fn mean(&self) -> Option<f64> {
        let total = self.total()?;
        let count = self.count as f64;
        let quotient = total / count;
        // Both the total and the quotient were rounded. What that took away is less than a digit's unit of the
        // quotient, and decides which of two neighbours the mean is nearest to.
        let taken = (-quotient).mul_add(count, total) + self.rounded_off(total);
        let mean = quotient + taken / count;
        Some(if mean.is_finite() { mean } else { quotient })
    }

    /// The exact sum less its rounded total, itself rounded.
    fn rounded_off(&self, total: f64) -> f64 {
        match &self.wide {
            Some(wide) if self.high.is_finite() && total.is_finite() => {
                let mut sum = Wide::clone(wide);
                [self.high, self.low, -total].into_iter().for_each(|part| sum.add(part));
                sum.round()
            }
            _ => self.low,
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap_size(&self) -> usize {
        self.wide.as_ref().map_or(0, |_| size_of::<Wide>())
    }

    #[inline]
    fn absorb(&mut self, value: f64) {
        let (sum, error) = two_sum(self.high, value);
        let (low, lost) = two_sum(self.low, error);
        // Brought back to "high is the rounded sum of both", so that high alone is the answer.
        let (high, low) = two_sum(sum, low);
        // Anything that is or became infinite on the way makes the last error NaN.
        if lost == 0.0 && low.is_finite() {
            (self.high, self.low) = (high, low);
        } else {
            self.absorb_wide(value);
        }
    }

    #[cold]
    fn absorb_wide(&mut self, value: f64) {
        if self.high.is_finite() && value.is_finite() {
            let (high, low) = (self.high, self.low);
            let wide = self.widened();
            wide.add(high);
            wide.add(low);
            self.high = value;
        } else {
            self.high += value;
        }
        self.low = 0.0;
    }

    fn widened(&mut self) -> &mut Wide {
        self.wide.get_or_insert_with(|| Box::new(Wide::ZERO))
    }
}

/// The rounded sum of two doubles and its error: together exactly their sum (Knuth, TAOCP 2, 4.2.2, theorem B;
/// also for subnormals). The error is NaN or infinite when the sum, an operand or a step on the way is not finite.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let a_part = sum - b_part;
    (sum, (a - a_part) + (b - b_part))
}
