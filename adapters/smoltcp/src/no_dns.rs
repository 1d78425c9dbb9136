//! What stands for `dns.rs` without the feature `dns`: no name can be asked for.

use core::task::{Context, Poll};

use embedded_io::ErrorKind;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};

use crate::addresses::Addresses;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Query {}

impl Query {
    pub(crate) const fn start(
        _iface: &mut Interface,
        _sockets: &mut SocketSet<'_>,
        _dns_socket: Option<SocketHandle>,
        _name: &str,
        _ipv6: bool,
    ) -> Result<Self, ErrorKind> {
        Err(ErrorKind::Unsupported)
    }

    pub(crate) const fn poll(
        self,
        _cx: &mut Context<'_>,
        _iface: &Interface,
        _sockets: &mut SocketSet<'_>,
        _dns_socket: Option<SocketHandle>,
    ) -> Poll<Result<Addresses, ErrorKind>> {
        match self {}
    }

    pub(crate) const fn cancel(self, _sockets: &mut SocketSet<'_>, _dns_socket: Option<SocketHandle>) {
        match self {}
    }
}
