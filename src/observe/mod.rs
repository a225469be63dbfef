//! One probe script out, one reply in, [`Observed`](crate::resource::Observed) out. Strictly reading; parsers
//! are pure functions on bytes.
