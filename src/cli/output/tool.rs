//! What a started tool prints, made fit to stand among our own lines on stderr.

use std::fmt::Write as _;

use crate::render::text::visible;

/// How much of a line without an end is kept before it is shown as it is.
const LONGEST: usize = 64 * 1024;

const RESET: &str = "\u{1b}[0m";

/// Cuts one of a tool's streams into lines.
#[derive(Debug, Default)]
pub struct ToolLines {
    pending: Vec<u8>,
}

impl ToolLines {
    /// Takes what was printed and gives the lines that are whole now; an endless one comes in pieces.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.pending.extend_from_slice(bytes);
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(length) = self.pending[start..].iter().position(|byte| *byte == b'\n') {
            lines.push(drawn(&self.pending[start..start + length]).to_vec());
            start += length + 1;
        }
        self.pending.drain(..start);
        while self.pending.len() > LONGEST {
            let cut = whole_letters(&self.pending[..LONGEST]);
            lines.push(drawn(&self.pending[..cut]).to_vec());
            self.pending.drain(..cut);
        }
        lines
    }

    /// What stands on the unfinished line now, as a terminal would show it; empty when there is none.
    pub fn unfinished(&self) -> &[u8] {
        drawn(&self.pending)
    }

    /// The last line, when the stream ended without a line break.
    pub fn rest(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.pending);
        let line = drawn(&rest);
        (!line.is_empty()).then(|| line.to_vec())
    }
}

/// What a line shows in the end that was drawn over with carriage returns.
fn drawn(line: &[u8]) -> &[u8] {
    line.rsplit(|byte| *byte == b'\r').find(|part| !part.is_empty()).unwrap_or_default()
}

/// Where bytes can be cut without cutting a letter; all of them when they are no UTF-8 anyway.
fn whole_letters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// A tool's line as text: its colours stay where there are any, every other order to a terminal goes. What is no UTF-8
/// becomes `�`.
pub(super) fn harmless(line: &[u8], color: bool) -> String {
    let text = String::from_utf8_lossy(line);
    let mut shown = String::with_capacity(text.len());
    let mut colored = false;
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&visible(&rest[..at]));
        let (order, after) = rest[at..].split_at(length_of_order(&rest[at..]));
        if color && is_color(order) {
            let _ = shown.write_str(order);
            colored = true;
        }
        rest = after;
    }
    shown.push_str(&visible(rest));
    if colored {
        shown.push_str(RESET);
    }
    shown
}

/// Whether an order sets colours or the weight of letters (`ESC [ ... m`, ECMA-48 SGR).
fn is_color(order: &str) -> bool {
    order.strip_prefix("\u{1b}[").and_then(|order| order.strip_suffix('m')).is_some_and(|parameters| {
        parameters.chars().all(|letter| letter.is_ascii_digit() || letter == ';' || letter == ':')
    })
}

/// How many bytes the order at the start of the text has (ECMA-48: CSI up to its final byte, strings such as OSC up to
/// BEL or ST, others two letters).
fn length_of_order(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        None => text.len(),
        Some((_, '[')) => letters
            .find(|(_, letter)| ('\u{40}'..='\u{7e}').contains(letter))
            .map_or(text.len(), |(at, letter)| at + letter.len_utf8()),
        Some((_, ']' | 'P' | 'X' | '^' | '_')) => {
            let bell = text.find('\u{7}').map(|at| at + 1);
            let terminator = text.find("\u{1b}\\").map(|at| at + 2);
            bell.into_iter().chain(terminator).min().unwrap_or(text.len())
        }
        Some((_, '(' | ')' | '*' | '+' | '#' | '%' | ' ')) => {
            letters.next().map_or(text.len(), |(at, letter)| at + letter.len_utf8())
        }
        Some((at, letter)) => at + letter.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[&[u8]]) -> (Vec<String>, String) {
        let mut tool = ToolLines::default();
        let lines = of.iter().flat_map(|bytes| tool.take(bytes)).map(|line| harmless(&line, false)).collect();
        (lines, harmless(tool.unfinished(), false))
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        assert_eq!(
            lines(&[b"on", b"e\ntw", b"o\n", b"thr"]),
            (vec!["one".into(), "two".into()], "thr".into())
        );
        assert_eq!(lines(&["ä\n".as_bytes()[..1].as_ref(), &"ä\n".as_bytes()[1..]]).0, ["ä"]);
        assert_eq!(lines(&[b"\xff\xfe\n"]).0, ["\u{fffd}\u{fffd}"]);
        assert_eq!(lines(&[b"crlf\r\n\n"]).0, ["crlf", ""]);
    }

    #[test]
    fn of_a_line_drawn_over_the_last_state_is_shown() {
        assert_eq!(lines(&[b"1/3\r2/3\r3/3\n"]).0, ["3/3"]);
        assert_eq!(lines(&[b"1/3\r2/3\r"]).1, "2/3");
    }

    #[test]
    fn an_endless_line_comes_in_pieces_of_whole_letters() {
        let text = format!("a{}", "ä".repeat(LONGEST));
        let mut tool = ToolLines::default();
        let pieces = tool.take(text.as_bytes());
        let rest = tool.rest().unwrap_or_default();
        let together: Vec<u8> = pieces.into_iter().flatten().chain(rest).collect();
        assert_eq!(together, text.as_bytes());
        assert_eq!(tool.rest(), None);
    }

    #[test]
    fn colours_stay_on_a_terminal_and_nothing_else_does() {
        let line =
            b"\x1b[1;32mok\x1b[0m \x1b[2Kx\x1b[3A\x1b]0;title\x07y\x1b]8;;http://a\x1b\\link\x1b(Bz\x07";
        assert_eq!(harmless(line, true), "\u{1b}[1;32mok\u{1b}[0m xylinkz␇\u{1b}[0m");
        assert_eq!(harmless(line, false), "ok xylinkz␇");
        assert_eq!(harmless(b"cut \x1b[3", true), "cut ");
        assert_eq!(harmless(b"\x1b", true), "");
    }
}
