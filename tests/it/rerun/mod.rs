//! The commands that run cases again: against what AgentV was really told, and through a program that notes its words.

mod recorded;
mod words;

use std::path::Path;

use runq::import::ImportOptions;
use runq::import::rerun::template::Templates;
use runq::import::rerun::{
    GivenPlaces, RerunCase, RerunCommand, RerunError, RerunMode, RerunOrder, commands,
};
use runq::model::{RunRow, Timestamp};
use runq::source::LocalDisk;

use crate::support::in_memory;

/// What is asked of a run.
struct Asked<'a> {
    run: &'a RunRow,
    mode: RerunMode,
    cases: &'a [RerunCase],
    whole: bool,
    models: &'a [String],
    given: GivenPlaces,
    words: &'a [String],
    templates: Templates,
}

impl<'a> Asked<'a> {
    fn of(run: &'a RunRow, mode: RerunMode) -> Self {
        Self {
            run,
            mode,
            cases: &[],
            whole: true,
            models: &[],
            given: GivenPlaces::default(),
            words: &[],
            templates: Templates::default(),
        }
    }

    fn commands(&self, here: &Path) -> Result<Vec<RerunCommand>, RerunError> {
        let order = RerunOrder {
            run: self.run,
            mode: self.mode,
            cases: self.cases,
            whole: self.whole,
            models: self.models,
            given: &self.given,
            source: &LocalDisk,
            here,
            words: self.words,
            now: Timestamp::parse("2026-12-01T10:11:12.013Z").expect("a time"),
        };
        commands(&order, &self.templates)
    }
}

/// The one run of a path as it is read.
fn run_of(path: &Path) -> RunRow {
    let memory = in_memory(&[path], &ImportOptions::default());
    memory.runs.first().expect("a run").header.clone()
}

/// A case of a task.
fn case(case_id: &str) -> RerunCase {
    RerunCase { task: "t".to_owned(), case_id: case_id.to_owned(), ..RerunCase::default() }
}
