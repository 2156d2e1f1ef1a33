//! What was typed: in this shell, and in a file for those to come.
//!
//! The file holds an entry per line, a line break in it as `\n` and a backslash as `\\`. Several shells append to it at
//! once, each entry under a lock. Nothing that is in it is lost: it is only made shorter by a new file that takes its
//! place when that is whole. Whatever goes wrong is told once and ends no statement.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use etcetera::{BaseStrategy as _, choose_base_strategy};

/// Where the file lies in the folder of the user's state.
const FILE: &str = "runq/history";

/// How many entries are kept.
pub const MOST_ENTRIES: usize = 10_000;

/// How many entries the file may hold beyond those before it is made shorter.
const SLACK: usize = 2_000;

/// How many bytes an entry may have: more is no statement that anybody looks for again.
const LONGEST: usize = 64 * 1024;

/// How many entries one input adds at most, the last ones of it.
const MOST_AT_ONCE: usize = 100;

/// What was typed, oldest first.
#[derive(Debug, Default)]
pub struct History {
    entries: Vec<String>,
    file: Option<PathBuf>,
    read: bool,
    problem: Option<String>,
}

impl History {
    /// What was typed so far; the file is read at the first time.
    pub fn entries(&mut self) -> &[String] {
        if !self.read {
            self.read = true;
            match usual_file() {
                Some(path) => self.open(path),
                None => self.problem = Some("there is no home folder to keep it in".to_owned()),
            }
        }
        &self.entries
    }

    fn open(&mut self, path: PathBuf) {
        match read(&path) {
            Ok(entries) => self.entries = entries,
            Err(error) => self.problem = Some(format!("{}: {error}", path.display())),
        }
        // A file that cannot be read is not written either.
        self.file = self.problem.is_none().then_some(path);
    }

    /// Adds what was typed, in this shell and in the file. What equals the entry before it is there already.
    pub fn add(&mut self, typed: impl IntoIterator<Item = String>) {
        let mut last = self.entries().last().cloned();
        let mut new: Vec<String> = Vec::new();
        for entry in typed {
            if entry.len() <= LONGEST && !entry.trim().is_empty() && last.as_ref() != Some(&entry) {
                last = Some(entry.clone());
                new.push(entry);
            }
        }
        let new = new.split_off(new.len().saturating_sub(MOST_AT_ONCE));
        if let Some(path) = self.file.as_deref().filter(|_| !new.is_empty())
            && let Err(error) = append(path, &new)
        {
            self.problem = Some(format!("{}: {error}", path.display()));
            self.file = None;
        }
        self.entries.extend(new);
    }

    /// Adds what was typed and not carried out, in this shell alone.
    pub fn keep(&mut self, typed: String) {
        let is_last = self.entries().last() == Some(&typed);
        if !typed.trim().is_empty() && typed.len() <= LONGEST && !is_last {
            self.entries.push(typed);
        }
    }

    /// What went wrong with the file, once.
    pub fn problem(&mut self) -> Option<String> {
        let problem = self.problem.take()?;
        Some(format!("the history is kept for this session only: {problem}"))
    }
}

/// The file in the folder of the user's state; `None` when nobody knows where that is.
fn usual_file() -> Option<PathBuf> {
    let folders = choose_base_strategy().ok()?;
    Some(folders.state_dir().unwrap_or_else(|| folders.data_dir()).join(FILE))
}

/// The newest entries of a file; none when there is no file. A file that has grown too long is made shorter.
fn read(path: &Path) -> io::Result<Vec<String>> {
    let bytes = match fs::metadata(path) {
        // What is no file may have no end. `/dev/null` in its place keeps nothing, as people want it then.
        Ok(there) if !there.is_file() && !there.is_dir() => return Ok(Vec::new()),
        Ok(_) => fs::read(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let lines = lines(&bytes);
    if lines.len() > MOST_ENTRIES + SLACK {
        // It is as good when it cannot be made shorter.
        let _ = shorten(path);
    }
    let newest = &lines[lines.len().saturating_sub(MOST_ENTRIES)..];
    let mut entries: Vec<String> =
        newest.iter().map(|line| unescaped(&String::from_utf8_lossy(line))).collect();
    entries.dedup();
    Ok(entries)
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
}

/// Puts a file with the newest entries in the place of a longer one.
fn shorten(path: &Path) -> io::Result<()> {
    let old = locked(path)?;
    let bytes = fs::read(path)?;
    let lines = lines(&bytes);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    for line in &lines[lines.len().saturating_sub(MOST_ENTRIES)..] {
        new.write_all(line)?;
        new.write_all(b"\n")?;
    }
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    // Only now may others append.
    drop(old);
    Ok(())
}

/// Appends entries, all or none.
fn append(path: &Path, entries: &[String]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = locked(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let mut text = if ends_line(&mut file, length)? { String::new() } else { "\n".to_owned() };
    for entry in entries {
        text += &escaped(entry);
        text.push('\n');
    }
    let written = file.write_all(text.as_bytes()).and_then(|()| file.flush());
    if written.is_err() {
        // Half an entry on a full disk.
        let _ = file.set_len(length);
    }
    written
}

/// Whether the file is empty or ends with a line end.
fn ends_line(file: &mut File, length: u64) -> io::Result<bool> {
    let mut last = [b'\n'];
    if length > 0 {
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
    }
    Ok(last == [b'\n'])
}

/// The file, opened for appending and locked; the one that is there now, also when it was replaced meanwhile.
fn locked(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    loop {
        let file = options.open(path)?;
        file.lock()?;
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

/// Whether an open file is the one that the path names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

fn escaped(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n")
}

/// A backslash before anything else stands for itself, as people write it in a file by hand.
fn unescaped(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some('n')) => entry.push('\n'),
            ('\\', Some('\\')) => entry.push('\\'),
            _ => {
                entry.push(letter);
                continue;
            }
        }
        letters.next();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(path: &Path) -> History {
        let mut history = History { read: true, ..History::default() };
        history.open(path.to_owned());
        history
    }

    fn texts(entries: &[&str]) -> Vec<String> {
        entries.iter().map(|entry| (*entry).to_owned()).collect()
    }

    #[test]
    fn entries_come_back_as_they_were_typed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/history");
        let typed =
            texts(&["select 'a\\nb'\nfrom t;", "\\d runs", "ü \\\\ 東;", ".by model", ".by model", "x;"]);
        opened(&path).add(typed.clone());
        let mut expected = typed;
        expected.remove(3);
        assert_eq!(opened(&path).entries(), expected);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 5);
    }

    #[test]
    fn several_shells_append() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let (mut one, mut other) = (opened(&path), opened(&path));
        one.add(texts(&["a;"]));
        other.add(texts(&["b;"]));
        one.add(texts(&["c;"]));
        one.keep("never carried out".to_owned());
        assert_eq!(one.entries(), ["a;", "c;", "never carried out"]);
        assert_eq!(opened(&path).entries(), ["a;", "b;", "c;"]);
    }

    #[test]
    fn a_long_file_is_made_shorter_and_the_newest_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let all: Vec<String> = (0..=MOST_ENTRIES + SLACK).map(|number| format!("select {number};")).collect();
        fs::write(&path, all.join("\n")).unwrap();
        let newest = &all[all.len() - MOST_ENTRIES..];
        assert_eq!(opened(&path).entries(), newest);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(), newest);
    }

    #[test]
    fn a_torn_line_and_bytes_that_are_no_text_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        fs::write(&path, b"a;\n\xff;\ntorn").unwrap();
        opened(&path).add(texts(&["b;"]));
        assert_eq!(opened(&path).entries(), ["a;", "\u{fffd};", "torn", "b;"]);
        assert!(fs::read(&path).unwrap().starts_with(b"a;\n\xff;\ntorn\n"));
    }

    #[test]
    fn a_file_that_cannot_be_written_is_one_problem() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let mut history = opened(&folder.path().join("file/history"));
        history.add(texts(&["a;"]));
        history.add(texts(&["b;"]));
        assert_eq!(history.entries(), ["a;", "b;"]);
        assert!(history.problem().is_some_and(|problem| problem.contains("this session only")));
        assert_eq!(history.problem(), None);
    }
}
