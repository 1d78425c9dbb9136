use crate::transport::Endpoint;

/// The host and port of `host:port` or `[host]:port`; `None` when it is neither.
pub(crate) fn endpoint_of(address: &str) -> Option<Endpoint<'_>> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        // Without brackets it cannot be told where an IPv6 address ends and the port begins.
        None if host.contains(':') => return None,
        None => host,
    };
    if host.is_empty() { None } else { Some(Endpoint { host, port }) }
}

/// Whether `address` has the form that [`endpoint_of`] takes apart; usable in constants.
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no `get`; every index is below a length that was checked"
)]
pub(super) const fn is_address(address: &str) -> bool {
    let bytes = address.as_bytes();
    let mut colon = bytes.len();
    while colon > 0 && bytes[colon - 1] != b':' {
        colon -= 1;
    }
    if colon < 2 {
        return false;
    }
    let mut port = 0u32;
    let mut at = colon;
    while at < bytes.len() {
        let digit = bytes[at].wrapping_sub(b'0');
        if digit > 9 || port > 65_535 {
            return false;
        }
        port = port * 10 + digit as u32;
        at += 1;
    }
    is_host(bytes, colon - 1) && at > colon && port >= 1 && port <= 65_535
}

#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "const code has no `get`; every index is below a length that was checked"
)]
const fn is_host(bytes: &[u8], end: usize) -> bool {
    let bracketed = bytes[0] == b'[';
    if bracketed && (end < 3 || bytes[end - 1] != b']') {
        return false;
    }
    let mut at = 0;
    while at < end {
        if bytes[at] == b':' && !bracketed {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parsers_agree_on_what_is_an_address() {
        let good = [
            ("a:1", "a", 1),
            ("kafka.example.com:65535", "kafka.example.com", 65535),
            ("[::1]:9092", "::1", 9092),
        ];
        for (address, host, port) in good {
            assert_eq!(endpoint_of(address), Some(Endpoint { host, port }));
            assert!(is_address(address), "{address}");
        }
        for bad in [
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
        ] {
            assert_eq!(endpoint_of(bad), None, "{bad}");
            assert!(!is_address(bad), "{bad}");
        }
    }
}
