//! The executor, against imagined nodes whose scripts really run, each in a tree of its own, with a fault at a chosen place.

mod authority;
mod cut;
mod cuts;
mod faults;
mod fleet;
mod material;
mod prove;
mod random;
mod run;
mod world;
