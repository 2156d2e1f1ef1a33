//! Takes runs in without a store: a path is asked about and nothing is left behind.

use std::collections::HashMap;

use super::draft::count;
use super::read::{Drafts, Earlier, Known, Reader, before_its_label, is_called, is_copy};
use super::{Discovery, Found, InMemory, IngestError, Labels, MemoryRun, Stored, Surroundings};
use crate::import::{ImportOptions, Record};
use crate::model::{Key, ResultRow, Row, RunRow, ScoreRow, StepRow};
use crate::source::Source;

/// Reads every run that was found.
///
/// A run that stands under one argument twice (a copy, or a later state) becomes one run, as in a store. Under two
/// arguments it stays two: the person named two states of it.
///
/// # Errors
/// When rows cannot be held; what is wrong with a file is in [`InMemory::problems`].
pub fn read_into_memory(
    source: &dyn Source,
    discovery: Discovery,
    options: &ImportOptions,
    surroundings: &dyn Surroundings,
) -> Result<InMemory, IngestError> {
    let mut memory = InMemory { problems: discovery.problems, ..InMemory::default() };
    let labels = Labels { name: options.name.clone(), ..Labels::default() };
    let reader = Reader { source, options, labels: &labels, surroundings };
    for found in &discovery.found {
        let known = InArgument { runs: &memory.runs, argument: found.argument };
        match reader.read(found, &known) {
            Ok(drafts) => keep(drafts, found, &mut memory)?,
            Err(problem) => memory.problems.push(problem),
        }
    }
    Ok(memory)
}

fn keep(drafts: Drafts, found: &Found, memory: &mut InMemory) -> Result<(), IngestError> {
    let argument = found.argument;
    let mut copies: HashMap<String, String> = HashMap::new();
    memory.reading.notes.extend(drafts.reading.notes);
    memory.reading.faults.extend(drafts.reading.faults);
    memory.reading.metrics.extend(drafts.reading.metrics);
    for draft in drafts.drafts {
        let mut settled = draft.settle()?;
        memory.reading.faults.append(&mut settled.faults);
        let mut header = settled.header.clone();
        let rows: Vec<Stored> = settled.rows()?.collect::<Result<_, IngestError>>()?;
        rows.iter().for_each(|stored| count(&mut header, stored));
        if let Some(original) = header.parent_run_id.as_ref().and_then(|parent| copies.get(parent)) {
            header.parent_run_id = Some(original.clone());
        }
        let run = MemoryRun { header, rows, argument };
        let same = |other: &MemoryRun| {
            other.argument == argument
                && (other.header.run_id == run.header.run_id
                    || is_copy(&other.header, &run.header, found.importer))
        };
        match memory.runs.iter().position(same).map(|place| &mut memory.runs[place]) {
            // A copy under another name tells nothing new; the first one found keeps its id.
            Some(known) if known.header.run_id != run.header.run_id => {
                copies.insert(run.header.run_id, known.header.run_id.clone());
            }
            Some(known) => *known = run,
            None => memory.runs.push(run),
        }
    }
    Ok(())
}

/// The runs of one argument that have been read so far.
struct InArgument<'a> {
    runs: &'a [MemoryRun],
    argument: usize,
}

impl Earlier for InArgument<'_> {
    fn known(&self, run: &RunRow) -> Result<Known, IngestError> {
        let known = self
            .runs
            .iter()
            .find(|known| known.argument == self.argument && known.header.run_id == run.run_id);
        Ok(match known {
            Some(known) => Known::Attempts(records_of(&known.rows)?),
            None => Known::Nothing,
        })
    }

    fn is_unchanged(&self, _run: &RunRow) -> bool {
        false
    }

    fn run_of_file(&self, source_file: &str, own: &str) -> Option<String> {
        self.of_argument()
            .find(|run| run.source_file == source_file && is_called(&run.run_id, own))
            .map(|run| run.run_id.clone())
    }

    fn run_before_its_label(&self, run: &RunRow) -> Option<String> {
        before_its_label(self.of_argument(), run)
    }

    fn run(&self, run_id: &str) -> Option<&RunRow> {
        self.of_argument().find(|run| run.run_id == run_id)
    }
}

impl InArgument<'_> {
    fn of_argument(&self) -> impl Iterator<Item = &RunRow> {
        self.runs.iter().filter(|known| known.argument == self.argument).map(|known| &known.header)
    }
}

/// Stored rows as records again, attempts of a key in the order of their numbers.
pub(crate) fn records_of(stored: &[Stored]) -> Result<Vec<Record>, IngestError> {
    let mut records: Vec<Record> = Vec::new();
    let mut index: HashMap<(Key, i64), usize> = HashMap::new();
    for part in stored {
        for result in ResultRow::read(&part.results)? {
            index.insert((Key::of(&result), result.attempt), records.len());
            records.push(Record { result, ..Record::default() });
        }
    }
    for part in stored {
        for score in ScoreRow::read(&part.scores)? {
            let key = Key::from_parts(
                &score.task,
                &score.case_id,
                [&score.model, &score.prompt, &score.variant],
                score.epoch,
            );
            if let Some(record) = index.get(&(key, score.attempt)) {
                records[*record].scores.push(score);
            }
        }
        for step in StepRow::read(&part.steps)? {
            let key = Key::from_parts(
                &step.task,
                &step.case_id,
                [&step.model, &step.prompt, &step.variant],
                step.epoch,
            );
            if let Some(record) = index.get(&(key, step.attempt)) {
                records[*record].steps.push(step);
            }
        }
    }
    records.sort_by_key(|record| record.result.attempt);
    Ok(records)
}
