//! Rows of hand-made changes, and that no text is lost in them.

use proptest::prelude::*;

use super::*;
use crate::answer::Cell;
use crate::diff::diff;

fn change(baseline: &str, candidate: &str, rest: Option<&str>) -> TextChange {
    TextChange {
        title: "case".to_owned(),
        outcome: Cell::default(),
        sides: ["a".to_owned(), "b".to_owned()],
        diff: diff(baseline, candidate, None),
        notes: Vec::new(),
        rest: rest.map(str::to_owned),
    }
}

/// The rows below each other, as a terminal without colours shows them.
fn shown(baseline: &str, candidate: &str, rest: Option<&str>) -> Vec<String> {
    let sign = |segment: &Segment| match segment.kind {
        Kind::Equal => format!("  {}", segment.text),
        Kind::Removed => format!("- {}", segment.text),
        Kind::Added => format!("+ {}", segment.text),
    };
    let rows = rows(&change(baseline, candidate, rest), Shape::Inline, false);
    let rows = rows.into_iter().map(|row| match row {
        Row::Inline(line) => line.iter().map(Segment::marked).collect(),
        Row::Line(line) => sign(&line),
        Row::Said(said) => format!("({said})"),
        Row::Beside(_) | Row::Lines(_) => panic!("rows beside each other"),
    });
    rows.collect()
}

/// The sides of the rows beside each other.
fn beside(baseline: &str, candidate: &str) -> Vec<[String; 2]> {
    let line = |line: &Vec<Segment>| line.iter().map(Segment::marked).collect::<String>();
    let whole =
        |line: &Option<Segment>| line.as_ref().map_or_else(|| "-".to_owned(), |line| line.text.clone());
    let rows = rows(&change(baseline, candidate, None), Shape::Beside, false);
    let rows = rows.iter().map(|row| match row {
        Row::Beside(sides) => sides.each_ref().map(line),
        Row::Lines(sides) => sides.each_ref().map(whole),
        Row::Said(said) => [said.clone(), said.clone()],
        Row::Inline(_) | Row::Line(_) => panic!("rows below each other"),
    });
    rows.collect()
}

#[test]
fn words_stand_in_the_lines_that_they_form() {
    assert_eq!(shown("Take 14 days.\nBye", "Take 30 days.\nBye", None), ["Take [-14-]{+30+} days.", "Bye"]);
    assert_eq!(shown("a b", "a b c", None), ["a b{+ c+}"]);
    assert_eq!(shown("one\n\ntwo", "one\n\nsix", None), ["one", "", "[-two-]{+six+}"]);
    assert_eq!(shown("start", "start\nmore\nend", None), ["start{+⏎", "more⏎", "end+}"]);
    assert_eq!(shown("", "new", None), ["{+new+}"]);
    assert!(shown("", "", None).is_empty());
}

#[test]
fn what_has_no_look_of_its_own_is_spelled_where_it_changed() {
    assert_eq!(shown("a\r\nb", "a\nb", None), ["a[-␍⏎-]{+⏎+}", "b"]);
    assert_eq!(shown("a b", "a\u{a0}b", None), ["a[- -]{+\\u{a0}+}b"]);
    assert_eq!(shown("ab", "a\u{200b}b", None), ["[-ab-]{+a\\u{200b}b+}"]);
    assert_eq!(shown("x 👩‍👧", "x 👩", None), ["x [-👩‍👧-]{+👩+}"]);
    assert_eq!(shown("x", "\u{1b}[2J", None), ["[-x-]{+␛[2J+}"]);
    assert_eq!(shown("x\ty", "x y", None), ["x[-␉-]{+ +}y"]);
}

#[test]
fn code_stands_in_whole_lines() {
    let (old, new) = ("f {\n  a;\n}\n", "f {\n  b;\n  c;\n}\n");
    assert_eq!(shown(old, new, None), ["  f {", "-   a;", "+   b;", "+   c;", "  }"]);
    assert_eq!(beside(old, new), [["f {", "f {"], ["  a;", "  b;"], ["-", "  c;"], ["}", "}"]]);
    assert_eq!(shown("a;\nb;\n", "a;\nb;", None), ["  a;", "- b;⏎", "+ b;"]);
    assert_eq!(shown("a;\r\n};", "a;\n};", None), ["- a;␍⏎", "+ a;⏎", "  };"]);
}

#[test]
fn json_is_told_by_key() {
    let (old, new) = (r#"{"a": 1, "b": "x y", "c": [1]}"#, r#"{"b": "x z", "a": 2, "d": null}"#);
    assert_eq!(
        shown(old, new, None),
        ["$.a: [-1-]{+2+}", "$.b: x [-y-]{+z+}", "[-$.c: [1]-]", "{+$.d: null+}"]
    );
    assert_eq!(beside(old, new)[0], ["$.a: [-1-]", "$.a: {+2+}"]);
    assert_eq!(beside(old, new)[3], ["", "{+$.d: null+}"]);
    let said = "(the same values: only spaces, the order of keys or the spelling differ)";
    assert_eq!(shown(r#"{"a":1}"#, r#"{"a": 1}"#, None), [said, r#"{"a":{+ +}1}"#]);
}

#[test]
fn lines_that_begin_at_one_place_stand_beside_each_other() {
    assert_eq!(
        beside("one\ntwo\nend", "one\nsix\nseven\nend"),
        [["one", "one"], ["[-two-]", "{+six⏎"], ["", "seven+}"], ["end", "end"]]
    );
    assert_eq!(beside("a\nb", "a\r\nb"), [["a[-⏎-]", "a{+␍⏎+}"], ["b", "b"]]);
}

#[test]
fn long_equal_stretches_are_folded_and_counted() {
    let words = |from: usize, to: usize| (from..to).map(|n| format!("w{n} ")).collect::<String>();
    let (old, new) =
        (format!("{}old {}", words(0, 40), words(40, 80)), format!("{}new {}", words(0, 40), words(40, 80)));
    let folded = shown(&old, &new, Some("--all"));
    assert_eq!(folded.len(), 3);
    assert_eq!((folded[0].as_str(), folded[2].as_str()), ("(… 28 words equal …)", "(… 28 words equal …)"));
    assert_eq!(folded[1], format!("{}[-old-]{{+new+}} {}", words(28, 40), words(40, 52).trim_end()));
    assert_eq!(shown(&old, &new, None).len(), 1);
    let lines = |middle: &str| format!("{}{middle};\n{}", "same;\n".repeat(9), "same;\n".repeat(4));
    let folded = shown(&lines("a"), &lines("b"), Some("--all"));
    assert_eq!(folded[0], "(… 6 lines equal …)");
    assert_eq!(
        folded[1..],
        ["  same;", "  same;", "  same;", "- a;", "+ b;", "  same;", "  same;", "  same;", "  same;"]
    );
}

#[test]
fn very_long_changes_lose_their_middle_and_it_is_said() {
    let shown_rows = shown(&"x".repeat(2_000), "y", Some("--all shows everything"));
    assert!(shown_rows[0].contains(" … 1,400 letters … "), "{shown_rows:?}");
    assert_eq!(shown_rows[1], "(long changes are shown in part: --all shows everything)");
    let many = |letter: char| {
        (0..40).map(|n| format!("{n} {} ", letter.to_string().repeat(200))).collect::<String>()
    };
    let shown_rows = shown(&many('x'), &many('y'), Some("--all"));
    assert_eq!(shown_rows.last().unwrap(), "(32 more changes: --all)");
}

proptest! {
    #[test]
    fn without_a_limit_every_row_together_is_the_text(
        old in "[ab é日\n\r\t]{0,40}", new in "[ab é日\n\r\t]{0,40}"
    ) {
        let expected = |text: &str| text.replace("\r\n", "\n").replace(['\n', '\r', '\t'], "");
        let mut sides = [String::new(), String::new()];
        for row in rows(&change(&old, &new, None), Shape::Beside, false) {
            let Row::Beside(line) = row else { continue };
            for (side, segments) in sides.iter_mut().zip(&line) {
                segments.iter().for_each(|segment| side.push_str(&segment.text));
            }
        }
        if diff(&old, &new, None).level == Level::Words {
            let shown = sides.map(|side| side.replace(['⏎', '␍', '␉'], "").replace("    ", ""));
            prop_assert_eq!(&shown[0], &expected(&old).replace("    ", ""));
            prop_assert_eq!(&shown[1], &expected(&new).replace("    ", ""));
        }
    }
}
