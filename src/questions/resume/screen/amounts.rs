//! What a plan will probably take, in words: few digits, for it is an estimate.

use super::super::{Estimate, Expected};
use crate::answer::number::{self, counted};

/// One line: tokens, money and time with their ranges, and what is not known.
pub(super) fn expected(expected: &Expected) -> String {
    let known = [
        expected.tokens.map(|tokens| format!("about {} tokens{}", about(tokens.value), range(tokens, about))),
        expected.cost_usd.map(|cost| format!("${}{}", money(cost.value), range(cost, money))),
        expected.duration_ms.map(|time| format!("{}{}", clock(time.value), range(time, clock))),
    ];
    let unknown: Vec<&str> = ["tokens", "cost", "time"]
        .into_iter()
        .zip(&known)
        .filter_map(|(name, known)| known.is_none().then_some(name))
        .collect();
    let without = "no finished row of the same model says what one takes";
    if unknown.len() == known.len() {
        return format!("unknown: {without}");
    }
    let mut text = known.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !unknown.is_empty() {
        text += &format!(", {} unknown", unknown.join(" and "));
    }
    let ranged = [expected.tokens, expected.cost_usd, expected.duration_ms];
    let ranged = ranged.iter().flatten().any(|estimate| estimate.low.is_some());
    let source = if ranged { "finished rows, 80 % range" } else { "finished row alone, so without a range" };
    text += &format!("   (from this run's {source})");
    match expected.unknown_rows {
        0 => text,
        rows => format!(
            "{text}; and what {} will take is unknown: {without}",
            counted(rows as usize, "row", "rows")
        ),
    }
}

/// ` [2,700, 3,500]`; nothing where it would say nothing.
fn range(estimate: Estimate, text: impl Fn(f64) -> String) -> String {
    match (estimate.low.map(&text), estimate.high.map(&text)) {
        (Some(low), Some(high)) if low != high => format!(" [{low}, {high}]"),
        _ => String::new(),
    }
}

/// A count to two digits, as nobody knows it better.
fn about(value: f64) -> String {
    let scale = 10_f64.powf((value.abs().max(1.0).log10().floor() - 1.0).max(0.0));
    number::count(((value / scale).round() * scale) as i64)
}

/// An amount of money to two digits where it is less than a dollar.
fn money(value: f64) -> String {
    if !(1e-9..0.995).contains(&value.abs()) {
        return number::cost(value);
    }
    let scale = 10_f64.powf(1.0 - value.abs().log10().floor());
    number::cost((value * scale).round() / scale)
}

/// A time by the clock, from milliseconds: `0.4 s`, `6 s`, `2 min 5 s`, `1 h 10 min`.
fn clock(milliseconds: f64) -> String {
    let seconds = milliseconds / 1000.0;
    let whole = seconds.round() as i64;
    match whole {
        _ if seconds < 9.95 => format!("{} s", number::human_number((seconds * 10.0).round() / 10.0)),
        ..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", number::count(whole / 3600), whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_have_the_digits_that_they_deserve() {
        let shown = [3_127.4, 96.0, 5.2, 0.0, 1_249_000.0].map(about);
        assert_eq!(shown, ["3,100", "96", "5", "0", "1,200,000"]);
        assert_eq!(
            [0.007_123, 0.5, 0.0, 12.345, 0.000_018].map(money),
            ["0.0071", "0.5", "0", "12.35", "0.000018"]
        );
        assert_eq!(
            [350.0, 6_004.0, 9_960.0, 59_900.0, 125_000.0].map(clock),
            ["0.4 s", "6 s", "10 s", "1 min 0 s", "2 min 5 s"]
        );
        assert_eq!(clock(4_200_000.0), "1 h 10 min");
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_eq!(
            expected(&Expected::default()),
            "unknown: no finished row of the same model says what one takes"
        );
        let one = Expected {
            tokens: Some(Estimate { value: 310.0, low: None, high: None }),
            unknown_rows: 2,
            ..Expected::default()
        };
        assert_eq!(
            expected(&one),
            "about 310 tokens, cost and time unknown   (from this run's finished row alone, so without a range); and what \
             2 rows will take is unknown: no finished row of the same model says what one takes"
        );
    }
}
