//! The executor: waves, transactions, gates, rollback. It does what the plan says and nothing else.
