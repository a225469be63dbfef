//! A range of addresses of pods or Services: `10.96.0.0/12`.

use serde::Serialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses: the first address, and how many leading bits they have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Subnet {
    first: IpAddr,
    prefix: u8,
}

impl Subnet {
    /// A range; `None` where the address has bits behind the prefix, or the prefix is longer than the address.
    pub(super) fn new(first: IpAddr, prefix: u8) -> Option<Self> {
        let (bits, width) = bits(first);
        let tail = width.checked_sub(prefix)?;
        let mask = if tail >= 128 { u128::MAX } else { (1 << tail) - 1 };
        (bits & mask == 0).then_some(Self { first, prefix })
    }

    /// The range of IPv4 addresses with that many leading bits.
    pub(super) const fn v4(first: Ipv4Addr, prefix: u8) -> Self {
        Self { first: IpAddr::V4(first), prefix }
    }

    /// The address that stands so many behind the first; the API server's own Service has the one at 1.
    #[must_use]
    pub fn address(&self, number: u16) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => Ipv4Addr::from(u32::from(first).wrapping_add(number.into())).into(),
            IpAddr::V6(first) => Ipv6Addr::from(u128::from(first).wrapping_add(number.into())).into(),
        }
    }

    /// Whether the two have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let ((a, width), (b, other_width)) = (bits(self.first), bits(other.first));
        let common = self.prefix.min(other.prefix);
        width == other_width && (common == 0 || a >> (width - common) == b >> (width - common))
    }
}

/// An address as a number, and its width in bits.
fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl From<Subnet> for String {
    fn from(subnet: Subnet) -> Self {
        subnet.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(first: &str, prefix: u8) -> Option<Subnet> {
        Subnet::new(first.parse().unwrap(), prefix)
    }

    #[test]
    fn addresses_behind_the_prefix_are_refused() {
        assert_eq!(subnet("10.96.0.0", 12).unwrap().address(1).to_string(), "10.96.0.1");
        assert_eq!(subnet("fd00::", 108).unwrap().address(10).to_string(), "fd00::a");
        assert_eq!(subnet("10.96.0.1", 12), None);
        assert_eq!(subnet("10.96.0.0", 33), None);
        assert!(subnet("::", 0).is_some() && subnet("::1", 0).is_none());
    }

    #[test]
    fn ranges_overlap_where_one_holds_the_other() {
        let wide = subnet("10.0.0.0", 8).unwrap();
        assert!(wide.overlaps(&subnet("10.96.0.0", 12).unwrap()));
        assert!(!wide.overlaps(&subnet("11.0.0.0", 8).unwrap()));
        assert!(!wide.overlaps(&subnet("fd00::", 8).unwrap()));
    }
}
