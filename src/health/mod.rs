//! Runs gates: polled, with a deadline, and held for some seconds before they count.
