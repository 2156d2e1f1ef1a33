//! What running cases again did to a run's numbers, in words: how many cases, first attempts beside the latest ones,
//! and what cases without a score leave open. Says nothing where nothing was run again and every case has a score.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::number;

/// Rows of the facts table from the run's row of `run_overview`: `run again`, `score` and `bounds`.
pub(super) fn facts(overview: &BTreeMap<String, Value>) -> Vec<(&'static str, String)> {
    let facts =
        [("run again", run_again(overview)), ("score", score(overview)), ("bounds", bounds(overview))];
    facts.into_iter().filter_map(|(name, said)| Some((name, said?))).collect()
}

/// Share of keys whose first attempt passed, where that may differ from the latest one.
pub(super) fn first_pass_rate(overview: &BTreeMap<String, Value>) -> Option<String> {
    let rate = overview.get("pass_rate_first").and_then(Value::as_f64)?;
    (count(overview, "rerun_cases") > 0).then(|| format!("{} first", number::percent(rate)))
}

fn run_again(overview: &BTreeMap<String, Value>) -> Option<String> {
    let superseded = usize::try_from(count(overview, "superseded")).ok().filter(|count| *count > 0)?;
    let share = overview.get("rerun_share").and_then(Value::as_f64).map(number::percent);
    Some(format!(
        "{} of {} ({}) · {} superseded",
        number::count(count(overview, "rerun_cases")),
        cases(count(overview, "cases")),
        share?,
        number::counted(superseded, "attempt", "attempts")
    ))
}

/// The latest score beside the first one, each with how many cases it is over.
fn score(overview: &BTreeMap<String, Value>) -> Option<String> {
    let mean = |name: &str| overview.get(name).and_then(Value::as_f64).map(number::score);
    let (all, rerun) = (count(overview, "cases"), count(overview, "rerun_cases"));
    let unscored = overview.get("unscored").and_then(Value::as_i64)?;
    if rerun == 0 && unscored == 0 {
        return None;
    }
    let latest = match mean("mean_score") {
        Some(mean) => format!("{mean} over {} of {}", number::count(all - unscored), cases(all)),
        None => format!("— over {}: none has one", cases(all)),
    };
    let first = (rerun > 0).then(|| match mean("mean_score_first") {
        Some(mean) => {
            let scored = all - count(overview, "unscored_first");
            format!(" · first attempts {mean} over {}", number::count(scored))
        }
        None => " · first attempts —".to_owned(),
    });
    Some(latest + &first.unwrap_or_default())
}

/// What the score could have been had the cases without one had one.
fn bounds(overview: &BTreeMap<String, Value>) -> Option<String> {
    let end = |name: &str| overview.get(name).and_then(Value::as_f64).map(number::score);
    let unscored = count(overview, "unscored");
    let (lowest, highest) = (end("mean_score_lowest")?, end("mean_score_highest")?);
    (unscored > 0).then(|| {
        let which = if unscored == 1 { "one".to_owned() } else { number::count(unscored) };
        format!("{lowest} to {highest}, whatever the {which} without a score would have scored")
    })
}

fn cases(count: i64) -> String {
    number::counted(usize::try_from(count).unwrap_or(0), "case", "cases")
}

fn count(overview: &BTreeMap<String, Value>, name: &str) -> i64 {
    overview.get(name).and_then(Value::as_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(overview: Value) -> Vec<(&'static str, String)> {
        facts(&serde_json::from_value(overview).unwrap())
    }

    #[test]
    fn nothing_is_said_where_nothing_was_run_again_and_every_case_has_a_score() {
        let clean = json!({"cases": 12, "superseded": 0, "rerun_cases": 0, "rerun_share": 0.0, "unscored": 0,
            "unscored_first": 0, "mean_score": 0.9, "mean_score_first": 0.9, "mean_score_lowest": 0.9,
            "mean_score_highest": 0.9});
        assert_eq!(said(clean), []);
        // A tool without scores.
        assert_eq!(said(json!({"cases": 5, "superseded": 0, "rerun_cases": 0, "rerun_share": 0.0})), []);
        assert_eq!(said(json!({})), []);
    }

    #[test]
    fn retries_stand_beside_first_attempts() {
        let retried = json!({"cases": 12, "superseded": 10, "rerun_cases": 5, "rerun_share": 5.0 / 12.0,
            "unscored": 0, "unscored_first": 5, "mean_score": 0.948, "mean_score_first": 0.542,
            "mean_score_lowest": 0.948, "mean_score_highest": 0.948});
        assert_eq!(
            said(retried),
            [
                ("run again", "5 of 12 cases (42 %) · 10 attempts superseded".to_owned()),
                ("score", "0.948 over 12 of 12 cases · first attempts 0.542 over 7".to_owned()),
            ]
        );
        let nothing_first = json!({"cases": 1, "superseded": 1, "rerun_cases": 1, "rerun_share": 1.0,
            "unscored": 0, "unscored_first": 1, "mean_score": 1.0});
        assert_eq!(
            said(nothing_first),
            [
                ("run again", "1 of 1 case (100 %) · 1 attempt superseded".to_owned()),
                ("score", "1.000 over 1 of 1 case · first attempts —".to_owned()),
            ]
        );
    }

    #[test]
    fn cases_without_a_score_leave_bounds() {
        // (11 * 0.77) / 12 = 0.70583, (11 * 0.77 + 1) / 12 = 0.78917.
        let open = json!({"cases": 12, "superseded": 0, "rerun_cases": 0, "unscored": 1, "unscored_first": 1,
            "mean_score": 0.77, "mean_score_lowest": 0.705_833, "mean_score_highest": 0.789_167});
        assert_eq!(
            said(open),
            [
                ("score", "0.770 over 11 of 12 cases".to_owned()),
                ("bounds", "0.706 to 0.789, whatever the one without a score would have scored".to_owned()),
            ]
        );
        let nothing =
            json!({"cases": 3, "superseded": 0, "rerun_cases": 0, "unscored": 3, "unscored_first": 3});
        assert_eq!(said(nothing), [("score", "— over 3 cases: none has one".to_owned())]);
    }
}
