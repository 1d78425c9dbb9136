//! What every client of the bench is told, and how it answers: one process for one run.

use std::time::Instant;

/// Bytes of each record's value.
pub const VALUE_BYTES: usize = 100;

/// `linger.ms` of all clients.
pub const LINGER_MS: u32 = 5;

/// `batch.size` of all clients.
pub const BATCH_BYTES: usize = 16_384;

/// `max.in.flight.requests.per.connection` of all clients that have it.
pub const IN_FLIGHT: u8 = 5;

/// What a client cannot go on without.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// One run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `host:port` of the one broker.
    pub bootstrap: String,
    /// The topic, which exists.
    pub topic: String,
    /// Its partitions.
    pub partitions: u16,
    /// How many records are to be in it.
    pub records: u64,
}

impl Plan {
    /// The plan in the arguments `BOOTSTRAP TOPIC PARTITIONS RECORDS`.
    ///
    /// # Errors
    /// There are other arguments.
    pub fn from_args(args: &[String]) -> Result<Self, Error> {
        let [bootstrap, topic, partitions, records] = args else {
            return Err("the arguments are BOOTSTRAP TOPIC PARTITIONS RECORDS".into());
        };
        let (partitions, records) = (partitions.parse()?, records.parse()?);
        Ok(Self { bootstrap: bootstrap.clone(), topic: topic.clone(), partitions, records })
    }
}

/// Each client's value is the same.
#[must_use]
pub fn value() -> Vec<u8> {
    (0..VALUE_BYTES).map(|i| b'a' + (i % 26) as u8).collect()
}

/// Says how long a run took, from the client's making to the last acknowledgement.
pub fn report(begin: Instant) {
    println!("seconds {:.6}", begin.elapsed().as_secs_f64());
}
