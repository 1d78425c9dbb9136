#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
//! [nanokafka] over [smoltcp]: a [`Transport`](nanokafka::Transport) on TCP sockets that stay in the
//! application's own [`SocketSet`](smoltcp::iface::SocketSet).
//!
//! A [`Connections`] says which sockets the producer may use. Each poll of the producer borrows it together with
//! the interface and the set, as a [`SmoltcpTransport`]; in between, all three are the application's.
//! Nothing is allocated. The application adds and lends:
//!
//! * one TCP socket for each connection at a time (`CONNECTIONS` of [`Resources`](nanokafka::Resources));
//! * a DNS socket, if brokers have names. What a cluster advertises to its clients often is names, even if
//!   `bootstrap` is an address;
//! * what gets the interface its address: a DHCP socket, or none.
//!
//! # The super-loop
//! ```
//! use nanokafka::{Config, Instant, Producer, Record, Resources, Wake};
//! use nanokafka_smoltcp::Connections;
//! use smoltcp::iface::{Config as IfaceConfig, Interface, SocketHandle, SocketSet, SocketStorage};
//! use smoltcp::phy::Device;
//! use smoltcp::socket::{dhcpv4, dns, tcp};
//! use smoltcp::wire::{EthernetAddress, IpCidr};
//!
//! /// What the board has to give.
//! trait Board {
//!     type Ethernet: Device;
//!     fn ethernet(&mut self) -> &mut Self::Ethernet;
//!     fn millis(&self) -> u64;
//!     fn random(&mut self) -> u64;
//!     fn reading(&mut self) -> Option<[u8; 8]>;
//!     /// Until an interrupt of the network, and no longer than this.
//!     fn sleep(&mut self, millis: Option<u64>);
//! }
//!
//! fn run(board: &mut impl Board, mac: EthernetAddress) -> ! {
//!     // All buffers; on a device, statics.
//!     let mut memory = Resources::<8, 1024, 1, 6, 3, 2>::new(); // 2 connections, so 2 TCP sockets
//!     let (mut rx, mut tx) = ([[0; 1024]; 2], [[0; 2920]; 2]);
//!     let mut queries = [None, None];
//!     let mut storage = [SocketStorage::EMPTY; 4];
//!
//!     let mut sockets = SocketSet::new(&mut storage[..]);
//!     let dhcp = sockets.add(dhcpv4::Socket::new());
//!     let dns = sockets.add(dns::Socket::new(&[], &mut queries[..]));
//!     let mut kafka = [SocketHandle::default(); 2];
//!     for ((handle, rx), tx) in kafka.iter_mut().zip(&mut rx).zip(&mut tx) {
//!         let (rx, tx) = (tcp::SocketBuffer::new(&mut rx[..]), tcp::SocketBuffer::new(&mut tx[..]));
//!         *handle = sockets.add(tcp::Socket::new(rx, tx));
//!     }
//!     let mut connections = Connections::new(kafka, board.random()).dns(dns);
//!
//!     let mut iface_config = IfaceConfig::new(mac.into());
//!     iface_config.random_seed = board.random();
//!     let start = smoltcp::time::Instant::from_millis(board.millis() as i64);
//!     let mut iface = Interface::new(iface_config, board.ethernet(), start);
//!
//!     let config = Config { random_seed: board.random(), ..Config::new(&["kafka.example.com:9092"]) };
//!     let mut producer = Producer::new(config, memory.lend(), Instant::from_millis(board.millis())).unwrap();
//!     let topic = producer.register_topic("readings").unwrap();
//!
//!     loop {
//!         let millis = board.millis();
//!         let (now, net_now) = (Instant::from_millis(millis), smoltcp::time::Instant::from_millis(millis as i64));
//!
//!         // 1. The network takes in what arrived and sends what is due.
//!         iface.poll(net_now, board.ethernet(), &mut sockets);
//!         match sockets.get_mut::<dhcpv4::Socket>(dhcp).poll() {
//!             Some(dhcpv4::Event::Configured(lease)) => {
//!                 iface.update_ip_addrs(|addresses| {
//!                     addresses.clear();
//!                     addresses.push(IpCidr::Ipv4(lease.address)).unwrap();
//!                 });
//!                 if let Some(router) = lease.router {
//!                     iface.routes_mut().add_default_ipv4_route(router).unwrap();
//!                 }
//!                 let server = lease.dns_servers.first().map(|&server| server.into());
//!                 sockets.get_mut::<dns::Socket>(dns).update_servers(server.as_slice());
//!             }
//!             Some(dhcpv4::Event::Deconfigured) => {
//!                 iface.update_ip_addrs(|addresses| addresses.clear());
//!                 iface.routes_mut().remove_default_ipv4_route();
//!             }
//!             None => {}
//!         }
//!
//!         // 2. The application has something to say, and the producer moves it on.
//!         if let Some(reading) = board.reading() {
//!             if producer.send(now, &Record::new(topic, &reading)).is_err() { /* count it, or keep it */ }
//!         }
//!         let polled = producer.poll(now, &mut connections.transport(&mut iface, &mut sockets));
//!         while let Some(delivery) = producer.next_delivery() {
//!             if delivery.result.is_err() { /* count it, or send it again */ }
//!         }
//!
//!         // 3. Sleep until one of the two has work. What the producer has just handed over makes
//!         //    `poll_delay` zero, so it leaves at once.
//!         let producer_ms = match polled.wake {
//!             Wake::Now => Some(0),
//!             Wake::At(at) => Some(at.saturating_since_ms(now)),
//!             Wake::OnIo => None,
//!         };
//!         let net_ms = iface.poll_delay(net_now, &sockets).map(|delay| delay.total_millis());
//!         board.sleep([producer_ms, net_ms].into_iter().flatten().min());
//!     }
//! }
//! ```
//! Until there is a lease, attempts fail with `AddrNotAvailable`, which
//! [`Polled::status`](nanokafka::Polled::status) shows, and are repeated.
//!
//! In an async executor (feature `async`, on by default), one task does the same with `poll_fn`, [`Producer::poll_with`](nanokafka::Producer::poll_with)
//! and its `cx`: a call that could not go on registers the waker with the socket it waits for, and the next
//! `Interface::poll` that changes something wakes it.
//!
//! # Sizes of socket buffers
//! * **Transmit**: bytes stay there until the peer has acknowledged them, so one connection sends at most this
//!   much per round trip. Two full segments (2 * 1460 = 2920 bytes) are a good least: with less, each buffer-full
//!   waits for the peer's delayed acknowledgement, 40 ms on Linux. A batch need not fit; it is handed over in
//!   pieces.
//! * **Receive**: 512 to 1024 bytes. Answers to produce requests have some 60 bytes for each partition; metadata
//!   is read as it comes, whatever its length.
//!
//! # What close does
//! A connection that the producer closes still sends what its transmit buffer holds, with `acks` 0 that may be
//! records, and then says goodbye (FIN); [`Connections::is_closed`] tells when that is done. It does not keep the
//! socket from being used: when the producer wants it earlier, the old connection is reset (RST), which
//! [`Interface::poll`](smoltcp::iface::Interface::poll) is given one turn to send, and bytes that were not sent
//! are lost. A connection with bytes that nobody read is reset at once.
//!
//! # Features
//! * `dns` (default): host names.
//! * `medium-ethernet` (default): smoltcp's feature of that name. Without it, choose another medium of smoltcp's.
//! * `proto-ipv6`: brokers at IPv6 addresses.
//! * `defmt`, `log`: log through either, or both. smoltcp's own logging allows one of them only, and is left to
//!   the application.
//!
//! The default features also set smoltcp's `dns-max-result-count-4`. smoltcp accepts one such number: whoever wants
//! another turns the default features off, or sets `SMOLTCP_DNS_MAX_RESULT_COUNT` when building.

#[cfg(test)]
#[macro_use]
extern crate std;

mod addresses;
mod connect;
mod connections;
#[cfg_attr(not(feature = "dns"), path = "no_dns.rs")]
mod dns;
mod fmt;
mod ports;
mod resolve;
mod transport;

pub use connections::Connections;
pub use transport::SmoltcpTransport;
