//! `sh`: the commands of the answer as a script, for a shell or a file.
//!
//! Refuses an answer that has none. What it prints was quoted by whoever made it, and is printed as it is.

use std::io::Write;

use super::text::command_text;
use super::{RenderError, Renderer, Screen};
use crate::answer::Answer;

/// The format `sh`.
pub(super) struct Sh;

impl Renderer for Sh {
    fn name(&self) -> &'static str {
        "sh"
    }

    fn about(&self) -> &'static str {
        "the commands of a plan as a script (resume only)"
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        let script = answer.script.as_ref().ok_or(RenderError::NoScript)?;
        Ok(out.write_all(command_text(script, screen).as_bytes())?)
    }
}
