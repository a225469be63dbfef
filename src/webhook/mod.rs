//! Telling others: bodies from templates below `templates/webhook/`, and posting them. What there is to tell comes in as JSON, in
//! which nothing foreign is left as it was.
//!
//! A URL to post to is a secret, since whoever knows it may write there: no error shows more of it than scheme and host.

mod body;
mod error;
mod post;
mod receiver;

pub use body::{FOLDER, body};
pub use error::WebhookError;
pub use post::post;
pub use receiver::Receiver;
