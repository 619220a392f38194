//! The command line in, the exit status out; nothing else.

use std::process::ExitCode;

/// Many small records come and go on several threads; the C library's allocator took a tenth of the
/// time of a submission.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    forewarn::cli::run()
}
