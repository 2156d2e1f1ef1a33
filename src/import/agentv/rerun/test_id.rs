//! A test's id as a value of `--test-id`, which is a pattern.
//!
//! AgentV matches by micromatch 4 (`run-eval.ts`, `normalizeFilter`): an id equal to the pattern matches, then the
//! pattern counts as a glob. So an id with marks of a glob would select others too and needs escapes. Two marks go
//! further than AgentV's own `escapeGlob`: a quote, which micromatch drops, and a backslash, which it unescapes twice.

/// Marks that a backslash makes literal.
const MARKS: &str = "*?[]{}()!|\"";

/// Marks that mean something only beside another one of the same.
const TWINS: &str = "+$^";

/// A pattern that selects the test with this id and no other.
pub(super) fn pattern(id: &str) -> String {
    let marks: Vec<char> = id.chars().collect();
    let twin = |at: usize, mark: char| {
        let before = at.checked_sub(1).and_then(|at| marks.get(at));
        TWINS.contains(mark)
            && (before == Some(&mark)
                || marks.get(at + 1) == Some(&mark)
                || mark == '+' && before == Some(&'\\'))
    };
    let special = |at: usize, mark: char| MARKS.contains(mark) || mark == '\\' || twin(at, mark);
    if !marks.iter().enumerate().any(|(at, mark)| special(at, *mark)) {
        return id.to_owned();
    }
    let mut pattern = String::with_capacity(id.len() + 8);
    for (at, mark) in marks.iter().copied().enumerate() {
        match mark {
            '\\' => pattern.push_str("[\\\\]"),
            // micromatch takes "./" off the front of a pattern.
            '.' if at == 0 && marks.get(1) == Some(&'/') => pattern.push_str("[.]"),
            mark if special(at, mark) => pattern.extend(['\\', mark]),
            mark => pattern.push(mark),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pattern was given to AgentV 4.42.4 over a suite of all these ids, and selected the one test.
    #[test]
    fn patterns_are_those_that_agentv_was_seen_to_take() {
        let seen = [
            ("a*", r"a\*"),
            ("ab", "ab"),
            ("edge [x] (v2)*", r"edge \[x\] \(v2\)\*"),
            ("--output=/x", "--output=/x"),
            ("$(id)", r"$\(id\)"),
            (r#"it's "q" (x)"#, r#"it's \"q\" \(x\)"#),
            ("two\nlines", "two\nlines"),
            ("ü[1]", r"ü\[1\]"),
            ("c++", r"c\+\+"),
            ("a+b", "a+b"),
            (r"back\sl*sh", r"back[\\]sl\*sh"),
            ("a|b", r"a\|b"),
            ("!neg", r"\!neg"),
            ("{a,b}", r"\{a,b\}"),
            ("./dot*", r"[.]/dot\*"),
            ("a$$b", r"a\$\$b"),
        ];
        for (id, expected) in seen {
            assert_eq!(pattern(id), expected);
        }
    }
}
