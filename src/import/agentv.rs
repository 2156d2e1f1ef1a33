//! AgentV run folders.

use super::{Candidate, Fit, ImportError, Importer, Input, RunSink};

/// Reads AgentV's run folders of every layout and era.
pub struct AgentV;

impl Importer for AgentV {
    fn name(&self) -> &'static str {
        "agentv"
    }

    fn about(&self) -> &'static str {
        "AgentV run folders (index.jsonl) of every version"
    }

    fn sniff(&self, _file: &Candidate<'_>) -> Fit {
        Fit::No
    }

    fn read(&self, _input: &Input<'_>, _sink: &mut dyn RunSink) -> Result<(), ImportError> {
        Ok(())
    }
}
