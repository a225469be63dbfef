//! The executor, against imagined nodes whose scripts really run, each in a tree of its own, with a fault at a chosen place.

mod authority;
mod drain;
mod eviction;
mod material;
mod pods;
mod random;
mod table;
mod undo;
mod world;
