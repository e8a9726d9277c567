//! Ranges of IP addresses, as the `cidr` operator means them.
//!
//! Must not know where in a pattern it stands.

use std::net::IpAddr;

/// Holds the addresses that share their first bits with a given one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cidr {
    network: IpAddr,
    bits: u32,
}

impl Cidr {
    /// Parses `address/bits`; like EventBridge it refuses ranges of a single address.
    pub(super) fn parse(text: &str) -> Result<Cidr, String> {
        let (address, bits) = text
            .split_once('/')
            .ok_or_else(|| format!("`{text}` has no `/` and mask bits"))?;
        let network: IpAddr = address
            .parse()
            .map_err(|_| format!("`{address}` is no IPv4 or IPv6 address"))?;
        let most = if network.is_ipv4() { 31 } else { 127 };
        bits.parse()
            .ok()
            .filter(|number| *number <= most && !bits.starts_with('+'))
            .map(|bits| Cidr { network, bits })
            .ok_or_else(|| format!("`{bits}` mask bits are not from 0 to {most}"))
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        match (self.network, text.parse()) {
            (IpAddr::V4(network), Ok(IpAddr::V4(address))) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), Ok(IpAddr::V6(address))) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), Ok(IpAddr::V6(_)) | Err(_))
            | (IpAddr::V6(_), Ok(IpAddr::V4(_)) | Err(_)) => false,
        }
    }
}
