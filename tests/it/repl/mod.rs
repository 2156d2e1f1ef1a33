//! The shell as a person meets it: on a terminal, in a pipe, from files.

mod commands;
mod output;
