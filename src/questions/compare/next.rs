//! What to ask next of a comparison: the command that shows what changed in an answer.

use datafusion::common::ScalarValue;
use serde::Deserialize;

use super::{Case, Comparison, Outcome};
use crate::model::shell_word;
use crate::session::{RunEntry, Session, SessionError, resolve_run};

/// How the person named what is compared, so that a command about the same runs can be written down.
#[derive(Debug, Clone, Default)]
pub struct Named {
    /// The runs and paths, in their order.
    pub sources: Vec<String>,
    /// The flags that say which runs and cases are meant, such as `--last 2`.
    pub flags: Vec<String>,
}

/// How many cases are looked at.
const CASES: usize = 3;

const TOLD: &str = "SELECT task, case_id, candidate FROM output_changes \
     WHERE changed AND missing IS NULL AND case_id IN ($first, $second, $third)";

#[derive(Deserialize)]
struct Told {
    task: String,
    case_id: String,
    candidate: String,
}

/// The command that shows what an arm answered differently in the first of the cases that got better or worse, of those
/// whose answers the source keeps on both sides; `None` when there is none among the first few.
pub(super) async fn diff_command(
    session: &mut Session,
    comparison: &Comparison,
    named: &Named,
) -> Result<Option<String>, SessionError> {
    let moved: Vec<&Case> = comparison.cases.iter().filter(|case| moved(case)).take(CASES).collect();
    let Some(last) = moved.last() else { return Ok(None) };
    let id = |at: usize| {
        ScalarValue::Utf8(Some(moved.get(at).map_or(&last.case_id, |case| &case.case_id).clone()))
    };
    let bound = [("first", id(0)), ("second", id(1)), ("third", id(2))];
    let told: Vec<Told> = session.rows_with(TOLD, &bound).await?.read()?;
    let found = moved.iter().find_map(|case| {
        let arms = comparison.arms.iter().map(|arm| &arm.arm);
        let tells = |arm: &&String| {
            is_move(case.outcomes.get(*arm))
                && told
                    .iter()
                    .any(|row| (&row.task, &row.case_id, &row.candidate) == (&case.task, &case.case_id, *arm))
        };
        arms.into_iter().find(tells).map(|arm| (*case, arm))
    });
    Ok(found.map(|(case, candidate)| command(session, comparison, (case, candidate), named)))
}

fn moved(case: &Case) -> bool {
    case.outcomes.values().any(|outcome| is_move(Some(outcome)))
}

fn is_move(outcome: Option<&Outcome>) -> bool {
    matches!(outcome, Some(Outcome::Improved | Outcome::Regressed))
}

fn command(session: &Session, comparison: &Comparison, what: (&Case, &str), named: &Named) -> String {
    let (case, candidate) = what;
    let arms = [comparison.baseline.as_str(), candidate];
    let mut words = vec!["runq".to_owned(), "diff".to_owned()];
    let runs = arms.map(|arm| run_word(session, arm, named));
    match runs {
        [Some(baseline), Some(candidate)] if comparison.by == "run" => words.extend([baseline, candidate]),
        _ => {
            words.extend(["--by".to_owned(), comparison.by.clone()]);
            words.extend(arms.map(str::to_owned));
            words.extend(named.sources.iter().cloned());
        }
    }
    words.extend(named.flags.iter().cloned());
    words.extend(["--case".to_owned(), case.case_id.clone()]);
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

/// How one run is named: the word that the person had for it and for no other run, else its id. `None` when it came from
/// a path that holds several.
fn run_word(session: &Session, arm: &str, named: &Named) -> Option<String> {
    let entry = session.runs().iter().find(|entry| entry.run.run_id == arm)?;
    let is_this = |other: &RunEntry| other.run.ingest_id == entry.run.ingest_id;
    if let Some(place) = entry.argument {
        let alone = session.runs().iter().all(|other| other.argument != Some(place) || is_this(other));
        return named.sources.get(place).filter(|_| alone).cloned();
    }
    // Of a name that counts from the newest run on, nobody knows here what it stands for in the whole store.
    let own = named.sources.iter().find(|word| {
        !word.starts_with("last")
            && resolve_run(session.runs(), word)
                .is_ok_and(|found| matches!(found.as_slice(), [one] if is_this(one)))
    });
    Some(own.unwrap_or(&entry.run.run_id).clone())
}
