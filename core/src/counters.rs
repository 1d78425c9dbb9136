//! What the producer has done since it was made, in plain integers.

/// Counts since [`Producer::new`](crate::Producer::new), in the terms of Java's producer metrics. Nothing is
/// formatted or averaged: read two snapshots and subtract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counters {
    /// Records that `send` accepted.
    pub records_accepted: u64,
    /// Records whose batch a broker acknowledged (with acks=0: whose batch was written to the connection).
    pub records_delivered: u64,
    /// Records that were reported as not delivered, dropped ones among them.
    pub records_failed: u64,
    /// Records that the overflow policy `DropOldest` threw away to make room.
    pub records_dropped: u64,
    /// Calls of `send` that were refused with `Full` (Java: buffer-exhausted-total).
    pub buffer_exhausted: u64,
    /// Batches that were sent again after a failure (Java: record-retry-total, but in batches).
    pub batch_retries: u64,
    /// Splits of batches that a broker refused as too large (Java: batch-split-total).
    pub batch_splits: u64,
    /// Producer ids that brokers have given out.
    pub producer_ids: u64,
    /// Times that the producer has raised its epoch to number a partition's batches anew (KIP-360).
    pub epoch_bumps: u64,
    /// Produce requests written.
    pub produce_requests: u64,
    /// Metadata answers that were taken.
    pub metadata_updates: u64,
    /// Connections that reached the state "ready".
    pub connections: u64,
    /// Connections, or attempts to connect, that ended for whatever reason.
    pub disconnects: u64,
    /// Connections that were closed because a request was not answered within `request_timeout_ms`.
    pub request_timeouts: u64,
    /// Connections that were closed because a response was malformed, too long, or answered nothing that was asked.
    pub malformed_responses: u64,
    /// Responses with a throttle time above 0.
    pub throttled: u64,
    /// Bytes given to the transport.
    pub bytes_sent: u64,
    /// Bytes taken from the transport.
    pub bytes_received: u64,
}

/// Adds; 64 bits do not wrap within the life of a device.
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn add(counter: &mut u64, n: u64) {
    *counter = counter.wrapping_add(n);
}
