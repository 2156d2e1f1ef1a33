//! The `runq` program; see [`runq::cli`].

use std::process::ExitCode;

/// Gives back what a large query needed, also in a shell that goes on; the system's own keeps most of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    runq::cli::main(std::env::args_os())
}
