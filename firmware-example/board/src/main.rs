//! nanokafka's example firmware: sends telemetry from an lm3s6965evb to Kafka.
#![no_std]
#![no_main]

use board::{HostConsole, NetMemory, Network};
use cortex_m_rt::entry;
use telemetry::{Offer, Options, Schedule, Telemetry};

#[entry]
fn main() -> ! {
    static mut MEMORY: NetMemory = NetMemory::new();
    static mut WORDS: [u8; 512] = [0; 512];
    board::start();
    let options = Options::parse(board::options(WORDS)).unwrap_or_else(|error| board::refuse(&error));
    defmt::info!("{=u32} readings for topic {=str}", options.records, options.topic);
    let network = Network::start(MEMORY, u64::from(board::host_seconds()));
    let schedule = Schedule::new(options.device_id, options.records, options.interval_ms);
    board::stop(run(network, Telemetry::new(schedule, HostConsole)))
}

fn run(mut network: Network, mut telemetry: Telemetry<HostConsole>) -> u32 {
    loop {
        let now_ms = board::now_ms();
        let moved = network.poll(now_ms);
        let wake_ms = if network.is_up() { turn(now_ms, &mut telemetry) } else { None };
        telemetry.report.progress(now_ms);
        if telemetry.finished() {
            return telemetry.finish(&[("stack_used", u64::from(board::stack_used()))]);
        }
        if !moved {
            network.idle(wake_ms);
        }
    }
}

/// One turn of the application; returns when the next is due. The producer takes its place here.
fn turn(now_ms: u64, telemetry: &mut Telemetry<HostConsole>) -> Option<u64> {
    let mut refused = None;
    let wake_ms = telemetry.offer(now_ms, |reading| {
        refused = Some(reading.counter);
        Offer::Accepted
    });
    if let Some(last) = refused {
        let first = telemetry.report.tally().failed;
        telemetry.report.failed(0, first..=last, -1, "NO_PRODUCER");
    }
    wake_ms
}
