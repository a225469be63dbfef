//! The same question to every shell, and the one answer.

use harden::resource::Facts;
use std::fmt::Debug;

/// The clock moves between two runs; everything else must be the same.
pub(crate) fn stop_clock(facts: &mut Facts) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(facts.clock.cast_unsigned()) <= 5, "{} at {now}", facts.clock);
    facts.clock = 0;
}

/// What every shell says, which must be one thing; and what `look` sees must be the same before and after.
pub(crate) fn by_all<S: Copy + Debug, A: Debug + PartialEq, L: Debug + PartialEq>(
    shells: &[S],
    look: impl Fn() -> L,
    ask: impl Fn(S) -> A,
) -> A {
    let before = look();
    let mut answers = shells.iter().map(|shell| (*shell, ask(*shell)));
    let (first, answer) = answers.next().unwrap();
    for (shell, other) in answers {
        assert_eq!(other, answer, "{shell:?} differs from {first:?}");
    }
    assert_eq!(look(), before, "the probe changes nothing");
    answer
}
