//! How fast a board sends over smoltcp: bytes of its own, and records through nanokafka.
//!
//! `port=N bytes=N kbit=N` sends so many bytes over a link of that rate; with `batch_bytes=N`, about as many in Kafka's
//! requests. Time is that of the board's clock, from the first byte until the last is acknowledged.
#![no_std]
#![no_main]

mod kafka;
mod network;
mod raw;

use board::HostConsole;
use cortex_m_rt::entry;
use telemetry::Line;

struct Options {
    port: u16,
    bytes: u64,
    /// Of the link; 0: as fast as the MAC.
    kbit: u64,
    /// `None`: raw TCP.
    batch_bytes: Option<usize>,
}

#[entry]
fn main() -> ! {
    static mut MEMORY: network::Memory = network::Memory::new();
    static mut KAFKA: kafka::Memory = kafka::Memory::new();
    static mut WORDS: [u8; 512] = [0; 512];
    board::start();
    let options =
        options(board::options(WORDS)).unwrap_or_else(|| fail("port=N bytes=N kbit=N [batch_bytes=N]"));
    let mut network = network::Network::start(MEMORY, options.kbit);
    match options.batch_bytes {
        None => raw::run(&mut network, &options),
        Some(batch_bytes) => kafka::run(&mut network, KAFKA, &options, batch_bytes),
    }
    board::stop(0)
}

fn options(words: &str) -> Option<Options> {
    let number = |name: &str| {
        let value = words.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        value.parse::<u64>().ok()
    };
    let batch_bytes = number("batch_bytes").and_then(|bytes| usize::try_from(bytes).ok());
    Some(Options {
        port: u16::try_from(number("port")?).ok()?,
        bytes: number("bytes")?,
        kbit: number("kbit")?,
        batch_bytes,
    })
}

/// Tells the host what came of it.
fn tell(records: u64, bytes: u64, ms: u64) {
    let mut console = HostConsole;
    let mut line = Line::new(&mut console, "NK goodput");
    line.field("records", records).field("bytes", bytes).field("ms", ms);
    line.field("stack_used", u64::from(board::stack_used())).end();
}

fn fail(why: &str) -> ! {
    let mut console = HostConsole;
    Line::new(&mut console, "NK error ").text(why).end();
    board::stop(1)
}
