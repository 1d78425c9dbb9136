//! Bytes that come in any pieces and at any pace.

use crate::broker::Content;
use crate::rig::{Network, Pieces, Rig};
use crate::world::Setup;

fn deliver_over<R: Rig>(network: Network, records: u32) {
    let mut world = Setup::<R>::nodes(3).topic("t", 6).network(network).start();
    let topic = world.topic("t");
    for n in 0..records {
        let content = Content::of_value(format!("record {n} with {}", "x".repeat(n as usize % 97)));
        world.send_waiting(topic, Some(n as i32 % 6), content.with_key(n.to_be_bytes()));
    }
    world.settle();
    // A link that loses frames may lose so many of one request in a row that its time ends.
    let counters = *world.counters();
    assert_eq!(counters.disconnects, counters.request_timeouts, "no connection was lost: {counters:?}");
    world.finish();
}

/// 1-byte reads and 1-byte writes.
pub fn one_byte_at_a_time<R: Rig>() {
    deliver_over::<R>(Network { pieces: Pieces::OneByte, ..Network::default() }, 60);
}

/// Random reads, short writes that end anywhere, and "not now" between any two bytes; 20 seeds.
pub fn any_split_of_bytes<R: Rig>() {
    for seed in 0..20 {
        let network = Network { pieces: Pieces::Random, hesitates_permille: 400, seed, ..Network::default() };
        deliver_over::<R>(network, 40);
    }
}

/// 2 bytes per millisecond: 16 kbit/s, as on a narrow radio link.
pub fn a_slow_connection<R: Rig>() {
    deliver_over::<R>(Network { bytes_per_ms: 2, ..Network::default() }, 30);
}

/// A satellite: 600 ms for each answer.
pub fn a_long_way<R: Rig>() {
    deliver_over::<R>(
        Network { latency_ms: 600.min(u64::from(R::PACE.request_timeout_ms) / 4), ..Network::default() },
        60,
    );
}
