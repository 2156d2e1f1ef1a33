//! One file, one question: asks the views of a session and gives an [`crate::answer::Answer`]. No printing.

pub mod account;
pub mod compare;
pub mod diff;
pub mod distribution;
pub mod jobs;
mod labels;
pub mod metrics;
pub mod progress;
pub mod resume;
pub mod runs;
pub mod show;
pub mod store;
pub mod versions;
pub mod views;

use crate::answer::Records;
use crate::session::Rows;

impl From<Rows> for Records {
    fn from(rows: Rows) -> Self {
        Self { schema: rows.schema, batches: rows.batches }
    }
}
