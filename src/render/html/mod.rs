//! `html`: one file that opens anywhere.
//!
//! No script, no request to elsewhere, the style inside; light or dark as the reader's system, readable on paper and
//! without colours. Nothing is shortened. Text from data is escaped and made visible, so that it can neither form
//! markup nor turn the direction of what stands around it.

mod change;
mod style;

use std::io::{self, Write};

use super::{RenderError, Renderer, Screen, text};
use crate::answer::{Answer, Block, Cell, Mark, Table};

/// The format `html`.
pub(super) struct Html;

impl Renderer for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn about(&self) -> &'static str {
        "one self-contained page, for reports and attachments"
    }

    fn render(&self, answer: &Answer, _screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        write_head(&title(&answer.blocks), out)?;
        let mut lines: Vec<&str> = Vec::new();
        let mut headlines = 0;
        for block in &answer.blocks {
            if let Block::Line(line) = block {
                lines.push(line);
                continue;
            }
            write_lines(&std::mem::take(&mut lines), out)?;
            match block {
                Block::Headline { left, right } => {
                    write_headline(headlines == 0, left, right, out)?;
                    headlines += 1;
                }
                Block::Table(table) => write_table(table, out)?,
                Block::Change(change) => change::write_change(change, out)?,
                Block::Histogram(histogram) => write_table(&histogram.numbers(), out)?,
                Block::Note(note) => writeln!(out, "<p class=\"note\">{}</p>", escaped(note))?,
                Block::Command(command) => writeln!(out, "<pre>{}</pre>", escaped(command))?,
                Block::Line(_) | Block::Gap => {}
            }
        }
        write_lines(&lines, out)?;
        Ok(out.write_all(b"</main>\n</body>\n</html>\n")?)
    }
}

fn title(blocks: &[Block]) -> String {
    let said = blocks.iter().find_map(|block| match block {
        Block::Headline { left, .. } if !left.is_empty() => Some(left.as_str()),
        _ => None,
    });
    said.map_or_else(|| "runq".to_owned(), |said| format!("{said} · runq"))
}

fn write_head(title: &str, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")?;
    out.write_all(b"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")?;
    out.write_all(b"<meta name=\"color-scheme\" content=\"light dark\">\n")?;
    writeln!(
        out,
        "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>",
        escaped(title),
        style::CSS
    )
}

fn write_headline(first: bool, left: &str, right: &str, out: &mut dyn Write) -> io::Result<()> {
    let level = if first { "h1" } else { "h2" };
    if !left.is_empty() {
        writeln!(out, "<{level}>{}</{level}>", escaped(left))?;
    }
    if !right.is_empty() {
        writeln!(out, "<p class=\"dim\">{}</p>", escaped(right))?;
    }
    Ok(())
}

/// Lines in a row keep their spaces where these lay something out.
fn write_lines(lines: &[&str], out: &mut dyn Write) -> io::Result<()> {
    match lines {
        [] => Ok(()),
        [line] if !line.starts_with(' ') && !line.contains("  ") => writeln!(out, "<p>{}</p>", escaped(line)),
        lines => {
            let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
            writeln!(out, "<pre>{}</pre>", lines.join("\n"))
        }
    }
}

fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    if table.columns.is_empty() {
        return Ok(());
    }
    out.write_all(b"<div class=\"wide\"><table>\n")?;
    if table.columns.iter().any(|column| !column.head.is_empty()) {
        out.write_all(b"<thead><tr>")?;
        for column in &table.columns {
            let class = if column.right { " class=\"right\"" } else { "" };
            write!(out, "<th scope=\"col\"{class}>{}</th>", escaped(&column.head))?;
        }
        out.write_all(b"</tr></thead>\n")?;
    }
    out.write_all(b"<tbody>\n")?;
    let nothing = Cell::default();
    for row in &table.rows {
        out.write_all(b"<tr>")?;
        for (at, column) in table.columns.iter().enumerate() {
            let cell = row.get(at).unwrap_or(&nothing);
            let classes = [if column.right { "right" } else { "" }, class(cell.mark)];
            let classes: Vec<&str> = classes.into_iter().filter(|class| !class.is_empty()).collect();
            match classes.is_empty() {
                true => write!(out, "<td>{}</td>", marked(cell))?,
                false => write!(out, "<td class=\"{}\">{}</td>", classes.join(" "), marked(cell))?,
            }
        }
        out.write_all(b"</tr>\n")?;
    }
    out.write_all(b"</tbody></table></div>\n")
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Plain => "",
        Mark::Winner => "winner",
        Mark::Improved => "improved",
        Mark::Regressed => "regressed",
        Mark::Dim => "dim",
        Mark::Bad => "bad",
        Mark::Open => "open",
    }
}

/// The text with the sign of its mark, which colours only repeat.
fn marked(cell: &Cell) -> String {
    let text = escaped(&cell.text);
    match cell.mark {
        Mark::Winner => format!("▸ {text}"),
        Mark::Improved => format!("{text} ▲"),
        Mark::Regressed => format!("{text} ▼"),
        Mark::Plain | Mark::Dim | Mark::Bad | Mark::Open => text,
    }
}

/// Text as it is shown: controls made visible, a line break kept as `<br>`, and nothing of it markup.
fn escaped(raw: &str) -> String {
    let lines = raw.split('\n').map(|line| escaped_line(line.strip_suffix('\r').unwrap_or(line)));
    lines.collect::<Vec<_>>().join("<br>")
}

fn escaped_line(line: &str) -> String {
    let mut shown = String::with_capacity(line.len() + 8);
    for letter in text::visible(line).chars() {
        match letter {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            letter => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests;
