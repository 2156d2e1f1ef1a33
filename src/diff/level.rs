//! At which level two texts are compared: words of prose, lines of code, keys of JSON documents.

use super::keys;

/// What a change is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Words and what stands between them.
    Words,
    /// Whole lines.
    Lines,
    /// Values of a JSON document by their path.
    Keys,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Words, Self::Lines, Self::Keys];

    /// The word in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Lines => "lines",
            Self::Keys => "keys",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// The level that fits two texts: keys when both are JSON objects or lists, lines when every one of them that is not
/// blank is code, else words.
pub(super) fn fitting(baseline: &str, candidate: &str) -> Level {
    if have_keys(baseline, candidate) {
        return Level::Keys;
    }
    let mut texts = [baseline, candidate].into_iter().filter(|text| !text.trim().is_empty()).peekable();
    if texts.peek().is_some() && texts.all(is_code) { Level::Lines } else { Level::Words }
}

/// Whether both texts are JSON objects or lists.
pub(super) fn have_keys(baseline: &str, candidate: &str) -> bool {
    keys::is_document(baseline) && keys::is_document(candidate)
}

/// Whether a text is code rather than prose: at least two lines, and at least half of those that are not blank stand in
/// a fenced block, are indented (but no item of a list), or end or begin as lines of code do.
fn is_code(text: &str) -> bool {
    let mut fenced = false;
    let (mut code, mut lines) = (0, 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let is_fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        fenced ^= is_fence;
        lines += 1;
        code += usize::from(fenced || is_fence || is_code_line(line));
    }
    lines >= 2 && code * 2 >= lines
}

fn is_code_line(line: &str) -> bool {
    const BEGINNINGS: [&str; 9] =
        ["//", "/*", "#!", "#include", "@@ ", "diff --git", "--- a/", "+++ b/", "}"];
    const ENDS: [&str; 7] = ["{", "}", ";", "(", "[", "=>", "->"];
    let inner = line.trim();
    let indented = line.starts_with('\t') || line.starts_with("  ");
    (indented && !is_item(inner))
        || BEGINNINGS.iter().any(|start| inner.starts_with(start))
        || ENDS.iter().any(|end| inner.ends_with(end))
}

/// Whether a line is an item of a list or a quote, which prose indents too.
fn is_item(line: &str) -> bool {
    let rest = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    ["- ", "* ", "+ ", "• ", "> ", "| "].iter().any(|sign| line.starts_with(sign))
        || (rest.len() < line.len() && (rest.starts_with(". ") || rest.starts_with(") ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_prose() {
        for code in [
            "fn main() {\n    run();\n}\n",
            "def f(x):\n    return x",
            "Here it is:\n```python\nprint(1)\nprint(2)\n```",
            "@@ -1 +1 @@\n-a\n+b\n--- a/x\n+++ b/x",
            "SELECT a,\n  b\nFROM t;",
        ] {
            assert!(is_code(code), "{code}");
        }
        for prose in [
            "Refunds take 14 days.",
            "Dear customer,\n\nyour order is on its way.\n\nRegards",
            "Do this:\n  - first\n  - second\n  1. third",
            "Use `ls`; it lists files;",
            "One\ntwo\nthree\n```\nx\n```\nfour\nfive",
            "",
        ] {
            assert!(!is_code(prose), "{prose}");
        }
    }

    #[test]
    fn a_level_fits_both_texts() {
        assert_eq!(fitting("{\"a\": 1}", "[1]"), Level::Keys);
        assert_eq!(fitting("{\"a\": 1}", "sorry, no"), Level::Words);
        assert_eq!(fitting("1", "2"), Level::Words);
        assert_eq!(fitting("a {\nb;\n}", ""), Level::Lines);
        assert_eq!(fitting("a {\nb;\n}", "just words"), Level::Words);
        assert_eq!(fitting("", ""), Level::Words);
    }
}
