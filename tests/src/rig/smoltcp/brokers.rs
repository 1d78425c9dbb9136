//! The brokers' host: one address, a port for each broker, and a name server.

use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{tcp, udp};

use super::super::{Network, Pieces, SharedCluster};
use super::{BROKERS, dns, interface, millis, net_instant, tcp_socket};
use crate::broker::{ConnectionId, Ending};
use crate::link::LinkEnd;
use crate::random::Random;

/// Sockets that listen, or talk, for each broker: as many connections as a client may leave half closed.
const SOCKETS_PER_NODE: usize = 6;

/// A small receive buffer makes the client's writes short.
const SHORT_RECEIVE_BYTES: usize = 64;
const RECEIVE_BYTES: usize = 8_192;
const TRANSMIT_BYTES: usize = 16_384;

pub(super) fn port_of(node: i32) -> u16 {
    9_092 + node as u16
}

struct Served {
    node: i32,
    handle: SocketHandle,
    connection: Option<ConnectionId>,
    /// What the cluster has said and the socket has not taken yet.
    unsent: Vec<u8>,
    /// When a slow connection may move bytes again.
    moves_at: u64,
}

pub(super) struct Brokers {
    cluster: SharedCluster,
    network: Network,
    random: Random,
    iface: Interface,
    device: LinkEnd,
    sockets: SocketSet<'static>,
    served: Vec<Served>,
    dns: SocketHandle,
}

impl Brokers {
    pub(super) fn new(cluster: SharedCluster, network: Network, mut device: LinkEnd) -> Self {
        let mut sockets = SocketSet::new(Vec::new());
        let receive = if network.pieces == Pieces::Whole { RECEIVE_BYTES } else { SHORT_RECEIVE_BYTES };
        let mut served = Vec::new();
        for node in cluster.lock().nodes() {
            for _ in 0..SOCKETS_PER_NODE {
                let handle = sockets.add(tcp_socket(receive, TRANSMIT_BYTES));
                served.push(Served { node, handle, connection: None, unsent: Vec::new(), moves_at: 0 });
            }
        }
        let dns = sockets.add(dns::socket());
        let iface = interface(&mut device, BROKERS, 2);
        Self { cluster, network, random: Random::new(network.seed), iface, device, sockets, served, dns }
    }

    /// Whether anything moved.
    pub(super) fn poll(&mut self, now: u64) -> bool {
        let before = self.iface.poll(net_instant(now), &mut self.device, &mut self.sockets);
        let mut moved = false;
        for index in 0..self.served.len() {
            moved |= self.serve(index, now);
        }
        let dns = self.sockets.get_mut::<udp::Socket<'_>>(self.dns);
        moved |= dns::answer(dns, &self.cluster);
        let after = self.iface.poll(net_instant(now), &mut self.device, &mut self.sockets);
        moved || before != PollResult::None || after != PollResult::None
    }

    pub(super) fn poll_at(&mut self, now: u64) -> Option<u64> {
        let network = self.iface.poll_at(net_instant(now), &self.sockets).map(millis);
        let cluster = self.cluster.lock();
        let connections = self.served.iter().filter_map(|served| {
            let said = cluster.transmit_at(served.connection?);
            let slow = (served.moves_at > now).then_some(served.moves_at);
            [said, slow].into_iter().flatten().min()
        });
        connections.chain(network).min()
    }

    fn serve(&mut self, index: usize, now: u64) -> bool {
        let served = &mut self.served[index];
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(served.handle);
        let mut cluster = self.cluster.lock();
        let Some(id) = served.connection else {
            if !cluster.is_up(served.node) {
                let open = socket.is_open();
                socket.abort();
                return open;
            }
            if !socket.is_open() {
                socket.listen(port_of(served.node)).expect("a closed socket can listen");
            } else if socket.may_send() {
                served.connection = cluster.connect(served.node, now);
                return true;
            } else if socket.state() == tcp::State::TimeWait {
                socket.abort();
            }
            return false;
        };
        if cluster.ending(id) == Some(Ending::Reset) || !socket.is_active() {
            socket.abort();
            cluster.hang_up(id);
            served.forget();
            return true;
        }
        served.unsent.extend(cluster.transmit(id, now));
        let ended = cluster.ending(id).is_some() && served.unsent.is_empty();
        drop(cluster);
        if ended || (!socket.may_recv() && served.unsent.is_empty()) {
            socket.close();
            self.cluster.lock().hang_up(id);
            served.forget();
            return true;
        }
        self.carry(index, id, now)
    }

    /// Moves bytes in both directions, as many as the network allows now.
    fn carry(&mut self, index: usize, id: ConnectionId, now: u64) -> bool {
        let served = &mut self.served[index];
        if served.moves_at > now {
            return false;
        }
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(served.handle);
        let rate =
            if self.network.bytes_per_ms > 0 { self.network.bytes_per_ms as usize } else { usize::MAX };
        let mut taken = Vec::new();
        if socket.can_recv() {
            let result = socket.recv(|bytes| {
                taken.extend_from_slice(&bytes[..bytes.len().min(rate)]);
                (taken.len(), ())
            });
            result.expect("a socket that can receive");
        }
        let most = served.unsent.len().min(rate);
        let piece = match self.network.pieces {
            _ if most == 0 => 0,
            Pieces::Whole => most,
            Pieces::OneByte => 1,
            Pieces::Random => 1 + self.random.below(most as u64) as usize,
        };
        let sent =
            if socket.may_send() { socket.send_slice(&served.unsent[..piece]).unwrap_or(0) } else { 0 };
        served.unsent.drain(..sent);
        let moved = !taken.is_empty() || sent > 0;
        let paced = self.network.bytes_per_ms > 0 || self.network.pieces != Pieces::Whole;
        if moved && paced {
            served.moves_at = now + 1;
        }
        self.cluster.lock().receive(id, now, &taken);
        moved
    }
}

impl Served {
    fn forget(&mut self) {
        self.connection = None;
        self.unsent.clear();
        self.moves_at = 0;
    }
}
