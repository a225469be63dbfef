//! Procedures that need several steps: a pure function of what is observed to the next stage.
