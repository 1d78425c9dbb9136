use super::exchange::Joined;
use crate::code::{Class, ErrorCode};
use crate::delivery::{Ack, DeliveryError};
use crate::network::DisconnectReason;

impl Joined<'_, '_> {
    /// A broker has answered for a batch: delivered, to be tried again, or failed (Java's `completeBatch`).
    pub(super) fn settle(&mut self, batch: u16, error: ErrorCode, ack: Ack) {
        match error.class() {
            Class::Success => self.accumulator.complete(batch, Ok(ack), self.counters),
            Class::Retriable => self.retry_or_fail(batch, error),
            Class::RetriableRefresh => {
                self.metadata.request_update();
                self.retry_or_fail(batch, error);
            }
            Class::Fatal => {
                self.accumulator.complete(batch, Err(DeliveryError::Failed(error)), self.counters);
            }
        }
    }

    /// A connection is gone: what was on its way there is tried again, oldest first.
    pub(super) fn fail_in_flight(&mut self, connection: u8, reason: DisconnectReason) {
        let error = match reason {
            DisconnectReason::RequestTimeout => ErrorCode::REQUEST_TIMED_OUT,
            DisconnectReason::Transport(_)
            | DisconnectReason::PeerClosed
            | DisconnectReason::SetupTimeout
            | DisconnectReason::MalformedResponse
            | DisconnectReason::UnsupportedVersion
            | DisconnectReason::Closed => ErrorCode::NETWORK_EXCEPTION,
        };
        for partition in 0..self.accumulator.partitions() {
            while let Some(batch) = self.accumulator.in_flight_on(connection, partition) {
                self.retry_or_fail(batch, error);
            }
        }
    }

    fn retry_or_fail(&mut self, batch: u16, error: ErrorCode) {
        let attempts = self.accumulator.attempts(batch);
        if self.accumulator.is_expired(self.now, batch) {
            let timeout = DeliveryError::Timeout { maybe_written: true, cause: error };
            self.accumulator.complete(batch, Err(timeout), self.counters);
        } else if attempts >= self.config.retries {
            self.accumulator.complete(batch, Err(DeliveryError::Failed(error)), self.counters);
        } else {
            // Drawn once and kept, so that the wait does not change from poll to poll.
            let backoff_ms = self.random.backoff_ms(
                self.config.retry_backoff_ms,
                attempts,
                self.config.retry_backoff_max_ms,
            );
            let retry_at = self.now.saturating_add_ms(u64::from(backoff_ms));
            self.accumulator.reenqueue(batch, error, retry_at, self.counters);
        }
    }
}
