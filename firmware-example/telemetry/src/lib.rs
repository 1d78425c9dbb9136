//! The telemetry application of nanokafka's example firmware: what it measures, how a reading is encoded, the
//! options it takes and the lines it reports. Nothing here knows a board, so the same code runs on a host.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod app;
mod options;
mod reading;
mod report;
mod schedule;
mod text;
mod uplink;

pub use app::{Offer, Telemetry};
pub use options::{Broker, MAX_BROKERS, OptionError, Options};
pub use reading::{DecodeError, KEY_LEN, Reading, VALUE_LEN, batch_bytes_for};
pub use report::{Report, Tally};
pub use schedule::Schedule;
pub use text::{Console, Counters, Line};
pub use uplink::{Event, EventLog, StartError, Uplink};
