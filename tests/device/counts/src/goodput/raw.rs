//! Bytes of the board's own, as fast as TCP takes them.

use smoltcp::wire::IpAddress;

use super::Board;
use super::node::PEER;
use crate::broker::PORT;

/// Sends the bytes and waits for the peer's number of them. Returns the microseconds.
pub(crate) fn run(board: &mut Board<'_, '_>, bytes: u64) -> u64 {
    let node = &mut board.node;
    let socket = node.sockets.get_mut::<smoltcp::socket::tcp::Socket<'_>>(node.tcp);
    socket
        .connect(node.interface.context(), (IpAddress::Ipv4(PEER), PORT), 50_000)
        .expect("the socket is new");
    board.until(|board| board.node.socket().may_send());
    let begin_us = board.time.now_us();
    // As a file or a sensor's buffer would lie there.
    let source = [0x55; 1_024];
    let mut left = bytes;
    while left > 0 {
        let piece = &source[..source.len().min(left as usize)];
        left -= board.node.socket().send_slice(piece).expect("the peer is there") as u64;
        board.turn();
    }
    board.node.socket().close();
    let mut number = [0; 8];
    board.until(|board| board.node.socket().recv_queue() == number.len());
    let us = board.time.now_us() - begin_us;
    board.node.socket().recv_slice(&mut number).expect("they are there");
    assert!(u64::from_be_bytes(number) == bytes, "the peer has got them all");
    us
}
