//! Names, by the DNS socket.

use core::task::{Context, Poll};

use embedded_io::ErrorKind;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::{AnySocket, dns};
use smoltcp::wire::DnsQueryType;

use crate::addresses::Addresses;

/// A name that the DNS socket was asked for. To be polled until it is `Ready`, or cancelled: else its place in
/// the DNS socket stays taken.
#[derive(Clone, Copy)]
pub(crate) struct Query {
    handle: dns::QueryHandle,
    ipv6: bool,
}

impl Query {
    pub(crate) fn start(
        iface: &mut Interface,
        sockets: &mut SocketSet<'_>,
        dns_socket: Option<SocketHandle>,
        name: &str,
        ipv6: bool,
    ) -> Result<Self, ErrorKind> {
        let socket = dns_in(sockets, dns_socket).ok_or(ErrorKind::Unsupported)?;
        let kind = if ipv6 { IPV6_QUERY } else { DnsQueryType::A };
        match socket.start_query(iface.context(), name, kind) {
            Ok(handle) => Ok(Self { handle, ipv6 }),
            Err(dns::StartQueryError::NoFreeSlot) => Err(ErrorKind::OutOfMemory),
            Err(dns::StartQueryError::InvalidName | dns::StartQueryError::NameTooLong) => {
                Err(ErrorKind::InvalidInput)
            }
        }
    }

    pub(crate) fn poll(
        self,
        cx: &mut Context<'_>,
        iface: &Interface,
        sockets: &mut SocketSet<'_>,
        dns_socket: Option<SocketHandle>,
    ) -> Poll<Result<Addresses, ErrorKind>> {
        let Some(socket) = dns_in(sockets, dns_socket) else {
            return Poll::Ready(Err(ErrorKind::Unsupported));
        };
        let ask_for_ipv6 = cfg!(feature = "proto-ipv6") && !self.ipv6 && has_ipv6(iface);
        match socket.get_query_result(self.handle) {
            Ok(found) => Poll::Ready(Ok(Addresses::of_name(found, ask_for_ipv6))),
            Err(dns::GetQueryResultError::Pending) => {
                #[cfg(feature = "async")]
                socket.register_query_waker(self.handle, cx.waker());
                #[cfg(not(feature = "async"))]
                let _ = cx;
                Poll::Pending
            }
            Err(dns::GetQueryResultError::Failed) if ask_for_ipv6 => {
                Poll::Ready(Ok(Addresses::of_name([], ask_for_ipv6)))
            }
            Err(dns::GetQueryResultError::Failed) => Poll::Ready(Err(ErrorKind::NotFound)),
        }
    }

    pub(crate) fn cancel(self, sockets: &mut SocketSet<'_>, dns_socket: Option<SocketHandle>) {
        if let Some(socket) = dns_in(sockets, dns_socket) {
            socket.cancel_query(self.handle);
        }
    }
}

// smoltcp's handle has no `Debug`.
impl core::fmt::Debug for Query {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Query").field("ipv6", &self.ipv6).finish_non_exhaustive()
    }
}

#[cfg(feature = "proto-ipv6")]
const IPV6_QUERY: DnsQueryType = DnsQueryType::Aaaa;
#[cfg(not(feature = "proto-ipv6"))]
const IPV6_QUERY: DnsQueryType = DnsQueryType::A;

#[cfg(feature = "proto-ipv6")]
fn has_ipv6(iface: &Interface) -> bool {
    // A link-local address alone reaches no broker that a name server would know.
    iface.ip_addrs().iter().any(|cidr| match cidr.address() {
        smoltcp::wire::IpAddress::Ipv6(address) => {
            !address.is_unicast_link_local() && !address.is_unspecified()
        }
        smoltcp::wire::IpAddress::Ipv4(_) => false,
    })
}

#[cfg(not(feature = "proto-ipv6"))]
fn has_ipv6(_iface: &Interface) -> bool {
    false
}

fn dns_in<'s, 'd>(
    sockets: &'s mut SocketSet<'d>,
    handle: Option<SocketHandle>,
) -> Option<&'s mut dns::Socket<'d>> {
    let handle = handle?;
    // `SocketSet::get_mut` panics where this gives `None`.
    sockets.iter_mut().find(|(at, _)| *at == handle).and_then(|(_, socket)| dns::Socket::downcast_mut(socket))
}
