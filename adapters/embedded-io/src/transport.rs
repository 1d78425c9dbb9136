use core::task::{Context, Poll};

use embedded_io::{Error as _, ErrorKind, Read, ReadReady, Write, WriteReady};
use nanokafka::{Endpoint, Slot, Transport};

use crate::connector::Connector;

/// One connection's [`Transport`], through the streams of a [`Connector`].
///
/// ```
/// # use nanokafka::{Instant, Polled, Producer};
/// # use nanokafka_embedded_io::{Connector, StreamTransport};
/// fn turn(now: Instant, producer: &mut Producer, transport: &mut StreamTransport<impl Connector>) -> Polled {
///     producer.poll(now, transport)
/// }
/// ```
///
/// # Errors
/// The error is an [`ErrorKind`], which the producer keeps as
/// [`DisconnectReason::Transport`](nanokafka::DisconnectReason::Transport): the kind that the connector or the
/// stream gave, or
///
/// | kind | from | means |
/// |---|---|---|
/// | `OutOfMemory` | connect | a slot other than 0: lend the producer one `ConnectionSlot` |
/// | `WriteZero` | send | the writer was ready, and took nothing |
/// | `NotConnected` | send, receive | the slot is not connected |
#[derive(Debug)]
pub struct StreamTransport<C> {
    connector: C,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    Connecting,
    Open,
}

impl<C: Connector> StreamTransport<C> {
    /// A transport whose connection this connector opens and closes; closed now.
    #[must_use]
    pub const fn new(connector: C) -> Self {
        Self { connector, state: State::Closed }
    }

    /// The connector, to see how it is.
    pub const fn connector(&self) -> &C {
        &self.connector
    }

    /// The connector, to change how it connects. While a connection is open, its streams are the producer's:
    /// bytes taken from them or put into them break it.
    pub const fn connector_mut(&mut self) -> &mut C {
        &mut self.connector
    }

    /// Closes the connection, if there is one, and gives the connector back.
    pub fn into_connector(mut self) -> C {
        self.close(SLOT);
        self.connector
    }

    fn connected(&mut self, slot: Slot) -> Result<&mut C, ErrorKind> {
        if slot == SLOT && self.state == State::Open {
            Ok(&mut self.connector)
        } else {
            Err(ErrorKind::NotConnected)
        }
    }
}

const SLOT: Slot = Slot::new(0);

impl<C: Connector> Transport for StreamTransport<C> {
    type Error = ErrorKind;

    fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), ErrorKind>> {
        if slot != SLOT {
            return Poll::Ready(Err(ErrorKind::OutOfMemory));
        }
        if self.state == State::Open {
            return Poll::Ready(Ok(()));
        }
        let result = self.connector.poll_connect(cx, to);
        self.state = match result {
            Poll::Pending => State::Connecting,
            Poll::Ready(Ok(())) => State::Open,
            Poll::Ready(Err(_)) => State::Closed,
        };
        result.map_err(|error| error.kind())
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let connector = self.connected(slot)?;
        let mut taken = 0_usize;
        for bytes in [head, body] {
            if bytes.is_empty() {
                continue;
            }
            match write(connector.writer(), bytes)? {
                Some(count) => taken = taken.saturating_add(count),
                None if taken > 0 => break,
                None => {
                    connector.register(cx.waker());
                    let Some(count) = write(connector.writer(), bytes)? else { return Poll::Pending };
                    taken = count;
                }
            }
            // The writer took some of `head`; what follows it must wait.
            if taken < bytes.len() {
                break;
            }
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let connector = self.connected(slot)?;
        if let Some(count) = read(connector.reader(), buf)? {
            return Poll::Ready(Ok(count));
        }
        connector.register(cx.waker());
        match read(connector.reader(), buf)? {
            Some(count) => Poll::Ready(Ok(count)),
            None => Poll::Pending,
        }
    }

    fn close(&mut self, slot: Slot) {
        if slot == SLOT && self.state != State::Closed {
            self.state = State::Closed;
            self.connector.close();
        }
    }
}

/// Writes once if that does not block: how much of `bytes`, at least 1; `None` when the writer is not ready.
fn write(writer: &mut (impl Write + WriteReady), bytes: &[u8]) -> Result<Option<usize>, ErrorKind> {
    if !writer.write_ready().map_err(|error| error.kind())? {
        return Ok(None);
    }
    match writer.write(bytes).map_err(|error| error.kind())? {
        0 => Err(ErrorKind::WriteZero),
        // More than there was cannot be; a driver that says so must not move the producer's cursor past the end.
        count => Ok(Some(count.min(bytes.len()))),
    }
}

/// Reads once if that does not block; `None` when the reader is not ready.
fn read(reader: &mut (impl Read + ReadReady), buf: &mut [u8]) -> Result<Option<usize>, ErrorKind> {
    // Without room, 0 would mean something else than that the peer has closed.
    if buf.is_empty() || !reader.read_ready().map_err(|error| error.kind())? {
        return Ok(None);
    }
    let count = reader.read(buf).map_err(|error| error.kind())?;
    Ok(Some(count.min(buf.len())))
}
