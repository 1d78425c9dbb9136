#![no_std]
#![forbid(unsafe_code)]
// Nothing that comes from the network or from a caller may panic: see ARCHITECTURE.md, "No panic path".
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unreachable,
        clippy::unwrap_used,
    )
)]
//! An Apache Kafka producer for microcontrollers: `no_std`, no heap, all memory lent by the application.
//!
//! A [`Producer`] keeps the structure and the names of Kafka's own Java producer, and is driven by one
//! [`poll`](Producer::poll) instead of threads. It reads no clock, opens no socket and allocates nothing:
//! time is an argument, connections are a [`Transport`] that an adapter implements, and memory is a
//! [`Storage`] that is lent once.
//!
//! ```no_run
//! use nanokafka::{Config, Instant, Producer, Record, Resources, Transport};
//!
//! const CONFIG: Config<'static> = Config { client_id: "thermometer-7", ..Config::new(&["10.0.0.5:9092"]) }.checked();
//!
//! fn run(transport: &mut impl Transport, millis: fn() -> u64) {
//!     // On a device this is a static; see `Resources`. Four batches of 1 KiB.
//!     let mut memory = Resources::<4, 1024>::new();
//!     let now = Instant::from_millis(millis());
//!     let mut producer = Producer::new(CONFIG, memory.lend(), now).unwrap();
//!     let topic = producer.register_topic("readings").unwrap();
//!     loop {
//!         let now = Instant::from_millis(millis());
//!         let _ = producer.send(now, &Record::new(topic, b"21.5"));
//!         let polled = producer.poll(now, transport);
//!         while let Some(delivery) = producer.next_delivery() {
//!             if let Err(error) = delivery.result { /* count it, store it, send it again */ }
//!         }
//!         // sleep until `polled.wake`, or until the network interrupts
//!     }
//! }
//! ```
//!
//! # Capacities
//! The numbers of batches, topics, partitions, brokers and connections are const generics of [`Resources`], or
//! lengths of slices in [`Storage`]. Nothing grows beyond them, ever: what has no room is refused with an error
//! that says so.
//!
//! # Features
//! Three are on by default, and can be left out (`default-features = false`) where flash is short:
//! - `address-map`: brokers that are reached elsewhere than where they say. Without it there are no `AddressMapping`
//!   and no field `address_map` of [`Config`], which is one more reason to end a configuration in `..Config::new(..)`.
//! - `drop-oldest`: a record that finds no room may displace the oldest batch that was never sent. Without it there is no
//!   `Overflow::DropOldest`; [`Overflow::Reject`] is the default in any case.
//! - `split`: a batch that its broker finds too large goes out in parts. Without it, such a batch fails with
//!   [`ErrorCode::MESSAGE_TOO_LARGE`]; no order and no other batch is touched by that. It never happens when
//!   `batch_bytes` stays below the topic's `max.message.bytes`.
//!
//! `defmt` and `log`: log through either, or both. Off by default.
//!
//! `crc-table` and `crc-slicing`: the checksum of a batch by tables of 1 KiB or 4 KiB. Without them it is made four
//! bits at a time by a table of 64 bytes, at about half the speed of either. `crc-hardware`: by the processor's own
//! instruction, on hosts. A device's CRC unit is used by a function in [`Config::crc32c`].

#[cfg(test)]
#[macro_use]
extern crate std;

mod fmt;

mod accumulator;
mod batch;
mod code;
mod config;
mod counters;
mod delivery;
mod idempotence;
mod metadata;
mod network;
mod node;
mod partition;
mod producer;
mod protocol;
mod random;
mod record;
mod sender;
mod time;
mod transport;
mod wide;
mod wire;

pub use accumulator::{BatchSlot, PartitionQueue, TopicQueue};
pub use batch::{Headers, StoredHeader, StoredRecord, StoredRecords, crc32c};
pub use code::ErrorCode;
#[cfg(feature = "address-map")]
pub use config::AddressMapping;
pub use config::{Acks, Config, ConfigError, Overflow};
pub use counters::Counters;
pub use delivery::{Ack, BatchId, Delivery, DeliveryError, SendError, Ticket, TopicId};
pub use idempotence::SequenceSlot;
pub use metadata::{BrokerSlot, PartitionSlot, RegisterError, TopicSlot};
pub use network::{ConnectionSlot, DisconnectReason};
pub use producer::{DeliveryRecords, HostNames, Polled, Producer, Resources, Status, Storage};
pub use record::{Header, Record};
pub use time::{Instant, Wake, WakeReason};
pub use transport::{Endpoint, Slot, Transport};
