//! Plans against what tools really did, and against rules that were written down apart.

mod acceptance;
#[cfg(unix)]
mod fake_tool;
mod histories;
mod properties;
mod real_agentv;
mod steps;

use std::path::{Path, PathBuf};

use runq::import::rerun::template::Templates;
use runq::import::rerun::{GivenPlaces, RerunMode};
use runq::model::Timestamp;
use runq::questions::resume::Resume;

/// All that a mode selects; from a folder, with a suite.
fn all_of(mode: RerunMode, here: &Path, suite: Option<PathBuf>) -> Resume {
    Resume {
        mode,
        predicate: None,
        models: Vec::new(),
        case: None,
        reasons: Vec::new(),
        max_attempts: None,
        places: GivenPlaces { suite, ..GivenPlaces::default() },
        words: Vec::new(),
        templates: Templates::default(),
        here: here.to_owned(),
        now: Timestamp(1_800_000_000_000_000),
    }
}
