use crate::config::Turn;
use crate::time::Tick;

/// When metadata is asked for: on demand, when it is old, and never before the backoff is over.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Somebody needs an update. The one that is under way serves those who ask meanwhile (Java's
    /// `Metadata.requestUpdate`) ...
    pub(super) requested: bool,
    /// ... but not a topic that came after it had been asked for (Java's `requestUpdateForNewTopics`).
    new_topic: bool,
    pub(super) in_progress: bool,
    /// When what the last update has brought is `metadata_max_age_ms` old.
    aged_at: Tick,
    not_before: Tick,
    /// Updates in a row that failed, left a question open, or brought nothing new although somebody had asked.
    attempts: u8,
}

impl Schedule {
    pub(super) const fn new() -> Self {
        Self {
            requested: true,
            new_topic: false,
            in_progress: false,
            aged_at: Tick::ZERO,
            not_before: Tick::ZERO,
            attempts: 0,
        }
    }

    pub(super) fn next_update(&self) -> Tick {
        if self.in_progress {
            return Tick::NEVER;
        }
        // Until one has succeeded, it is requested.
        let aged = if self.requested { Tick::ZERO } else { self.aged_at };
        aged.max(self.not_before)
    }

    pub(super) fn set_back(&mut self, by_ms: u32) {
        self.aged_at.set_back(by_ms);
        self.not_before.set_back(by_ms);
    }

    /// A new topic does not wait for a backoff that others have earned (Java: a partial update at once).
    pub(super) fn request_at_once(&mut self) {
        self.requested = true;
        self.new_topic = true;
        self.not_before = Tick::ZERO;
    }

    pub(super) fn started(&mut self) {
        // Only age called for it: that it brings nothing new is what one hopes.
        if !self.requested {
            self.attempts = 0;
        }
        self.requested = false;
        self.new_topic = false;
        self.in_progress = true;
    }

    /// An update came in. `settled`: it left no question open. `equivalent`: it was the same as the one before, so
    /// that whoever asked for it will ask again.
    pub(super) fn succeeded(&mut self, settled: bool, equivalent: bool, turn: &mut Turn<'_, '_>) {
        self.in_progress = false;
        self.aged_at = turn.now.after_ms(turn.settings.metadata_max_age_ms);
        self.requested = self.new_topic || !settled;
        self.back_off(settled && !equivalent, turn);
    }

    /// No answer, or none that could be used.
    pub(super) fn failed(&mut self, turn: &mut Turn<'_, '_>) {
        self.in_progress = false;
        self.requested = true;
        self.back_off(false, turn);
    }

    /// Asks again at once: the answer was good, but not all of it could be kept.
    pub(super) fn again(&mut self, now: Tick) {
        self.in_progress = false;
        self.requested = true;
        self.not_before = now;
    }

    fn back_off(&mut self, progress: bool, turn: &mut Turn<'_, '_>) {
        self.attempts = if progress { 0 } else { self.attempts.saturating_add(1) };
        self.not_before = turn.after_retry_backoff(u32::from(self.attempts.saturating_sub(1)));
    }
}
