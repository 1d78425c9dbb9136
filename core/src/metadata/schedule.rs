use crate::config::Turn;
use crate::time::Tick;

/// When metadata is asked for: on demand, when it is old, and never before the backoff is over.
#[derive(Debug)]
pub(super) struct Schedule {
    /// When what the last update has brought is `metadata_max_age_ms` old. It is so at once when somebody needs an update;
    /// the one that is under way serves those who ask meanwhile (Java's `Metadata.requestUpdate`).
    pub(super) aged_at: Tick,
    /// The end of the backoff; never, while an update is under way.
    not_before: Tick,
    /// Updates in a row that failed, left a question open, or brought nothing new although somebody had asked.
    attempts: u8,
}

impl Schedule {
    // Nobody needs any before there is a topic.
    pub(super) const fn new() -> Self {
        Self { aged_at: Tick::NEVER, not_before: Tick::ZERO, attempts: 0 }
    }

    pub(super) fn next_update(&self) -> Tick {
        self.aged_at.max(self.not_before)
    }

    pub(super) fn set_back(&mut self, by_ms: u32) {
        self.aged_at.set_back(by_ms);
        self.not_before.set_back(by_ms);
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.not_before == Tick::NEVER
    }

    pub(super) fn request(&mut self) {
        self.aged_at = Tick::ZERO;
    }

    /// A new topic does not wait for a backoff that others have earned (Java: a partial update at once), but for the
    /// answer that is under way: that leaves a question open then.
    pub(super) fn request_at_once(&mut self) {
        self.request();
        if !self.is_under_way() {
            self.not_before = Tick::ZERO;
        }
    }

    pub(super) fn started(&mut self) {
        // Only age called for it: that it brings nothing new is what one hopes.
        if self.aged_at > Tick::ZERO {
            self.attempts = 0;
        }
        self.not_before = Tick::NEVER;
    }

    /// An update came in. `settled`: it left no question open. `equivalent`: it was the same as the one before, so
    /// that whoever asked for it will ask again.
    pub(super) fn succeeded(&mut self, settled: bool, equivalent: bool, turn: &mut Turn<'_>) {
        let aged_at = turn.now.after_ms(turn.settings.metadata_max_age_ms);
        self.aged_at = if settled { aged_at } else { Tick::ZERO };
        self.back_off(settled && !equivalent, turn);
    }

    /// No answer, or none that could be used.
    pub(super) fn failed(&mut self, turn: &mut Turn<'_>) {
        self.request();
        self.back_off(false, turn);
    }

    /// Asks again at once: the answer was good, but not all of it could be kept.
    pub(super) fn again(&mut self) {
        self.aged_at = Tick::ZERO;
        self.not_before = Tick::ZERO;
    }

    fn back_off(&mut self, progress: bool, turn: &mut Turn<'_>) {
        if progress {
            self.attempts = 0;
        }
        self.not_before = turn.after_retry_backoff(u32::from(self.attempts));
        self.attempts = self.attempts.saturating_add(u8::from(!progress));
    }
}
