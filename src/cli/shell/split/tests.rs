//! Pieces of texts by hand, and against the tokenizer of the SQL parser.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token as Theirs, Tokenizer};
use proptest::prelude::*;
use proptest::sample::select;

use super::arriving::Rest;
use super::*;

fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    loop {
        let (piece, rest) = first(text);
        if piece == Piece::Nothing {
            return pieces;
        }
        pieces.push(piece);
        text = rest;
    }
}

#[test]
fn a_semicolon_ends_a_statement_only_outside_of_quotes_and_comments() {
    for sql in [
        "SELECT 'a;b', 'it''s;'",
        "SELECT E'it\\'s;'",
        "SELECT 1e'it\\'s;'",
        "SELECT \"a;b\", `c;d`",
        "SELECT 1 -- one; two\n, 2",
        "SELECT /* a; /* b; */ c; */ 1",
        "SELECT $$a;'b$$, $t$ c; $$ d; $t$",
        "SELECT * FROM t WHERE a = $1",
        "SELECT 'ü;東京🎈'",
        "SELECT q'[it's; so]', x'00', U&'d\\0061t;', r'''a;'b'''",
        "SELECT a$$b",
        "SELECT |/* 2",
    ] {
        let text = format!("{sql} ; SELECT 2;");
        assert_eq!(pieces(&text), [Piece::Statement(sql), Piece::Statement("SELECT 2")]);
    }
}

#[test]
fn what_is_open_goes_on() {
    for (text, within) in [
        ("SELECT 1", Within::Statement),
        ("SELECT 'a;", Within::Text),
        ("SELECT 'a'';", Within::Text),
        ("SELECT E'a\\", Within::Text),
        ("SELECT \"a;", Within::Name),
        ("SELECT /* a; */ /* ;", Within::Comment),
        ("/* only a comment;", Within::Comment),
        ("SELECT $x$ ;", Within::Dollar),
        ("SELECT q'(;", Within::Text),
    ] {
        assert_eq!(pieces(text), [Piece::Open(text, within)]);
    }
}

#[test]
fn commands_are_lines_where_no_statement_is_open() {
    let text = ";; -- nothing\n/* . */ .mode csv\r\nSELECT 1\n.5;\\d runs\n.print it's";
    let expected = [
        Piece::Command(".mode csv"),
        Piece::Statement("SELECT 1\n.5"),
        Piece::Command("\\d runs"),
        Piece::Command(".print it's"),
    ];
    assert_eq!(pieces(text), expected);
    assert_eq!(pieces(" \n-- only a comment"), []);
    assert_eq!(
        pieces("\u{feff}SELECT 1;\r\n\u{feff}.quit"),
        [Piece::Statement("SELECT 1"), Piece::Command(".quit")]
    );
}

/// What a text can be made of: everything that opens or closes something, and what stands beside it.
const PARTS: [&str; 84] = [
    ";", ";", ";", ";", " ", " ", "\n", "\n", "\r\n", "\t", "'", "'", "''", "\"", "\"\"", "`", "\\", "--",
    "-", "/*", "*/", "/", "//", "*", "$", "$", "$$", "$$", "$a$", "$tag$", "$1", "$ü$", "e'", "E'", "x'",
    "X'", "U&'", "u&'", "b'", "B\"", "n'", "N'", "r'", "R\"", "r'''", "'''", "q'", "q'[", "]'", "Q'(", ")'",
    "nq'{", "}'", "q'!", "!'", "select", "e", "E", "x", "u", "q", "n", "a1", "1", "1.5", "1e", "2E5", "0x",
    "0xE", ".", "1L", "@", "@@", "#", "#-", "|", "||", "<", "^", "?", "?0", "ü", "東京", "🎈",
];

fn text_of_parts() -> impl Strategy<Value = String> {
    // What a hint says is tokens for the parser; here it stays one comment.
    let concat = |parts: Vec<&str>| parts.concat().replace("/*!", "/* ");
    proptest::collection::vec(select(PARTS.to_vec()), 0..40).prop_map(concat)
}

/// The places of semicolons as the tokenizer of the parser has them, as far as it comes, and how it ended.
fn semicolons_of_the_parser(text: &str) -> (Vec<usize>, Result<(), String>) {
    let mut tokens = Vec::new();
    let ended = Tokenizer::new(&GenericDialect, text).tokenize_with_location_into_buf(&mut tokens);
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let place = |location: Location| {
        let line = usize::try_from(location.line - 1).expect("a line");
        let column = usize::try_from(location.column - 1).expect("a column");
        let rest = &text[starts[line]..];
        starts[line] + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
    };
    let semicolons = tokens.iter().filter(|token| token.token == Theirs::SemiColon);
    (semicolons.map(|token| place(token.span.start)).collect(), ended.map_err(|error| error.message))
}

/// The places of semicolons as the splitter has them, and what is open at the end.
fn semicolons(text: &str) -> (Vec<usize>, Option<Within>) {
    let (mut search, mut found) = (Search::default(), Vec::new());
    while let Some((kind, start, _)) = search.next(text) {
        if kind == Token::Semicolon {
            found.push(start);
        }
    }
    (found, search.open.map(|open| open.within()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn semicolons_are_where_the_parser_finds_them(text in text_of_parts()) {
        let (expected, ended) = semicolons_of_the_parser(&text);
        let (found, open) = semicolons(&text);
        match ended {
            Ok(()) => prop_assert_eq!((found, open), (expected, None)),
            // It stops at what it refuses: everything before that is the same.
            Err(_) => prop_assert_eq!(&found[..expected.len().min(found.len())], &expected[..]),
        }
    }

    #[test]
    fn what_does_not_end_is_what_the_parser_says_does_not_end(text in text_of_parts()) {
        let (expected, ended) = semicolons_of_the_parser(&text);
        let (found, open) = semicolons(&text);
        if let Some(within) = open {
            let said = ended.expect_err("the parser takes what does not end");
            // An escape that it refuses comes before the end.
            let other = said.contains("'_'") || said.contains("encoded") || said.contains("nicode") || said.contains("Invalid");
            let expected_words = match within {
                Within::Text => "Unterminated string",
                Within::Name => "close delimiter '",
                Within::Comment => "multi-line comment",
                Within::Dollar => "dollar-quoted",
                Within::Statement => "nothing",
            };
            prop_assert!(other || said.contains(expected_words) || said.contains("Unterminated string"), "{}: {:?}", said, within);
            if !other {
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn line_by_line_gives_what_the_whole_gives(text in text_of_parts()) {
        // `#` and `@` take a line end into a word, which goes on in the next line.
        let text = text.replace(['#', '@'], "a");
        let mut arriving = Arriving::default();
        let mut found = Vec::new();
        for line in text.split_inclusive('\n') {
            arriving.push(line.as_bytes());
            while let Some(whole) = arriving.whole() {
                found.push(whole.text.to_owned());
            }
        }
        found.extend(arriving.rest().map(|rest| rest.text));
        let expected: Vec<String> = pieces(&text).into_iter().map(|piece| match piece {
            Piece::Command(text) | Piece::Statement(text) | Piece::Open(text, _) => text.to_owned(),
            Piece::Nothing => String::new(),
        }).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn lines_are_those_of_the_file() {
    let mut arriving = Arriving::default();
    arriving.push(b"\n-- first\nSELECT\n1; .mode csv\nSELECT 2;\n\nSELECT 'a\nb");
    let mut found = Vec::new();
    while let Some(whole) = arriving.whole() {
        found.push((whole.text.to_owned(), whole.is_command, whole.line));
    }
    let expected = [("SELECT\n1", false, 3), (".mode csv", true, 4), ("SELECT 2", false, 5)];
    assert_eq!(found, expected.map(|(text, is_command, line)| (text.to_owned(), is_command, line)));
    let expected =
        Rest { text: "SELECT 'a\nb".to_owned(), line: 7, within: Within::Text, opened: 7, unreadable: None };
    assert_eq!(arriving.rest(), Some(expected));
}

#[test]
fn letters_that_are_no_utf_8_are_told_with_their_line() {
    let mut arriving = Arriving::default();
    for line in [&b"-- caf\xe9\n"[..], b"SELECT 1;\n", b"SELECT\n", b"'caf\xe9'\n", b"; SELECT 3;\n"] {
        arriving.push(line);
        while let Some(whole) = arriving.whole() {
            match whole.text {
                "SELECT 1" | "SELECT 3" => assert_eq!(whole.unreadable, None),
                _ => assert_eq!((whole.line, whole.unreadable), (3, Some(4))),
            }
        }
    }
    assert_eq!(arriving.rest(), None);
}

/// Nothing that was looked at is looked at again, so that the work grows with the text and not with its square.
#[test]
fn a_megabyte_in_one_string_is_read_once() {
    for (begins, ends) in
        [("SELECT 'a", "';"), ("SELECT $x$", "$x$;"), ("/* ", "*/ SELECT 1;"), ("SELECT 1", ";")]
    {
        let mut arriving = Arriving::default();
        arriving.push(format!("{begins}\n").as_bytes());
        for _ in 0..16_384 {
            assert_eq!(arriving.whole(), None);
            assert!(arriving.search.at + 4 > arriving.text.len(), "{begins}: all but a mark was looked at");
            arriving.push(b"1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 +\n");
        }
        arriving.push(ends.as_bytes());
        let whole = arriving.whole().expect("it ends");
        assert!(whole.text.len() > if begins.starts_with("/*") { 7 } else { 1_000_000 });
    }
}

#[test]
fn a_megabyte_of_statements_is_given_out_one_by_one() {
    let line = "SELECT 'a;b' FROM runs; SELECT 2;\n";
    let text = line.repeat(30_000);
    let (mut rest, mut count, mut looked_at) = (text.as_str(), 0, 0);
    loop {
        let (piece, after) = first(rest);
        looked_at += rest.len() - after.len();
        if piece == Piece::Nothing {
            break;
        }
        (rest, count) = (after, count + 1);
    }
    assert_eq!((count, looked_at), (60_000, text.len()));
    let mut arriving = Arriving::default();
    let mut statements = 0;
    for part in text.split_inclusive('\n') {
        arriving.push(part.as_bytes());
        while arriving.whole().is_some() {
            statements += 1;
        }
        assert!(arriving.text.len() <= line.len(), "what was given out is let go");
    }
    assert_eq!(statements, 60_000);
}
