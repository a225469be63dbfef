//! Version numbers as programs print them: `v1.35.4`, `Kubernetes v1.35.4`, `1.6.20~ds1`.

use std::fmt;

/// Three numbers; what follows them is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The first version in a text; the third number may be missing and is 0 then.
    pub fn find(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let mut numbers = word.trim_start_matches('v').splitn(3, '.').map(|part| {
                let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
                part[..digits].parse().ok()
            });
            let (major, minor) = (numbers.next()??, numbers.next()??);
            Some(Self(major, minor, numbers.next().flatten().unwrap_or_default()))
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}.{}", self.0, self.1, self.2))
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn versions_as_programs_print_them() {
        for (text, expected) in [
            ("Kubernetes v1.35.4", Some(Version(1, 35, 4))),
            ("v1.36.0-rc.1", Some(Version(1, 36, 0))),
            ("1.6.20~ds1", Some(Version(1, 6, 20))),
            ("6.1.0-18-amd64", Some(Version(6, 1, 0))),
            ("4.18", Some(Version(4, 18, 0))),
            ("", None),
            ("none", None),
            ("v1", None),
            ("99999999999.1.1", None),
        ] {
            assert_eq!(Version::find(text), expected, "{text}");
        }
        assert!(Version(1, 6, 20) < Version(1, 7, 0));
    }
}
