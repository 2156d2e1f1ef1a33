//! What holds of every plan, over generated runs with every status there is.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use runq::import::rerun::RerunMode;
use runq::import::{Duplicates, ImportOptions};
use runq::questions::resume::{Plan, plan};
use runq::session::{PlannedCase, Request, Session};
use runq::source::LocalDisk;
use serde_json::{Value, json};

use super::all_of;
use crate::support::tables::{facts, write_rows};

const CASES: usize = 6;
/// Planned cases, more than have rows.
const PLANNED: usize = 8;
const MODES: [RerunMode; 3] = [RerunMode::Resume, RerunMode::RerunFailed, RerunMode::RetryErrors];

/// An attempt: case, model, status, score.
type Attempt = (usize, usize, &'static str, Option<f64>);

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let status =
        prop::sample::select(vec!["pass", "fail", "ok", "error", "judge error", "cancelled", "limit"]);
    let score = prop::option::of(prop::sample::select(vec![0.0, 0.5, 0.79, 0.8, 1.0]));
    prop::collection::vec((0..CASES, 0..2_usize, status, score), 1..40)
}

fn line(at: usize, (case, model, status, score): &Attempt) -> Value {
    let error = matches!(*status, "error" | "judge error").then_some("it broke");
    json!({
        "id": format!("c{case}"), "model": format!("m{model}"), "status": status, "score": score, "error": error,
        "timestamp": format!("2026-01-05T10:{:02}:{:02}Z", at / 60, at % 60),
    })
}

/// The latest attempt of every key, as it came.
fn latest(attempts: &[Attempt]) -> BTreeMap<(String, String), Attempt> {
    attempts
        .iter()
        .map(|attempt| ((format!("c{}", attempt.0), format!("m{}", attempt.1)), *attempt))
        .collect()
}

/// Whether a mode takes a key that ended so, by the words of the design.
fn takes(mode: RerunMode, (_, _, status, score): &Attempt) -> bool {
    match mode {
        RerunMode::Resume => {
            matches!(*status, "error" | "judge error" | "cancelled")
                || (*status == "limit" && score.is_none())
        }
        RerunMode::RetryErrors => matches!(*status, "error" | "judge error" | "cancelled"),
        _ => match *status {
            "pass" => false,
            "ok" => score.is_some_and(|score| score < 0.8),
            _ => true,
        },
    }
}

async fn planned(attempts: &[Attempt], mode: RerunMode) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    write_rows(
        &file,
        &attempts.iter().enumerate().map(|(at, attempt)| line(at, attempt)).collect::<Vec<_>>(),
    );
    let options = ImportOptions { duplicates: Some(Duplicates::Attempt), ..ImportOptions::default() };
    let cases =
        (0..PLANNED).map(|case| PlannedCase { case_id: format!("c{case}"), ..PlannedCase::default() });
    let request = Request { planned: cases.collect(), ..Request::default() };
    let mut session = Session::open(facts(&[&file], &options), request).await.unwrap();
    plan(&mut session, &all_of(mode, folder.path(), None), &LocalDisk).await.unwrap()
}

fn keys(plan: &Plan) -> BTreeSet<(String, String)> {
    let key = |model: &Option<std::sync::Arc<str>>| model.as_deref().unwrap_or_default().to_owned();
    plan.rows().map(|row| (row.case_id.to_string(), key(&row.model))).collect()
}

/// A few in the usual run, many with `RUNQ_LONG`: each is a whole session or more.
fn cases() -> u32 {
    if std::env::var_os("RUNQ_LONG").is_some() { 64 } else { 4 }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn what_a_plan_selects_is_what_the_mode_says_and_with_what_it_leaves_it_is_the_planned_set(attempts in attempts()) {
        let ends = latest(&attempts);
        let models: BTreeSet<&String> = ends.keys().map(|(_, model)| model).collect();
        for mode in MODES {
            let plan = now(planned(&attempts, mode));
            let mut expected: BTreeSet<(String, String)> =
                ends.iter().filter(|(_, end)| takes(mode, end)).map(|(key, _)| key.clone()).collect();
            if mode.takes_missing() {
                let all = (0..PLANNED).flat_map(|case| models.iter().map(move |model| (format!("c{case}"), (*model).clone())));
                expected.extend(all.filter(|key| !ends.contains_key(key)));
            }
            prop_assert_eq!(keys(&plan), expected);
            let left: i64 = plan.runs[0].left.iter().map(|left| left.keys).sum();
            prop_assert_eq!(plan.rows().count() as i64 + left, (PLANNED * models.len()) as i64);
        }
    }

    #[test]
    fn a_plan_whose_rows_all_end_ok_plans_nothing_when_it_is_made_again(attempts in attempts()) {
        for mode in MODES {
            let first = now(planned(&attempts, mode));
            let done = keys(&first).into_iter().map(|(case, model)| {
                (case[1..].parse().unwrap(), model[1..].parse().unwrap(), "pass", Some(1.0))
            });
            let all: Vec<Attempt> = attempts.iter().copied().chain(done).collect();
            let again = now(planned(&all, mode));
            prop_assert!(keys(&again).is_empty(), "{:?}", keys(&again));
        }
    }
}
