//! What the line editor asks while a person types.

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};

use crate::repl::split::{Piece, first};

/// The editor's helper.
pub struct Helper;

impl rustyline::Helper for Helper {}

impl Validator for Helper {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> Result<ValidationResult, ReadlineError> {
        let mut text = typed.input();
        loop {
            let (piece, rest) = first(text);
            match piece {
                Piece::Nothing => return Ok(ValidationResult::Valid(None)),
                Piece::Open(..) => return Ok(ValidationResult::Incomplete),
                Piece::Command(_) | Piece::Statement(_) => text = rest,
            }
        }
    }
}

impl Completer for Helper {
    type Candidate = String;
}

impl Hinter for Helper {
    type Hint = String;
}

impl Highlighter for Helper {}
