//! The command line in, the exit status out; nothing else.

fn main() {}
