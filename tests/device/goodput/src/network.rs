//! smoltcp over the board's MAC, with the socket buffers of the example firmware, at the rate of a given link.

use board::{Ethernet, Frames};
use cortex_m::peripheral::SYST;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, DeviceCapabilities, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr, Ipv4Address};

/// QEMU's own network: this machine, and the way to the host.
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
pub(crate) const HOST: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// As in the firmware.
const TCP_TX_BYTES: usize = 2_048;
const TCP_RX_BYTES: usize = 512;

/// What Ethernet adds to a frame: preamble, check sequence and the gap behind.
const FRAME_MORE_BYTES: u64 = 8 + 4 + 12;

/// Ticks of the board's clock in a microsecond.
const TICKS_PER_US: u32 = 50;

/// Microseconds since the start.
fn now_us() -> u64 {
    loop {
        let ms = board::now_ms();
        let left = SYST::get_current();
        if board::now_ms() == ms {
            let ticks = 1_000 * TICKS_PER_US - 1 - left;
            return ms * 1_000 + u64::from(ticks / TICKS_PER_US);
        }
    }
}

/// A MAC whose link takes its time for each frame that is sent.
struct Link {
    mac: Ethernet<'static>,
    /// Kilobits a second; 0: as fast as the MAC.
    kbit: u64,
    /// When the frame before has left, in microseconds.
    free_at: u64,
}

struct Frame<'l, T> {
    token: T,
    kbit: u64,
    free_at: &'l mut u64,
}

impl<T: TxToken> TxToken for Frame<'_, T> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let bits = 8 * (len as u64 + FRAME_MORE_BYTES);
        if let Some(us) = (1_000 * bits).checked_div(self.kbit) {
            *self.free_at = now_us().max(*self.free_at) + us;
        }
        self.token.consume(len, fill)
    }
}

impl Device for Link {
    type RxToken<'l> = <Ethernet<'static> as Device>::RxToken<'l>;
    type TxToken<'l> = Frame<'l, <Ethernet<'static> as Device>::TxToken<'l>>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let (received, token) = self.mac.receive(now)?;
        Some((received, Frame { token, kbit: self.kbit, free_at: &mut self.free_at }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        if now_us() < self.free_at {
            return None;
        }
        let token = self.mac.transmit(now)?;
        Some(Frame { token, kbit: self.kbit, free_at: &mut self.free_at })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.mac.capabilities()
    }
}

/// Its memory.
pub(crate) struct Memory {
    frames: Frames,
    rx: [u8; TCP_RX_BYTES],
    tx: [u8; TCP_TX_BYTES],
    sockets: [SocketStorage<'static>; 1],
}

impl Memory {
    /// Unused memory.
    pub(crate) const fn new() -> Self {
        let (rx, tx) = ([0; TCP_RX_BYTES], [0; TCP_TX_BYTES]);
        Self { frames: Frames::new(), rx, tx, sockets: [SocketStorage::EMPTY] }
    }
}

/// One TCP socket and its way to the host.
pub(crate) struct Network {
    link: Link,
    pub(crate) interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    pub(crate) tcp: SocketHandle,
}

impl Network {
    pub(crate) fn start(memory: &'static mut Memory, kbit: u64) -> Self {
        let mut link = Link { mac: Ethernet::start(&mut memory.frames), kbit, free_at: 0 };
        let mut config = Config::new(link.mac.address().into());
        config.random_seed = u64::from(board::host_seconds());
        let mut interface = Interface::new(config, &mut link, Instant::from_micros(0));
        interface.update_ip_addrs(|addresses| {
            // The list has room for one.
            let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(ADDRESS), 24));
        });
        let mut sockets = SocketSet::new(&mut memory.sockets[..]);
        let rx = tcp::SocketBuffer::new(&mut memory.rx[..]);
        let tcp = sockets.add(tcp::Socket::new(rx, tcp::SocketBuffer::new(&mut memory.tx[..])));
        Self { link, interface, sockets, tcp }
    }

    /// Moves frames. Nobody sleeps: the link may be free again before the next millisecond.
    pub(crate) fn poll(&mut self) {
        let now = Instant::from_micros(now_us() as i64);
        self.interface.poll(now, &mut self.link, &mut self.sockets);
    }

    pub(crate) fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.tcp)
    }
}
