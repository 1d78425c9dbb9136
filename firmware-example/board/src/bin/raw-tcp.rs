//! Raw TCP from the same board: the floor that the firmware's throughput is measured against.
//!
//! Sends `records=` times 45 bytes to `broker=`, closes its side, and prints what the peer answered.
#![no_std]
#![no_main]

use board::{HostConsole, NetMemory, Network};
use cortex_m_rt::entry;
use smoltcp::socket::{dns, tcp};
use smoltcp::wire::{DnsQueryType, IpAddress};
use telemetry::{Broker, Line, Options};

/// About what a reading takes in a batch.
const RECORD_BYTES: u64 = 45;

#[entry]
fn main() -> ! {
    static mut MEMORY: NetMemory = NetMemory::new();
    static mut WORDS: [u8; 512] = [0; 512];
    board::start();
    let options =
        Options::parse(board::options(WORDS)).unwrap_or_else(|error| board::refuse(|line| error.write(line)));
    let mut network = Network::start(MEMORY, u64::from(board::host_seconds()));
    while !network.is_up() {
        if !network.poll(board::now_ms()) {
            network.idle(None);
        }
    }
    let Some(broker) = Broker::parse(options.brokers()[0]) else { fail("no broker") };
    let Some(address) = resolve(&mut network, broker) else { fail("the name does not resolve") };
    connect(&mut network, address, broker.port);
    let started_ms = board::now_ms();
    let bytes = u64::from(options.records) * RECORD_BYTES;
    send(&mut network, bytes);
    let mut answer = [0; 64];
    let len = receive(&mut network, &mut answer);
    let mut console = HostConsole;
    Line::new(&mut console, "NK raw")
        .field("bytes", bytes)
        .field("ms", board::now_ms() - started_ms)
        .field("stack_used", u64::from(board::stack_used()))
        .text(" answer=")
        .text(core::str::from_utf8(&answer[..len]).unwrap_or("?"))
        .end();
    board::stop(0)
}

fn resolve(network: &mut Network, broker: Broker<'_>) -> Option<IpAddress> {
    if let Ok(address) = broker.host.parse() {
        return Some(address);
    }
    let dns = network.sockets.get_mut::<dns::Socket<'_>>(network.dns);
    let query = dns.start_query(network.interface.context(), broker.host, DnsQueryType::A).ok()?;
    loop {
        network.poll(board::now_ms());
        match network.sockets.get_mut::<dns::Socket<'_>>(network.dns).get_query_result(query) {
            Ok(addresses) => return addresses.first().copied(),
            Err(dns::GetQueryResultError::Pending) => network.idle(None),
            Err(dns::GetQueryResultError::Failed) => return None,
        }
    }
}

fn connect(network: &mut Network, address: IpAddress, port: u16) {
    let local_port = 49_152 + (board::host_seconds() % 16_384) as u16;
    let socket = network.sockets.get_mut::<tcp::Socket<'_>>(network.tcp[0]);
    socket.set_nagle_enabled(false);
    if socket.connect(network.interface.context(), (address, port), local_port).is_err() {
        fail("the socket refuses to connect");
    }
    loop {
        network.poll(board::now_ms());
        let socket = network.sockets.get_mut::<tcp::Socket<'_>>(network.tcp[0]);
        if socket.may_send() {
            return defmt::info!("connected");
        }
        if !socket.is_open() {
            fail("nobody listens");
        }
        network.idle(None);
    }
}

fn send(network: &mut Network, bytes: u64) {
    let mut left = bytes;
    while left > 0 {
        let socket = network.sockets.get_mut::<tcp::Socket<'_>>(network.tcp[0]);
        let taken = socket.send(|room| {
            let len = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            room[..len].fill(0x55);
            (len, len)
        });
        let Ok(taken) = taken else { fail("the peer has gone") };
        left -= taken as u64;
        if !network.poll(board::now_ms()) && taken == 0 {
            network.idle(None);
        }
    }
    network.sockets.get_mut::<tcp::Socket<'_>>(network.tcp[0]).close();
}

fn receive(network: &mut Network, answer: &mut [u8]) -> usize {
    let mut len = 0;
    loop {
        network.poll(board::now_ms());
        let socket = network.sockets.get_mut::<tcp::Socket<'_>>(network.tcp[0]);
        match socket.recv_slice(&mut answer[len..]) {
            Ok(count) => len += count,
            Err(_) => return len,
        }
        network.idle(None);
    }
}

fn fail(why: &str) -> ! {
    defmt::error!("{=str}", why);
    let mut console = HostConsole;
    Line::new(&mut console, "NK error ").text(why).end();
    board::stop(1)
}
