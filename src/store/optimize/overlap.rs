//! Which large files are merged once more: those that may hold the same runs.
//!
//! Ids of runs need not grow with time. Then each file that an optimization leaves behind spans all ids, and a question
//! about two runs opens every one of them. So files are laid into strands, and none overlaps another of its strand. Four
//! strands of about the same size are merged into one: a row is written anew once per power of four, and of each power
//! at most three strands stay, so that files which may hold a run grow with the logarithm of the table.

use std::collections::BTreeMap;

use crate::store::files::StoredFile;

/// How many strands of a size are merged, and how much larger those of the next size are.
const STRANDS: usize = 4;

/// Files that follow each other.
#[derive(Default)]
struct Strand {
    files: Vec<StoredFile>,
    bytes: u64,
}

impl Strand {
    /// Whether a file lies behind all others. One run may end one file and begin the next.
    fn ends_before(&self, file: &StoredFile) -> bool {
        let last = self.files.last().map(|last| last.runs.high());
        last.is_none_or(|high| high.is_some_and(|high| high <= file.runs.low()))
    }

    fn push(&mut self, file: StoredFile) {
        self.bytes += file.size;
        self.files.push(file);
    }

    /// The power of four of its size.
    fn size(&self) -> u32 {
        self.bytes.max(1).ilog(STRANDS as u64)
    }
}

/// The files of a table that are to become one strand, by their smallest run; none when few enough overlap.
pub(super) fn overlapping(mut files: Vec<StoredFile>) -> Vec<StoredFile> {
    files.sort_by_cached_key(|file| (file.runs.low().to_owned(), file.path.clone()));
    let mut strands: Vec<Strand> = Vec::new();
    for file in files {
        match strands.iter_mut().find(|strand| strand.ends_before(&file)) {
            Some(strand) => strand.push(file),
            None => {
                let mut strand = Strand::default();
                strand.push(file);
                strands.push(strand);
            }
        }
    }
    let mut sizes: BTreeMap<u32, Vec<Strand>> = BTreeMap::new();
    for strand in strands {
        sizes.entry(strand.size()).or_default().push(strand);
    }
    let many = sizes.into_values().find(|strands| strands.len() >= STRANDS).unwrap_or_default();
    let mut chosen: Vec<StoredFile> = many.into_iter().flat_map(|strand| strand.files).collect();
    chosen.sort_by_cached_key(|file| (file.runs.low().to_owned(), file.path.clone()));
    chosen
}

/// Part of the rows of some files: those of the runs from one id up to another.
pub(super) struct Part {
    /// The files that may hold some of them.
    pub(super) files: Vec<StoredFile>,
    /// The smallest run; none for all until the end.
    pub(super) from: Option<String>,
    /// The run behind the last one; none for all from the beginning.
    pub(super) until: Option<String>,
}

/// Overlapping files in parts of about so many bytes, so that little is sorted at once.
pub(super) fn parts(files: &[StoredFile], bytes: u64) -> Vec<Part> {
    let mut cuts: Vec<&str> = Vec::new();
    let mut passed = 0;
    for file in files {
        if passed >= bytes && cuts.last().is_none_or(|last| *last < file.runs.low()) {
            cuts.push(file.runs.low());
            passed = 0;
        }
        passed += file.size;
    }
    let from = std::iter::once(None).chain(cuts.iter().copied().map(Some));
    let until = cuts.iter().copied().map(Some).chain([None]);
    let part = |(from, until): (Option<&str>, Option<&str>)| {
        let begins = |file: &&StoredFile| until.is_none_or(|until| file.runs.low() < until);
        let ends =
            |file: &&StoredFile| from.is_none_or(|from| file.runs.high().is_none_or(|high| high >= from));
        Part {
            files: files.iter().filter(begins).filter(ends).cloned().collect(),
            from: from.map(str::to_owned),
            until: until.map(str::to_owned),
        }
    };
    from.zip(until).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::files::Span;

    const MIB: u64 = 1024 * 1024;

    fn file(low: &str, high: &str, mib: u64) -> StoredFile {
        StoredFile::made(&format!("{low}-{high}-{mib}"), Span::Between(low.into(), high.into()), mib * MIB)
    }

    #[test]
    fn files_in_a_row_stay_and_four_of_a_size_that_overlap_are_merged() {
        let row: Vec<_> =
            ["a", "b", "c", "d", "e"].windows(2).map(|ends| file(ends[0], ends[1], 40)).collect();
        assert!(overlapping(row.clone()).is_empty(), "a run may end one and begin the next");
        let mut three = row;
        three.extend([file("a", "e", 40), file("a", "e", 41)]);
        assert!(overlapping(three.clone()).is_empty(), "two of 40 MiB beside one of 160");
        three.extend([file("a", "d", 42), file("b", "e", 43)]);
        let merged: Vec<_> = overlapping(three).iter().map(|file| file.size / MIB).collect();
        assert_eq!(merged, [42, 40, 41, 43], "by their first run");
    }

    #[test]
    fn parts_hold_every_run_once() {
        let files: Vec<_> =
            ["b", "d", "f"].iter().flat_map(|low| [file(low, "h", 40), file(low, "g", 40)]).collect();
        let parts = parts(&files, 80 * MIB);
        let spans: Vec<_> = parts
            .iter()
            .map(|part| (part.from.as_deref(), part.until.as_deref(), part.files.len()))
            .collect();
        assert_eq!(spans, [(None, Some("d"), 2), (Some("d"), Some("f"), 4), (Some("f"), None, 6)]);
    }
}
