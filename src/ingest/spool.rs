//! Holds the chunks of a run between reading and settling: in memory up to a bound, beyond it in a file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::IngestError;

/// How many bytes of chunks stay in memory per run.
const MEMORY_BYTES: usize = 64 << 20;

/// Some rows of a run, and which result each score and step belongs to.
pub(crate) struct Chunk {
    pub results: RecordBatch,
    pub scores: RecordBatch,
    pub steps: RecordBatch,
    /// For each score the row of its result in `results`.
    pub score_owners: Vec<u32>,
    /// For each step the row of its result in `results`.
    pub step_owners: Vec<u32>,
}

impl Chunk {
    fn bytes(&self) -> usize {
        [&self.results, &self.scores, &self.steps].into_iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

/// The chunks of a run in the order in which they came.
#[derive(Default)]
pub(crate) struct Spool {
    chunks: Vec<Chunk>,
    bytes: usize,
    spilled: Option<Spill>,
}

impl Spool {
    /// Takes a chunk.
    pub fn push(&mut self, chunk: Chunk) -> Result<(), IngestError> {
        self.bytes += chunk.bytes();
        self.chunks.push(chunk);
        if self.bytes > MEMORY_BYTES {
            self.spill()?;
        }
        Ok(())
    }

    /// How many bytes of chunks are in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether all chunks are in memory.
    pub fn in_memory(&self) -> bool {
        self.spilled.is_none()
    }

    fn spill(&mut self) -> Result<(), IngestError> {
        let mut spill = match self.spilled.take() {
            Some(spill) => spill,
            None => Spill::new()?,
        };
        for chunk in self.chunks.drain(..) {
            spill.write(chunk)?;
        }
        self.bytes = 0;
        self.spilled = Some(spill);
        Ok(())
    }

    /// Gives the chunks back, each once.
    pub fn drain(self) -> Result<impl Iterator<Item = Result<Chunk, IngestError>>, IngestError> {
        let spilled = self.spilled.map(Spill::read).transpose()?.into_iter().flatten();
        Ok(spilled.chain(self.chunks.into_iter().map(Ok)))
    }
}

/// Chunks on disk: three files without a name, gone when the process ends however it ends.
struct Spill {
    writers: Option<[StreamWriter<BufWriter<File>>; 3]>,
    files: [File; 3],
    owners: Vec<(Vec<u32>, Vec<u32>)>,
}

impl Spill {
    fn new() -> Result<Self, IngestError> {
        Ok(Self {
            writers: None,
            files: [tempfile::tempfile()?, tempfile::tempfile()?, tempfile::tempfile()?],
            owners: Vec::new(),
        })
    }

    fn write(&mut self, chunk: Chunk) -> Result<(), IngestError> {
        let batches = [&chunk.results, &chunk.scores, &chunk.steps];
        if self.writers.is_none() {
            let [results, scores, steps] = &self.files;
            self.writers =
                Some([writer(results, batches[0])?, writer(scores, batches[1])?, writer(steps, batches[2])?]);
        }
        for (writer, batch) in self.writers.iter_mut().flatten().zip(batches) {
            writer.write(batch)?;
        }
        self.owners.push((chunk.score_owners, chunk.step_owners));
        Ok(())
    }

    fn read(mut self) -> Result<impl Iterator<Item = Result<Chunk, IngestError>>, IngestError> {
        for writer in self.writers.iter_mut().flatten() {
            writer.finish()?;
        }
        self.writers = None;
        let [results, scores, steps] = self.files;
        let (mut results, mut scores, mut steps) = (reader(results)?, reader(scores)?, reader(steps)?);
        Ok(self.owners.into_iter().map(move |(score_owners, step_owners)| {
            Ok(Chunk {
                results: next(&mut results)?,
                scores: next(&mut scores)?,
                steps: next(&mut steps)?,
                score_owners,
                step_owners,
            })
        }))
    }
}

fn writer(file: &File, batch: &RecordBatch) -> Result<StreamWriter<BufWriter<File>>, IngestError> {
    Ok(StreamWriter::try_new(BufWriter::new(file.try_clone()?), &batch.schema())?)
}

fn reader(mut file: File) -> Result<StreamReader<BufReader<File>>, IngestError> {
    file.seek(SeekFrom::Start(0))?;
    Ok(StreamReader::try_new(BufReader::new(file), None)?)
}

fn next(reader: &mut StreamReader<BufReader<File>>) -> Result<RecordBatch, IngestError> {
    match reader.next() {
        Some(batch) => Ok(batch?),
        None => Err(IngestError::Internal("a spilled run ended early".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ResultRow, Row, ScoreRow, StepRow};

    fn chunk(case_id: &str, text: usize) -> Chunk {
        let result =
            ResultRow { case_id: case_id.into(), output: Some("x".repeat(text)), ..ResultRow::default() };
        let score = ScoreRow { metric: case_id.into(), ..ScoreRow::default() };
        Chunk {
            results: ResultRow::batch(&[result]).unwrap(),
            scores: ScoreRow::batch(&[score]).unwrap(),
            steps: StepRow::batch(&[]).unwrap(),
            score_owners: vec![0],
            step_owners: vec![],
        }
    }

    #[test]
    fn chunks_beyond_the_bound_come_back_from_disk_in_order() {
        let mut spool = Spool::default();
        for number in 0..5 {
            spool.push(chunk(&format!("case-{number}"), MEMORY_BYTES / 3)).unwrap();
        }
        assert!(!spool.in_memory());
        let cases: Vec<String> = spool
            .drain()
            .unwrap()
            .map(|chunk| {
                let chunk = chunk.unwrap();
                assert_eq!(chunk.score_owners, [0]);
                let results = ResultRow::read(&chunk.results).unwrap();
                assert_eq!(results[0].output.as_ref().map(String::len), Some(MEMORY_BYTES / 3));
                assert_eq!(ScoreRow::read(&chunk.scores).unwrap()[0].metric, results[0].case_id);
                results[0].case_id.clone()
            })
            .collect();
        assert_eq!(cases, ["case-0", "case-1", "case-2", "case-3", "case-4"]);
    }
}
