//! smoltcp to smoltcp over a simulated Ethernet link: `nanokafka-smoltcp`'s transport at one end, the scripted
//! cluster behind sockets of its own at the other. Virtual time.

mod brokers;
mod dns;

use std::task::Context;

use nanokafka::{Instant, Polled, Producer};
use nanokafka_smoltcp::Connections;
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::socket::{dns as dns_socket, tcp};
use smoltcp::time::Instant as NetInstant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};

use super::{Destination, Network, Pace, Rig, SharedCluster, Woken};
use crate::link::{Link, LinkEnd, LinkFaults};
use brokers::Brokers;

/// TCP sockets of the client; no scenario lends more connections.
const SOCKETS: usize = 4;
/// A device's buffers; the receive buffer is large so that 300 KB of metadata do not take minutes of virtual time.
const RECEIVE_BYTES: usize = 4_096;
const TRANSMIT_BYTES: usize = 2_920;

const CLIENT: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const BROKERS: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
/// Nobody answers to this address.
const NOBODY: Ipv4Address = Ipv4Address::new(10, 0, 0, 99);

/// What goes wrong on the link in every scenario.
const FAULTS: LinkFaults = LinkFaults::bad_radio();

/// Scenarios over a bad Ethernet link.
pub struct SmoltcpRig {
    now: u64,
    link: Link,
    cluster: SharedCluster,
    iface: Interface,
    device: LinkEnd,
    sockets: SocketSet<'static>,
    connections: Connections<SOCKETS>,
    brokers: Brokers,
}

impl Rig for SmoltcpRig {
    const PACE: Pace = Pace {
        request_timeout_ms: 30_000,
        delivery_timeout_ms: 120_000,
        setup_timeout_ms: 10_000,
        patience_ms: 600_000,
        slack_ms: 10_000,
    };

    fn build(cluster: SharedCluster, network: Network) -> Self {
        // A lost segment is sent again after a second at the earliest, and then the next one may be lost.
        cluster.lock().answers_arrive_within_ms = 20_000;
        let nodes = cluster.lock().nodes();
        for node in nodes {
            // One by address and one by name, in turn.
            let host = if node % 2 == 0 { format!("broker-{node}.test") } else { BROKERS.to_string() };
            cluster.lock().set_address(node, &host, brokers::port_of(node));
        }
        let faults = network.link.unwrap_or(FAULTS);
        let faults = LinkFaults { delay_ms: faults.delay_ms + network.latency_ms / 2, ..faults };
        let (link, mut device, far_device) = Link::new(network.seed ^ 0x5EED, faults);
        let mut sockets = SocketSet::new(Vec::new());
        let handles = std::array::from_fn(|_| sockets.add(tcp_socket(RECEIVE_BYTES, TRANSMIT_BYTES)));
        let queries: Vec<Option<dns_socket::DnsQuery>> = (0..SOCKETS).map(|_| None).collect();
        let dns = sockets.add(dns_socket::Socket::new(&[IpAddress::Ipv4(BROKERS)], queries));
        Self {
            now: 0,
            iface: interface(&mut device, CLIENT, 1),
            brokers: Brokers::new(cluster.clone(), network, far_device),
            link,
            cluster,
            device,
            sockets,
            connections: Connections::new(handles, network.seed ^ 0xC0FFEE).dns(dns),
        }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.now)
    }

    fn address(&self, of: Destination) -> String {
        match of {
            Destination::Node(node) => {
                let cluster = self.cluster.lock();
                let (host, port) = cluster.address(node);
                format!("{host}:{port}")
            }
            Destination::Refused => format!("{BROKERS}:7"),
            Destination::Unresolvable => "unresolvable.test:9092".to_owned(),
            Destination::BlackHole => format!("{NOBODY}:9092"),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, producer: &mut Producer<'_>) -> Polled {
        let mut transport = self.connections.transport(&mut self.iface, &mut self.sockets);
        producer.poll_with(cx, Instant::from_millis(self.now), &mut transport)
    }

    fn calm(&mut self) {
        self.link.set_faults(LinkFaults { delay_ms: FAULTS.delay_ms, ..LinkFaults::default() });
    }

    fn advance(&mut self, until: Instant, woken: &Woken) {
        loop {
            self.exchange();
            if woken.is_set() || self.now >= until.as_millis() {
                return;
            }
            let next = self.next_event().max(self.now + 1);
            self.now = next.min(until.as_millis());
        }
    }
}

impl SmoltcpRig {
    /// What became of the frames so far.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Lets both hosts do all that can be done now.
    fn exchange(&mut self) {
        let now = net_instant(self.now);
        loop {
            let client = self.iface.poll(now, &mut self.device, &mut self.sockets);
            let moved = self.brokers.poll(self.now);
            let arrives = self.link.next_arrival().is_some_and(|at| at <= self.now);
            if client == smoltcp::iface::PollResult::None && !moved && !arrives {
                return;
            }
        }
    }

    fn next_event(&mut self) -> u64 {
        let now = net_instant(self.now);
        let client = self.iface.poll_at(now, &self.sockets).map(millis);
        let events = [client, self.brokers.poll_at(self.now), self.link.next_arrival()];
        events.into_iter().flatten().min().unwrap_or(u64::MAX)
    }
}

fn interface(device: &mut LinkEnd, address: Ipv4Address, seed: u8) -> Interface {
    let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, seed]).into());
    config.random_seed = u64::from(seed);
    let mut iface = Interface::new(config, device, NetInstant::ZERO);
    iface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(address.into(), 24)).expect("room for one address");
    });
    iface
}

fn tcp_socket(receive: usize, transmit: usize) -> tcp::Socket<'static> {
    let mut socket =
        tcp::Socket::new(tcp::SocketBuffer::new(vec![0; receive]), tcp::SocketBuffer::new(vec![0; transmit]));
    socket.set_nagle_enabled(false);
    socket
}

fn net_instant(now: u64) -> NetInstant {
    NetInstant::from_millis(now as i64)
}

fn millis(at: NetInstant) -> u64 {
    // A part of a millisecond is not worth a turn of its own.
    u64::try_from(at.total_micros()).unwrap_or(0).div_ceil(1000)
}
