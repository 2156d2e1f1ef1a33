//! Commands of a user's own tools, as templates in the store's `config.toml`.

use super::{RerunCommand, RerunError, RerunOrder};
use crate::model::RunRow;

/// Stands in `argv` for the folder in which a command's files are written, with a slash behind it.
pub const FOLDER: &str = "\u{1}";

/// The templates of a store.
#[derive(Debug, Clone, Default)]
pub struct Templates {
    templates: Vec<Template>,
}

/// A command with places for what a plan fills in.
#[derive(Debug, Clone)]
pub struct Template {}

impl Templates {
    /// The template that a run is run again with: the first one that fits it.
    pub fn of(&self, _run: &RunRow) -> Option<&Template> {
        self.templates.first()
    }
}

impl Template {
    /// The commands of an order.
    ///
    /// # Errors
    /// When the template needs something that the plan cannot give.
    pub fn commands(&self, order: &RerunOrder<'_>) -> Result<Vec<RerunCommand>, RerunError> {
        Err(RerunError::NoCommand { tool: order.run.tool.clone() })
    }
}
