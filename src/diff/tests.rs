//! The promise of the hunks on texts of every kind, hand-made and random.

use proptest::prelude::*;
use unicode_segmentation::GraphemeCursor;

use super::*;

const LEVELS: [Option<Level>; 4] = [None, Some(Level::Words), Some(Level::Lines), Some(Level::Keys)];

fn side(hunks: &[Hunk], of: fn(&Hunk) -> &str) -> String {
    hunks.iter().map(of).collect()
}

/// Applies hunks to the baseline as a patch does: every piece must stand where the hunk says, and is kept, dropped or
/// replaced.
fn applied(baseline: &str, hunks: &[Hunk]) -> String {
    let mut rest = baseline;
    let mut result = String::new();
    for hunk in hunks {
        rest = rest.strip_prefix(hunk.baseline.as_str()).expect("the baseline's side stands there");
        match hunk.op {
            Op::Equal => result += &hunk.baseline,
            Op::Delete => assert_eq!(hunk.candidate, ""),
            Op::Insert | Op::Replace => result += &hunk.candidate,
        }
    }
    assert_eq!(rest, "");
    result
}

fn assert_never_cuts(text: &str, pieces: impl Iterator<Item = usize>) {
    let mut at = 0;
    for length in pieces {
        at += length;
        let bound = GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0).expect("the whole text");
        assert!(bound, "{text:?} is cut at {at}");
    }
}

fn assert_exact(baseline: &str, candidate: &str) {
    for level in LEVELS {
        let found = diff(baseline, candidate, level);
        assert!(applied(baseline, &found.hunks) == candidate, "{level:?}");
        assert!(side(&found.hunks, |hunk| &hunk.baseline) == baseline, "{level:?}");
        assert_never_cuts(baseline, found.hunks.iter().map(|hunk| hunk.baseline.len()));
        assert_never_cuts(candidate, found.hunks.iter().map(|hunk| hunk.candidate.len()));
        assert_eq!(found.changes() == 0, baseline == candidate);
        for pair in found.hunks.windows(2) {
            assert_ne!(pair[0].op == Op::Equal, pair[1].op == Op::Equal, "neighbours of one kind");
        }
    }
}

/// The words that a change takes away and brings, at the level of words.
fn words(baseline: &str, candidate: &str) -> Vec<(Op, String, String)> {
    let found = diff(baseline, candidate, Some(Level::Words)).hunks;
    found
        .into_iter()
        .filter(|hunk| hunk.op != Op::Equal)
        .map(|hunk| (hunk.op, hunk.baseline, hunk.candidate))
        .collect()
}

fn one(op: Op, baseline: &str, candidate: &str) -> Vec<(Op, String, String)> {
    vec![(op, baseline.to_owned(), candidate.to_owned())]
}

#[test]
fn hand_made_texts_are_exact() {
    let texts = [
        "",
        "a",
        "a\n",
        "one\ntwo\n",
        "one\r\ntwo\r\n",
        "one\r\ntwo",
        "\r",
        "\n\r",
        "\r\n",
        "👩‍👩‍👧 and 👩‍👩‍👦",
        "👩",
        "👩‍👩‍👧",
        "🇩🇪🇫🇷",
        "🇪🇫🇷",
        "e\u{301}a",
        "é",
        "\u{301}",
        "שלום עולם",
        "שלום \u{202e}abc\u{202c} עולם!",
        "مرحبا بالعالم",
        "กำ ก",
        "क्षत्रिय",
        "{\"a\": \"b\"}",
        "{\"a\": \"c\", \"b\": 1}",
        "fn a() {\n    b();\n}\n",
        "fn a() {\n    c();\n}",
    ];
    for baseline in texts {
        for candidate in texts {
            assert_exact(baseline, candidate);
        }
    }
}

#[test]
fn words_are_replaced_whole() {
    assert_eq!(words("Refunds take 14 days.", "Refunds take 30 days."), one(Op::Replace, "14", "30"));
    assert_eq!(words("a b", "a very b"), one(Op::Insert, "", "very "));
    assert_eq!(words("the cat sat", "a dog sat"), one(Op::Replace, "the cat", "a dog"));
    assert_eq!(words("a\r\nb", "a\nb"), one(Op::Replace, "\r\n", "\n"));
    assert_eq!(words("hi 👩‍👩‍👧", "hi 👩‍👩‍👦"), one(Op::Replace, "👩‍👩‍👧", "👩‍👩‍👦"));
    assert_eq!(words("e\u{301}", "e"), one(Op::Replace, "e\u{301}", "e"));
    assert_eq!(words("end", "end\n"), one(Op::Insert, "", "\n"));
}

#[test]
fn lines_are_replaced_whole() {
    let found = diff("f {\n  a;\n}\n", "f {\n  b;\n}\n", None);
    assert_eq!(found.level, Level::Lines);
    let changed: Vec<_> = found.hunks.iter().filter(|hunk| hunk.op != Op::Equal).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!((changed[0].baseline.as_str(), changed[0].candidate.as_str()), ("  a;\n", "  b;\n"));
}

#[test]
fn keys_come_with_the_exact_text() {
    let (old, new) = ("{\"a\": 1,  \"b\": \"x y\"}", "{\"b\": \"x z\", \"a\": 1}");
    let found = diff(old, new, None);
    assert_eq!(found.level, Level::Keys);
    assert_eq!(found.keys.len(), 1);
    assert_eq!(found.keys[0].path, "$.b");
    assert_eq!(applied(old, &found.hunks), new);
    assert_eq!(diff("{\"a\": 1}", "no", Some(Level::Keys)).level, Level::Words);
}

#[test]
fn a_line_of_a_megabyte_is_exact_and_its_change_small() {
    let line = "lorem ipsum ".repeat(90_000);
    let changed = format!("{}DOLOR{}", &line[..500_004], &line[500_004..]);
    assert_exact(&line, &changed);
    assert_eq!(words(&line, &changed)[0].2.len() - words(&line, &changed)[0].1.len(), 5);
    let base64 = "QUJD".repeat(260_000);
    let other = format!("{}x{}", &base64[..520_000], &base64[520_001..]);
    assert_exact(&base64, &other);
    assert_eq!(words(&base64, &other), one(Op::Replace, "Q", "x"));
}

/// Words in an order that stands for chance: a linear congruential sequence over a vocabulary of a thousand.
fn drawn_words(seed: u64, count: usize) -> Vec<String> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..count).map(|_| format!("w{} ", next() % 1_000)).collect()
}

#[test]
fn two_hundred_thousand_words_are_exact() {
    let mut words = drawn_words(1, 200_000);
    let baseline = words.concat();
    for word in words.iter_mut().skip(7).step_by(100) {
        *word = "other ".to_owned();
    }
    let candidate = words.concat();
    let found = diff(&baseline, &candidate, Some(Level::Words));
    assert!(applied(&baseline, &found.hunks) == candidate);
    assert_eq!((found.changes(), found.is_coarse), (2_000, false));
}

#[test]
fn texts_without_an_order_in_common_are_exact() {
    let (baseline, candidate) = (drawn_words(1, 10_000).concat(), drawn_words(2, 10_000).concat());
    let found = diff(&baseline, &candidate, Some(Level::Words));
    assert!(applied(&baseline, &found.hunks) == candidate);
    assert!(!found.is_coarse);
}

#[test]
fn what_is_too_large_is_one_block_and_says_so() {
    let baseline = format!("same {}end", "a ".repeat(MOST_TOKENS / 4 + 10));
    let candidate = format!("same {}end", "b ".repeat(MOST_TOKENS / 4 + 10));
    let found = diff(&baseline, &candidate, Some(Level::Words));
    assert!(found.is_coarse);
    assert_eq!(
        found.hunks.iter().map(|hunk| hunk.op).collect::<Vec<_>>(),
        [Op::Equal, Op::Replace, Op::Equal]
    );
    assert!(applied(&baseline, &found.hunks) == candidate);
}

/// Letters that join, combine, break lines or turn their direction, and plain ones.
fn odd_text() -> impl Strategy<Value = String> {
    let letters = prop::sample::select(vec![
        "a", "b", " ", " ", "\n", "\r\n", "\r", "\t", ".", "👩", "\u{200d}", "👧", "🇩", "🇪", "\u{301}", "e",
        "ก", "\u{e33}", "ש", "\u{202e}", "\u{600}", "ᄀ", "ᅡ", "क", "\u{94d}", "ष", "日", "{", "}", "\"", "1",
        ":", ",",
    ]);
    prop::collection::vec(letters, 0..40).prop_map(|letters| letters.concat())
}

proptest! {
    #[test]
    fn hunks_are_exact_for_any_text(baseline in ".*", candidate in ".*") {
        assert_exact(&baseline, &candidate);
    }

    #[test]
    fn hunks_are_exact_where_letters_join(baseline in odd_text(), candidate in odd_text()) {
        assert_exact(&baseline, &candidate);
    }

    #[test]
    fn tokens_joined_are_the_text(text in odd_text()) {
        prop_assert_eq!(Tokens::words(&text).list().concat(), text.clone());
        prop_assert_eq!(Tokens::lines(&text).list().concat(), text);
    }
}
