//! One change or one difference of a resource in text, which a plan and a drift report show alike, and the folding of what is
//! the same on several nodes. Where it comes from is for the caller to say.

mod fold;
mod item;

pub(super) use fold::References;
pub(super) use item::Item;
