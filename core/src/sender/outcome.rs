use super::exchange::Joined;
use crate::accumulator::Outcome;
use crate::code::{Class, ErrorCode};
use crate::delivery::DeliveryError;
use crate::idempotence::{Forgotten, Refused};
use crate::network::DisconnectReason;
use crate::protocol::Response;

impl Joined<'_> {
    /// A broker has answered for a batch: delivered, to be tried again, split, or failed (Java's `completeBatch`).
    pub(super) fn settle(&mut self, batch: u16, place: u16, answer: &Response) {
        let error = answer.error();
        match error.class() {
            Class::Success => self.succeed(batch, place, answer),
            Class::Retriable => self.retry_or_fail(batch, error),
            Class::RetriableRefresh => {
                self.metadata.request_update();
                self.retry_or_fail(batch, error);
            }
            Class::Split => {
                if !self.accumulator.split(batch, &mut self.counters) {
                    self.fail(batch, answer);
                }
            }
            Class::Sequence => match self.accumulator.sequence_of(batch) {
                Some(sequence) => self.settle_refused(batch, place, sequence, answer),
                None => self.fail(batch, answer),
            },
            Class::Fatal => self.fail(batch, answer),
            Class::FatalToProducer => {
                if self.idempotence.is_enabled() {
                    self.idempotence.fail(error);
                }
                self.fail(batch, answer);
            }
        }
    }

    fn succeed(&mut self, batch: u16, place: u16, answer: &Response) {
        if let Some(sequence) = self.accumulator.sequence_of(batch) {
            self.idempotence.acknowledged(place, sequence, self.accumulator.records(batch));
        }
        // A broker that says only "duplicate" does not know the offset any more (row I10).
        let base_offset = if answer.error() == ErrorCode::NONE { answer.base_offset().get() } else { -1 };
        let outcome = Outcome::delivered(base_offset, answer.log_append_time_ms().get());
        self.accumulator.complete(batch, outcome, &mut self.counters);
    }

    fn settle_refused(&mut self, batch: u16, place: u16, sequence: i32, answer: &Response) {
        let forgotten = Forgotten {
            in_doubt: self.accumulator.is_in_doubt(batch),
            log_start_unknown: answer.log_start_unknown(),
        };
        match self.idempotence.refused(place, sequence, answer.error(), forgotten) {
            Refused::Retry => self.retry_or_fail(batch, answer.error()),
            Refused::RetryRenumbered => {
                self.accumulator.mark_gap(place);
                self.retry_or_fail(batch, answer.error());
            }
            Refused::Fail => self.fail(batch, answer),
        }
    }

    fn fail(&mut self, batch: u16, answer: &Response) {
        let code = answer.error();
        let error = match answer.record_index() {
            Some(index) => DeliveryError::FailedRecord { code, index },
            None => DeliveryError::Failed(code),
        };
        self.accumulator.complete(batch, Outcome::Failed(error), &mut self.counters);
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

    #[cfg_attr(target_os = "none", inline(never))]
    fn retry_or_fail(&mut self, batch: u16, error: ErrorCode) {
        let Self { turn, accumulator, counters, .. } = self;
        let (now, retries) = (turn.now, turn.settings.retries);
        // Drawn once and kept, so that the wait does not change from poll to poll.
        let retry_at = |attempts| turn.after_retry_backoff(attempts);
        accumulator.retry_or_fail(batch, error, now, retries, retry_at, counters);
    }
}
