//! Words and lines for a POSIX shell.

/// A word as a shell takes it, quoted where it has to be, so that the program is given exactly this text.
///
/// A line break stands as it is between the quotes; other characters that a terminal would obey (controls, and those that
/// reorder a line) are written as `$'\xNN'` (bash, zsh, ksh). A NUL byte can be in no argument and is left out.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.chars().any(|c| steers(c) && c != '\n') {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let escaped = |c: char| match c {
        '\0' => String::new(),
        '\'' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        c if steers(c) => {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\x{byte:02x}")).collect()
        }
        c => c.to_string(),
    };
    format!("$'{}'", text.chars().map(escaped).collect::<String>())
}

/// Whether a terminal may take the character as an order rather than as a letter.
fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A command line.
pub fn shell_line(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gives_back_what_was_quoted() {
        let words = [
            "",
            "plain/word-1.0",
            "--output=/x",
            "$(id)",
            "it's \"so\"",
            "two\nlines",
            "tab\tand \u{1b}[0m",
            "~",
            "*",
            "ü\u{85}",
            "\u{202e}gpj.sh\u{2069}",
        ];
        for word in words {
            let script = format!("printf '%s.' {}", shell_word(word));
            let said =
                std::process::Command::new("bash").args(["-c", &script]).output().expect("bash is there");
            assert_eq!(String::from_utf8_lossy(&said.stdout), format!("{word}."), "{script}");
            assert!(!script.chars().any(|c| steers(c) && c != '\n'), "{script:?}");
        }
    }
}
