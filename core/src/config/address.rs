use crate::transport::Endpoint;
#[cfg(feature = "address-map")]
use crate::wire::equal;

/// Where a broker is reached from here whose advertised address is not: behind NAT, a port forwarding or a gateway.
///
/// The advertised address stays what metadata says; connections go to the other one. A name is resolved when it is
/// used, as any. Only with the feature `address-map`, which is on by default.
///
/// ```
/// use nanokafka::{AddressMapping, Config};
/// let config = Config {
///     address_map: &[AddressMapping { advertised: "kafka-1.internal:9092", reached_at: "203.0.113.7:19092" }],
///     ..Config::new(&["203.0.113.7:19092"])
/// };
/// assert!(config.validate().is_ok());
/// ```
#[cfg(feature = "address-map")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressMapping<'a> {
    /// `host:port` as the broker advertises it (`advertised.listeners`), letter for letter.
    pub advertised: &'a str,
    /// `host:port` (`[address]:port` for IPv6) to connect to instead.
    pub reached_at: &'a str,
}

/// Where to connect to for an advertised address: the first entry that names it, or itself.
#[cfg(feature = "address-map")]
pub(crate) fn reached_at<'e>(map: &'e [AddressMapping<'_>], advertised: Endpoint<'e>) -> Endpoint<'e> {
    let is_named = |named: Endpoint<'_>| {
        named.port == advertised.port && equal(named.host.as_bytes(), advertised.host.as_bytes())
    };
    let entry = map.iter().find(|entry| endpoint_of(entry.advertised).is_some_and(is_named));
    entry.and_then(|entry| endpoint_of(entry.reached_at)).unwrap_or(advertised)
}

/// The host and port of `host:port` or `[host]:port`; `None` when it is neither.
pub(crate) fn endpoint_of(address: &str) -> Option<Endpoint<'_>> {
    let Parts { start, end, port } = parts_of(address.as_bytes())?;
    Some(Endpoint { host: address.get(start..end)?, port })
}

/// Where the host of an address begins and ends, and its port.
pub(super) struct Parts {
    start: usize,
    end: usize,
    port: u16,
}

/// Takes an address apart, in constants as well as at run time.
pub(super) const fn parts_of(address: &[u8]) -> Option<Parts> {
    let mut host = address;
    let (mut port, mut scale) = (0u32, 1u32);
    // From the end to the last colon, a few digits.
    loop {
        let Some((byte, before)) = host.split_last() else { return None };
        host = before;
        if *byte == b':' {
            break;
        }
        if !byte.is_ascii_digit() || scale > 1_000_000 {
            return None;
        }
        port = port.wrapping_add((byte.wrapping_sub(b'0') as u32).wrapping_mul(scale));
        scale = scale.wrapping_mul(10);
    }
    if port == 0 || port > u16::MAX as u32 {
        return None;
    }
    let len = host.len();
    let (start, end) = match (host.first(), host.last()) {
        (Some(b'['), Some(b']')) if len > 2 => (1, len.wrapping_sub(1)),
        (Some(b'[') | None, _) | (_, None) => return None,
        (Some(_), Some(_)) => (0, len),
    };
    while let Some((byte, behind)) = host.split_first() {
        // Without brackets it cannot be told where an IPv6 address ends and the port begins.
        if *byte == b':' && start == 0 {
            return None;
        }
        host = behind;
    }
    Some(Parts { start, end, port: port as u16 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_or_an_ipv6_address_in_brackets_and_a_port() {
        let good = [
            ("a:1", "a", 1),
            ("kafka.example.com:65535", "kafka.example.com", 65535),
            ("[::1]:9092", "::1", 9092),
            ("b\u{fc}ro:09092", "b\u{fc}ro", 9092),
        ];
        for (address, host, port) in good {
            assert_eq!(endpoint_of(address), Some(Endpoint { host, port }));
        }
        let bad = [
            "",
            ":",
            "a",
            "a:",
            ":1",
            "a:0",
            "a:65536",
            "a:99999999999",
            "a:1x",
            "::1:9092",
            "[]:1",
            "[::1:1",
            "a:-1",
            "a:+1",
            "9092",
            "[:1",
        ];
        for bad in bad {
            assert_eq!(endpoint_of(bad), None, "{bad}");
        }
    }
}
