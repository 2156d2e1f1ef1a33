//! Words and lines for a POSIX shell.

/// A word as a shell takes it, quoted where it has to be, so that the program is given exactly this text.
///
/// A line break stands as it is between the quotes; other control characters, which a terminal would obey, are written
/// as `$'\xNN'` (bash, zsh, ksh). A NUL byte can be in no argument and is left out.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.chars().any(|c| c.is_control() && c != '\n') {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let escaped = |c: char| match c {
        '\0' => String::new(),
        '\'' | '\\' => format!("\\{c}"),
        '\n' => "\\n".to_owned(),
        c if c.is_control() => {
            let mut bytes = [0; 4];
            c.encode_utf8(&mut bytes).bytes().map(|byte| format!("\\x{byte:02x}")).collect()
        }
        c => c.to_string(),
    };
    format!("$'{}'", text.chars().map(escaped).collect::<String>())
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
        ];
        for word in words {
            let script = format!("printf '%s.' {}", shell_word(word));
            let said =
                std::process::Command::new("bash").args(["-c", &script]).output().expect("bash is there");
            assert_eq!(String::from_utf8_lossy(&said.stdout), format!("{word}."), "{script}");
        }
    }
}
