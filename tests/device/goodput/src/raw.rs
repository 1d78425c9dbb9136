//! Bytes of the board's own, as fast as TCP takes them.

use smoltcp::wire::IpAddress;

use crate::network::{HOST, Network};
use crate::{Options, fail, tell};

/// Sends the bytes and waits for the peer's number of them.
pub(crate) fn run(network: &mut Network, options: &Options) {
    connect(network, options.port);
    let started_ms = board::now_ms();
    send(network, options.bytes);
    let received = answer(network);
    let ms = board::now_ms() - started_ms;
    if received != options.bytes {
        fail("the peer has got another number of bytes");
    }
    tell(0, options.bytes, ms);
}

fn connect(network: &mut Network, port: u16) {
    let local_port = 49_152 + (board::host_seconds() % 16_384) as u16;
    let Network { interface, sockets, tcp, .. } = network;
    let socket = sockets.get_mut::<smoltcp::socket::tcp::Socket<'_>>(*tcp);
    socket.set_nagle_enabled(false);
    if socket.connect(interface.context(), (IpAddress::Ipv4(HOST), port), local_port).is_err() {
        fail("the socket refuses to connect");
    }
    while !network.socket().may_send() {
        if !network.socket().is_open() {
            fail("nobody listens");
        }
        network.poll();
    }
}

fn send(network: &mut Network, bytes: u64) {
    // As a file or a sensor's buffer would lie there.
    let source = [0x55; 1_024];
    let mut left = bytes;
    while left > 0 {
        let piece = &source[..source.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        let Ok(taken) = network.socket().send_slice(piece) else { fail("the peer has gone") };
        left -= taken as u64;
        network.poll();
    }
    network.socket().close();
}

/// Eight bytes: how many the peer has got.
fn answer(network: &mut Network) -> u64 {
    let (mut number, mut len) = ([0; 8], 0);
    while len < number.len() {
        network.poll();
        match network.socket().recv_slice(&mut number[len..]) {
            Ok(count) => len += count,
            Err(_) => fail("the peer has not answered"),
        }
    }
    u64::from_be_bytes(number)
}
