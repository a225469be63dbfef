//! What became of transactions, for people and for programs: the table of `harden status`, what `harden unlock` shows before it
//! asks and what it tells afterwards, and the JSON forms of both.

mod json;
mod table;
mod unlock;
mod words;

pub use json::{render as json, render_unlocked as unlocked_json};
pub use table::render as table;
pub use unlock::{UnlockEnd, UnlockedNode, locks, unlocked};
