//! The shell as a person meets it: on a terminal, in a pipe, from files.

mod init;
pub mod pty;
mod script;
mod sessions;
mod terminal;
