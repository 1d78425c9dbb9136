//! From the text of an endpoint's host to IP addresses: those in text as they are, names by the DNS socket.

use core::net::Ipv4Addr;

use embedded_io::ErrorKind;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::wire::IpAddress;

use crate::addresses::Addresses;
use crate::dns::Query;

/// What became of a host so far.
#[derive(Debug)]
pub(crate) enum Lookup {
    Found(Addresses),
    Asked(Query),
}

/// The address that `host` spells, or a query for the name that it is.
pub(crate) fn lookup(
    iface: &mut Interface,
    sockets: &mut SocketSet<'_>,
    dns_socket: Option<SocketHandle>,
    host: &str,
) -> Result<Lookup, ErrorKind> {
    if let Some(address) = ipv4_in_text(host) {
        return Ok(Lookup::Found(Addresses::one(address.into())));
    }
    if host.contains(':') {
        return ipv6_in_text(host).map(|address| Lookup::Found(Addresses::one(address)));
    }
    // A host that has no IPv4 address itself cannot reach one.
    let ipv6 = cfg!(feature = "proto-ipv6") && iface.ipv4_addr().is_none();
    Query::start(iface, sockets, dns_socket, host, ipv6).map(Lookup::Asked)
}

/// Four decimal numbers with dots between, as the standard library takes them; its parser, which shares its parts
/// with IPv6's, is 0.9 KB larger.
fn ipv4_in_text(host: &str) -> Option<Ipv4Addr> {
    let (mut bits, mut dots) = (0u32, 0usize);
    let mut octet: Option<u8> = None;
    for byte in host.bytes() {
        if byte == b'.' {
            bits = (bits << 8) | u32::from(octet.take()?);
            dots += 1;
            continue;
        }
        if !byte.is_ascii_digit() || octet == Some(0) {
            return None;
        }
        octet = Some(octet.unwrap_or(0).checked_mul(10)?.checked_add(byte - b'0')?);
    }
    if dots == 3 { Some(Ipv4Addr::from_bits((bits << 8) | u32::from(octet?))) } else { None }
}

#[cfg(feature = "proto-ipv6")]
fn ipv6_in_text(host: &str) -> Result<IpAddress, ErrorKind> {
    host.parse::<core::net::Ipv6Addr>().map(IpAddress::from).map_err(|_| ErrorKind::InvalidInput)
}

#[cfg(not(feature = "proto-ipv6"))]
fn ipv6_in_text(_host: &str) -> Result<IpAddress, ErrorKind> {
    Err(ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_address_in_text_is_what_the_standard_library_takes_for_one() {
        let hosts = [
            "0.0.0.0",
            "255.255.255.255",
            "10.0.2.2",
            "192.168.1.254",
            "1.2.3",
            "1.2.3.4.5",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.00",
            "1..2.3",
            ".1.2.3",
            "1.2.3.",
            "",
            ".",
            "...",
            "1.2.3.4 ",
            "a.b.c.d",
            "1.2.3.-4",
            "1.2.3.1000",
            "broker-1.example.com",
            "::1",
            "1.2.3.4.",
        ];
        for host in hosts {
            assert_eq!(ipv4_in_text(host), host.parse().ok(), "{host}");
        }
    }
}
