//! `markdown`: GitHub's flavour, for pull requests and reports.
//!
//! Text from data is escaped, so that it shows as it is and forms no markup. Lines that are laid out by spaces, and
//! several lines in a row, go into a code block; notes are quotes.

use std::io::Write;

use super::change::{Kind, Row, Segment, Shape, rows};
use super::{RenderError, Renderer, Screen, text};
use crate::answer::{Answer, Block, Cell, Mark, Table, TextChange};

/// The format `markdown`.
pub(super) struct Markdown;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn about(&self) -> &'static str {
        "GitHub Markdown, for pull requests and reports"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["md"]
    }

    fn between(&self) -> &'static str {
        "\n"
    }

    fn render(&self, answer: &Answer, _screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        for (at, part) in parts(&answer.blocks).iter().enumerate() {
            if at > 0 {
                out.write_all(b"\n")?;
            }
            out.write_all(part.as_bytes())?;
        }
        Ok(())
    }
}

/// The paragraphs of the document, each ending with a newline.
fn parts(blocks: &[Block]) -> Vec<String> {
    let mut parts = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for block in blocks {
        if let Block::Line(line) = block {
            lines.push(line);
            continue;
        }
        parts.extend(lines_part(&std::mem::take(&mut lines)));
        match block {
            Block::Headline { left, right } => parts.push(headline(left, right)),
            Block::Table(table) => parts.extend(table_part(table)),
            Block::Change(change) => parts.extend(change_parts(change)),
            Block::Histogram(histogram) => parts.extend(table_part(&histogram.numbers())),
            Block::Note(note) => parts.push(format!("> {}\n", escaped(note))),
            Block::Command(command) => parts.push(script_block(command)),
            Block::Line(_) | Block::Gap => {}
        }
    }
    parts.extend(lines_part(&lines));
    parts
}

fn headline(left: &str, right: &str) -> String {
    match (left.is_empty(), right.is_empty()) {
        (false, false) => format!("**{}** ({})\n", escaped(left), escaped(right)),
        (false, true) => format!("**{}**\n", escaped(left)),
        _ => format!("{}\n", escaped(right)),
    }
}

fn lines_part(lines: &[&str]) -> Option<String> {
    match lines {
        [] => None,
        [line] if !line.starts_with(' ') && !line.contains("  ") => Some(format!("{}\n", escaped(line))),
        lines => Some(code_block(lines)),
    }
}

/// The title, what is to be known, and the text: whole lines as a `diff` block, words with `<del>` and `<ins>`.
fn change_parts(change: &TextChange) -> Vec<String> {
    let outcome = marked(&change.outcome);
    let between = if outcome.is_empty() { "" } else { " " };
    let mut parts = vec![format!("**{}**{between}{outcome}\n", escaped(&change.title))];
    parts.extend(change.notes.iter().map(|note| format!("> {}\n", escaped(note))));
    let rows = rows(change, Shape::Inline, false);
    if rows.iter().any(|row| matches!(row, Row::Line(_))) {
        let lines: Vec<String> = rows.iter().map(diff_line).collect();
        parts.push(fenced("diff", &lines.iter().map(String::as_str).collect::<Vec<_>>()));
    } else if !rows.is_empty() {
        let lines: Vec<String> = rows.iter().map(marked_up).collect();
        parts.push(format!("{}\n", lines.join("<br>\n")));
    }
    parts
}

fn diff_line(row: &Row) -> String {
    match row {
        Row::Line(line) => match line.kind {
            Kind::Equal => format!("  {}", line.text),
            Kind::Removed => format!("- {}", line.text),
            Kind::Added => format!("+ {}", line.text),
        },
        Row::Said(said) => format!("@@ {said} @@"),
        Row::Inline(line) => line.iter().map(Segment::marked).collect(),
        Row::Beside(_) | Row::Lines(_) => String::new(),
    }
}

fn marked_up(row: &Row) -> String {
    match row {
        Row::Said(said) => format!("*{}*", escaped(said)),
        Row::Inline(line) => line.iter().map(tagged).collect(),
        Row::Line(line) => tagged(line),
        Row::Beside(_) | Row::Lines(_) => String::new(),
    }
}

fn tagged(segment: &Segment) -> String {
    let text = escaped(&segment.text);
    match segment.kind {
        Kind::Equal => text,
        Kind::Removed => format!("<del>{text}</del>"),
        Kind::Added => format!("<ins>{text}</ins>"),
    }
}

/// A code block whose fence is longer than any run of backticks inside.
fn code_block(lines: &[&str]) -> String {
    fenced("text", lines)
}

/// A command as it is: a line break in it is part of a quoted word.
fn script_block(command: &str) -> String {
    fenced("sh", &command.split('\n').collect::<Vec<_>>())
}

fn fenced(language: &str, lines: &[&str]) -> String {
    let shown: Vec<_> = lines.iter().map(|line| text::visible(line)).collect();
    let ticks = shown.iter().flat_map(|line| line.split(|letter| letter != '`')).map(str::len).max();
    let fence = "`".repeat(ticks.unwrap_or(0).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", shown.join("\n"))
}

fn table_part(table: &Table) -> Option<String> {
    if table.columns.is_empty() {
        return None;
    }
    let mut part = row(table.columns.iter().map(|column| escaped(&column.head)));
    part += &row(table.columns.iter().map(|column| if column.right { "---:" } else { "---" }.to_owned()));
    for cells in &table.rows {
        let nothing = Cell::default();
        let cells = (0..table.columns.len()).map(|at| cells.get(at).unwrap_or(&nothing));
        part += &row(cells.map(marked));
    }
    Some(part)
}

fn row(cells: impl Iterator<Item = String>) -> String {
    let mut line = "|".to_owned();
    for cell in cells {
        line.push(' ');
        line.push_str(&cell);
        line.push_str(if cell.is_empty() { "|" } else { " |" });
    }
    line.push('\n');
    line
}

fn marked(cell: &Cell) -> String {
    let text = escaped(cell.text.trim());
    match cell.mark {
        Mark::Winner => format!("▸ **{text}**"),
        Mark::Improved => format!("{text} ▲"),
        Mark::Regressed => format!("{text} ▼"),
        Mark::Plain | Mark::Dim | Mark::Bad | Mark::Open => text,
    }
}

/// Text that Markdown shows as it is, on one line: line breaks become `<br>`.
fn escaped(raw: &str) -> String {
    let lines = raw.split('\n').map(|line| escaped_line(line.strip_suffix('\r').unwrap_or(line)));
    lines.collect::<Vec<_>>().join("<br>")
}

fn escaped_line(line: &str) -> String {
    let line = text::visible(line);
    let mut shown = String::with_capacity(line.len() + 8);
    let mut before = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let after = letters.peek().copied();
        let starts_list = matches!(letter, '.' | ')') && matches!(after, None | Some(' '));
        let is_number = !shown.is_empty() && shown.bytes().all(|byte| byte.is_ascii_digit());
        if is_markup(before, letter, after)
            || (shown.is_empty() && starts_block(letter, &line))
            || (starts_list && is_number)
        {
            shown.push('\\');
        }
        shown.push(letter);
        before = Some(letter);
    }
    shown
}

/// Whether the letter may start or end markup where it stands. An underscore inside a word does not.
fn is_markup(before: Option<char>, letter: char, after: Option<char>) -> bool {
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    match letter {
        '\\' | '|' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' | '$' => true,
        '_' => !(is_word(before) && is_word(after)),
        _ => false,
    }
}

/// Whether the first letter would make a heading, a list or a rule of the line.
fn starts_block(letter: char, line: &str) -> bool {
    match letter {
        '#' | '=' => true,
        '-' | '+' => line[1..].is_empty() || line[1..].starts_with([' ', '-']),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_forms_no_markup() {
        assert_eq!(escaped("refund_policy"), "refund_policy");
        assert_eq!(escaped("__init__ a*b*"), r"\_\_init\_\_ a\*b\*");
        assert_eq!(escaped("a|b <img> `x` [l](u) &amp; \\"), r"a\|b \<img\> \`x\` \[l\](u) \&amp; \\");
        assert_eq!(escaped("one\r\ntwo\u{1b}"), "one<br>two␛");
        assert_eq!(escaped("# head"), r"\# head");
        assert_eq!(escaped("- item"), r"\- item");
        assert_eq!(escaped("1. item"), r"1\. item");
        assert_eq!(escaped("-0.172"), "-0.172");
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(code_block(&["  a ```` b"]), "`````text\n  a ```` b\n`````\n");
        assert_eq!(code_block(&["x"]), "```text\nx\n```\n");
    }
}
