//! The `runq` program; see [`runq::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    runq::cli::main(std::env::args_os())
}
