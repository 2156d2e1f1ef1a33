//! Words in the lines that they form: a line break in the text ends a row.

use unicode_segmentation::UnicodeSegmentation;

use super::super::text::{visible, width};
use super::{Kind, Row, Segment};

/// Both texts in one run of rows.
#[derive(Default)]
pub(super) struct Flow {
    rows: Vec<Row>,
    line: Vec<Segment>,
}

impl Flow {
    /// Text that both sides have.
    pub fn equal(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.end_row();
            }
            push_equal(&mut self.line, line);
        }
    }

    /// Text of one side. `is_last` when nothing of the other side follows it in the same place.
    pub fn changed(&mut self, kind: Kind, text: &str, is_last: bool) {
        let parts: Vec<&str> = text.split_inclusive('\n').collect();
        for (at, part) in parts.iter().enumerate() {
            let closes = at + 1 == parts.len();
            self.line.push(Segment { kind, text: spelled(part), opens: at == 0, closes });
            if part.ends_with('\n') && (is_last || !closes) {
                self.end_row();
            }
        }
    }

    /// Words about what is not shown, in a row of their own.
    pub fn said(&mut self, said: String) {
        self.end_line();
        self.rows.push(Row::Said(said));
    }

    /// The rows.
    pub fn rows(mut self) -> Vec<Row> {
        self.end_line();
        self.rows
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        self.rows.push(Row::Inline(std::mem::take(&mut self.line)));
    }
}

/// The texts beside each other: lines that begin at the same place stand in one row.
#[derive(Default)]
pub(super) struct Sides {
    rows: Vec<Row>,
    /// Lines of each side since both began a line together; the last one is not ended.
    lines: [Vec<Vec<Segment>>; 2],
}

impl Sides {
    /// Text that both sides have.
    pub fn equal(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                self.end_row();
            }
            for side in &mut self.lines {
                push_equal(open_line(side), line);
            }
        }
    }

    /// What each side has in this place.
    pub fn changed(&mut self, removed: &str, added: &str) {
        for (side, (kind, text)) in
            self.lines.iter_mut().zip([(Kind::Removed, removed), (Kind::Added, added)])
        {
            let parts: Vec<&str> = text.split_inclusive('\n').collect();
            for (at, part) in parts.iter().enumerate() {
                let closes = at + 1 == parts.len();
                let segment = Segment { kind, text: spelled(part), opens: at == 0, closes };
                open_line(side).push(segment);
                if part.ends_with('\n') {
                    side.push(Vec::new());
                }
            }
        }
        if removed.ends_with('\n') && added.ends_with('\n') {
            self.lines.iter_mut().for_each(|side| drop(side.pop()));
            self.end_row();
        }
    }

    /// Words about what is not shown, in a row of their own.
    pub fn said(&mut self, said: String) {
        self.end_lines();
        self.rows.push(Row::Said(said));
    }

    /// The rows.
    pub fn rows(mut self) -> Vec<Row> {
        self.end_lines();
        self.rows
    }

    fn end_lines(&mut self) {
        if self.lines.iter().any(|side| side.iter().any(|line| !line.is_empty())) {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        let [left, right] = &mut self.lines;
        let mut height = left.len().max(right.len()).max(1);
        // What follows an ended line and holds nothing on either side is no line.
        let is_empty = |side: &[Vec<Segment>], at: usize| side.get(at).is_none_or(Vec::is_empty);
        while height > 1 && is_empty(left, height - 1) && is_empty(right, height - 1) {
            height -= 1;
        }
        let (mut left, mut right) = (std::mem::take(left).into_iter(), std::mem::take(right).into_iter());
        for _ in 0..height {
            self.rows.push(Row::Beside([left.next().unwrap_or_default(), right.next().unwrap_or_default()]));
        }
    }
}

fn open_line(lines: &mut Vec<Vec<Segment>>) -> &mut Vec<Segment> {
    if lines.is_empty() {
        lines.push(Vec::new());
    }
    let last = lines.len() - 1;
    &mut lines[last]
}

fn push_equal(line: &mut Vec<Segment>, text: &str) {
    let text = text.strip_suffix('\r').unwrap_or(text);
    if !text.is_empty() {
        line.push(Segment::whole(Kind::Equal, visible(text)));
    }
}

/// The lines of a text as they look, without their ends.
pub(super) fn plain_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| visible(line).into_owned())
}

/// The lines of a text with their ends and all that has no look of its own.
pub(super) fn spelled_lines(text: &str) -> impl Iterator<Item = String> {
    text.split_inclusive('\n').map(spelled)
}

/// At most one line with all that has no look of its own: `⏎` for its end, `␍`, `␉`, and `\u{200b}` for spaces other
/// than the usual one and for letters without a width.
fn spelled(line: &str) -> String {
    let (inner, end) = match line.strip_suffix('\n') {
        Some(inner) => (inner, "⏎"),
        None => (line, ""),
    };
    let mut shown = String::with_capacity(line.len());
    for cluster in inner.graphemes(true) {
        let is_control = cluster.chars().all(char::is_control);
        let is_odd_space = cluster.chars().all(char::is_whitespace) && cluster != " ";
        if cluster == "\t" {
            shown.push('␉');
        } else if !is_control && (is_odd_space || width(cluster) == 0) {
            shown.extend(cluster.chars().map(|letter| format!("\\u{{{:x}}}", u32::from(letter))));
        } else {
            shown.push_str(&visible(cluster));
        }
    }
    shown + end
}
