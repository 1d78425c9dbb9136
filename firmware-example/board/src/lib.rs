//! The lm3s6965evb: what nanokafka's example firmware needs of its chip, and of QEMU around it.
//!
//! Everything a firmware calls here is safe. Raw hardware access is in `registers`, `semihosting` and `logger`.
#![no_std]

mod clock;
mod console;
mod division;
mod ethernet;
mod events;
mod faults;
mod kafka_memory;
mod logger;
mod memory;
mod network;
mod registers;
mod semihosting;
mod stack;

pub use console::{HostConsole, host_seconds, options, refuse, stop};
pub use events::DefmtLog;
pub use kafka_memory::KafkaMemory;
pub use network::{NetMemory, Network, TCP_SOCKETS};
pub use stack::stack_used;

/// Starts the clock and the log line, and returns once milliseconds are counted.
///
/// # Panics
/// When called a second time.
pub fn start() {
    let core = cortex_m::Peripherals::take().expect("the board is started once");
    logger::start();
    clock::start(core.SYST);
}

pub use clock::now_ms;
