//! The page: whole, self-contained, and safe whatever the data holds.

use std::sync::Arc;

use arrow::datatypes::Schema;

use super::*;
use crate::answer::{Column, Records, TextChange};
use crate::diff::{Level, diff};

fn page(blocks: Vec<Block>) -> String {
    let records = Records { schema: Arc::new(Schema::empty()), batches: Vec::new() };
    let answer = Answer { blocks, records, ..Answer::default() };
    let mut out = Vec::new();
    Html.render(&answer, &Screen::PIPE, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What stands between `<main>` and its end.
fn body(blocks: Vec<Block>) -> String {
    let page = page(blocks);
    let start = page.find("<main>\n").unwrap() + "<main>\n".len();
    page[start..page.find("</main>").unwrap()].to_owned()
}

fn change(baseline: &str, candidate: &str, level: Level) -> Block {
    Block::Change(Box::new(TextChange {
        title: "refund-policy".to_owned(),
        outcome: Cell::marked("pass 1.000 → fail 0.000 regressed", Mark::Regressed),
        sides: ["gpt-x".to_owned(), "claude-y".to_owned()],
        diff: diff(baseline, candidate, Some(level)),
        notes: vec!["one note".to_owned()],
        rest: Some("--all shows everything".to_owned()),
    }))
}

#[test]
fn marks_are_signs_and_classes() {
    let table = Table {
        columns: vec![Column::text("case"), Column::number("gpt-x")],
        rows: vec![
            vec![Cell::plain("a"), Cell::marked("1.000", Mark::Winner)],
            vec![Cell::plain("b"), Cell::marked("0.500", Mark::Improved)],
            vec![Cell::plain("c"), Cell::marked("0.000", Mark::Regressed)],
            vec![Cell::marked("d", Mark::Dim)],
        ],
    };
    let headline = Block::Headline { left: "2 models".into(), right: ".runq".into() };
    let lines = [Block::Line("one line".into()), Block::Gap, Block::Line("  laid  out".into())];
    let blocks = [headline, Block::Gap, Block::Table(table)].into_iter().chain(lines);
    insta::assert_snapshot!(body(blocks.chain([Block::Note("a note".into())]).collect()), @r#"
    <h1>2 models</h1>
    <p class="dim">.runq</p>
    <div class="wide"><table>
    <thead><tr><th scope="col">case</th><th scope="col" class="right">gpt-x</th></tr></thead>
    <tbody>
    <tr><td>a</td><td class="right winner">▸ 1.000</td></tr>
    <tr><td>b</td><td class="right improved">0.500 ▲</td></tr>
    <tr><td>c</td><td class="right regressed">0.000 ▼</td></tr>
    <tr><td class="dim">d</td><td class="right"></td></tr>
    </tbody></table></div>
    <p>one line</p>
    <pre>  laid  out</pre>
    <p class="note">a note</p>
    "#);
}

#[test]
fn texts_stand_side_by_side_and_whole() {
    let words = format!("{}14 days", "many words before ".repeat(40));
    let html = body(vec![change(&words, &words.replace("14", "30"), Level::Words)]);
    assert!(html.contains(&"many words before ".repeat(40)) && !html.contains("equal"), "{html}");
    insta::assert_snapshot!(body(vec![
        change("Refunds take 14 days.\nBye", "Refunds take 30 days.\nBye", Level::Words),
        change("f {\n  a;\n}\n", "f {\n  b;\n}\n", Level::Lines),
        change("{\"a\": 1}", "{\"a\": 2}", Level::Keys),
    ]), @r#"
    <h2>refund-policy<span class="outcome regressed">pass 1.000 → fail 0.000 regressed ▼</span></h2>
    <p class="note">one note</p>
    <table class="change">
    <thead><tr><th scope="col">gpt-x</th><th scope="col">claude-y</th></tr></thead>
    <tbody>
    <tr><td>Refunds take <del>14</del> days.</td><td>Refunds take <ins>30</ins> days.</td></tr>
    <tr><td>Bye</td><td>Bye</td></tr>
    </tbody></table>
    <h2>refund-policy<span class="outcome regressed">pass 1.000 → fail 0.000 regressed ▼</span></h2>
    <p class="note">one note</p>
    <table class="change code">
    <thead><tr><th scope="col">gpt-x</th><th scope="col">claude-y</th></tr></thead>
    <tbody>
    <tr><td>  f {</td><td>  f {</td></tr>
    <tr><td class="removed">-   a;</td><td class="added">+   b;</td></tr>
    <tr><td>  }</td><td>  }</td></tr>
    </tbody></table>
    <h2>refund-policy<span class="outcome regressed">pass 1.000 → fail 0.000 regressed ▼</span></h2>
    <p class="note">one note</p>
    <table class="change code">
    <thead><tr><th scope="col">gpt-x</th><th scope="col">claude-y</th></tr></thead>
    <tbody>
    <tr><td>$.a: <del>1</del></td><td>$.a: <ins>2</ins></td></tr>
    </tbody></table>
    "#);
}

#[test]
fn data_forms_no_markup_and_turns_no_direction() {
    let evil =
        "</script><script>alert('x')</script> \"q\" & \u{1b}[31m \u{0} \u{202e}txt \u{2066}<!-- ]]> <style>";
    let table =
        Table { columns: vec![Column::text(evil)], rows: vec![vec![Cell::marked(evil, Mark::Winner)]] };
    let html = page(vec![
        Block::Headline { left: evil.into(), right: evil.into() },
        Block::Table(table),
        Block::Line(evil.into()),
        Block::Note(evil.into()),
        change(evil, &evil.replace("txt", "exe"), Level::Words),
        change(evil, "", Level::Lines),
        Block::Change(Box::new(TextChange {
            title: evil.into(),
            outcome: Cell::plain(evil),
            sides: [evil.into(), evil.into()],
            diff: diff(evil, evil, None),
            notes: vec![evil.into()],
            rest: None,
        })),
    ]);
    let lower = html.to_lowercase();
    for sign in ["<script", "</script", "<!--", "alert('x')", "<style>\n\n"] {
        assert!(!lower.contains(sign), "{sign}");
    }
    assert_eq!(lower.matches("<style>").count(), 1);
    assert!(html.contains(
        "&lt;/script&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &quot;q&quot; &amp; ␛[31m"
    ));
    let bad = |letter: char| text::is_unsafe(letter) && letter != '\n';
    assert!(!html.contains(bad), "{:?}", html.chars().find(|letter| bad(*letter)));
}

#[test]
fn a_page_asks_for_nothing_from_elsewhere() {
    let page = page(vec![Block::Line("x".into())]);
    for sign in ["http:", "https:", "//", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(sign), "{sign}");
    }
    for sign in [
        "<!DOCTYPE html>",
        "<meta charset=\"utf-8\">",
        "prefers-color-scheme: dark",
        "@media print",
        "<title>runq</title>",
    ] {
        assert!(page.contains(sign), "{sign}");
    }
    assert!(page.ends_with("</html>\n"));
}
