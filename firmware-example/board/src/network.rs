//! smoltcp over the board's MAC: a lease by DHCP, a DNS socket and TCP sockets, all in lent memory.

use core::mem::MaybeUninit;

use cortex_m::peripheral::NVIC;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::{dhcpv4, dns, tcp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpCidr, Ipv4Address};

use crate::ethernet::{Ethernet, Frames, INTERRUPT};
use crate::now_ms;

/// How many TCP connections can be open at once.
pub const TCP_SOCKETS: usize = 3;

/// One full segment of 1,460 bytes and the start of the next.
const TCP_TX_BYTES: usize = 2_048;
/// A produce response has less than 100 bytes a partition; larger ones are read as a stream.
const TCP_RX_BYTES: usize = 512;
const NO_LEASE_WARNING_MS: u64 = 4_000;

struct TcpBuffers {
    rx: [u8; TCP_RX_BYTES],
    tx: [u8; TCP_TX_BYTES],
}

/// All memory of the network, to be a static of the application.
///
/// What is empty but not all zero is written at the start: as a static's initial value it would fill as much flash.
pub struct NetMemory {
    frames: Frames,
    tcp: [TcpBuffers; TCP_SOCKETS],
    sockets: MaybeUninit<[SocketStorage<'static>; 2 + TCP_SOCKETS]>,
    queries: MaybeUninit<[Option<dns::DnsQuery>; 1]>,
}

impl NetMemory {
    /// Unused memory.
    pub const fn new() -> Self {
        Self {
            frames: Frames::new(),
            tcp: [const { TcpBuffers { rx: [0; TCP_RX_BYTES], tx: [0; TCP_TX_BYTES] } }; TCP_SOCKETS],
            sockets: MaybeUninit::uninit(),
            queries: MaybeUninit::uninit(),
        }
    }
}

impl Default for NetMemory {
    fn default() -> Self {
        Self::new()
    }
}

/// The board's connection to the world.
pub struct Network {
    device: Ethernet<'static>,
    /// smoltcp's interface, which opens connections.
    pub interface: Interface,
    /// All sockets, for those that use some of them.
    pub sockets: SocketSet<'static>,
    /// The DNS socket; it knows the servers of the lease.
    pub dns: SocketHandle,
    /// The TCP sockets, all closed at first.
    pub tcp: [SocketHandle; TCP_SOCKETS],
    dhcp: SocketHandle,
    leased: bool,
    warned: bool,
    warn_at_ms: u64,
}

impl Network {
    /// Starts the MAC and the search for a lease. `seed` should differ from start to start: it chooses the first
    /// local port, which a peer may still know from before a reset.
    pub fn start(memory: &'static mut NetMemory, seed: u64) -> Self {
        let mut device = Ethernet::start(&mut memory.frames);
        let address = device.address();
        let mut config = Config::new(address.into());
        config.random_seed = seed;
        let interface = Interface::new(config, &mut device, instant(now_ms()));
        let storage = memory.sockets.write([const { SocketStorage::EMPTY }; 2 + TCP_SOCKETS]);
        let queries = memory.queries.write([const { None }]);
        let mut sockets = SocketSet::new(&mut storage[..]);
        let dhcp = sockets.add(dhcpv4::Socket::new());
        let dns = sockets.add(dns::Socket::new(&[], &mut queries[..]));
        let tcp = memory.tcp.each_mut().map(|buffers| {
            let rx = tcp::SocketBuffer::new(&mut buffers.rx[..]);
            sockets.add(tcp::Socket::new(rx, tcp::SocketBuffer::new(&mut buffers.tx[..])))
        });
        let warn_at_ms = now_ms() + NO_LEASE_WARNING_MS;
        Self { device, interface, sockets, dns, tcp, dhcp, leased: false, warned: false, warn_at_ms }
    }

    /// There is an address to talk from.
    pub const fn is_up(&self) -> bool {
        self.leased
    }

    /// There is a lease, or it was said that there is none: what needs the network may start.
    pub const fn is_decided(&self) -> bool {
        self.leased || self.warned
    }

    /// Moves frames and follows the lease. `true`: a socket or the lease may have changed, so do not sleep before
    /// those that wait for one were asked.
    pub fn poll(&mut self, now_ms: u64) -> bool {
        let result = self.interface.poll(instant(now_ms), &mut self.device, &mut self.sockets);
        self.follow_lease(now_ms);
        result == PollResult::SocketStateChanged
    }

    /// Sleeps until a frame comes, until `until_ms`, or until smoltcp has something to do, whichever is first.
    /// Returns at once when that is now.
    pub fn idle(&mut self, until_ms: Option<u64>) {
        let stack = self.interface.poll_at(instant(now_ms()), &self.sockets).map(millis);
        let warning = (!self.leased).then_some(self.warn_at_ms);
        let wake_at = [until_ms, stack, warning].into_iter().flatten().min().unwrap_or(u64::MAX);
        while now_ms() < wake_at && !self.device.has_frame() {
            self.sleep();
        }
    }

    /// Sleeps until the next interrupt, which is SysTick's within a millisecond, unless a frame has come.
    fn sleep(&self) {
        // With interrupts off, one that is pending ends the sleep but is taken after it: none can slip in between
        // the question for a frame and the sleep. The MAC's own has no handler, so it is enabled in here only.
        critical_section::with(|_| {
            self.device.acknowledge();
            NVIC::unpend(MacInterrupt);
            if self.device.has_frame() {
                return;
            }
            // SAFETY: no critical section relies on this interrupt being masked, and it is never taken.
            unsafe { NVIC::unmask(MacInterrupt) };
            cortex_m::asm::wfi();
            NVIC::mask(MacInterrupt);
        });
    }

    fn follow_lease(&mut self, now_ms: u64) {
        match self.sockets.get_mut::<dhcpv4::Socket<'_>>(self.dhcp).poll() {
            Some(dhcpv4::Event::Configured(lease)) => {
                let [a, b, c, d] = lease.address.address().octets();
                defmt::info!("lease: {=u8}.{=u8}.{=u8}.{=u8}/{=u8}", a, b, c, d, lease.address.prefix_len());
                let server = lease.dns_servers.first().copied();
                let (address, router) = (lease.address, lease.router);
                self.apply(Some(IpCidr::Ipv4(address)), router, server);
            }
            Some(dhcpv4::Event::Deconfigured) => {
                // smoltcp reports this at the very start too, when nothing was there to lose.
                if self.leased {
                    defmt::warn!("the lease has ended");
                }
                self.apply(None, None, None);
            }
            None => {}
        }
        if !self.leased && now_ms >= self.warn_at_ms {
            defmt::warn!("no lease yet: no DHCP server answers, still asking");
            self.warned = true;
            self.warn_at_ms = now_ms + NO_LEASE_WARNING_MS;
        }
    }

    fn apply(&mut self, address: Option<IpCidr>, router: Option<Ipv4Address>, server: Option<Ipv4Address>) {
        self.leased = address.is_some();
        self.interface.update_ip_addrs(|addresses| {
            addresses.clear();
            // One address always fits: the list was just emptied.
            let _ = address.map(|address| addresses.push(address));
        });
        let routes = self.interface.routes_mut();
        routes.remove_default_ipv4_route();
        // As above: the table was just emptied.
        let _ = router.map(|router| routes.add_default_ipv4_route(router));
        let server = server.map(IpAddress::Ipv4);
        self.sockets.get_mut::<dns::Socket<'_>>(self.dns).update_servers(server.as_slice());
    }
}

fn instant(now_ms: u64) -> Instant {
    Instant::from_millis(i64::try_from(now_ms).unwrap_or(i64::MAX))
}

/// Rounded up: to wake before smoltcp has something to do would only cost another turn.
fn millis(at: Instant) -> u64 {
    u64::try_from((at + Duration::from_micros(999)).total_millis()).unwrap_or(0)
}

#[derive(Clone, Copy)]
struct MacInterrupt;

// SAFETY: the number is that of the MAC in the chip's vector table, and the same at each call.
unsafe impl cortex_m::interrupt::InterruptNumber for MacInterrupt {
    fn number(self) -> u16 {
        INTERRUPT
    }
}
