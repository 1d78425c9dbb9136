//! A TCP/IP stack with DHCP and DNS over an Ethernet MAC of registers. With `smoltcp-adapter` the producer uses it; without,
//! a loop resolves a name, connects, and copies what it gets to where it came from: it uses what the producer would.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{dhcpv4, dns, tcp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::registers::{input, millis, output, read, write};

const SOCKETS: usize = 2;
const RX_BYTES: usize = 512;
const TX_BYTES: usize = 2_048;
const FRAME_BYTES: usize = 1_514;

static mut RX: [[u8; RX_BYTES]; SOCKETS] = [[0; RX_BYTES]; SOCKETS];
static mut TX: [[u8; TX_BYTES]; SOCKETS] = [[0; TX_BYTES]; SOCKETS];
static mut FRAME: [u8; FRAME_BYTES] = [0; FRAME_BYTES];

struct Mac {
    frame: &'static mut [u8],
}

struct Received<'a>(&'a mut [u8]);
struct Space<'a>(&'a mut [u8]);

impl Device for Mac {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Space<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Space<'_>)> {
        let len = read(self.frame);
        if len == 0 {
            return None;
        }
        // One frame is answered from its own place: the image is only measured.
        let (received, space) = self.frame.split_at_mut_checked(len)?;
        Some((Received(received), Space(space)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Space<'_>> {
        (input() == 0).then_some(Space(self.frame))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES;
        capabilities
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Space<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let space = self.0.get_mut(..len).unwrap_or(&mut []);
        let result = f(space);
        output(write(space) as u32);
        result
    }
}

fn now() -> Instant {
    Instant::from_millis(millis() as i64)
}

#[allow(clippy::deref_addrof, reason = "what it proposes is a reference to a `static mut`")]
pub fn run() -> ! {
    // SAFETY: called once, by the only thread there is.
    let (rx, tx, frame) = unsafe { (&mut *(&raw mut RX), &mut *(&raw mut TX), &mut *(&raw mut FRAME)) };
    let mut device = Mac { frame };
    let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, input() as u8]).into());
    config.random_seed = millis();
    let mut interface = Interface::new(config, &mut device, now());
    let (mut storage, mut queries) = ([SocketStorage::EMPTY; 2 + SOCKETS], [None]);
    let mut sockets = SocketSet::new(&mut storage[..]);
    let dhcp = sockets.add(dhcpv4::Socket::new());
    let dns = sockets.add(dns::Socket::new(&[], &mut queries[..]));
    let mut tcp = [SocketHandle::default(); SOCKETS];
    for ((handle, rx), tx) in tcp.iter_mut().zip(rx).zip(tx) {
        *handle = sockets
            .add(tcp::Socket::new(tcp::SocketBuffer::new(&mut rx[..]), tcp::SocketBuffer::new(&mut tx[..])));
    }
    let mut user = User::new(tcp, dns);
    loop {
        interface.poll(now(), &mut device, &mut sockets);
        follow_lease(&mut interface, &mut sockets, dhcp, dns);
        user.turn(&mut interface, &mut sockets);
        output(interface.poll_at(now(), &sockets).map_or(0, |at| at.total_millis() as u32));
    }
}

fn follow_lease(
    interface: &mut Interface,
    sockets: &mut SocketSet<'_>,
    dhcp: SocketHandle,
    dns: SocketHandle,
) {
    let Some(event) = sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll() else { return };
    interface.routes_mut().remove_default_ipv4_route();
    let dhcpv4::Event::Configured(lease) = event else { return };
    let (address, router) = (IpCidr::Ipv4(lease.address), lease.router);
    let server = lease.dns_servers.first().map(|server| IpAddress::from(*server));
    interface.update_ip_addrs(|addresses| {
        addresses.clear();
        output(addresses.push(address).is_err().into());
    });
    if let Some(router) = router {
        output(interface.routes_mut().add_default_ipv4_route(router).is_err().into());
    }
    sockets.get_mut::<dns::Socket<'_>>(dns).update_servers(server.as_slice());
}

#[cfg(feature = "smoltcp-adapter")]
struct User {
    app: &'static mut crate::producer::App,
    connections: nanokafka_smoltcp::Connections<SOCKETS>,
}

#[cfg(feature = "smoltcp-adapter")]
impl User {
    fn new(tcp: [SocketHandle; SOCKETS], dns: SocketHandle) -> Self {
        let connections = nanokafka_smoltcp::Connections::new(tcp, millis()).dns(dns);
        Self { app: crate::producer::app(), connections }
    }

    fn turn(&mut self, interface: &mut Interface, sockets: &mut SocketSet<'_>) {
        let next = self.app.turn(&mut self.connections.transport(interface, sockets));
        output(next.unwrap_or(0) as u32);
        output(self.connections.is_closed(sockets).into());
    }
}

#[cfg(not(feature = "smoltcp-adapter"))]
struct User {
    tcp: [SocketHandle; SOCKETS],
    dns: SocketHandle,
    query: Option<dns::QueryHandle>,
}

#[cfg(not(feature = "smoltcp-adapter"))]
impl User {
    fn new(tcp: [SocketHandle; SOCKETS], dns: SocketHandle) -> Self {
        Self { tcp, dns, query: None }
    }

    fn turn(&mut self, interface: &mut Interface, sockets: &mut SocketSet<'_>) {
        let resolver = sockets.get_mut::<dns::Socket<'_>>(self.dns);
        let address = match self.query.take() {
            None => {
                let name = "kafka-1.example.com";
                self.query =
                    resolver.start_query(interface.context(), name, smoltcp::wire::DnsQueryType::A).ok();
                None
            }
            Some(query) => match resolver.get_query_result(query) {
                Ok(addresses) => addresses.first().copied(),
                Err(_) => None,
            },
        };
        for handle in self.tcp {
            let socket = sockets.get_mut::<tcp::Socket<'_>>(handle);
            if let Some(address) = address {
                let port = input() as u16;
                output(socket.connect(interface.context(), (address, 9_092), port).is_err().into());
            }
            let mut piece = [0; 64];
            if socket.may_recv() {
                let len = socket.recv_slice(&mut piece).unwrap_or(0);
                output(write(&piece[..len]) as u32);
            }
            if socket.may_send() {
                let len = read(&mut piece);
                output(socket.send_slice(&piece[..len]).unwrap_or(0) as u32);
            }
            match input() {
                0 => socket.close(),
                1 => socket.abort(),
                _ => {}
            }
        }
    }
}
