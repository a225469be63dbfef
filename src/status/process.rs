//! The process that began a transaction, told so that on its own machine, and only there, it can be known whether it still runs.
//! Pure: what the machine says is passed in.

use std::fmt;
use std::str::FromStr;

/// A process by a name that no other one ever has. Numbers are used again; one number, counted in one place, has not begun twice at
/// the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// Where numbers and times are counted: a machine, one start of it, and the namespaces there.
    place: String,
    number: u32,
    began: u64,
}

/// What a machine says of a process number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// No process has it.
    Nobody,
    /// One has it that began then, in the kernel's ticks since the machine was started.
    Began(u64),
    /// It cannot be told.
    Unclear,
}

/// What became of the process that began a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It does not run any more, which is certain.
    Ended,
    /// It runs.
    Runs,
    /// It cannot be told from here: it may run.
    Unknown,
}

impl ProcessIdentity {
    /// The process of this number, in the place that its number is counted in.
    pub fn new(place: String, number: u32, began: u64) -> Self {
        Self { place, number, began }
    }

    /// What became of it, as far as one can tell who runs at a place, and who asks there for a process number.
    pub fn fate(&self, here: &str, look: impl FnOnce(u32) -> Seen) -> Fate {
        if self.place.is_empty() || self.place != here {
            return Fate::Unknown;
        }
        match look(self.number) {
            Seen::Began(began) if began == self.began => Fate::Runs,
            // Its number is free, or belongs to another one now.
            Seen::Nobody | Seen::Began(_) => Fate::Ended,
            Seen::Unclear => Fate::Unknown,
        }
    }
}

/// As it stands in a transaction's directory: `PLACE NUMBER BEGAN`.
impl fmt::Display for ProcessIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.place, self.number, self.began)
    }
}

impl FromStr for ProcessIdentity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.rsplitn(3, ' ');
        let (began, number, place) = (parts.next(), parts.next(), parts.next());
        let (Some(began), Some(number), Some(place)) = (began, number, place) else { return Err(()) };
        let (number, began) = (number.parse().map_err(drop)?, began.parse().map_err(drop)?);
        Ok(Self::new(place.to_owned(), number, began))
    }
}

impl Seen {
    /// Reads `/proc/NUMBER/stat`. What has ended and is only not yet noted by its parent is nobody, once its last thread has gone.
    pub fn read(stat: &str) -> Self {
        // The name, in parentheses, may hold anything; state, number of threads and start are the fields 3, 20 and 22 of proc(5).
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        match (fields.first(), number(17), number(19)) {
            (Some(&("Z" | "X")), Some(0 | 1), Some(_)) => Self::Nobody,
            (Some(_), Some(_), Some(began)) => Self::Began(began),
            _ => Self::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "bastion/boot-1/pid:[1]/time:[2]";

    fn identity() -> ProcessIdentity {
        ProcessIdentity::new(HERE.to_owned(), 4711, 99)
    }

    #[test]
    fn only_the_machine_that_it_runs_on_can_tell_that_it_has_ended() {
        for (here, seen, expected) in [
            (HERE, Seen::Nobody, Fate::Ended),
            (HERE, Seen::Began(99), Fate::Runs),
            (HERE, Seen::Began(100), Fate::Ended),
            (HERE, Seen::Unclear, Fate::Unknown),
            // Another machine, another start of this one, another container on it.
            ("laptop/boot-1/pid:[1]/time:[2]", Seen::Nobody, Fate::Unknown),
            ("bastion/boot-2/pid:[1]/time:[2]", Seen::Nobody, Fate::Unknown),
            ("bastion/boot-1/pid:[3]/time:[2]", Seen::Began(100), Fate::Unknown),
            ("", Seen::Nobody, Fate::Unknown),
        ] {
            let look = |number| {
                assert_eq!(number, 4711);
                seen
            };
            assert_eq!(identity().fate(here, look), expected, "{here} {seen:?}");
        }
        let nowhere = ProcessIdentity::new(String::new(), 4711, 99);
        assert_eq!(nowhere.fate("", |_| Seen::Nobody), Fate::Unknown);
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for place in [HERE, "a b/boot", "it's"] {
            let identity = ProcessIdentity::new(place.to_owned(), 1, u64::MAX);
            assert_eq!(identity.to_string().parse(), Ok(identity));
        }
        for text in ["", " ", "x", "4711 99", "x 4711", "x -1 9", "x 1 ", "x 99999999999 1", "x 1 1 "] {
            assert_eq!(text.parse::<ProcessIdentity>(), Err(()), "{text:?}");
        }
    }

    #[test]
    fn the_kernel_is_read_whatever_the_process_calls_itself() {
        let stat = |name: &str, state: &str, threads: u32| {
            format!("7 ({name}) {state} 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 {threads} 0 12345 1 1\n")
        };
        for name in ["harden", "a) Z (b", ""] {
            assert_eq!(Seen::read(&stat(name, "S", 3)), Seen::Began(12_345), "{name}");
            assert_eq!(Seen::read(&stat(name, "Z", 1)), Seen::Nobody, "{name}");
            assert_eq!(Seen::read(&stat(name, "Z", 2)), Seen::Began(12_345), "{name}");
        }
        let whole = stat("harden", "S", 3);
        for cut in ["", "7", "7 (harden)", &whole[..20], &whole.replace("12345", "x")] {
            assert_eq!(Seen::read(cut), Seen::Unclear, "{cut:?}");
        }
    }
}
