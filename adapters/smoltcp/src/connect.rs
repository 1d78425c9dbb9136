//! One connection from its first `poll_connect` to its `close`, and the socket that it borrows.

use core::task::{Context, Poll};

use embedded_io::ErrorKind;
use nanokafka::Endpoint;
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::{AnySocket, tcp};
use smoltcp::time::Duration;
use smoltcp::wire::IpAddress;

use crate::addresses::Addresses;
use crate::dns::Query;
use crate::fmt::debug;
use crate::ports::Ports;
use crate::resolve::{Lookup, lookup};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) dns: Option<SocketHandle>,
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) next_address_after: Duration,
}

/// The parts of a transport that are not one connection's own.
pub(crate) struct Net<'t, 'd> {
    pub(crate) iface: &'t mut Interface,
    pub(crate) sockets: &'t mut SocketSet<'d>,
    pub(crate) shared: &'t mut Shared,
}

#[derive(Debug)]
pub(crate) struct Connection {
    socket: SocketHandle,
    stage: Stage,
    /// The socket's last connection was aborted, and the interface had its turn to say so to the peer.
    reset_had_its_turn: bool,
    /// What the attempt fails with when nothing is left to try.
    failure: ErrorKind,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Resolving(Query),
    /// The socket is busy with one address; these are the others.
    Trying {
        local: Option<IpAddress>,
        others: Addresses,
    },
    Open {
        local: Option<IpAddress>,
    },
}

/// What a stage of the attempt came to.
enum Step {
    Go(Stage),
    Wait,
}

impl Connection {
    pub(crate) const fn new(socket: SocketHandle) -> Self {
        Self { socket, stage: Stage::Idle, reset_had_its_turn: false, failure: ErrorKind::NotFound }
    }

    pub(crate) fn poll_connect(
        &mut self,
        cx: &mut Context<'_>,
        net: &mut Net<'_, '_>,
        to: Endpoint<'_>,
    ) -> Poll<Result<(), ErrorKind>> {
        // Ends: each turn waits, fails, opens, takes an address off a list that is filled at most twice, or
        // goes on to a later stage.
        loop {
            let step = match &mut self.stage {
                Stage::Open { .. } => return Poll::Ready(Ok(())),
                Stage::Idle => self.start(cx, net, to),
                Stage::Resolving(query) => match query.poll(cx, net.iface, net.sockets, net.shared.dns) {
                    Poll::Pending => Ok(Step::Wait),
                    // Without IPv6 addresses either, what became of the IPv4 ones says more.
                    Poll::Ready(Err(ErrorKind::NotFound)) => Err(self.failure),
                    Poll::Ready(Err(kind)) => Err(kind),
                    Poll::Ready(Ok(found)) => self.try_next(net, to, found),
                },
                Stage::Trying { .. } => self.watch(cx, net, to),
            };
            match step {
                Ok(Step::Go(stage)) => self.stage = stage,
                Ok(Step::Wait) => return Poll::Pending,
                Err(kind) => {
                    debug!("no connection to {}:{}", to.host, to.port);
                    self.stage = Stage::Idle;
                    return Poll::Ready(Err(kind));
                }
            }
        }
    }

    /// First stage: sees that the socket is free, and what `to` means.
    fn start(
        &mut self,
        cx: &mut Context<'_>,
        net: &mut Net<'_, '_>,
        to: Endpoint<'_>,
    ) -> Result<Step, ErrorKind> {
        if to.port == 0 {
            return Err(ErrorKind::InvalidInput);
        }
        let socket = tcp_in(net.sockets, self.socket).ok_or(ErrorKind::NotConnected)?;
        if socket.recv_capacity() == 0 || socket.send_capacity() == 0 {
            return Err(ErrorKind::OutOfMemory);
        }
        if !is_free(socket) {
            socket.abort();
            // `connect` forgets a reset that was not sent, and a peer that never hears of it keeps its half of
            // the connection for minutes. One turn of the interface is enough, unless the peer cannot be
            // reached at all: then waiting longer would only keep other brokers from this socket.
            if !self.reset_had_its_turn {
                self.reset_had_its_turn = true;
                cx.waker().wake_by_ref();
                return Ok(Step::Wait);
            }
        }
        if net.iface.ip_addrs().iter().all(|cidr| cidr.address().is_unspecified()) {
            return Err(ErrorKind::AddrNotAvailable);
        }
        self.failure = ErrorKind::NotFound;
        match lookup(net.iface, net.sockets, net.shared.dns, to.host)? {
            Lookup::Found(addresses) => self.try_next(net, to, addresses),
            Lookup::Asked(query) => Ok(Step::Go(Stage::Resolving(query))),
        }
    }

    /// Starts a connection to the first of `addresses` that can be tried at all.
    fn try_next(
        &mut self,
        net: &mut Net<'_, '_>,
        to: Endpoint<'_>,
        mut addresses: Addresses,
    ) -> Result<Step, ErrorKind> {
        let local_port = net.shared.ports.free(net.sockets);
        let socket = tcp_in(net.sockets, self.socket).ok_or(ErrorKind::NotConnected)?;
        while let Some(address) = addresses.next() {
            socket.set_nagle_enabled(false);
            socket.set_keep_alive(net.shared.keep_alive);
            // The last address has all the time that the producer's setup timeout leaves it; so a socket that
            // closes while it tries that address was refused.
            socket.set_timeout(addresses.more().then_some(net.shared.next_address_after));
            match socket.connect(net.iface.context(), (address, to.port), local_port) {
                Ok(()) => {
                    self.reset_had_its_turn = false;
                    let local = socket.local_endpoint().map(|local| local.addr);
                    return Ok(Step::Go(Stage::Trying { local, others: addresses }));
                }
                Err(tcp::ConnectError::Unaddressable) if address.is_unspecified() => {
                    self.failure = ErrorKind::InvalidInput;
                }
                Err(tcp::ConnectError::Unaddressable) => self.failure = ErrorKind::AddrNotAvailable,
                Err(tcp::ConnectError::InvalidState) => self.failure = ErrorKind::AddrInUse,
            }
        }
        if addresses.ask_for_ipv6() {
            let query = Query::start(net.iface, net.sockets, net.shared.dns, to.host, true)?;
            return Ok(Step::Go(Stage::Resolving(query)));
        }
        Err(self.failure)
    }

    /// Sees what became of the address that is being tried.
    fn watch(
        &mut self,
        cx: &mut Context<'_>,
        net: &mut Net<'_, '_>,
        to: Endpoint<'_>,
    ) -> Result<Step, ErrorKind> {
        let Stage::Trying { local, others } = &mut self.stage else {
            return Err(ErrorKind::NotConnected);
        };
        let local = *local;
        let socket = tcp_in(net.sockets, self.socket).ok_or(ErrorKind::NotConnected)?;
        if socket.may_send() {
            socket.set_timeout(net.shared.timeout);
            return Ok(Step::Go(Stage::Open { local }));
        }
        if socket.is_open() {
            wake_when_writable(socket, cx);
            return Ok(Step::Wait);
        }
        self.failure = match local {
            Some(address) if !net.iface.has_ip_addr(address) => ErrorKind::AddrNotAvailable,
            _ => ErrorKind::ConnectionRefused,
        };
        debug!("an address of {} refused, or did not answer", to.host);
        let others = core::mem::take(others);
        self.try_next(net, to, others)
    }

    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        net: &mut Net<'_, '_>,
        head: &[u8],
        body: &[u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let (socket, local) = self.open_socket(net.sockets)?;
        if !socket.may_send() {
            return Poll::Ready(Err(lost(net.iface, local)));
        }
        // Neither call fails after `may_send`.
        let mut taken = socket.send_slice(head).unwrap_or(0);
        if taken == head.len() {
            taken = taken.saturating_add(socket.send_slice(body).unwrap_or(0));
        }
        if taken == 0 {
            wake_when_writable(socket, cx);
            return Poll::Pending;
        }
        Poll::Ready(Ok(taken))
    }

    pub(crate) fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        net: &mut Net<'_, '_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize, ErrorKind>> {
        let (socket, local) = self.open_socket(net.sockets)?;
        match socket.recv_slice(buf) {
            Ok(0) => {
                wake_when_readable(socket, cx);
                Poll::Pending
            }
            Ok(count) => Poll::Ready(Ok(count)),
            Err(tcp::RecvError::Finished) => Poll::Ready(Ok(0)),
            Err(tcp::RecvError::InvalidState) => Poll::Ready(Err(lost(net.iface, local))),
        }
    }

    pub(crate) fn close(&mut self, net: &mut Net<'_, '_>) {
        let stage = core::mem::replace(&mut self.stage, Stage::Idle);
        let socket = tcp_in(net.sockets, self.socket);
        match stage {
            Stage::Idle => {}
            Stage::Resolving(query) => query.cancel(net.sockets, net.shared.dns),
            Stage::Trying { .. } => {
                if let Some(socket) = socket {
                    socket.abort();
                }
            }
            Stage::Open { .. } => {
                if let Some(socket) = socket {
                    // Nobody will read what has arrived, and a window that stays shut would keep the peer, and so
                    // this socket, from ever being done.
                    if socket.can_recv() { socket.abort() } else { socket.close() }
                }
            }
        }
    }

    /// Whether nothing is open and nothing is left to be said to a peer.
    pub(crate) fn is_closed(&self, sockets: &SocketSet<'_>) -> bool {
        matches!(self.stage, Stage::Idle)
            && sockets
                .iter()
                .find(|(at, _)| *at == self.socket)
                .and_then(|(_, socket)| tcp::Socket::downcast(socket))
                .is_none_or(is_free)
    }

    fn open_socket<'s, 'd>(
        &self,
        sockets: &'s mut SocketSet<'d>,
    ) -> Result<(&'s mut tcp::Socket<'d>, Option<IpAddress>), ErrorKind> {
        match self.stage {
            Stage::Open { local } => {
                Ok((tcp_in(sockets, self.socket).ok_or(ErrorKind::NotConnected)?, local))
            }
            Stage::Idle | Stage::Resolving(_) | Stage::Trying { .. } => Err(ErrorKind::NotConnected),
        }
    }
}

/// Whether `connect` takes nothing from anybody: the last connection is over, and the peer knows.
fn is_free(socket: &tcp::Socket<'_>) -> bool {
    match socket.state() {
        // A closed socket that still knows its peer owes it a reset.
        tcp::State::Closed => socket.remote_endpoint().is_none(),
        tcp::State::TimeWait => true,
        tcp::State::Listen
        | tcp::State::SynSent
        | tcp::State::SynReceived
        | tcp::State::Established
        | tcp::State::FinWait1
        | tcp::State::FinWait2
        | tcp::State::CloseWait
        | tcp::State::Closing
        | tcp::State::LastAck => false,
    }
}

/// Why a connection that was open is gone. smoltcp does not tell a reset from its own timeout.
fn lost(iface: &Interface, local: Option<IpAddress>) -> ErrorKind {
    match local {
        Some(address) if !iface.has_ip_addr(address) => ErrorKind::AddrNotAvailable,
        _ => ErrorKind::ConnectionReset,
    }
}

fn tcp_in<'s, 'd>(sockets: &'s mut SocketSet<'d>, handle: SocketHandle) -> Option<&'s mut tcp::Socket<'d>> {
    // `SocketSet::get_mut` panics where this gives `None`.
    sockets.iter_mut().find(|(at, _)| *at == handle).and_then(|(_, socket)| tcp::Socket::downcast_mut(socket))
}

#[cfg(feature = "async")]
fn wake_when_writable(socket: &mut tcp::Socket<'_>, cx: &mut Context<'_>) {
    socket.register_send_waker(cx.waker());
}

#[cfg(feature = "async")]
fn wake_when_readable(socket: &mut tcp::Socket<'_>, cx: &mut Context<'_>) {
    socket.register_recv_waker(cx.waker());
}

// A super-loop asks again by itself.
#[cfg(not(feature = "async"))]
fn wake_when_writable(_: &mut tcp::Socket<'_>, _: &mut Context<'_>) {}

#[cfg(not(feature = "async"))]
fn wake_when_readable(_: &mut tcp::Socket<'_>, _: &mut Context<'_>) {}
