//! How many rows a tool has added to its files since it was started: whole lines, counted as they come.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// What an AgentV run calls the file of its rows, within its folder.
const INDEXES: [&str; 2] = [".internal/index.jsonl", "index.jsonl"];

/// Endings of files whose lines are rows.
const LINED: [&str; 5] = ["jsonl", "ndjson", "csv", "tsv", "txt"];

const CHUNK: usize = 64 * 1024;

/// Counts the rows of a growing file.
#[derive(Debug)]
pub struct Growth {
    candidates: Vec<PathBuf>,
    place: Option<Place>,
    /// Lines there were at the start.
    start: u64,
    most: u64,
}

/// How far a file has been counted.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    offset: u64,
    lines: u64,
    /// Whether something but white space stands after the last line break.
    open: bool,
}

impl Growth {
    /// Counts from what is there now: in a new output where there is one, else in the run's own file. `None` where a
    /// file has no lines that are rows.
    pub fn of(row_file: &Path, output: Option<&Path>) -> Option<Self> {
        let candidates = match output {
            Some(output) if is_lined(output) => vec![output.to_owned()],
            Some(output) => INDEXES.map(|index| output.join(index)).to_vec(),
            None if is_lined(row_file) => vec![row_file.to_owned()],
            None => return None,
        };
        let mut growth = Self { candidates, place: None, start: 0, most: 0 };
        growth.count();
        growth.start = growth.place.as_ref().map_or(0, |place| place.lines);
        Some(growth)
    }

    /// Rows added since the start; never fewer than last time, also when the tool writes the file anew.
    pub fn rows(&mut self) -> u64 {
        self.count();
        let lines = self.place.as_ref().map_or(0, |place| place.lines);
        self.most = self.most.max(lines.saturating_sub(self.start));
        self.most
    }

    fn count(&mut self) {
        if self.place.is_none() {
            let there = self.candidates.iter().find(|path| path.is_file());
            self.place = there.map(|path| Place::new(path));
        }
        // A file that cannot be read now may be readable the next time: this is a progress line and no more.
        if let Some(place) = &mut self.place
            && place.count().is_err()
        {
            self.place = None;
        }
    }
}

impl Place {
    fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, lines: 0, open: false }
    }

    fn count(&mut self) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        if file.metadata()?.len() < self.offset {
            *self = Self::new(&self.path);
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match file.read(&mut chunk)? {
                0 => return Ok(()),
                read => read,
            };
            self.offset += read as u64;
            for &byte in &chunk[..read] {
                match byte {
                    b'\n' => {
                        self.lines += u64::from(self.open);
                        self.open = false;
                    }
                    byte => self.open |= !byte.is_ascii_whitespace(),
                }
            }
        }
    }
}

fn is_lined(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| LINED.contains(&extension.to_ascii_lowercase().as_str()))
}
