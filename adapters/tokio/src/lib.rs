#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]
//! nanokafka on hosts: an async Kafka producer over tokio, with the same core that microcontrollers use.
//!
//! [`Producer`] is the client: cloneable, awaiting, driven by a task of its own. [`TokioTransport`] is the
//! connection layer under it, for those who drive core themselves.
//!
//! ```no_run
//! use std::time::Duration;
//! use nanokafka_tokio::{Options, Producer, Record};
//!
//! # async fn show() -> Result<(), Box<dyn std::error::Error>> {
//! let producer = Producer::new(Options::new(["127.0.0.1:9092"]))?;
//! let topic = producer.topic("readings")?;
//! for reading in ["21.5", "21.6"] {
//!     // The handle can be awaited for partition and offset, or dropped.
//!     let _ = producer.send(Record::new(topic, reading.as_bytes())).await?;
//! }
//! let summary = producer.close(Duration::from_secs(30)).await;
//! println!("{} delivered, {} failed", summary.delivered, summary.failed);
//! # Ok(())
//! # }
//! ```
//!
//! # Cost
//! In steady state no record, batch or request allocates. A record is copied into its batch; a batch is copied
//! into its connection's buffer, so that no caller waits for a system call of the driver.
//!
//! # Features
//! `log`: core logs through the `log` facade. Off by default.

mod clock;
mod driver;
mod freed;
mod listeners;
mod memory;
mod names;
mod options;
mod outcome;
mod producer;
mod record;
mod shared;
mod stage;
mod transport;
mod waiters;

pub use nanokafka::{
    Acks, ConfigError, Counters, DeliveryError, DisconnectReason, ErrorCode, Header, Overflow, RegisterError,
    SendError, Status, TopicId,
};

pub use options::{BuildError, Options};
pub use outcome::{Delivered, DeliveryHandle};
pub use producer::{Producer, Sending, Summary};
pub use record::{Record, Topic};
pub use transport::{TokioTransport, TransportError};
