//! Core's transport on the standard library's sockets, and poll(2) to wait for them.

use std::io::{ErrorKind as IoKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::task::{Context, Poll};
use std::time::Duration;

use embedded_io::ErrorKind;
use nanokafka::{Endpoint, Slot, Transport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

#[derive(Default)]
pub(crate) struct Sockets {
    open: Vec<Option<Connection>>,
    /// The last `poll_send` of a slot found no room.
    wants_room: bool,
}

struct Connection {
    socket: TcpStream,
    /// Bytes may have come: not after a read that got less than it asked for, until poll(2) says so. Otherwise every
    /// answer would cost a second read that finds nothing.
    may_have_bytes: bool,
}

impl Sockets {
    /// Lets core look for answers once more without a wait.
    pub(crate) fn look_again(&mut self) {
        for connection in self.open.iter_mut().flatten() {
            connection.may_have_bytes = true;
        }
    }

    /// Waits until a socket has something to say, at most so long.
    pub(crate) fn wait(&mut self, timeout: Duration) -> std::io::Result<()> {
        let wanted = if self.wants_room { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let sockets = self.open.iter().flatten().map(|connection| &connection.socket);
        let mut sockets: Vec<PollFd<'_>> = sockets.map(|socket| PollFd::new(socket, wanted)).collect();
        let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
        match poll(&mut sockets, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // An error or the peer's end is found by reading, too.
        let read: Vec<bool> =
            sockets.iter().map(|socket| !(socket.revents() - PollFlags::OUT).is_empty()).collect();
        for (connection, news) in self.open.iter_mut().flatten().zip(read) {
            connection.may_have_bytes |= news;
        }
        Ok(())
    }

    fn slot(&mut self, slot: Slot) -> &mut Option<Connection> {
        if self.open.len() <= slot.index() {
            self.open.resize_with(slot.index() + 1, || None);
        }
        &mut self.open[slot.index()]
    }
}

impl Transport for Sockets {
    type Error = ErrorKind;

    /// Connects in one go: the broker of the bench is on this machine.
    fn poll_connect(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), ErrorKind>> {
        let connect = || -> std::io::Result<TcpStream> {
            let socket = TcpStream::connect((to.host, to.port))?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        match connect() {
            Ok(socket) => {
                *self.slot(slot) = Some(Connection { socket, may_have_bytes: true });
                Poll::Ready(Ok(()))
            }
            Err(_) => Poll::Ready(Err(ErrorKind::ConnectionRefused)),
        }
    }

    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let Some(connection) = self.slot(slot) else { return Poll::Ready(Err(ErrorKind::NotConnected)) };
        let sent = outcome(connection.socket.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]));
        self.wants_room = sent.is_pending();
        sent
    }

    fn poll_recv(
        &mut self,
        _: &mut Context<'_>,
        slot: Slot,
        buf: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let Some(connection) = self.slot(slot) else { return Poll::Ready(Err(ErrorKind::NotConnected)) };
        if !connection.may_have_bytes {
            return Poll::Pending;
        }
        let read = outcome(connection.socket.read(buf));
        // The peer's end, 0, is not less than what is to come.
        connection.may_have_bytes =
            matches!(read, Poll::Ready(Ok(count)) if count == 0 || count == buf.len());
        read
    }

    fn close(&mut self, slot: Slot) {
        *self.slot(slot) = None;
    }
}

fn outcome(result: std::io::Result<usize>) -> Poll<Result<usize, ErrorKind>> {
    match result {
        Ok(count) => Poll::Ready(Ok(count)),
        Err(error) if matches!(error.kind(), IoKind::WouldBlock | IoKind::Interrupted) => Poll::Pending,
        Err(_) => Poll::Ready(Err(ErrorKind::Other)),
    }
}
