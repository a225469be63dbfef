//! The executor, against imagined nodes whose scripts really run, each in a tree of its own, with a fault at a chosen place.

mod authority;
mod cut;
mod cuts;
mod drain;
mod eviction;
mod faults;
mod fleet;
mod material;
mod pods;
mod prove;
mod random;
mod run;
mod undo;
mod world;
