//! The command line: one file per verb, which wires the other modules together.
