//! nanokafka's example firmware: sends telemetry from an lm3s6965evb to Kafka.
#![no_std]
#![no_main]

use board::{DefmtLog, HostConsole, KafkaMemory, NetMemory, Network, TCP_SOCKETS};
use cortex_m_rt::entry;
use nanokafka::Wake;
use nanokafka_smoltcp::Connections;
use telemetry::{Options, Schedule, StartError, Telemetry, Uplink};

/// How long brokers are given to hear that the connections end.
const GOODBYE_MS: u64 = 1_000;

#[entry]
fn main() -> ! {
    static mut NETWORK: NetMemory = NetMemory::new();
    static mut KAFKA: KafkaMemory = KafkaMemory::new();
    static mut WORDS: [u8; 512] = [0; 512];
    board::start();
    let options =
        Options::parse(board::options(WORDS)).unwrap_or_else(|error| board::refuse(|line| error.write(line)));
    defmt::info!(
        "{=u32} readings of {=u32} devices for topic {=str}",
        options.records,
        options.devices,
        options.topic
    );
    let (now_ms, seconds) = (board::now_ms(), u64::from(board::host_seconds()));
    // Devices that start within the same second still differ.
    let seed = (seconds << 32) ^ options.device_id;
    let network = Network::start(NETWORK, seed);
    let uplink = Uplink::start(&options, KAFKA.lend(), now_ms, seconds * 1_000, seed)
        .unwrap_or_else(|error| refuse(&error));
    let schedule = Schedule::new(options.device_id, options.records, options.interval_ms);
    let telemetry = Telemetry::new(schedule.devices(options.devices), HostConsole);
    let connections = Connections::new(network.tcp, seed).dns(network.dns);
    board::stop(run(network, connections, uplink, telemetry))
}

fn run(
    mut network: Network,
    mut connections: Connections<TCP_SOCKETS>,
    mut uplink: Uplink<'_>,
    mut telemetry: Telemetry<HostConsole>,
) -> u32 {
    while !uplink.finished(&telemetry) {
        let now_ms = board::now_ms();
        network.poll(now_ms);
        let wake = if network.is_decided() {
            let transport = &mut connections.transport(&mut network.interface, &mut network.sockets);
            uplink.turn(now_ms, transport, &mut telemetry, &mut DefmtLog)
        } else {
            Wake::OnIo
        };
        match wake {
            Wake::Now => {}
            Wake::At(at) => network.idle(Some(at.as_millis())),
            Wake::OnIo => network.idle(None),
        }
    }
    say_goodbye(&mut network, &connections);
    let counters = uplink.producer().counters();
    telemetry.finish(&[
        ("stack_used", u64::from(board::stack_used())),
        ("run_ms", board::now_ms()),
        ("requests", counters.produce_requests as u64),
        ("retries", counters.batch_retries as u64),
    ])
}

fn say_goodbye(network: &mut Network, connections: &Connections<TCP_SOCKETS>) {
    let until_ms = board::now_ms() + GOODBYE_MS;
    loop {
        network.poll(board::now_ms());
        if connections.is_closed(&network.sockets) || board::now_ms() >= until_ms {
            return;
        }
        network.idle(Some(until_ms));
    }
}

fn refuse(error: &StartError) -> ! {
    board::refuse(|line| {
        match error {
            StartError::Config(error) => {
                line.text("configuration: ").text(error.field()).text(" is ").number(error.value())
            }
            StartError::Topic(_) => line.text("topic: not a name that Kafka allows"),
        };
    })
}
