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
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(Lookup::Found(Addresses::one(address.into())));
    }
    if host.contains(':') {
        return ipv6_in_text(host).map(|address| Lookup::Found(Addresses::one(address)));
    }
    // A host that has no IPv4 address itself cannot reach one.
    let ipv6 = cfg!(feature = "proto-ipv6") && iface.ipv4_addr().is_none();
    Query::start(iface, sockets, dns_socket, host, ipv6).map(Lookup::Asked)
}

#[cfg(feature = "proto-ipv6")]
fn ipv6_in_text(host: &str) -> Result<IpAddress, ErrorKind> {
    host.parse::<core::net::Ipv6Addr>().map(IpAddress::from).map_err(|_| ErrorKind::InvalidInput)
}

#[cfg(not(feature = "proto-ipv6"))]
fn ipv6_in_text(_host: &str) -> Result<IpAddress, ErrorKind> {
    Err(ErrorKind::Unsupported)
}
