use core::task::{Context, Poll, Waker};

use embedded_io::{Read, ReadReady, Write, WriteReady};
use nanokafka::Endpoint;

/// Opens and closes the connection, and lends its two streams. See the [crate] for one that dials a modem.
///
/// The connector owns what the streams live in, so one object may be all three:
///
/// ```
/// # use core::task::{Context, Poll};
/// # use embedded_io::{ErrorKind, Read, ReadReady, Write, WriteReady};
/// # use nanokafka::Endpoint;
/// # use nanokafka_embedded_io::Connector;
/// /// A serial link whose other end is always connected to the broker.
/// struct Link<Serial>(Serial);
///
/// impl<Serial: Read + ReadReady + Write + WriteReady> Connector for Link<Serial> {
///     type Reader = Serial;
///     type Writer = Serial;
///     type Error = ErrorKind;
///
///     fn poll_connect(&mut self, _: &mut Context<'_>, _: Endpoint<'_>) -> Poll<Result<(), ErrorKind>> {
///         Poll::Ready(Ok(()))
///     }
///     fn reader(&mut self) -> &mut Serial {
///         &mut self.0
///     }
///     fn writer(&mut self) -> &mut Serial {
///         &mut self.0
///     }
///     fn close(&mut self) {
///         // Tell the other end, in whatever way the link has: it must not take the next bytes for more of the
///         // same connection.
///     }
/// }
/// ```
pub trait Connector {
    /// What the peer sends. At end of file, `read_ready` is true and `read` gives `Ok(0)`.
    type Reader: Read + ReadReady;
    /// What the peer gets. Bytes leave without a `flush`.
    type Writer: Write + WriteReady;
    /// Why a connection could not be opened. Its [`kind`](embedded_io::Error::kind) is kept: use `NotFound` for a
    /// name that does not resolve and `ConnectionRefused` for a port that nobody listens on.
    type Error: embedded_io::Error;

    /// Opens the connection to `to`, or goes on with it: called again, with the same `to`, until it is `Ready`.
    /// Must return at once. When `Pending`, it wakes the waker of `cx` once there is more to do, if it can.
    ///
    /// No byte of an earlier connection may be left in the reader when this is `Ready(Ok(()))`.
    ///
    /// # Errors
    /// The attempt failed. The connector is then as after [`close`](Self::close), which is not called.
    fn poll_connect(&mut self, cx: &mut Context<'_>, to: Endpoint<'_>) -> Poll<Result<(), Self::Error>>;

    /// The open connection's receiving side.
    fn reader(&mut self) -> &mut Self::Reader;

    /// The open connection's sending side. May be the same object as [`reader`](Self::reader)'s.
    fn writer(&mut self) -> &mut Self::Writer;

    /// Ends the connection, or the attempt to open it. Must return at once; what has to be said to a modem
    /// first can be said by the next `poll_connect`.
    fn close(&mut self);

    /// A stream was not ready: `waker` is to be woken when one of the two may be. Readiness is asked once more
    /// after this call, so nothing is missed in between.
    ///
    /// Does nothing unless implemented: enough for a super-loop, which polls again after each interrupt. An async
    /// driver of the producer needs it.
    fn register(&mut self, waker: &Waker) {
        let _ = waker;
    }
}
