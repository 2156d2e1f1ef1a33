//! AgentV run folders of every layout and era, and its flat files of before.
//!
//! A run is read in two passes over its row file: [`survey`] learns what the run is and which row the files beside
//! the index belong to, then every line becomes its records. Nothing of the run is held in memory in between.
//! Formats: AgentV `artifact-writer.ts`, `jsonl-writer.ts`, `manifest.ts`, `result-layout.ts` (4.25 to 5.3).

mod ahead;
mod grading;
mod header;
mod layout;
mod lines;
mod messages;
mod records;
mod rerun;
mod result;
mod row;
mod scores;
mod sidecar;
mod sniff;
mod steps;
mod survey;
#[cfg(test)]
mod tests;

use std::path::Path;

use sha2::{Digest, Sha256};

use self::ahead::Ahead;
use self::header::{Documents, experiment_of, header_of};
use self::layout::{Layout, Shape};
use self::lines::Lines;
use self::records::{Read, records_of};
use self::result::RunFacts;
use self::sidecar::Sidecars;
use self::survey::Survey;
use crate::model::RunRow;
use crate::source::{Source, SourceError};

use super::rerun::{RerunCommand, RerunError, RerunOrder};
use super::{Candidate, Fault, Fit, ImportError, Importer, Input, Repeats, RunHandle, RunSink, growing};

/// Reads AgentV's run folders of every layout and era.
pub struct AgentV;

impl Importer for AgentV {
    fn name(&self) -> &'static str {
        "agentv"
    }

    fn about(&self) -> &'static str {
        "AgentV run folders (index.jsonl) of every version"
    }

    fn considers(&self, file_name: &str) -> bool {
        file_name.ends_with(".jsonl")
    }

    fn sniff(&self, file: &Candidate<'_>) -> Fit {
        sniff::sniff(file)
    }

    fn named_by_path(&self, run: &RunRow) -> bool {
        run.source_file == run.source_path
    }

    fn rerun(&self, order: &RerunOrder<'_>) -> Result<Vec<RerunCommand>, RerunError> {
        rerun::rerun(order)
    }

    fn whole_rows(&self, source: &dyn Source, path: &Path) -> Result<Option<u64>, SourceError> {
        growing::json_lines(source, path).map(Some)
    }

    fn read(&self, input: &Input<'_>, sink: &mut dyn RunSink) -> Result<(), ImportError> {
        let layout = Layout::of(input.path);
        let mut hash = Sha256::new();
        let survey = Survey::of(input, &mut hash)?;
        let mut documents = Documents::read(input, &layout, &mut hash);
        for fault in std::mem::take(&mut documents.faults) {
            sink.fault(fault);
        }
        let mut header = header_of(input, &layout, &documents, &survey);
        header.fingerprint = format!("{:x}", hash.finalize()).chars().take(32).collect();
        let run = sink.begin(&header, Repeats::Attempts)?;
        if !sink.wants(run) {
            sink.end(run, header)?;
            return Ok(());
        }
        // In a flat file rows may be of several experiments, and each says its own.
        let experiment = match layout.shape {
            Shape::Flat => None,
            Shape::Folder | Shape::Internal => experiment_of(&layout, &documents, &survey),
        };
        let facts = RunFacts { experiment, task: input.options.task.clone() };
        read_rows(input, sink, run, &mut Reading { layout: &layout, survey: &survey, facts })?;
        sink.end(run, header)?;
        Ok(())
    }
}

/// What the second pass knows from the first.
struct Reading<'a> {
    layout: &'a Layout,
    survey: &'a Survey,
    facts: RunFacts,
}

fn read_rows(
    input: &Input<'_>,
    sink: &mut dyn RunSink,
    run: RunHandle,
    known: &mut Reading<'_>,
) -> Result<(), ImportError> {
    let mut sidecars = Sidecars::new(input.source, known.layout, known.survey);
    let mut lines = Ahead::new(Lines::open(input.source, input.path)?, known.survey.last_line);
    while let Some(line) = lines.next(&sidecars)? {
        match line.row {
            Ok(row) => {
                let read = Read { row: &row, line: line.number, text: &line.text };
                for record in records_of(&read, &mut sidecars, &known.facts) {
                    sink.record(run, record)?;
                }
            }
            Err(problem) => {
                sink.fault(Fault {
                    path: input.path.to_owned(),
                    line: Some(line.number),
                    message: problem.0,
                });
            }
        }
        for fault in sidecars.take_faults() {
            sink.fault(fault);
        }
        sink.progress(line.bytes);
    }
    Ok(())
}
