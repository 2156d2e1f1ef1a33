//! `ids`: the ids of the answer, one per line, for `xargs` and `while read`.
//!
//! Refuses an answer that has none, and an id that holds a line break: half an id must never be taken for one.

use std::io::Write;

use super::{RenderError, Renderer, Screen, text};
use crate::answer::Answer;

/// The format `ids`.
pub(super) struct Ids;

impl Renderer for Ids {
    fn name(&self) -> &'static str {
        "ids"
    }

    fn about(&self) -> &'static str {
        "the ids alone, one per line"
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        let ids = answer.ids.as_ref().ok_or(RenderError::NoIds)?;
        if let Some(id) = ids.iter().find(|id| id.contains(['\n', '\r'])) {
            return Err(RenderError::IdWithLineBreak { id: id.clone() });
        }
        for id in ids {
            if screen.is_terminal() {
                writeln!(out, "{}", text::visible(id))?;
            } else {
                writeln!(out, "{id}")?;
            }
        }
        Ok(())
    }
}
