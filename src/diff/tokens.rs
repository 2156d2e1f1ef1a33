//! A text in tokens: contiguous pieces that are compared whole. Joined they are the text.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// A word of more bytes than this (base64, a hash, a run of spaces) is taken letter by letter, so that a change inside
/// of it is not lost in it.
const LONG_WORD: usize = 256;

/// The tokens of a text.
pub(super) struct Tokens<'a> {
    text: &'a str,
    list: Vec<&'a str>,
    /// Where each token begins, and where the last one ends.
    starts: Vec<usize>,
}

impl<'a> Tokens<'a> {
    /// Words, and what stands between them: each run of spaces, line break and punctuation mark is a token of its own.
    ///
    /// Words are those of Unicode's annex 29, so that scripts without spaces have them too; a boundary of a word inside
    /// of a grapheme cluster (a Thai vowel sign, a prepended mark) is none.
    pub fn words(text: &'a str) -> Self {
        let mut ends = text.split_word_bound_indices().map(|(start, word)| start + word.len()).peekable();
        let mut list = Vec::new();
        let mut start = 0;
        for (at, cluster) in text.grapheme_indices(true) {
            let end = at + cluster.len();
            while ends.next_if(|bound| *bound < end).is_some() {}
            if ends.next_if_eq(&end).is_none() {
                continue;
            }
            let word = &text[start..end];
            if word.len() > LONG_WORD {
                list.extend(word.graphemes(true));
            } else {
                list.push(word);
            }
            start = end;
        }
        Self::of(text, list)
    }

    /// Lines with their ends. The last one may have none.
    pub fn lines(text: &'a str) -> Self {
        Self::of(text, text.split_inclusive('\n').collect())
    }

    fn of(text: &'a str, list: Vec<&'a str>) -> Self {
        let mut starts = Vec::with_capacity(list.len() + 1);
        let mut start = 0;
        for token in &list {
            starts.push(start);
            start += token.len();
        }
        starts.push(start);
        Self { text, list, starts }
    }

    /// The tokens in order.
    pub fn list(&self) -> &[&'a str] {
        &self.list
    }

    /// The text of some tokens.
    pub fn text(&self, tokens: Range<usize>) -> &'a str {
        let place = |token: usize| self.starts.get(token).copied().unwrap_or(self.text.len());
        &self.text[place(tokens.start)..place(tokens.end)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_stands_between_them_are_tokens() {
        let of = |text| Tokens::words(text).list;
        assert_eq!(of("can't  stop, 3.14\r\n!"), ["can't", "  ", "stop", ",", " ", "3.14", "\r\n", "!"]);
        assert_eq!(of("日本語"), ["日", "本", "語"]);
        assert_eq!(of("👩‍👩‍👧🇩🇪🇫🇷"), ["👩‍👩‍👧", "🇩🇪", "🇫🇷"]);
        assert_eq!(of("e\u{301}te\u{301}"), ["e\u{301}te\u{301}"]);
        // Thai KO KAI with SARA AM is one cluster of two words.
        assert_eq!(of("ก\u{e33}"), ["ก\u{e33}"]);
        assert!(of("").is_empty());
    }

    #[test]
    fn a_very_long_word_is_taken_apart() {
        let text = "a".repeat(LONG_WORD + 1) + " b";
        assert_eq!(Tokens::words(&text).list.len(), LONG_WORD + 3);
    }

    #[test]
    fn lines_keep_their_ends() {
        assert_eq!(Tokens::lines("a\r\nb\n\nc").list, ["a\r\n", "b\n", "\n", "c"]);
    }
}
