use super::Idempotence;
use crate::code::{Class, ErrorCode};
use crate::config::Turn;
use crate::protocol::init_producer_id::Answer;
use crate::time::Tick;
use crate::wide::Wide;

/// How the producer stands with its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Without idempotence.
    Disabled,
    /// None, and not asked for.
    Uninitialized,
    /// Asked for.
    Requested,
    Ready,
}

/// What the answer to a request for an identity means for the batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// There is one.
    Ready,
    /// They wait: it is asked for again.
    Again,
    /// Those that wait fail with this code; it is asked for again (I14).
    FailWaiting(ErrorCode),
    /// All fail with this code, those to come among them.
    Fatal,
}

impl Idempotence<'_> {
    pub(crate) fn is_enabled(&self) -> bool {
        self.state != State::Disabled
    }

    /// Whether batches can be sent at all.
    pub(crate) fn may_send(&self) -> bool {
        self.state == State::Ready || self.state == State::Disabled
    }

    /// When an identity is to be asked for; never: it is not, or was.
    pub(crate) fn next_request(&self) -> Tick {
        self.not_before
    }

    /// The clock was set back.
    pub(crate) fn set_back(&mut self, by_ms: u32) {
        self.not_before.set_back(by_ms);
    }

    pub(crate) fn request_started(&mut self) {
        self.stand(State::Requested, Tick::NEVER);
    }

    /// There will be no answer: the connection is gone.
    pub(crate) fn request_failed(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::Requested {
            self.back_off(turn);
        }
    }

    pub(crate) fn answered(&mut self, answer: Answer, turn: &mut Turn<'_>) -> Answered {
        // The application has reset the producer meanwhile: it is asked again.
        if self.state != State::Requested {
            return Answered::Again;
        }
        match answer.error.class() {
            Class::Success if answer.error == ErrorCode::NONE => {
                self.producer_id = Wide::new(answer.producer_id);
                self.producer_epoch = answer.producer_epoch;
                self.identity = self.identity.wrapping_add(1).max(1);
                self.attempts = 0;
                self.state = State::Ready;
                Answered::Ready
            }
            Class::Retriable | Class::RetriableRefresh => {
                self.back_off(turn);
                Answered::Again
            }
            // IDEMPOTENT_WRITE may still be granted (KIP-679).
            Class::FatalToProducer
                if answer.error == ErrorCode::CLUSTER_AUTHORIZATION_FAILED
                    || answer.error == ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED =>
            {
                self.back_off(turn);
                Answered::FailWaiting(answer.error)
            }
            // `DUPLICATE_SEQUENCE_NUMBER` is a success for a batch, but brings no producer id.
            Class::Success | Class::Split | Class::Sequence | Class::Fatal | Class::FatalToProducer => {
                self.fail(answer.error);
                Answered::Fatal
            }
        }
    }

    /// Nothing can be sent any more, for this reason, until [`reset`](Self::reset).
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn fail(&mut self, code: ErrorCode) {
        if self.fatal == ErrorCode::NONE {
            (self.fatal, self.untold) = (code, code);
            self.stand(State::Uninitialized, Tick::NEVER);
        }
    }

    /// Whether nothing can be sent any more.
    // Asked for each record.
    #[inline(always)]
    pub(crate) fn is_fatal(&self) -> bool {
        self.fatal != ErrorCode::NONE
    }

    pub(crate) fn fatal(&self) -> Option<ErrorCode> {
        Some(self.fatal).filter(|code| *code != ErrorCode::NONE)
    }

    /// The reason why nothing can be sent any more, once.
    pub(crate) fn tell_fatal(&mut self) -> Option<ErrorCode> {
        let untold = core::mem::replace(&mut self.untold, ErrorCode::NONE);
        Some(untold).filter(|code| *code != ErrorCode::NONE)
    }

    /// Begins anew with an identity that is still to be asked for.
    pub(crate) fn reset(&mut self) {
        self.fatal = ErrorCode::NONE;
        if self.is_enabled() {
            self.stand(State::Uninitialized, Tick::ZERO);
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn back_off(&mut self, turn: &mut Turn<'_>) {
        let not_before = turn.after_retry_backoff(u32::from(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
        self.stand(State::Uninitialized, not_before);
    }

    fn stand(&mut self, state: State, not_before: Tick) {
        (self.state, self.not_before) = (state, not_before);
    }
}
