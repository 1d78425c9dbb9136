//! Core's [`Transport`] over tokio's TCP streams.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use embedded_io::ErrorKind;
use nanokafka::{Endpoint, Slot, Transport};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};

#[cfg(test)]
mod tests;

/// TCP connections of tokio, one for each [`Slot`].
///
/// Names are resolved by the system's resolver, all addresses of a name are tried in turn, and `TCP_NODELAY` is
/// set. Allocates when a connection is opened, and never when bytes are sent or received. Needs a tokio runtime
/// with its I/O driver wherever it is polled.
///
/// [`Producer`](crate::Producer) comes with one. Use it directly to drive a core of your own:
///
/// ```no_run
/// use std::future::poll_fn;
/// use std::task::Poll;
/// use nanokafka::{Config, Instant, Producer, Resources, Wake};
/// use nanokafka_tokio::TokioTransport;
///
/// # async fn show() -> Result<(), Box<dyn std::error::Error>> {
/// let start = std::time::Instant::now();
/// let now = || Instant::from_millis(start.elapsed().as_millis() as u64);
/// let mut memory = Resources::<8, 1024>::new();
/// let mut producer = Producer::new(Config::new(&["127.0.0.1:9092"]), memory.lend(), now())?;
/// let mut transport = TokioTransport::new(3);
/// // Progress once; a complete loop also sleeps until `polled.wake`.
/// poll_fn(|cx| match producer.poll_with(cx, now(), &mut transport).wake {
///     Wake::Now => Poll::Ready(()),
///     _ => Poll::Pending,
/// })
/// .await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TokioTransport {
    slots: Box<[Entry]>,
}

#[derive(Debug, Default)]
struct Entry {
    connection: Connection,
    /// Which of a name's addresses to begin with: moves on when an attempt was given up, so that an address that
    /// never answers does not use up the setup timeout of every attempt.
    first_address: usize,
}

#[derive(Default)]
enum Connection {
    #[default]
    None,
    Connecting(Pin<Box<dyn Future<Output = Result<TcpStream, TransportError>> + Send>>),
    Open(TcpStream),
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Connecting(_) => "Connecting",
            Self::Open(_) => "Open",
        })
    }
}

impl TokioTransport {
    /// A transport with this many slots, numbered from 0: as many as the `ConnectionSlot`s lent to the core.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self { slots: (0..slots).map(|_| Entry::default()).collect() }
    }

    fn open(&mut self, slot: Slot) -> Result<Pin<&mut TcpStream>, TransportError> {
        match self.slots.get_mut(slot.index()).map(|entry| &mut entry.connection) {
            Some(Connection::Open(stream)) => Ok(Pin::new(stream)),
            Some(Connection::None | Connection::Connecting(_)) | None => {
                Err(TransportError::new(ErrorKind::NotConnected, "the slot has no open connection"))
            }
        }
    }
}

impl Transport for TokioTransport {
    type Error = TransportError;

    fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), TransportError>> {
        let Some(entry) = self.slots.get_mut(slot.index()) else {
            return Poll::Ready(Err(TransportError::new(ErrorKind::InvalidInput, "no such slot")));
        };
        if matches!(entry.connection, Connection::None) {
            let connecting = connect(to.host.to_owned(), to.port, entry.first_address);
            entry.connection = Connection::Connecting(Box::pin(connecting));
        }
        let Connection::Connecting(connecting) = &mut entry.connection else {
            return Poll::Ready(Ok(()));
        };
        let result = ready!(connecting.as_mut().poll(cx));
        Poll::Ready(match result {
            Ok(stream) => {
                entry.connection = Connection::Open(stream);
                Ok(())
            }
            Err(error) => {
                entry.connection = Connection::None;
                Err(error)
            }
        })
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, TransportError>> {
        let stream = self.open(slot)?;
        let sent = match (head, body) {
            (only, []) | ([], only) => ready!(stream.poll_write(cx, only)),
            (head, body) => ready!(stream.poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)])),
        };
        Poll::Ready(match sent {
            Ok(0) => Err(TransportError::new(ErrorKind::WriteZero, "the socket takes no bytes")),
            Ok(sent) => Ok(sent),
            Err(error) => Err(error.into()),
        })
    }

    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, TransportError>> {
        let stream = self.open(slot)?;
        let mut buf = ReadBuf::new(buf);
        ready!(stream.poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn close(&mut self, slot: Slot) {
        if let Some(entry) = self.slots.get_mut(slot.index()) {
            if matches!(entry.connection, Connection::Connecting(_)) {
                entry.first_address = entry.first_address.wrapping_add(1);
            }
            entry.connection = Connection::None;
        }
    }
}

async fn connect(host: String, port: u16, first_address: usize) -> Result<TcpStream, TransportError> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => match lookup_host((host.as_str(), port)).await {
            Ok(found) => found.collect(),
            // The resolver's own kinds differ from system to system; core's contract has one for all of them.
            Err(error) => return Err(TransportError { kind: ErrorKind::NotFound, source: error }),
        },
    };
    let mut last = TransportError::new(ErrorKind::NotFound, "the name has no address");
    let skip = first_address.checked_rem(addresses.len()).unwrap_or(0);
    for address in addresses.iter().cycle().skip(skip).take(addresses.len()) {
        match connect_to(*address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

async fn connect_to(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // Core writes whole requests: waiting for more would only add delay.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Why a connection of [`TokioTransport`] ended: the system's error, with the kind that core understands.
#[derive(Debug)]
pub struct TransportError {
    kind: ErrorKind,
    source: io::Error,
}

impl TransportError {
    fn new(kind: ErrorKind, text: &'static str) -> Self {
        Self { kind, source: io::Error::other(text) }
    }

    /// The system's own error.
    #[must_use]
    pub const fn io_error(&self) -> &io::Error {
        &self.source
    }
}

impl From<io::Error> for TransportError {
    fn from(source: io::Error) -> Self {
        Self { kind: kind_of(source.kind()), source }
    }
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.fmt(f)
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl embedded_io::Error for TransportError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "std's kinds are many, and more than core tells apart")]
fn kind_of(kind: io::ErrorKind) -> ErrorKind {
    match kind {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::ConnectionRefused => ErrorKind::ConnectionRefused,
        io::ErrorKind::ConnectionReset => ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted => ErrorKind::ConnectionAborted,
        io::ErrorKind::NotConnected => ErrorKind::NotConnected,
        io::ErrorKind::AddrInUse => ErrorKind::AddrInUse,
        io::ErrorKind::AddrNotAvailable => ErrorKind::AddrNotAvailable,
        io::ErrorKind::BrokenPipe => ErrorKind::BrokenPipe,
        io::ErrorKind::InvalidInput => ErrorKind::InvalidInput,
        io::ErrorKind::TimedOut => ErrorKind::TimedOut,
        io::ErrorKind::Interrupted => ErrorKind::Interrupted,
        io::ErrorKind::OutOfMemory => ErrorKind::OutOfMemory,
        io::ErrorKind::Unsupported => ErrorKind::Unsupported,
        _ => ErrorKind::Other,
    }
}
