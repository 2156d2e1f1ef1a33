//! The regularised incomplete beta function, from which Student's t and the binomial distribution follow.
//!
//! Own code because the accurate range is what matters here: `statrs` 0.19 stops its continued fraction after 140
//! terms and takes the prefactor from differences of `ln_gamma`, which leaves nine digits at a million degrees of
//! freedom. Here the prefactor is C. Loader's saddle-point form ("Fast and Accurate Computation of Binomial
//! Probabilities", 2000) and the fraction (DLMF 8.17.22) runs until it stands still.

/// More terms than any argument needs whose answer anyone waits for; about the square root of the larger parameter.
const MAX_TERMS: u32 = 5_000_000;

/// Both sides of the beta distribution at a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sides {
    /// I_x(a, b): the probability at or below x.
    pub lower: f64,
    /// I_y(b, a) with y = 1 - x: the probability above x, exact also where `lower` is 1.
    pub upper: f64,
    /// x^a y^b / B(a, b): the density times x y.
    pub weight: f64,
}

/// The sides of Beta(a, b) at x, with y = 1 - x given beside it so that neither loses digits.
///
/// a and b must be positive, x and y within \[0, 1\]. `None` when the fraction does not settle.
pub(super) fn incomplete_beta([a, b]: [f64; 2], [x, y]: [f64; 2]) -> Option<Sides> {
    if x <= 0.0 {
        return Some(Sides { lower: 0.0, upper: 1.0, weight: 0.0 });
    }
    if y <= 0.0 {
        return Some(Sides { lower: 1.0, upper: 0.0, weight: 0.0 });
    }
    let weight = power_weight([a, b], [x, y]);
    if x <= (a + 1.0) / (a + b + 2.0) {
        let lower = (weight * fraction(a, b, x)? / a).clamp(0.0, 1.0);
        Some(Sides { lower, upper: 1.0 - lower, weight })
    } else {
        let upper = (weight * fraction(b, a, y)? / b).clamp(0.0, 1.0);
        Some(Sides { lower: 1.0 - upper, upper, weight })
    }
}

/// The continued fraction of I_x(a, b) / (x^a y^b / (a B(a, b))), by the modified Lentz method.
fn fraction(a: f64, b: f64, x: f64) -> Option<f64> {
    let mut c = 1.0;
    let mut d = 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for term in 1..MAX_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a - 1.0 + 2.0 * m) * (a + 2.0 * m));
        d = 1.0 / nonzero(1.0 + even * d);
        c = nonzero(1.0 + even / c);
        value *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 1.0 + 2.0 * m));
        d = 1.0 / nonzero(1.0 + odd * d);
        c = nonzero(1.0 + odd / c);
        let change = d * c;
        value *= change;
        if (change - 1.0).abs() <= f64::EPSILON {
            return Some(value);
        }
    }
    None
}

fn nonzero(value: f64) -> f64 {
    if value.abs() < 1e-300 { 1e-300 } else { value }
}

/// x^a y^b / B(a, b) by Loader's form of the binomial probability of a successes in a + b trials.
fn power_weight([a, b]: [f64; 2], [x, y]: [f64; 2]) -> f64 {
    let n = a + b;
    let exponent =
        stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y);
    // a b / n from the beta function, sqrt(n / (2 pi a b)) from the binomial probability.
    (a * (b / n) / std::f64::consts::TAU).sqrt() * exponent.exp()
}

/// ln n! - ln(sqrt(2 pi n) (n/e)^n): Stirling's series (DLMF 5.11.1) above 15, brought there by its recurrence.
fn stirling_error(n: f64) -> f64 {
    let mut n = n;
    let mut brought = 0.0;
    while n <= 15.0 {
        brought += (n + 0.5) * n.recip().ln_1p() - 1.0;
        n += 1.0;
    }
    let square = n * n;
    let tail = 1.0 / 1260.0 - (1.0 / 1680.0 - (1.0 / 1188.0) / square) / square;
    brought + (1.0 / 12.0 - (1.0 / 360.0 - tail / square) / square) / n
}

/// x ln(x / m) + m - x without cancellation where x is near m.
fn deviance(x: f64, m: f64) -> f64 {
    let difference = x - m;
    if difference.abs() >= 0.1 * (x + m) {
        // Divided before the logarithm unless that leaves the range of a double.
        let ratio = x / m;
        let logarithm = if ratio.is_finite() { ratio.ln() } else { x.ln() - m.ln() };
        return x * logarithm - difference;
    }
    let v = difference / (x + m);
    let mut sum = difference * v;
    let mut power = 2.0 * x * v;
    for term in 1..1000_u32 {
        power *= v * v;
        let next = sum + power / f64::from(2 * term + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}
