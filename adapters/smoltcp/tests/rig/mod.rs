//! Two hosts on one Ethernet wire without loss, in virtual time: the device with its transport, and the "broker"
//! side with listeners and a scripted name server.

#![allow(dead_code, unreachable_pub)]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embedded_io::ErrorKind;
use nanokafka::{Endpoint, Slot, Transport};
use nanokafka_smoltcp::Connections;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{dns, tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

pub const CLIENT: IpAddress = IpAddress::v4(10, 0, 0, 1);
pub const SERVER: IpAddress = IpAddress::v4(10, 0, 0, 2);
pub const OTHER: IpAddress = IpAddress::v4(10, 0, 0, 3);
/// On the wire's network, but nobody has it.
pub const NOBODY: IpAddress = IpAddress::v4(10, 0, 0, 99);
pub const PORT: u16 = 9092;

type Frames = Rc<RefCell<VecDeque<Vec<u8>>>>;

/// One end of the wire.
pub struct Port {
    inbox: Frames,
    outbox: Frames,
    unplugged: Rc<Cell<bool>>,
}

pub struct Received(Vec<u8>);
pub struct Sending<'a>(&'a Port);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        if !self.0.unplugged.get() {
            self.0.outbox.borrow_mut().push_back(frame);
        }
        result
    }
}

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.inbox.borrow_mut().pop_front()?;
        Some((Received(frame), Sending(self)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sending<'_>> {
        Some(Sending(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

pub struct Host {
    pub iface: Interface,
    pub port: Port,
    pub sockets: SocketSet<'static>,
}

impl Host {
    fn new(mac: u8, addresses: &[IpAddress], port: Port) -> Self {
        let mut port = port;
        let mut config = Config::new(EthernetAddress([2, 0, 0, 0, 0, mac]).into());
        config.random_seed = u64::from(mac);
        let mut iface = Interface::new(config, &mut port, Instant::ZERO);
        iface.update_ip_addrs(|list| {
            for address in addresses {
                list.push(IpCidr::new(*address, if matches!(address, IpAddress::Ipv4(_)) { 24 } else { 64 }))
                    .unwrap();
            }
        });
        Self { iface, port, sockets: SocketSet::new(vec![]) }
    }

    pub fn add_tcp(&mut self, rx: usize, tx: usize) -> SocketHandle {
        let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
        self.sockets.add(tcp::Socket::new(buffer(rx), buffer(tx)))
    }

    pub fn listen(&mut self, at: IpAddress, port: u16) -> SocketHandle {
        let handle = self.add_tcp(4096, 4096);
        self.tcp(handle).listen((at, port)).unwrap();
        handle
    }

    pub fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }
}

#[derive(Default)]
pub struct CountingWaker(AtomicUsize);

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the name server says to a question: a list of addresses, or `None`, "no such name".
pub type Names = BTreeMap<(String, u16), Option<Vec<IpAddress>>>;

pub struct Rig<const N: usize> {
    pub now: Instant,
    pub device: Host,
    pub broker: Host,
    pub connections: Connections<N>,
    pub kafka: [SocketHandle; N],
    pub dns: SocketHandle,
    pub names: Names,
    /// Names in the order in which they were asked for, with the record type.
    pub asked: Vec<(String, u16)>,
    pub name_server_answers: bool,
    name_server: SocketHandle,
    pub unplugged: Rc<Cell<bool>>,
    waker: Arc<CountingWaker>,
}

pub const A: u16 = 1;
pub const AAAA: u16 = 28;

impl<const N: usize> Rig<N> {
    pub fn new() -> Self {
        Self::with(&[CLIENT], &[SERVER, OTHER], N)
    }

    pub fn with(client: &[IpAddress], server: &[IpAddress], queries: usize) -> Self {
        let (there, back) = (Frames::default(), Frames::default());
        let unplugged = Rc::new(Cell::new(false));
        let ends = [(back.clone(), there.clone()), (there, back)].map(|(inbox, outbox)| Port {
            inbox,
            outbox,
            unplugged: unplugged.clone(),
        });
        let [near, far] = ends;
        let mut device = Host::new(1, client, near);
        let mut broker = Host::new(2, server, far);

        let kafka = [(); N].map(|()| device.add_tcp(1024, 2048));
        let places: &'static mut [_] = Box::leak((0..queries).map(|_| None).collect());
        let dns = device.sockets.add(dns::Socket::new(&server[..1], places));
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 4096]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(53).unwrap();
        let name_server = broker.sockets.add(socket);
        Self {
            now: Instant::ZERO,
            connections: Connections::new(kafka, 42).dns(dns),
            device,
            broker,
            kafka,
            dns,
            names: Names::new(),
            asked: vec![],
            name_server_answers: true,
            name_server,
            unplugged,
            waker: Arc::default(),
        }
    }

    pub fn name(&mut self, name: &str, addresses: &[IpAddress]) {
        self.names.insert((name.into(), A), Some(addresses.to_vec()));
    }

    pub fn wakes(&self) -> usize {
        self.waker.0.load(Ordering::Relaxed)
    }

    /// Calls the transport, with a waker that counts.
    pub fn with_transport<R>(
        &mut self,
        f: impl FnOnce(&mut dyn Transport<Error = ErrorKind>, &mut Context<'_>) -> R,
    ) -> R {
        let waker = Waker::from(self.waker.clone());
        let mut transport = self.connections.transport(&mut self.device.iface, &mut self.device.sockets);
        f(&mut transport, &mut Context::from_waker(&waker))
    }

    pub fn poll_connect(&mut self, slot: u8, host: &str, port: u16) -> Poll<Result<(), ErrorKind>> {
        self.with_transport(|t, cx| t.poll_connect(cx, Slot::new(slot), Endpoint { host, port }))
    }

    pub fn poll_send(&mut self, slot: u8, head: &[u8], body: &[u8]) -> Poll<Result<usize, ErrorKind>> {
        self.with_transport(|t, cx| t.poll_send(cx, Slot::new(slot), head, body))
    }

    pub fn poll_recv(&mut self, slot: u8, buf: &mut [u8]) -> Poll<Result<usize, ErrorKind>> {
        self.with_transport(|t, cx| t.poll_recv(cx, Slot::new(slot), buf))
    }

    pub fn close(&mut self, slot: u8) {
        self.with_transport(|t, _| t.close(Slot::new(slot)));
    }

    /// One turn of the device's interface, then of the other side's, then 5 ms.
    pub fn step(&mut self) {
        let now = self.now;
        self.device.iface.poll(now, &mut self.device.port, &mut self.device.sockets);
        self.broker.iface.poll(now, &mut self.broker.port, &mut self.broker.sockets);
        self.answer_names();
        self.now += Duration::from_millis(5);
    }

    pub fn run(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.step();
        }
    }

    /// Polls until the attempt ends; panics after `millis`.
    pub fn connect_within(&mut self, slot: u8, host: &str, port: u16, millis: u64) -> Result<(), ErrorKind> {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            if let Poll::Ready(result) = self.poll_connect(slot, host, port) {
                return result;
            }
            self.step();
        }
        panic!("still connecting to {host}:{port} after {millis} ms");
    }

    pub fn connect(&mut self, slot: u8, host: &str, port: u16) -> Result<(), ErrorKind> {
        // smoltcp asks for one Ethernet address a second, whatever their number.
        self.connect_within(slot, host, port, 3_000)
    }

    /// Connects slot 0 to a new listener of the other side.
    pub fn connected(&mut self) -> SocketHandle {
        let listener = self.broker.listen(SERVER, PORT);
        self.connect(0, "10.0.0.2", PORT).unwrap();
        self.step();
        listener
    }

    pub fn remote_of(&mut self, slot: usize) -> Option<IpAddress> {
        let handle = self.kafka[slot];
        self.device.tcp(handle).remote_endpoint().map(|remote| remote.addr)
    }

    pub fn local_port(&mut self, slot: usize) -> u16 {
        let handle = self.kafka[slot];
        self.device.tcp(handle).local_endpoint().unwrap().port
    }

    fn answer_names(&mut self) {
        loop {
            let socket = self.broker.sockets.get_mut::<udp::Socket>(self.name_server);
            let Ok((query, meta)) = socket.recv() else { return };
            let (name, kind, question_end) = question(query);
            self.asked.push((name.clone(), kind));
            if !self.name_server_answers {
                continue;
            }
            let known = self.names.get(&(name, kind)).cloned().flatten();
            let response = answer(&query[..question_end], known.as_deref());
            socket.send_slice(&response, meta.endpoint).unwrap();
        }
    }
}

/// RFC 1035, section 4.1.2: the name, the type, and where the question ends.
fn question(query: &[u8]) -> (String, u16, usize) {
    let (mut labels, mut at) = (vec![], 12);
    while query[at] != 0 {
        let len = usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..=at + len].to_vec()).unwrap());
        at += 1 + len;
    }
    (labels.join("."), u16::from_be_bytes([query[at + 1], query[at + 2]]), at + 5)
}

fn answer(query: &[u8], addresses: Option<&[IpAddress]>) -> Vec<u8> {
    let mut message = query.to_vec();
    // A response, recursion available; code 3 is "no such name".
    message[2..4].copy_from_slice(&[0x81, if addresses.is_some() { 0x80 } else { 0x83 }]);
    let addresses = addresses.unwrap_or_default();
    message[6..8].copy_from_slice(&(addresses.len() as u16).to_be_bytes());
    message[8..12].fill(0);
    for address in addresses {
        let (kind, bytes): (u16, Vec<u8>) = match address {
            IpAddress::Ipv4(v4) => (A, v4.octets().to_vec()),
            #[cfg(feature = "proto-ipv6")]
            IpAddress::Ipv6(v6) => (AAAA, v6.octets().to_vec()),
        };
        message.extend([0xC0, 12]); // the question's name
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend((bytes.len() as u16).to_be_bytes());
        message.extend(bytes);
    }
    message
}
