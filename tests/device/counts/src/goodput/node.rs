//! An interface with one TCP socket, at one end of the cable.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address};

use super::cable::Port;

/// The peer, as the brokers' metadata say.
pub(crate) const PEER: Ipv4Address = Ipv4Address::new(192, 0, 2, 7);
pub(crate) const BOARD: Ipv4Address = Ipv4Address::new(192, 0, 2, 8);

pub(crate) struct Node<'c> {
    port: Port<'c>,
    pub(crate) interface: Interface,
    pub(crate) sockets: SocketSet<'c>,
    pub(crate) tcp: SocketHandle,
}

impl<'c> Node<'c> {
    pub(crate) fn new(
        mut port: Port<'c>,
        address: Ipv4Address,
        storage: &'c mut [SocketStorage<'c>],
        rx: &'c mut [u8],
        tx: &'c mut [u8],
    ) -> Self {
        let mac = EthernetAddress([2, 0, 0, 0, 0, address.octets()[3]]);
        let mut interface = Interface::new(Config::new(mac.into()), &mut port, Instant::from_micros(0));
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::Ipv4(address), 24)).expect("the list has room for one");
        });
        let mut sockets = SocketSet::new(storage);
        let tcp = sockets.add(tcp::Socket::new(tcp::SocketBuffer::new(rx), tcp::SocketBuffer::new(tx)));
        let mut node = Self { port, interface, sockets, tcp };
        node.socket().set_nagle_enabled(false);
        // Each side acknowledges at once: no timer of the other one's is measured.
        node.socket().set_ack_delay(None);
        node
    }

    /// Moves frames.
    pub(crate) fn poll(&mut self) {
        let now = Instant::from_micros(self.port.time.now_us() as i64);
        self.interface.poll(now, &mut self.port, &mut self.sockets);
    }

    pub(crate) fn socket(&mut self) -> &mut tcp::Socket<'c> {
        self.sockets.get_mut(self.tcp)
    }
}
