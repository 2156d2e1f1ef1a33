//! Student's t, the normal and the binomial distribution, and the two exact tests that come from the binomial.
//!
//! Answers hold to at least ten digits in both tails. What has no answer is `None`, never NaN: arguments outside
//! the domain, and results beyond the range of a double. A probability too small for a double is 0.

use statrs::function::erf::{erf_inv, erfc, erfc_inv};

use super::beta::{Sides, incomplete_beta};

/// Two-sided p-value of Student's t: the probability of a value at least as far from 0.
pub fn student_t_p(t: f64, df: f64) -> Option<f64> {
    finite(student_t_sides(t, df)?.lower)
}

/// The t below which Student's distribution has probability p.
///
/// `None` unless 0 < p < 1 and df is finite and positive, and where the quantile exceeds the range of a double.
pub fn student_t_quantile(p: f64, df: f64) -> Option<f64> {
    if p == 0.5 {
        return (df > 0.0 && df.is_finite()).then_some(0.0);
    }
    let start = normal_quantile(p)?;
    // The side that is well conditioned: the two tails together, or what lies between them.
    let tails = 2.0 * p.min(1.0 - p);
    let target = if tails <= 0.5 { Target::Tails(tails) } else { Target::Between((2.0 * p - 1.0).abs()) };
    let magnitude = solve_student_t(start.abs(), df, target)?;
    finite(magnitude.copysign(start))
}

/// Probability that a standard normal value is at most x.
pub fn normal_cdf(x: f64) -> Option<f64> {
    finite(x).map(|x| 0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2))
}

/// The standard normal value with probability p below it; `None` unless 0 < p < 1.
pub fn normal_quantile(p: f64) -> Option<f64> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let central = 2.0 * p - 1.0;
    let root = if central.abs() <= 0.5 {
        erf_inv(central)
    } else if p < 0.5 {
        -erfc_inv(2.0 * p)
    } else {
        erfc_inv(2.0 * (1.0 - p))
    };
    finite(std::f64::consts::SQRT_2 * root)
}

/// Probability of at most k successes in n trials of probability p; `None` unless n >= 0 and 0 <= p <= 1.
pub fn binomial_cdf(k: i64, n: i64, p: f64) -> Option<f64> {
    if n < 0 || !(0.0..=1.0).contains(&p) {
        return None;
    }
    if k < 0 {
        return Some(0.0);
    }
    if k >= n {
        return Some(1.0);
    }
    // Exact for the counts a double can hold; beyond 2^53 the nearest one.
    let parameters = [(n - k) as f64, k as f64 + 1.0];
    finite(incomplete_beta(parameters, [1.0 - p, p])?.lower)
}

/// Exact two-sided p-value of McNemar's test: min(1, 2 P(X <= min(improved, regressed))), X ~ Binomial(sum, 1/2).
///
/// Without a case that changed the formula gives 1, and so does this: nothing speaks against "no difference".
/// `None` for negative counts.
pub fn mcnemar_exact_p(improved: i64, regressed: i64) -> Option<f64> {
    if improved < 0 || regressed < 0 {
        return None;
    }
    let (smaller, changed) = (improved.min(regressed), improved.checked_add(regressed)?);
    let tail = match u32::try_from(changed) {
        Ok(changed) if changed <= COUNTED_COIN_TOSSES => counted_fair_tail(smaller, changed),
        _ => binomial_cdf(smaller, changed, 0.5)?,
    };
    Some((2.0 * tail).min(1.0))
}

/// As many tosses as can be counted out in 128 bits.
const COUNTED_COIN_TOSSES: u32 = 120;

/// P(X <= k), X ~ Binomial(n, 1/2), counted out, so that 6 of 6 gives 0.03125 to the last digit.
fn counted_fair_tail(k: i64, n: u32) -> f64 {
    let mut ways = 1_u128;
    let mut sum = 0_u128;
    for successes in 0..=n {
        if i64::from(successes) > k {
            break;
        }
        sum += ways;
        ways = ways * u128::from(n - successes) / u128::from(successes + 1);
    }
    sum as f64 / 2.0_f64.powf(f64::from(n))
}

/// Exact two-sided sign test of the differences that are not 0. The same formula as [`mcnemar_exact_p`].
pub fn sign_test_p(positive: i64, negative: i64) -> Option<f64> {
    mcnemar_exact_p(positive, negative)
}

/// Student's t by the beta distribution of df / (df + t^2): `lower` is both tails, `upper` what lies between.
fn student_t_sides(t: f64, df: f64) -> Option<Sides> {
    if !t.is_finite() || !df.is_finite() || df <= 0.0 {
        return None;
    }
    // t^2/df may leave the range of a double where its root does not.
    let ratio = (t / df.sqrt()).abs();
    let hypotenuse = ratio.hypot(1.0);
    let [cosine, sine] = [1.0 / hypotenuse, ratio / hypotenuse];
    incomplete_beta([0.5 * df, 0.5], [cosine * cosine, sine * sine])
}

/// What a quantile of |t| is to have.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// This much probability in both tails together.
    Tails(f64),
    /// This much probability between -t and t.
    Between(f64),
}

/// Newton's method for ln(probability) over ln t.
///
/// Both functions are concave there and the normal quantile is never beyond the t quantile, so the steps do not
/// cycle; the derivative of a probability by ln t is twice the weight of its beta distribution.
fn solve_student_t(start: f64, df: f64, target: Target) -> Option<f64> {
    let mut t = start;
    for _ in 0..200 {
        let sides = student_t_sides(t, df)?;
        let step = match target {
            Target::Tails(wanted) => (sides.lower / wanted).ln() * sides.lower / (2.0 * sides.weight),
            Target::Between(wanted) => -(sides.upper / wanted).ln() * sides.upper / (2.0 * sides.weight),
        };
        t *= step.exp();
        if step.abs() <= 4.0 * f64::EPSILON {
            break;
        }
    }
    finite(t)
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
