//! What a check found, in every form in which it is shown, and what waivers make of it.

mod files;
mod fixture;
mod forms;
mod secrets;
mod waivers;
