//! The terminal while nobody edits a line, and as it is left when the program ends in the middle of something.

use crate::cli::output::Output;

/// Has the terminal put back as it is now should the program be ended while a person types or waits.
pub fn keep(output: &Output) {
    #[cfg(unix)]
    {
        use nix::sys::termios::{SetArg, tcgetattr, tcsetattr};
        let Ok(before) = tcgetattr(std::io::stdin()) else { return };
        let end_of_typing = output.end_of_typing();
        crate::cli::interrupt::before_end(move || {
            end_of_typing();
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &before);
        });
    }
    #[cfg(not(unix))]
    let _ = output;
}

/// As long as this lives, the terminal does not write what is typed: it would stand in the middle of a bar, and Ctrl-C
/// would push the bar to where nobody takes it away. What is typed waits for the next prompt.
pub struct Unechoed {
    #[cfg(unix)]
    before: nix::sys::termios::Termios,
}

#[cfg(unix)]
impl Unechoed {
    /// Begins, where standard input is a terminal that echoes.
    pub fn begin(output: &Output) -> Option<Self> {
        use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok()?;
        if !before.local_flags.contains(LocalFlags::ECHO) {
            return None;
        }
        keep(output);
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &silent).ok()?;
        Some(Self { before })
    }
}

#[cfg(unix)]
impl Drop for Unechoed {
    fn drop(&mut self) {
        use nix::sys::termios::{SetArg, tcsetattr};
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.before);
    }
}

#[cfg(not(unix))]
impl Unechoed {
    /// The terminal is left as it is.
    pub fn begin(_output: &Output) -> Option<Self> {
        None
    }
}
