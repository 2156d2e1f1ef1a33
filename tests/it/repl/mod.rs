//! The shell as a person meets it: on a terminal, in a pipe, from files.

mod commands;
mod engine;
mod errors;
mod files;
mod init;
mod output;
mod paging;
pub mod pty;
mod readme;
mod running;
mod script;
mod sessions;
mod terminal;
mod typing;
