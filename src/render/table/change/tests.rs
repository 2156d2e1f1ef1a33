//! A change on screens of several widths, with colours and without.

use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::answer::{Cell, Mark};
use crate::diff::{Level, diff};

fn change(baseline: &str, candidate: &str) -> TextChange {
    TextChange {
        title: "refund-policy".to_owned(),
        outcome: Cell::marked("pass 1.000 → fail 0.000 regressed", Mark::Regressed),
        sides: ["gpt-x".to_owned(), "claude-y".to_owned()],
        diff: diff(baseline, candidate, None),
        notes: Vec::new(),
        rest: Some("--all shows everything".to_owned()),
    }
}

fn drawn(change: &TextChange, width: Option<usize>, color: bool) -> String {
    let mut out = Vec::new();
    write_change(change, &Screen { width, color }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const OLD: &str = "Refunds take 14 days. Send the item back in its box, with the receipt, to the shop where you \
                   bought it.\nRegards,\nAnn";
const NEW: &str = "Refunds take 30 days. Send the item back with the receipt to the shop where you bought it.\n\nBest \
                   regards,\nAnn";

#[test]
fn the_sides_stand_below_each_other_on_a_narrow_screen() {
    insta::assert_snapshot!(drawn(&change(OLD, NEW), Some(80), false), @r#"
    refund-policy  pass 1.000 → fail 0.000 regressed ▼
      Refunds take [-14-]{+30+} days. Send the item back [-in its box, -]with the
      receipt[-,-] to the shop where you bought it.
      [-Regards-]{+⏎
      Best regards+},
      Ann
    "#);
    insta::assert_snapshot!(drawn(&change(OLD, NEW), Some(30), false), @r#"
    refund-policy
      pass 1.000 → fail 0.000 regressed ▼
      Refunds take [-14-]{+30+}
      days. Send the item back
      [-in its box, -]with the
      receipt[-,-] to the shop
      where you bought it.
      [-Regards-]{+⏎
      Best regards+},
      Ann
    "#);
}

#[test]
fn the_sides_stand_beside_each_other_on_a_wide_screen() {
    insta::assert_snapshot!(drawn(&change(OLD, NEW), Some(120), false), @r#"
    refund-policy  pass 1.000 → fail 0.000 regressed ▼
      gpt-x                                                     │ claude-y
      Refunds take [-14-] days. Send the item back [-in its     │ Refunds take {+30+} days. Send the item back with the
      box, -]with the receipt[-,-] to the shop where you bought │ receipt to the shop where you bought it.
      it.                                                       │
      [-Regards-],                                              │ {+⏎
                                                                │ Best regards+},
      Ann                                                       │ Ann
    "#);
    insta::assert_snapshot!(drawn(&change("f {\n  a;\n}\n", "f {\n  b;\n}\n"), Some(120), false), @r#"
    refund-policy  pass 1.000 → fail 0.000 regressed ▼
      gpt-x                                                     │ claude-y
        f {                                                     │   f {
      -   a;                                                    │ +   b;
        }                                                       │   }
    "#);
}

#[test]
fn colours_repeat_the_signs() {
    let colored = drawn(&change("take 14 days", "take 30 days"), Some(80), true);
    assert_eq!(
        colored,
        "\u{1b}[1mrefund-policy\u{1b}[0m  \u{1b}[31mpass 1.000 → fail 0.000 regressed ▼\u{1b}[0m\n  take \
         \u{1b}[31m[-14-]\u{1b}[0m\u{1b}[32m{+30+}\u{1b}[0m days\n"
    );
    let plain = drawn(&change("take 14 days", "take 30 days"), None, false);
    assert_eq!(plain, "refund-policy  pass 1.000 → fail 0.000 regressed ▼\n  take [-14-]{+30+} days\n");
}

#[test]
fn a_pipe_gets_lines_as_they_are() {
    let long = "word ".repeat(15);
    let piped = drawn(&change(&format!("{long}a"), &format!("{long}b")), None, false);
    assert_eq!(piped.lines().nth(1).unwrap(), format!("  {long}[-a-]{{+b+}}"));
}

#[test]
fn a_huge_word_is_drawn_whole_when_asked_for() {
    let word = "QUJD".repeat(100_000);
    let whole = TextChange { rest: None, ..change(&word, "short") };
    for width in [80, 200] {
        let text = drawn(&whole, Some(width), false);
        let letters =
            text.lines().skip(1).flat_map(str::chars).filter(|letter| "QUJD".contains(*letter)).count();
        assert_eq!(letters, word.len());
        assert!(text.lines().all(|line| line.width() <= width));
    }
}

#[test]
fn everything_is_drawn_as_lines_or_keys_too() {
    let text = |level: Level| {
        let change = TextChange { diff: diff("[1]", "[2]", Some(level)), ..change("", "") };
        drawn(&change, Some(80), false)
    };
    assert!(text(Level::Lines).ends_with("  - [1]\n  + [2]\n"));
    assert!(text(Level::Keys).ends_with("  $[0]: [-1-]{+2+}\n"));
    assert!(text(Level::Words).ends_with("  [[-1-]{+2+}]\n"));
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_screen(
        old in "[a-c 日👩é\n]{0,300}", new in "[a-c 日👩é\n]{0,300}", width in prop::sample::select(vec![24usize, 80, 120, 200])
    ) {
        let change = TextChange { title: "t".into(), outcome: Cell::default(), ..change(&old, &new) };
        for line in drawn(&change, Some(width), false).lines() {
            prop_assert!(crate::render::text::width(line) <= width, "{width}: {line}");
        }
    }
}
