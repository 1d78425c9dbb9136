//! The TCP connections that the producer drives, as a trait that adapters implement.

use core::task::{Context, Poll};

/// Names one of the transport's TCP connections: 0 up to, but not including, the number of
/// [`ConnectionSlot`](crate::ConnectionSlot)s that were lent to the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slot(u8);

impl Slot {
    /// The slot with this number.
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// The slot's number, to index an adapter's own table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a broker listens: a host name or an IP address in text, and a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Endpoint<'a> {
    /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
    pub host: &'a str,
    /// The TCP port.
    pub port: u16,
}

/// TCP connections, by slot. Every call returns at once.
///
/// `Poll::Pending` means "not now": the implementation then registers the waker of `cx` for that slot, if it
/// supports wakers, and the producer asks again at its next `poll`. An error ends the connection: the producer
/// calls [`close`](Transport::close) and connects again after its backoff; no error leaves `poll`.
///
/// The producer keeps these rules, on which an implementation may rely:
/// * a slot is used only after `poll_connect` returned `Ready(Ok(()))` for it, and no longer after `close`;
/// * between the first `poll_connect` and its `Ready`, `to` stays the same;
/// * bytes that `poll_send` did not take are offered again, unchanged, before any others.
///
/// The kind of an error (see [`embedded_io::ErrorKind`]) is kept as the reason of the disconnect. Adapters use
/// `NotFound` for a name that does not resolve and `ConnectionRefused` for a port that nobody listens on.
pub trait Transport {
    /// What can go wrong with a connection.
    type Error: embedded_io::Error;

    /// Opens the connection of `slot`: resolves the name, connects, and says when bytes can flow.
    ///
    /// # Errors
    /// The name did not resolve, nobody listens, or the connection was cut: `slot` is then as after `close`.
    fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), Self::Error>>;

    /// Takes bytes to send: some of `head`, or all of `head` and some of `body`, and returns how many, at least 1.
    /// Either may be empty, but not both.
    ///
    /// # Errors
    /// The connection is gone.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, Self::Error>>;

    /// Fills the front of `buf` with bytes that have arrived and returns how many. `Ok(0)`: the peer has closed.
    ///
    /// # Errors
    /// The connection is gone.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, Self::Error>>;

    /// Ends the connection of `slot`, or the attempt to open it, at once. Does nothing when there is none.
    fn close(&mut self, slot: Slot);
}
