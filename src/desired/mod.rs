//! Templates, inventory and the store's index in, [`Desired`](crate::resource::Desired) per node out.
//! Deterministic, and no I/O but reading templates.
