//! What the producer has done since it was made, in plain integers.

/// Counts since [`Producer::new`](crate::Producer::new), in the terms of Java's producer metrics. Nothing is
/// formatted or averaged: read two snapshots and subtract, by `wrapping_sub` on a device, where a count begins again at 0
/// after 2^32 - 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Counters {
    /// Records that `send` accepted.
    pub records_accepted: usize,
    /// Records whose batch a broker acknowledged (with acks=0: whose batch was written to the connection).
    pub records_delivered: usize,
    /// Records that were reported as not delivered, dropped ones among them.
    pub records_failed: usize,
    /// Records that the overflow policy `DropOldest` threw away to make room.
    pub records_dropped: usize,
    /// Calls of `send` that were refused with `Full` (Java: buffer-exhausted-total).
    pub buffer_exhausted: usize,
    /// Batches that were sent again after a failure (Java: record-retry-total, but in batches).
    pub batch_retries: usize,
    /// Splits of batches that a broker refused as too large (Java: batch-split-total).
    pub batch_splits: usize,
    /// Producer ids that brokers have given out.
    pub producer_ids: usize,
    /// Times that the producer has raised its epoch to number a partition's batches anew (KIP-360).
    pub epoch_bumps: usize,
    /// Produce requests written.
    pub produce_requests: usize,
    /// Metadata answers that were taken.
    pub metadata_updates: usize,
    /// Connections that reached the state "ready".
    pub connections: usize,
    /// Connections, or attempts to connect, that ended for whatever reason.
    pub disconnects: usize,
    /// Connections that were closed because a request was not answered within `request_timeout_ms`.
    pub request_timeouts: usize,
    /// Connections that were closed because a response was malformed, too long, or answered nothing that was asked.
    pub malformed_responses: usize,
    /// Responses with a throttle time above 0.
    pub throttled: usize,
    /// Bytes given to the transport.
    pub bytes_sent: usize,
    /// Bytes taken from the transport.
    pub bytes_received: usize,
}

impl Counters {
    pub(crate) const ZERO: Self = Self {
        records_accepted: 0,
        records_delivered: 0,
        records_failed: 0,
        records_dropped: 0,
        buffer_exhausted: 0,
        batch_retries: 0,
        batch_splits: 0,
        producer_ids: 0,
        epoch_bumps: 0,
        produce_requests: 0,
        metadata_updates: 0,
        connections: 0,
        disconnects: 0,
        request_timeouts: 0,
        malformed_responses: 0,
        throttled: 0,
        bytes_sent: 0,
        bytes_received: 0,
    };
}

/// Adds; on a device, a count wraps.
pub(crate) fn add(counter: &mut usize, n: usize) {
    *counter = counter.wrapping_add(n);
}
