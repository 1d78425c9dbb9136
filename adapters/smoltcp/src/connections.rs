use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::time::Duration;

use crate::connect::{Connection, Net, Shared};
use crate::ports::Ports;
use crate::transport::SmoltcpTransport;

const KEEP_ALIVE_MS: u32 = 30_000;
const KEEP_ALIVE_PROBES: u8 = 3;

/// RFC 6298 asks for 1 s before the first repetition of a SYN and 2 s before the second: an address gets three.
const NEXT_ADDRESS_AFTER_MS: u64 = 3_500;

/// The producer's connections: which sockets it may use, and how far each of them is.
///
/// Lives as long as the producer. `N` is the number of sockets and so of connections at a time: the same as
/// `CONNECTIONS` of the producer's [`Resources`](nanokafka::Resources). If it is less, attempts on the slots
/// beyond it fail with `OutOfMemory`.
///
/// The sockets stay in the application's own [`SocketSet`], with the buffers that the application gave them.
/// While the producer lives, the application must not open, close or remove them, nor the DNS socket; it may do
/// with all other sockets of the set what it likes.
///
/// ```
/// use nanokafka_smoltcp::Connections;
/// use smoltcp::iface::SocketSet;
/// use smoltcp::socket::tcp::{Socket, SocketBuffer};
///
/// let (mut rx, mut tx) = ([0; 1024], [0; 2920]);
/// let mut storage = [smoltcp::iface::SocketStorage::EMPTY];
/// let mut sockets = SocketSet::new(&mut storage[..]);
/// let socket = sockets.add(Socket::new(SocketBuffer::new(&mut rx[..]), SocketBuffer::new(&mut tx[..])));
///
/// let random_seed = 0x5EED; // from a hardware generator, if there is one
/// let connections = Connections::new([socket], random_seed).keep_alive(60_000, 2);
/// assert!(connections.is_closed(&sockets));
/// ```
#[derive(Debug)]
pub struct Connections<const N: usize> {
    shared: Shared,
    connections: [Connection; N],
}

impl<const N: usize> Connections<N> {
    /// Connections over these TCP sockets, none of them open. Names are not resolved until
    /// [`dns`](Self::dns) says how.
    ///
    /// `seed` chooses the local ports, 49152 to 65535. It must differ at every start of the device (a hardware
    /// generator, noise of a converter, a count of starts in flash): after a reset the broker may still hold the
    /// connections of the last run, and a connection from one of their ports would be taken for the old one. A
    /// port comes back after about 32 other connections at the earliest.
    #[must_use]
    pub fn new(sockets: [SocketHandle; N], seed: u64) -> Self {
        Self {
            shared: Shared {
                ports: Ports::new(seed),
                dns: None,
                keep_alive: None,
                timeout: None,
                next_address_after: Duration::from_millis(NEXT_ADDRESS_AFTER_MS),
            },
            connections: sockets.map(Connection::new),
        }
        .keep_alive(KEEP_ALIVE_MS, KEEP_ALIVE_PROBES)
    }

    /// Resolves host names with this DNS socket of the set, which the application may use as well.
    ///
    /// Give it room for `N` queries beside the application's own; with fewer, attempts at the same time fail with
    /// `OutOfMemory` and are repeated after their backoff. It needs a server: from DHCP, by
    /// [`update_servers`](smoltcp::socket::dns::Socket::update_servers). A name is resolved anew for each
    /// connection. The addresses of a name, up to smoltcp's `DNS_MAX_RESULT_COUNT` (4 with this crate's default
    /// features), are tried in their order, each for 3.5 seconds while there is another one; with the feature
    /// `proto-ipv6`, IPv4 addresses first.
    ///
    /// ```
    /// # use nanokafka_smoltcp::Connections;
    /// # use smoltcp::{iface::SocketSet, socket::dns, socket::tcp};
    /// # let mut storage = [smoltcp::iface::SocketStorage::EMPTY, smoltcp::iface::SocketStorage::EMPTY];
    /// # let mut sockets = SocketSet::new(&mut storage[..]);
    /// # let (mut rx, mut tx) = ([0; 1024], [0; 2920]);
    /// # let tcp = sockets.add(tcp::Socket::new(
    /// #     tcp::SocketBuffer::new(&mut rx[..]),
    /// #     tcp::SocketBuffer::new(&mut tx[..]),
    /// # ));
    /// let mut queries = [None];
    /// let dns = sockets.add(dns::Socket::new(&[], &mut queries[..]));
    /// let connections = Connections::new([tcp], 0x5EED).dns(dns);
    /// ```
    #[must_use]
    #[cfg(feature = "dns")]
    pub const fn dns(mut self, socket: SocketHandle) -> Self {
        self.shared.dns = Some(socket);
        self
    }

    /// Sends an empty segment to a peer from which nothing came for `interval_ms`, and gives the connection up
    /// when `probes` of them in a row have no answer. Default: 30 seconds, 3 probes.
    ///
    /// It keeps NAT gateways from forgetting the connection, and finds a peer that vanished while nothing was to
    /// be sent. An `interval_ms` of 0 turns both off, for devices whose radio sleeps: then only the producer's
    /// `request_timeout_ms` finds a dead connection.
    #[must_use]
    pub fn keep_alive(mut self, interval_ms: u32, probes: u8) -> Self {
        let interval = Duration::from_millis(u64::from(interval_ms));
        let on = interval_ms > 0;
        self.shared.keep_alive = on.then_some(interval);
        // The peer's silence begins with its last segment, one interval before the first probe; the last probe
        // has an interval to be answered in.
        self.shared.timeout = on.then_some(interval * (u32::from(probes.max(1)) + 1));
        self
    }

    /// The transport for one call of [`Producer::poll`](nanokafka::Producer::poll) or `poll_with`.
    ///
    /// It only moves bytes between the producer and the sockets' buffers: what is to leave, leaves with the next
    /// [`Interface::poll`], and what arrived was taken in by the last.
    ///
    /// ```
    /// # use nanokafka::{Instant, Polled, Producer};
    /// # use nanokafka_smoltcp::Connections;
    /// # use smoltcp::iface::{Interface, SocketSet};
    /// # use smoltcp::phy::Device;
    /// fn turn(
    ///     millis: u64,
    ///     device: &mut impl Device,
    ///     iface: &mut Interface,
    ///     sockets: &mut SocketSet,
    ///     connections: &mut Connections<2>,
    ///     producer: &mut Producer,
    /// ) -> Polled {
    ///     iface.poll(smoltcp::time::Instant::from_millis(millis as i64), device, sockets);
    ///     producer.poll(Instant::from_millis(millis), &mut connections.transport(iface, sockets))
    /// }
    /// ```
    pub const fn transport<'t, 'd>(
        &'t mut self,
        iface: &'t mut Interface,
        sockets: &'t mut SocketSet<'d>,
    ) -> SmoltcpTransport<'t, 'd> {
        SmoltcpTransport {
            connections: &mut self.connections,
            net: Net { iface, sockets, shared: &mut self.shared },
        }
    }

    /// Whether no connection is open and each peer was told so: the network may be turned off.
    ///
    /// After [`Producer::close`](nanokafka::Producer::close), poll the interface until this is true, or until the
    /// application has no more time for it.
    #[must_use]
    pub fn is_closed(&self, sockets: &SocketSet<'_>) -> bool {
        self.connections.iter().all(|connection| connection.is_closed(sockets))
    }
}
