//! Text on a screen: how wide it is, how it is made harmless, shortened, broken and wrapped.
//!
//! Widths are display columns (a CJK letter or an emoji takes two, a combining accent none), and text is only ever
//! cut between grapheme clusters. Knows nothing of tables or colours.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::Screen;

/// What stands for the part that was left out.
const ELLIPSIS: &str = "…";

/// How many display columns the text takes: the sum over its grapheme clusters, so that the width of a line is the sum
/// of what stands in it (over a whole text `unicode-width` also joins letters that fonts draw as one, such as the
/// Arabic lam-alef; terminals do not).
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.graphemes(true).map(UnicodeWidthStr::width).sum() }
}

/// Makes text safe and one line long: data can neither steer a terminal nor break a table.
///
/// A newline becomes `⏎`, a tab four spaces, another control character its picture (ESC is `␛`); C1 controls, line
/// separators and characters that reorder a line (bidirectional overrides and isolates) become `�`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => shown.push('⏎'),
            '\t' => shown.push_str("    "),
            '\u{0}'..='\u{1f}' => shown.push(picture(letter)),
            '\u{7f}' => shown.push('␡'),
            letter if is_unsafe(letter) => shown.push('\u{fffd}'),
            letter => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// A command as it is, over as many lines as its quoted words have. Who quoted it left nothing in it that steers a
/// terminal; should it hold such a character all the same, a terminal is shown a picture of it.
pub(super) fn command_text<'a>(command: &'a str, screen: &Screen) -> Cow<'a, str> {
    if !screen.is_terminal() || !command.chars().any(|letter| letter != '\n' && is_unsafe(letter)) {
        return Cow::Borrowed(command);
    }
    Cow::Owned(command.split('\n').map(visible).collect::<Vec<_>>().join("\n"))
}

/// Whether a terminal may take the character as an order rather than as a letter.
pub fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The Unicode control picture of a C0 control.
fn picture(control: char) -> char {
    char::from_u32(0x2400 + u32::from(control)).unwrap_or('\u{fffd}')
}

/// The text in at most `limit` columns; what does not fit is replaced by `…`.
pub fn shorten(text: &str, limit: usize) -> Cow<'_, str> {
    if width(text) <= limit {
        return Cow::Borrowed(text);
    }
    if limit == 0 {
        return Cow::Borrowed("");
    }
    let kept = &text[..prefix(text, limit - 1)];
    Cow::Owned(format!("{}{ELLIPSIS}", kept.trim_end()))
}

/// The text cut into pieces of at most `limit` columns, for what must be shown whole however narrow the screen is.
///
/// A grapheme cluster wider than `limit` stands alone in its piece. An empty text is one empty piece.
pub fn pieces(text: &str, limit: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut taken) = (0, 0);
    for (at, cluster) in text.grapheme_indices(true) {
        let wide = width(cluster);
        if taken + wide > limit && at > start {
            pieces.push(&text[start..at]);
            (start, taken) = (at, 0);
        }
        taken += wide;
    }
    if start < text.len() || pieces.is_empty() {
        pieces.push(&text[start..]);
    }
    pieces
}

/// The length in bytes of the longest start of the text, in whole grapheme clusters, that takes `limit` columns.
pub(super) fn prefix(text: &str, limit: usize) -> usize {
    let mut taken = 0;
    let mut end = 0;
    for (at, cluster) in text.grapheme_indices(true) {
        taken += width(cluster);
        if taken > limit {
            break;
        }
        end = at + cluster.len();
    }
    end
}

/// The text in lines of at most `limit` columns, broken at spaces; every line but the first starts with `indent`.
///
/// Spaces inside a line stay as they are. A word longer than a line (a path, a link) is not cut, so that it can be
/// copied; only such a line is longer than the limit.
pub fn wrap(text: &str, limit: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for (at, (spaces, word)) in words(text).enumerate() {
        if at > 0 && width(&line) + width(spaces) + width(word) > limit {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else {
            line.push_str(spaces);
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Pairs of the spaces before a word and the word; spaces at the end are dropped.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text.trim_end_matches(' ');
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.len() - rest.trim_start_matches(' ').len();
        let end = rest[start..].find(' ').map_or(rest.len(), |found| start + found);
        let part = (&rest[..start], &rest[start..end]);
        rest = &rest[end..];
        Some(part)
    })
}

/// The spaces a text starts with.
pub fn indent(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches(' ').len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_display_columns() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("👩‍👩‍👧"), 2);
    }

    #[test]
    fn controls_become_visible_and_harmless() {
        assert_eq!(visible("plain äöü 日本"), "plain äöü 日本");
        assert_eq!(visible("a\nb\r\nc\td\re"), "a⏎b⏎c    d␍e");
        assert_eq!(visible("\u{1b}[31mred\u{7}\u{0}\u{7f}"), "␛[31mred␇␀␡");
        assert_eq!(
            visible("\u{9b}2J \u{202e}txt.exe\u{2069}\u{2028}"),
            "\u{fffd}2J \u{fffd}txt.exe\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn shortening_never_cuts_a_letter() {
        assert_eq!(shorten("abcdef", 6), "abcdef");
        assert_eq!(shorten("abcdef", 5), "abcd…");
        assert_eq!(shorten("日本語", 4), "日…");
        assert_eq!(shorten("👩‍👩‍👧👩‍👩‍👧", 3), "👩‍👩‍👧…");
        assert_eq!(shorten("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(shorten("one two", 5), "one…");
        assert_eq!(shorten("abc", 1), "…");
        assert_eq!(shorten("abc", 0), "");
    }

    #[test]
    fn pieces_hold_all_of_the_text() {
        assert_eq!(pieces("abcdefg", 3), ["abc", "def", "g"]);
        assert_eq!(pieces("日本語", 3), ["日", "本", "語"]);
        assert_eq!(pieces("日本", 1), ["日", "本"]);
        assert_eq!(pieces("", 3), [""]);
    }

    #[test]
    fn lines_break_at_spaces_and_keep_their_gaps() {
        assert_eq!(wrap("to run    2 of 12 cases", 16, "  "), ["to run    2 of", "  12 cases"]);
        assert_eq!(wrap("  a bb", 4, "  "), ["  a", "  bb"]);
        assert_eq!(
            wrap("see https://example.org/long now", 10, ""),
            ["see", "https://example.org/long", "now"]
        );
        assert_eq!(wrap("", 10, ""), [""]);
        assert_eq!(wrap("short", 10, ""), ["short"]);
    }
}
