//! What was most likely meant where the parser stopped.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::tokens;

/// First words of statements.
const FIRST: [&str; 12] = [
    "SELECT", "WITH", "VALUES", "EXPLAIN", "DESCRIBE", "SHOW", "CREATE", "DROP", "COPY", "SET", "INSERT",
    "UPDATE",
];

/// Words that begin a part of a question, in the order in which the parts stand.
const PARTS: [&str; 8] = ["SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET"];

/// Further words that people mistype.
const OTHERS: [&str; 12] =
    ["JOIN", "LEFT", "INNER", "USING", "DISTINCT", "BETWEEN", "UNION", "WHEN", "THEN", "ELSE", "BY", "AS"];

/// Words that other shells know as commands.
const COMMANDS: [&str; 6] = ["help", "quit", "exit", "tables", "clear", "history"];

/// What to do about a text that does not parse; `said` is what the parser says.
pub(super) fn hint(said: &str, sql: &str) -> Option<String> {
    if said.contains("Unterminated string literal") {
        return Some("a quote does not end; a quote inside a text is written twice: 'it''s'".to_owned());
    }
    let tokens = tokens(sql);
    let words: Vec<String> = tokens.iter().map(word).collect();
    let at = place(said, &tokens)?;
    if at == 0 {
        return of_first(words.first()?);
    }
    if words[0].eq_ignore_ascii_case("COPY")
        && words.get(at).is_some_and(|word| word.eq_ignore_ascii_case("FROM"))
    {
        return Some(
            "SQL takes nothing in: runq ingest PATH does; SELECT * FROM 'FILE' asks a file".to_owned(),
        );
    }
    if let Some(keyword) = typo(&words, at) {
        return Some(format!("did you mean {keyword}?"));
    }
    if let Some(hint) = of_order(&words, at).or_else(|| of_sign(&tokens, at)) {
        return Some(hint);
    }
    if said.contains("Expected: )") {
        return Some(format!("a ) is missing before {}", shown(&words, at)));
    }
    is_list_before(&words, at).then(|| format!("a comma may be missing before {}", shown(&words, at)))
}

/// Which token the parser stopped at; the number of tokens for the end.
fn place(said: &str, tokens: &[TokenWithSpan]) -> Option<usize> {
    let Some((_, place)) = said.rsplit_once("Line: ") else {
        return said.contains("found: EOF").then_some(tokens.len());
    };
    let (line, column) = place.split_once(", Column: ")?;
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
    let (line, column): (Option<u64>, Option<u64>) = (digits(line), digits(column));
    let here = |token: &TokenWithSpan| {
        (Some(token.span.start.line), Some(token.span.start.column)) == (line, column)
    };
    tokens.iter().position(here)
}

fn of_first(word: &str) -> Option<String> {
    if COMMANDS.contains(&word.to_lowercase().as_str()) {
        return Some(format!("commands of the shell begin with a dot: .{}", word.to_lowercase()));
    }
    near_keyword(word, FIRST.iter().copied()).map(|keyword| format!("did you mean {keyword}?"))
}

/// The keyword that was mistyped: where the parser stopped, or in the word before it, which then passed for a name.
fn typo(words: &[String], at: usize) -> Option<&'static str> {
    let keywords = || PARTS.iter().chain(&OTHERS).copied();
    [Some(at), at.checked_sub(1)]
        .into_iter()
        .flatten()
        .filter_map(|at| words.get(at))
        .find_map(|word| near_keyword(word, keywords()))
}

/// A keyword one or two slips away from a word that is none.
fn near_keyword<'a>(word: &str, mut keywords: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let word = word.to_uppercase();
    if word.chars().count() < 3 || keywords.clone().any(|keyword| keyword == word) {
        return None;
    }
    let slips = |keyword: &str| strsim::damerau_levenshtein(&word, keyword);
    let most = |keyword: &str| if keyword.len() <= 4 { 1 } else { 2 };
    keywords.find(|keyword| keyword.len() > 2 && slips(keyword) <= most(keyword))
}

/// A part of a question that stands behind one it belongs before.
fn of_order(words: &[String], at: usize) -> Option<String> {
    let part = |word: &String| PARTS.iter().position(|part| part.eq_ignore_ascii_case(word));
    let found = part(words.get(at)?)?;
    let last = words[..at].iter().filter_map(part).max()?;
    (found < last && found > 0).then(|| {
        let said = |at: usize| match PARTS[at] {
            word @ ("GROUP" | "ORDER") => format!("{word} BY"),
            word => word.to_owned(),
        };
        format!("{} stands before {}", said(found), said(last))
    })
}

/// Signs of other languages.
fn of_sign(tokens: &[TokenWithSpan], at: usize) -> Option<String> {
    let near = [Some(at), at.checked_sub(1)].into_iter().flatten().filter_map(|at| tokens.get(at));
    near.into_iter().find_map(|token| match token.token {
        Token::Overlap => Some("and is written AND".to_owned()),
        Token::ExclamationMark => Some("not is written NOT, and unequal <>".to_owned()),
        _ => None,
    })
}

/// Whether a word stands in a list of columns, behind another one and its name.
fn is_list_before(words: &[String], at: usize) -> bool {
    let is_name = |word: Option<&String>| {
        word.is_some_and(|word| {
            word.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && !PARTS.iter().chain(&OTHERS).any(|keyword| keyword.eq_ignore_ascii_case(word))
        })
    };
    let before = words[..at.min(words.len())].iter();
    let opened = before.rev().find(|word| PARTS.iter().any(|part| part.eq_ignore_ascii_case(word)));
    let in_list = opened.is_some_and(|part| part.eq_ignore_ascii_case("SELECT"));
    in_list && is_name(words.get(at)) && is_name(at.checked_sub(1).and_then(|before| words.get(before)))
}

fn word(token: &TokenWithSpan) -> String {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.clone(),
        _ => String::new(),
    }
}

fn shown(words: &[String], at: usize) -> String {
    match words.get(at) {
        None => "the end".to_owned(),
        Some(word) if word.is_empty() => "this".to_owned(),
        Some(word) => word.clone(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::error::DataFusionError;
    use datafusion::sql::parser::DFParser;

    fn hint(sql: &str) -> Option<String> {
        match DFParser::parse_sql(sql).expect_err("it does not parse").find_root() {
            DataFusionError::SQL(problem, _) => super::hint(&problem.to_string(), sql),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn slips_are_met() {
        for (sql, said) in [
            ("SELCT * FROM runs", "did you mean SELECT?"),
            ("help", "commands of the shell begin with a dot: .help"),
            ("SELECT * FORM runs", "did you mean FROM?"),
            ("SELECT run_id task FORM runs", "did you mean FROM?"),
            ("SELECT * FROM runs WEHRE task = 'x'", "did you mean WHERE?"),
            ("SELECT * FROM runs\nGRUOP BY task", "did you mean GROUP?"),
            ("SELECT * FROM runs LIMIT 3 ORDER BY run_id", "ORDER BY stands before LIMIT"),
            ("SELECT task FROM runs GROUP BY task WHERE task = 'x'", "WHERE stands before GROUP BY"),
            ("SELECT run_id task kind FROM runs", "a comma may be missing before kind"),
            ("SELECT (1 FROM runs", "a ) is missing before FROM"),
            ("SELECT 'abc", "a quote does not end; a quote inside a text is written twice: 'it''s'"),
        ] {
            assert_eq!(hint(sql).as_deref(), Some(said), "{sql}");
        }
        assert_eq!(hint("SELECT * FROM runs WHERE"), None);
    }
}
