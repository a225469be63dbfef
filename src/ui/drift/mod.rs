//! What a drift check found, as text for people and as reports for other programs. It shows what is in the report and judges
//! nothing.

mod closing;
mod item;
mod json;
mod table;
mod tally;

pub use closing::closing;
pub use json::render as json;
pub use table::render as table;
