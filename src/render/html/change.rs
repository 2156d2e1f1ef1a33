//! Two texts side by side, whole: words struck out and underlined, whole lines behind `-` and `+`.

use std::io::{self, Write};

use super::super::change::{Kind, Row, Segment, Shape, rows};
use super::{class, escaped, marked};
use crate::answer::TextChange;
use crate::diff::Level;

/// Writes the title with the outcome, what is to be known, and the texts.
pub(super) fn write_change(change: &TextChange, out: &mut dyn Write) -> io::Result<()> {
    let outcome = marked(&change.outcome);
    write!(out, "<h2>{}", escaped(&change.title))?;
    if !outcome.is_empty() {
        write!(out, "<span class=\"outcome {}\">{outcome}</span>", class(change.outcome.mark))?;
    }
    out.write_all(b"</h2>\n")?;
    for note in &change.notes {
        writeln!(out, "<p class=\"note\">{}</p>", escaped(note))?;
    }
    let rows = rows(change, Shape::Beside, true);
    if rows.is_empty() {
        return Ok(());
    }
    let code = if change.diff.level == Level::Words { "" } else { " code" };
    let [left, right] = &change.sides;
    writeln!(out, "<table class=\"change{code}\">")?;
    writeln!(
        out,
        "<thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\n<tbody>",
        escaped(left),
        escaped(right)
    )?;
    for row in &rows {
        writeln!(out, "<tr>{}</tr>", cells(row))?;
    }
    out.write_all(b"</tbody></table>\n")
}

fn cells(row: &Row) -> String {
    match row {
        Row::Said(said) => format!("<td colspan=\"2\" class=\"said\">{}</td>", escaped(said)),
        Row::Inline(line) => format!("<td colspan=\"2\">{}</td>", tagged(line)),
        Row::Line(line) => line_cell(Some(line)),
        Row::Beside([left, right]) => format!("<td>{}</td><td>{}</td>", tagged(left), tagged(right)),
        Row::Lines([left, right]) => line_cell(left.as_ref()) + &line_cell(right.as_ref()),
    }
}

fn tagged(line: &[Segment]) -> String {
    let tagged = line.iter().map(|segment| {
        let text = escaped(&segment.text);
        match segment.kind {
            Kind::Equal => text,
            Kind::Removed => format!("<del>{text}</del>"),
            Kind::Added => format!("<ins>{text}</ins>"),
        }
    });
    tagged.collect()
}

fn line_cell(line: Option<&Segment>) -> String {
    let Some(line) = line else { return "<td></td>".to_owned() };
    let (class, sign) = match line.kind {
        Kind::Equal => ("", "  "),
        Kind::Removed => (" class=\"removed\"", "- "),
        Kind::Added => (" class=\"added\"", "+ "),
    };
    format!("<td{class}>{sign}{}</td>", escaped(&line.text))
}
