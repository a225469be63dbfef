//! `harden`, the program: parse, run, exit code. Errors are printed here and nowhere else.

fn main() {}
