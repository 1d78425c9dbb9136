//! How fast a board sends over smoltcp: bytes of its own, and records through nanokafka.
//!
//! The peer is in the same image, at the other end of a cable with a rate and a delay. Time is what the board's own
//! instructions take; the peer's take none. So each run gives the same.

mod cable;
mod kafka;
mod node;
mod peer;
mod raw;
mod time;

use core::cell::RefCell;

use cortex_m_semihosting::{hprintln, syscall1};
use smoltcp::iface::SocketStorage;

use self::cable::{Port, Rate, Way};
use self::node::{BOARD, Node, PEER};
use self::peer::Peer;
use self::time::Time;
use crate::broker::Brokers;

/// The board's, as in the example firmware.
const TX_BYTES: usize = 2_048;
const RX_BYTES: usize = 512;
const PEER_RX_BYTES: usize = 4_096;
const PEER_TX_BYTES: usize = 1_024;

struct Memory {
    ways: [RefCell<Way>; 2],
    board: ([u8; RX_BYTES], [u8; TX_BYTES]),
    peer: ([u8; PEER_RX_BYTES], [u8; PEER_TX_BYTES]),
    kafka: kafka::Memory,
}

static mut MEMORY: Memory = Memory {
    ways: [const { RefCell::new(Way::new()) }; 2],
    board: ([0; RX_BYTES], [0; TX_BYTES]),
    peer: ([0; PEER_RX_BYTES], [0; PEER_TX_BYTES]),
    kafka: kafka::Memory::new(),
};

/// What the board has to do with.
pub(crate) struct Board<'c, 'n> {
    node: Node<'c>,
    peer: &'n mut Peer<'c>,
    time: &'c Time,
}

impl Board<'_, '_> {
    /// The peer's turn, which takes no time, and the board's.
    fn turn(&mut self) {
        self.time.outside(|| self.peer.turn());
        self.node.poll();
    }

    fn until(&mut self, so: impl Fn(&mut Self) -> bool) {
        for _ in 0..1_000_000 {
            if so(self) {
                return;
            }
            self.turn();
        }
        panic!("it never came to that");
    }
}

/// `bytes=N kbit=N delay_us=N`, and `batch_bytes=N` for Kafka.
#[allow(clippy::deref_addrof, reason = "what it proposes is a reference to a `static mut`")]
pub(crate) fn run() {
    let mut text = [0; 256];
    let words = command_line(&mut text);
    let number = |name: &str| {
        let value = words.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        value.parse::<u64>().ok()
    };
    let asked = |name: &str| number(name).expect("bytes=N kbit=N delay_us=N [batch_bytes=N]");
    let (bytes, rate) = (asked("bytes"), Rate { kbit: asked("kbit") as u32, delay_us: asked("delay_us") });
    let batch_bytes = number("batch_bytes");
    // SAFETY: called once, by the only thread there is.
    let memory = unsafe { &mut *(&raw mut MEMORY) };
    let time = &Time::start();
    let [up, down] = &memory.ways;
    let mut storage = [const { [SocketStorage::EMPTY] }; 2];
    let [board, peer] = &mut storage;
    let port = Port { to: up, from: down, rate, time, is_patient: false };
    let back = Port { to: down, from: up, rate, time, is_patient: true };
    let node = Node::new(back, PEER, peer, &mut memory.peer.0, &mut memory.peer.1);
    let mut peer = Peer::new(node, batch_bytes.map(|_| Brokers::new(1, 1)));
    let node = Node::new(port, BOARD, board, &mut memory.board.0, &mut memory.board.1);
    let mut board = Board { node, peer: &mut peer, time };
    let (records, sent, us) = match batch_bytes {
        None => (0, bytes, raw::run(&mut board, bytes)),
        Some(batch_bytes) => kafka::run(&mut board, &mut memory.kafka, bytes, batch_bytes as usize),
    };
    hprintln!("NK goodput records={} bytes={} us={}", records, sent, us);
}

fn command_line(text: &mut [u8; 256]) -> &str {
    let mut block = [text.as_mut_ptr().expose_provenance(), text.len()];
    // SAFETY: the call takes a pointer to a buffer and its length, writes a text no longer than that, and then the
    // text's length into the second word. Both live until after the call.
    let failed = unsafe { syscall1!(GET_CMDLINE, block.as_mut_ptr().expose_provenance()) };
    assert!(failed == 0, "no command line");
    // SAFETY: it is the second word of the block.
    let len = unsafe { block.as_ptr().add(1).read_volatile() };
    core::str::from_utf8(&text[..len]).expect("the command line is text")
}
