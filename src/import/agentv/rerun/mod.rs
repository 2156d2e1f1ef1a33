//! The commands by which AgentV runs tests of one of its runs again. Makes them, starts nothing.
//!
//! The order of the arguments is that of AgentV's Studio (`eval-runner.ts`, `buildCliArgs`). Two families of flags:
//! until 4.42 `--target`, `--experiment` and a `--rerun-failed` that goes with `--output`; from 5 `--provider`,
//! `--tag experiment=` and a `--rerun-failed` that takes the run. The experiment is named again, else appended rows go
//! to the experiment `default`.

mod rules;
mod test_id;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::rules::Way;
use super::layout::{INDEX, INTERNAL};
use crate::import::rerun::places::{Places, absolute};
use crate::import::rerun::{Decision, RerunCase, RerunCommand, RerunError, RerunMode, RerunOrder, Runs};
use crate::model::Timestamp;

/// Bytes of ids that one command names at most: a system takes about a megabyte of words and environment.
const MOST_ID_BYTES: usize = 256 * 1024;

/// Flags that the plan itself sets; behind `--` they may contradict it.
const PLANNED_FLAGS: [&str; 9] = [
    "--resume",
    "--rerun-failed",
    "--retry-errors",
    "--output",
    "-o",
    "--test-id",
    "--target",
    "--provider",
    "--targets",
];

/// Which flags the version takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flags {
    /// AgentV 4.
    Four,
    /// AgentV 5, and the builds before it that wrote its rows.
    Five,
}

/// The commands of an order.
///
/// # Errors
/// When run or suite are not there, or AgentV has no command for this.
pub(super) fn rerun(order: &RerunOrder<'_>) -> Result<Vec<RerunCommand>, RerunError> {
    let version = order.run.tool_version.as_deref().unwrap_or_default();
    if version == "flat" {
        return Err(RerunError::Impossible(format!(
            "AgentV runs tests again in the folder of a run, and this run is one file of rows ({}), as versions before \
             4.12 wrote them",
            order.run.source_path
        )));
    }
    let flags = if matches!(version, "era-b" | "interim") { Flags::Five } else { Flags::Four };
    let places = Places::of(order)?;
    if !holds_rows(order, &places.run_dir) {
        return Err(RerunError::NoRows { path: places.run_dir.to_string_lossy().into_owned() });
    }
    let ways = ways(order, flags);
    let output = output(order, &places, &ways)?;
    let mut words = Commands { order, places, flags, output, commands: Vec::new() };
    for (way, cases) in ways {
        words.add(way, cases.as_deref());
    }
    Ok(words.commands)
}

fn holds_rows(order: &RerunOrder<'_>, folder: &Path) -> bool {
    order.source.has_file(&folder.join(INDEX)) || order.source.has_file(&folder.join(INTERNAL).join(INDEX))
}

/// How AgentV is told, and which cases by name; `None` when it selects by itself.
type Told<'a> = Vec<(Way, Option<Vec<&'a RerunCase>>)>;

fn ways<'a>(order: &RerunOrder<'a>, flags: Flags) -> Told<'a> {
    let named = || order.cases.iter().collect();
    match (order.mode, order.whole) {
        (RerunMode::Resume, whole) => vec![(Way::Resume, (!whole).then(named))],
        (RerunMode::RerunFailed, whole) => vec![(Way::RerunFailed, (!whole).then(named))],
        (RerunMode::RetryErrors, true) => vec![(Way::RetryErrors, None)],
        // Beside --retry-errors AgentV does not look at --test-id.
        (RerunMode::RetryErrors, false) | (RerunMode::Select, _) => vec![(Way::Afresh, Some(named()))],
        (RerunMode::Where, _) => appending(order.cases, flags),
    }
}

/// The appending mode that executes all cases, `--resume` first since it executes least beside them; both where neither
/// does. What neither executes goes with the first and stays in the plan as not run.
fn appending(cases: &[RerunCase], flags: Flags) -> Told<'_> {
    let runs =
        |way: Way| move |case: &&RerunCase| matches!(way.rule(flags)(&case.history), Decision::Runs(_));
    let (resumed, left): (Vec<_>, Vec<_>) = cases.iter().partition(runs(Way::Resume));
    if left.iter().all(|case| !runs(Way::RerunFailed)(case)) {
        return vec![(Way::Resume, Some(cases.iter().collect()))];
    }
    if resumed.iter().all(|case| runs(Way::RerunFailed)(case)) {
        return vec![(Way::RerunFailed, Some(cases.iter().collect()))];
    }
    vec![(Way::RerunFailed, Some(left)), (Way::Resume, Some(resumed))]
}

/// Folder of a new run, where there is to be one: the person's, else one beside the run that is called as AgentV calls
/// its own, so that the command is known before it is started.
fn output(order: &RerunOrder<'_>, places: &Places, ways: &Told<'_>) -> Result<Option<PathBuf>, RerunError> {
    let new = ways.iter().any(|(way, _)| matches!(way, Way::RetryErrors | Way::Afresh));
    let path = match (&order.given.output, new) {
        (Some(given), true) => absolute(order.here, given),
        (Some(_), false) => {
            return Err(RerunError::Impossible(
                "AgentV appends what it resumes or re-runs to the run itself, so --output has no place here; \
                 --retry-errors and --select write a new run"
                    .to_owned(),
            ));
        }
        (None, true) => places.run_dir.with_file_name(folder_name(order.now)),
        (None, false) => return Ok(None),
    };
    if holds_rows(order, &path) {
        return Err(RerunError::OutputTaken { path: path.to_string_lossy().into_owned() });
    }
    Ok(Some(path))
}

/// A time as AgentV names folders (`createRunDirName`).
fn folder_name(time: Timestamp) -> String {
    time.to_rfc3339().replace([':', '.'], "-")
}

/// Commands that are being made.
struct Commands<'a> {
    order: &'a RerunOrder<'a>,
    places: Places,
    flags: Flags,
    /// Folder of a new run.
    output: Option<PathBuf>,
    commands: Vec<RerunCommand>,
}

impl Commands<'_> {
    /// One command for all targets of the run, or one for each set of ids that targets share.
    fn add(&mut self, way: Way, cases: Option<&[&RerunCase]>) {
        let Some(cases) = cases else {
            let targets = self.targets();
            self.push(way, &targets, None);
            return;
        };
        for (targets, ids) in by_ids(cases) {
            for ids in chunks(&ids) {
                self.push(way, &targets, Some(ids));
            }
        }
    }

    /// Every target of the run: those of its rows, else those that its settings name.
    fn targets(&self) -> Vec<String> {
        if !self.order.models.is_empty() {
            return self.order.models.to_vec();
        }
        let params = self.order.run.params.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let params: Value = params.unwrap_or_default();
        let texts = |value: &Value| value.as_str().map(str::to_owned);
        let list = params.get("targets").and_then(Value::as_array).into_iter().flatten();
        params.get("target").into_iter().chain(list).filter_map(texts).collect()
    }

    fn push(&mut self, way: Way, targets: &[String], ids: Option<&[String]>) {
        let mut argv = vec!["agentv".to_owned(), "eval".to_owned(), self.places.word(&self.places.suite)];
        for id in ids.unwrap_or_default() {
            argv.extend(flag("--test-id", &test_id::pattern(id)));
        }
        let target = if self.flags == Flags::Five { "--provider" } else { "--target" };
        argv.extend(targets.iter().flat_map(|name| flag(target, name)));
        argv.extend(self.experiment());
        argv.extend(self.threshold());
        argv.extend(self.way(way));
        argv.extend_from_slice(self.order.words);
        let runs = Runs {
            cases: ids.map(|ids| ids.iter().cloned().collect()),
            models: (!targets.is_empty()).then(|| targets.iter().cloned().collect()),
            pairs: None,
            rule: way.rule(self.flags),
        };
        let notes = if self.commands.is_empty() { self.notes(way, targets) } else { Vec::new() };
        let folder = self.places.project.clone();
        let output = self.written(way);
        self.commands.push(RerunCommand { argv, folder, files: Vec::new(), output, runs, notes });
    }

    /// The run that is resumed and where its rows go.
    fn way(&self, way: Way) -> Vec<String> {
        let run_dir = self.places.word(&self.places.run_dir);
        let output = self.output.as_deref().map(|path| self.places.word(path)).unwrap_or_default();
        match (way, self.flags) {
            (Way::Resume, _) => [flag("--output", &run_dir), words("--resume")].concat(),
            (Way::RerunFailed, Flags::Four) => [flag("--output", &run_dir), words("--rerun-failed")].concat(),
            (Way::RerunFailed, Flags::Five) => flag("--rerun-failed", &run_dir),
            (Way::RetryErrors, _) => [flag("--output", &output), flag("--retry-errors", &run_dir)].concat(),
            // The first one makes the new run, the others add to it.
            (Way::Afresh, _) if self.commands.is_empty() => flag("--output", &output),
            (Way::Afresh, _) => [flag("--output", &output), words("--resume")].concat(),
        }
    }

    /// The experiment of the run, unless it is the default or one that AgentV takes as no name.
    fn experiment(&self) -> Vec<String> {
        let taken = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = self.order.run.experiment.as_deref().unwrap_or("default");
        let said = self.says("--experiment") || self.order.words.iter().any(|w| w.contains("experiment="));
        if name.is_empty() || name == "default" || said || !name.chars().all(taken) {
            return Vec::new();
        }
        match self.flags {
            Flags::Four => flag("--experiment", name),
            Flags::Five => flag("--tag", &format!("experiment={name}")),
        }
    }

    /// The threshold that the run was judged by, where it is known.
    fn threshold(&self) -> Vec<String> {
        let params = self.order.run.params.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let params: Value = params.unwrap_or_default();
        match params.get("threshold") {
            Some(Value::Number(number)) if !self.says("--threshold") => {
                flag("--threshold", &number.to_string())
            }
            _ => Vec::new(),
        }
    }

    /// Whether the person says a flag behind `--`: then that word holds.
    fn says(&self, name: &str) -> bool {
        let is = |word: &String| {
            word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        self.order.words.iter().any(is)
    }

    /// Where the rows go, when it is not where the run was read from.
    fn written(&self, way: Way) -> Option<PathBuf> {
        let run_dir = &self.places.run_dir;
        match way {
            Way::RetryErrors | Way::Afresh => self.output.clone(),
            Way::Resume | Way::RerunFailed => {
                (run_dir != Path::new(&self.order.run.source_path)).then(|| run_dir.clone())
            }
        }
    }

    fn notes(&self, way: Way, targets: &[String]) -> Vec<String> {
        let mut notes = self.places.notes.clone();
        let appends = matches!(way, Way::Resume | Way::RerunFailed);
        match self.order.run.tool_version.as_deref() {
            Some("era-a-4.42") if appends => notes.push(
                "AgentV 4.42 overwrites the earlier rows of what it runs again; runq keeps those that it has ingested"
                    .to_owned(),
            ),
            Some("interim") => notes.push(
                "the run is of a build between AgentV 4.42 and 5; the flags are those of 5 (4 calls --provider --target)"
                    .to_owned(),
            ),
            _ => {}
        }
        if way == Way::Afresh && self.order.mode == RerunMode::RetryErrors {
            notes.push(
                "AgentV's --retry-errors takes no selection, so this is a fresh run of the tests named; what was fine is \
                 not copied into it"
                    .to_owned(),
            );
        }
        if way == Way::Afresh && self.order.mode == RerunMode::Select {
            notes.push("a run of its own: AgentV leaves out of a resumed run what is ok in it".to_owned());
        }
        if targets.is_empty() {
            notes.push("no row names a target, so the suite's own is used".to_owned());
        }
        let planned = PLANNED_FLAGS.iter().filter(|name| self.says(name));
        notes.extend(planned.map(|name| {
            format!("{name} behind -- goes to AgentV as it is: what the plan says may not hold then")
        }));
        notes
    }
}

/// A flag with its value: one word where the value would be taken for a flag.
fn flag(name: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') {
        return vec![format!("{name}={value}")];
    }
    vec![name.to_owned(), value.to_owned()]
}

fn words(word: &str) -> Vec<String> {
    vec![word.to_owned()]
}

/// Targets with the ids that they are to run; targets with the same ids stand together, so that AgentV runs them side
/// by side. A case without a target is run on the suite's own.
fn by_ids(cases: &[&RerunCase]) -> Vec<(Vec<String>, Vec<String>)> {
    let mut targets: Vec<(Option<&str>, Vec<String>, BTreeSet<&str>)> = Vec::new();
    for case in cases {
        let model = case.model.as_deref();
        let at = targets.iter().position(|(known, ..)| *known == model).unwrap_or_else(|| {
            targets.push((model, Vec::new(), BTreeSet::new()));
            targets.len() - 1
        });
        if let Some((_, ids, seen)) = targets.get_mut(at)
            && seen.insert(&case.case_id)
        {
            ids.push(case.case_id.clone());
        }
    }
    let mut groups: Vec<(Vec<String>, Vec<String>, BTreeSet<&str>)> = Vec::new();
    for (target, ids, set) in targets {
        let same = target
            .and_then(|_| groups.iter_mut().find(|(names, _, known)| !names.is_empty() && *known == set));
        match (same, target) {
            (Some((names, ..)), Some(target)) => names.push(target.to_owned()),
            (_, target) => groups.push((target.into_iter().map(str::to_owned).collect(), ids, set)),
        }
    }
    groups.into_iter().map(|(names, ids, _)| (names, ids)).collect()
}

/// Ids in portions that a command line can hold.
fn chunks(ids: &[String]) -> Vec<&[String]> {
    let mut chunks = Vec::new();
    let (mut rest, mut bytes, mut count) = (ids, 0, 0);
    for id in ids {
        // A pattern is at most twice as long as the id; the flag is a word of its own.
        let more = 2 * id.len() + 16;
        if count > 0 && bytes + more > MOST_ID_BYTES {
            let (chunk, left) = rest.split_at(count);
            chunks.push(chunk);
            (rest, bytes, count) = (left, 0, 0);
        }
        bytes += more;
        count += 1;
    }
    chunks.push(rest);
    chunks
}
