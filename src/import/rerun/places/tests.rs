//! Runs that moved, suites that moved, and what is said when they are gone.

use std::fs;

use super::*;
use crate::import::rerun::{GivenPlaces, RerunMode};
use crate::model::{RunRow, Timestamp};
use crate::source::LocalDisk;

const RUN: &str = ".agentv/results/runs/dev/2026-05-06T05-36-19-075Z";
const SUITE: &str = "evals/bot.eval.yaml";

/// A folder with files in it.
fn folder(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    (folder, root)
}

struct Asked {
    run: RunRow,
    given: GivenPlaces,
    here: PathBuf,
}

impl Asked {
    /// A run in a folder whose rows name an eval file.
    fn of(run_dir: &Path, eval_file: Option<&str>, here: &Path) -> Self {
        let run = RunRow {
            tool: "agentv".to_owned(),
            source_path: run_dir.to_string_lossy().into_owned(),
            eval_file: eval_file.map(str::to_owned),
            ..RunRow::default()
        };
        Self { run, given: GivenPlaces::default(), here: here.to_owned() }
    }

    fn places(&self) -> Result<Places, RerunError> {
        Places::of(&RerunOrder {
            run: &self.run,
            mode: RerunMode::Resume,
            cases: &[],
            whole: true,
            models: &[],
            given: &self.given,
            source: &LocalDisk,
            here: &self.here,
            words: &[],
            now: Timestamp(0),
        })
    }
}

#[test]
fn a_run_in_its_project_is_named_from_there() {
    let (_folder, root) = folder(&[&format!("{RUN}/index.jsonl"), SUITE]);
    let places = Asked::of(&root.join(RUN), Some(SUITE), Path::new("/")).places().unwrap();
    assert_eq!(places.project, root);
    assert_eq!(
        (places.word(&places.run_dir), places.word(&places.suite)),
        (RUN.to_owned(), SUITE.to_owned())
    );
    assert_eq!(places.word(Path::new("/elsewhere/x")), "/elsewhere/x");
    assert_eq!(places.word(&root), root.to_string_lossy(), "the project itself has no shorter name");
    assert_eq!(places.word(&root.join("-x")), "./-x");
}

#[test]
fn a_project_that_came_from_another_machine_keeps_its_suite() {
    let (_folder, root) = folder(&[&format!("{RUN}/index.jsonl"), SUITE, "other/evals/bot.eval.yaml"]);
    let absolute = "/home/somebody/other/evals/bot.eval.yaml";
    let places = Asked::of(&root.join(RUN), Some(absolute), Path::new("/")).places().unwrap();
    assert_eq!(places.suite, root.join("other/evals/bot.eval.yaml"), "the longest tail that is there");
    let gone = Asked::of(&root.join(RUN), Some("/home/x/evals/gone.yaml"), Path::new("/")).places();
    assert_eq!(gone, Err(RerunError::NoSuite { path: "/home/x/evals/gone.yaml".to_owned() }));
}

#[test]
fn a_run_folder_outside_of_a_project_belongs_to_the_folder_that_has_its_suite() {
    let (_folder, root) = folder(&["proj/out/run1/index.jsonl", "proj/evals/bot.eval.yaml"]);
    let run_dir = root.join("proj/out/run1");
    let places = Asked::of(&run_dir, Some(SUITE), Path::new("/")).places().unwrap();
    assert_eq!((places.project, places.suite), (root.join("proj"), root.join("proj/evals/bot.eval.yaml")));
}

#[test]
fn a_person_says_where_things_are() {
    let (_folder, root) =
        folder(&["kept/run1/index.jsonl", "proj/evals/bot.eval.yaml", "proj/.agentv/targets.yaml"]);
    let mut asked = Asked::of(Path::new("/gone/run1"), None, &root.join("kept"));
    assert_eq!(asked.places(), Err(RerunError::NoRunDir { path: "/gone/run1".to_owned() }));
    asked.given.run_dir = Some(PathBuf::from("./run1"));
    assert_eq!(asked.places(), Err(RerunError::UnknownSuite));
    asked.given.suite = Some(PathBuf::from("../proj/evals/bot.eval.yaml"));
    let places = asked.places().unwrap();
    assert_eq!(places.run_dir, root.join("kept/run1"));
    assert_eq!(places.suite, root.join("proj/evals/bot.eval.yaml"));
    assert_eq!(places.project, root.join("proj"), "the suite's project, since the run has none");
    assert_eq!(places.notes, Vec::<String>::new());
    asked.given.suite = Some(PathBuf::from("nope.yaml"));
    assert_eq!(asked.places(), Err(RerunError::NoSuite { path: "nope.yaml".to_owned() }));
}

#[test]
fn a_suite_of_another_run_is_found_as_that_run_would_and_said() {
    let (_folder, root) = folder(&[&format!("{RUN}/index.jsonl"), SUITE]);
    let mut asked = Asked::of(&root.join(RUN), None, Path::new("/"));
    asked.given.suite = Some(PathBuf::from(SUITE));
    asked.given.suite_of = Some("dev::last".to_owned());
    let places = asked.places().unwrap();
    assert_eq!(places.suite, root.join(SUITE));
    assert!(places.notes[0].contains("run dev::last"), "{:?}", places.notes);
}

#[test]
fn a_run_in_a_bucket_is_remote_until_it_is_copied() {
    let (_folder, root) = folder(&["copy/index.jsonl", SUITE]);
    let url = "s3://bucket/runs/dev/x";
    let mut asked = Asked::of(Path::new("/"), Some(SUITE), &root);
    asked.run.source_path = url.to_owned();
    assert_eq!(asked.places(), Err(RerunError::Remote { url: url.to_owned() }));
    asked.given.run_dir = Some(PathBuf::from("copy"));
    assert_eq!(asked.places().unwrap().project, root);
}
