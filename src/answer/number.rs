//! Numbers as a person reads them: how many digits, which separators, which sign.
//!
//! Every function takes the raw number and gives text; what a machine reads never passes here. A number that is not
//! zero is never shown as zero, and a share that is not whole never as 0 % or 100 %. NaN is `NaN`, infinities are
//! `inf` and `-inf`.

/// A whole number with thousands separators: `1,240`.
pub fn count(value: i64) -> String {
    grouped(&value.to_string())
}

/// A count with its noun: `1 run`, `1,240 runs`.
pub fn counted(value: usize, one: &str, several: &str) -> String {
    let number = grouped(&value.to_string());
    format!("{number} {}", if value == 1 { one } else { several })
}

/// Bytes with their unit, as short as is sensible: `812 B`, `1.2 MB`; a kB has 1,000.
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if value < 1000 {
        return format!("{value} B");
    }
    let mut size = value as f64 / 1000.0;
    let mut unit = 0;
    // What would be rounded to 1,000 is 1 of the next.
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    let digits = if size < 9.95 { 1 } else { 0 };
    format!("{} {}", grouped(&fixed(size, digits)), UNITS.get(unit).copied().unwrap_or_default())
}

/// Any number, as short as is sensible: whole numbers exactly, others with up to three decimals (one from 1,000 on),
/// numbers under 1 with four significant digits, very large and very small ones as `1.5e-9`.
pub fn human_number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        special(value)
    } else if value == 0.0 {
        "0".to_owned()
    } else if !(1e-6..1e15).contains(&size) {
        scientific(value)
    } else if value.fract() == 0.0 {
        grouped(&format!("{value:.0}"))
    } else if size < 1.0 {
        trimmed(&significant(value, 4))
    } else {
        grouped(&trimmed(&fixed(value, if size < 1000.0 { 3 } else { 1 })))
    }
}

/// A time in milliseconds, for a column that names the unit: whole from 10 on (`1,240`), else with up to two decimals.
pub fn duration_ms(value: f64) -> String {
    match value.abs() {
        size if is_vast(size) => human_number(value),
        size if size >= 9.995 => grouped(&fixed(value, 0)),
        _ => small(value, 2),
    }
}

/// A time in milliseconds with its unit, as short as is sensible: `412 ms`, `6.2 s`, `41 s`, `3 min 20 s`, `2 h 5 min`.
pub fn span(ms: f64) -> String {
    if !ms.is_finite() {
        return special(ms);
    }
    let seconds = (ms / 1000.0).round() as i64;
    match ms {
        ms if ms < 999.5 => format!("{} ms", duration_ms(ms)),
        ms if ms < 9_950.0 => format!("{} s", trimmed(&fixed(ms / 1000.0, 1))),
        _ if seconds < 60 => format!("{seconds} s"),
        _ if seconds < 3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", grouped(&(seconds / 3600).to_string()), seconds % 3600 / 60),
    }
}

/// An amount of money without its sign: three significant digits under 1 (`0.00375`), else two decimals (`1,204.50`).
pub fn cost(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        special(value)
    } else if value == 0.0 {
        "0".to_owned()
    } else if size < 1e-9 || is_vast(size) {
        scientific(value)
    } else if size < 0.9995 {
        trimmed(&significant(value, 3))
    } else {
        grouped(&fixed(value, 2))
    }
}

/// A score: three decimals (`0.871`), and more of them only where three would show nothing (`0.0004`).
pub fn score(value: f64) -> String {
    if !value.is_finite() || is_vast(value.abs()) || (value != 0.0 && value.abs() < 0.0005) {
        human_number(value)
    } else {
        grouped(&fixed(value, 3))
    }
}

/// Whether a number has more digits before its point than anybody reads; infinities have.
fn is_vast(size: f64) -> bool {
    size >= 1e15
}

/// A change of a score, with its sign: `+0.059`, `-0.172`, `0.000` for none.
pub fn delta(value: f64) -> String {
    signed(value, score)
}

/// A change, with its sign, shown as `plain` shows the quantity itself: `signed(-0.00261, cost)` is `-0.00261`.
pub fn signed(value: f64, plain: impl Fn(f64) -> String) -> String {
    let text = plain(if value == 0.0 { 0.0 } else { value });
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A share of 0 to 1 as a percentage: `75 %`. One decimal where whole percents would claim all or nothing (`99.7 %`),
/// and `<0.1 %` or `>99.9 %` where that would too.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        return special(value);
    }
    let claims_too_much = |digits: usize| {
        let text = fixed(value, digits);
        let shown: f64 = text.parse().unwrap_or(value);
        value != shown && (shown == 0.0 || shown == 100.0)
    };
    if !claims_too_much(0) {
        format!("{} %", grouped(&fixed(value, 0)))
    } else if !claims_too_much(1) {
        format!("{} %", fixed(value, 1))
    } else {
        at_the_edge(value).to_owned()
    }
}

/// A percentage that lies nearer than half a tenth to 0 or 100.
fn at_the_edge(value: f64) -> &'static str {
    match (value > 50.0, value > 100.0, value > 0.0) {
        (true, true, _) => ">100 %",
        (true, false, _) => ">99.9 %",
        (false, _, true) => "<0.1 %",
        (false, _, false) => "<0 %",
    }
}

/// A probability: two decimals (`0.17`), three under 0.1 (`0.021`), and `<0.001` below that.
pub fn p_value(p: f64) -> String {
    match p {
        p if !p.is_finite() => special(p),
        p if p < 0.001 => "<0.001".to_owned(),
        p if p < 0.0995 => fixed(p, 3),
        p => fixed(p, 2),
    }
}

/// An interval whose ends are shown by `text`: `interval(-0.021, 0.139, delta)` is `[-0.021, +0.139]`.
pub fn interval(low: f64, high: f64, text: impl Fn(f64) -> String) -> String {
    format!("[{}, {}]", text(low), text(high))
}

/// Puts thousands separators into the whole part of a decimal number in plain notation; other text stays as it is.
pub(crate) fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    if whole.len() <= 3 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + whole.len() / 3);
    shown.push_str(sign);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown.push_str(fraction);
    shown
}

/// Fixed decimals without a minus before what has become zero.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.bytes().all(|byte| matches!(byte, b'0' | b'.')) => rest.to_owned(),
        _ => text,
    }
}

/// Up to `decimals` decimals, but never a zero for what is none.
fn small(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let is_zero = text.parse() == Ok(0.0);
    if !value.is_finite() || (is_zero && value != 0.0) { human_number(value) } else { trimmed(&text) }
}

/// Plain notation with this many significant digits, for numbers under 1 and not 0.
fn significant(value: f64, digits: usize) -> String {
    let zeros = (-value.abs().log10().floor()).max(1.0) as usize;
    fixed(value, zeros - 1 + digits)
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.3e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", trimmed(digits)),
        None => text,
    }
}

/// Without zeros at the end of the decimals.
fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

fn special(value: f64) -> String {
    if value.is_nan() { "NaN".to_owned() } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_fits() {
        let shown = [0, 999, 1000, 1234, 999_499, 999_500, 64 << 20, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "1.2 kB", "999 kB", "1.0 MB", "67 MB", "18,447 PB"]);
    }

    #[test]
    fn spans_carry_their_unit() {
        let spans = [0.0, 4.25, 412.4, 1_000.0, 6_240.0, 9_960.0, 41_400.0, 59_700.0, 200_000.0, 7_500_000.0];
        let words = [
            "0 ms",
            "4.25 ms",
            "412 ms",
            "1 s",
            "6.2 s",
            "10 s",
            "41 s",
            "1 min 0 s",
            "3 min 20 s",
            "2 h 5 min",
        ];
        assert_eq!(spans.map(span), words);
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_240), "1,240");
        assert_eq!(count(-1_234_567), "-1,234,567");
        assert_eq!(count(i64::MIN), "-9,223,372,036,854,775,808");
        assert_eq!(grouped("123456.7890"), "123,456.7890");
        assert_eq!(grouped("inf"), "inf");
    }

    #[test]
    fn any_number_is_short() {
        let shown = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (1_234_567.0, "1,234,567"),
            (0.871, "0.871"),
            (0.1 + 0.2, "0.3"),
            (0.0098, "0.0098"),
            (0.001_234_56, "0.001235"),
            (0.999_99, "1"),
            (2.0 / 3.0, "0.6667"),
            (-12.345_67, "-12.346"),
            (1_234.567, "1,234.6"),
            (1.5e-9, "1.5e-9"),
            (6.022_140_76e23, "6.022e23"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in shown {
            assert_eq!(human_number(value), text, "{value:?}");
        }
    }

    #[test]
    fn times_money_and_scores_have_their_digits() {
        assert_eq!(duration_ms(1_240.4), "1,240");
        assert_eq!(duration_ms(9.999), "10");
        assert_eq!(duration_ms(0.4), "0.4");
        assert_eq!(duration_ms(0.0), "0");
        assert_eq!(duration_ms(0.001), "0.001");
        assert_eq!(cost(0.003_75), "0.00375");
        assert_eq!(cost(0.000_9), "0.0009");
        assert_eq!(cost(0.999_7), "1.00");
        assert_eq!(cost(1_204.5), "1,204.50");
        assert_eq!(cost(0.0), "0");
        assert_eq!(score(0.871_4), "0.871");
        assert_eq!(score(1.0), "1.000");
        assert_eq!(score(0.0), "0.000");
        assert_eq!(score(0.000_4), "0.0004");
        assert_eq!(score(f64::NAN), "NaN");
    }

    #[test]
    fn changes_carry_their_sign() {
        assert_eq!(delta(0.059), "+0.059");
        assert_eq!(delta(-0.172), "-0.172");
        assert_eq!(delta(0.0), "0.000");
        assert_eq!(delta(-0.0), "0.000");
        assert_eq!(signed(-0.002_61, cost), "-0.00261");
        assert_eq!(signed(1_240.0, duration_ms), "+1,240");
        assert_eq!(interval(-0.021, 0.139, delta), "[-0.021, +0.139]");
        assert_eq!(interval(0.005_2, 0.009_8, cost), "[0.0052, 0.0098]");
    }

    #[test]
    fn shares_never_claim_all_or_nothing() {
        assert_eq!(percent(0.75), "75 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.997), "99.7 %");
        assert_eq!(percent(0.999_99), ">99.9 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.000_1), "<0.1 %");
        assert_eq!(percent(12.5), "1,250 %");
        assert_eq!(percent(f64::NAN), "NaN");
    }

    #[test]
    fn probabilities_are_never_zero() {
        assert_eq!(p_value(0.17), "0.17");
        assert_eq!(p_value(0.021), "0.021");
        assert_eq!(p_value(0.049_6), "0.050");
        assert_eq!(p_value(0.001), "0.001");
        assert_eq!(p_value(0.000_9), "<0.001");
        assert_eq!(p_value(0.0), "<0.001");
        assert_eq!(p_value(1.0), "1.00");
        assert_eq!(p_value(f64::NAN), "NaN");
    }
}
