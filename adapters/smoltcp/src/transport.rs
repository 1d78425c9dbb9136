use core::task::{Context, Poll};

use embedded_io::ErrorKind;
use nanokafka::{Endpoint, Slot, Transport};

use crate::connect::{Connection, Net};

/// The [`Connections`](crate::Connections) together with the interface and the sockets: what
/// [`Producer::poll`](nanokafka::Producer::poll) drives. Made anew for each poll; it keeps nothing.
///
/// # Errors
/// The error is an [`ErrorKind`], which the producer keeps as
/// [`DisconnectReason::Transport`](nanokafka::DisconnectReason::Transport):
///
/// | kind | from | means |
/// |---|---|---|
/// | `NotFound` | connect | the name does not resolve, or no name server answered, or none is set |
/// | `ConnectionRefused` | connect | nobody listens there; of several addresses, the last was refused |
/// | `AddrNotAvailable` | any | the interface has no address (no lease yet), none of the broker's family, or it lost the one that the connection used |
/// | `ConnectionReset` | send, receive | the peer cut the connection, or was silent for longer than [`keep_alive`](crate::Connections::keep_alive) allows; smoltcp does not tell which |
/// | `InvalidInput` | connect | not a name, an address or a port: an empty label, a name of more than 253 bytes, port 0, 0.0.0.0 |
/// | `OutOfMemory` | connect | more connections than sockets, a socket without buffers, or the DNS socket has no free query |
/// | `Unsupported` | connect | a name, but no DNS socket; an IPv6 address without the feature `proto-ipv6` |
/// | `NotConnected` | any | a handle is not that of a TCP socket of this set, or the slot is not connected |
///
/// An address that never answers gives no error: the producer's `socket_connection_setup_timeout_ms` ends it.
pub struct SmoltcpTransport<'t, 'd> {
    pub(crate) connections: &'t mut [Connection],
    pub(crate) net: Net<'t, 'd>,
}

// smoltcp's `Interface` has no `Debug`.
impl core::fmt::Debug for SmoltcpTransport<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SmoltcpTransport").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Transport for SmoltcpTransport<'_, '_> {
    type Error = ErrorKind;

    fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), ErrorKind>> {
        match self.connections.get_mut(slot.index()) {
            Some(connection) => connection.poll_connect(cx, &mut self.net, to),
            None => Poll::Ready(Err(ErrorKind::OutOfMemory)),
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        match self.connections.get_mut(slot.index()) {
            Some(connection) => connection.poll_send(cx, &mut self.net, head, body),
            None => Poll::Ready(Err(ErrorKind::NotConnected)),
        }
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        match self.connections.get_mut(slot.index()) {
            Some(connection) => connection.poll_recv(cx, &mut self.net, buf),
            None => Poll::Ready(Err(ErrorKind::NotConnected)),
        }
    }

    fn close(&mut self, slot: Slot) {
        if let Some(connection) = self.connections.get_mut(slot.index()) {
            connection.close(&mut self.net);
        }
    }
}
