//! Plain tables: JSONL, JSON, CSV and Parquet of any shape.

use super::{Candidate, Fit, ImportError, Importer, Input, RunSink};

/// How columns of a plain table are to be understood (`--map`, `--mapping`, `--run-column`).
#[derive(Debug, Clone, Default)]
pub struct Mapping {}

/// placeholder
#[derive(Debug, thiserror::Error)]
#[error("mapping")]
pub struct MappingError;
impl MappingError {
    pub fn hint(&self) -> Option<String> {
        None
    }
}
impl Mapping {
    pub fn parse_flags(_: &[String]) -> Result<Self, MappingError> {
        Ok(Self {})
    }
    pub fn from_toml(_: &str) -> Result<Self, MappingError> {
        Ok(Self {})
    }
    pub fn set_run_column(&mut self, _: impl Into<String>) {}
    pub fn merge(&mut self, _: Self) {}
}

/// Reads one row per result from a plain table.
pub struct Table;

impl Importer for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn about(&self) -> &'static str {
        "JSONL, JSON arrays, CSV and Parquet of any shape"
    }

    fn sniff(&self, _file: &Candidate<'_>) -> Fit {
        Fit::No
    }

    fn read(&self, _input: &Input<'_>, _sink: &mut dyn RunSink) -> Result<(), ImportError> {
        Ok(())
    }
}
