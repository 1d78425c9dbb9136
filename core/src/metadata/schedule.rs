use crate::config::Config;
use crate::random::Random;
use crate::time::Instant;

/// When metadata is asked for: on demand, when it is old, and never before the backoff is over.
#[derive(Debug)]
pub(super) struct Schedule {
    max_age_ms: u32,
    backoff_ms: u32,
    backoff_max_ms: u32,
    /// Somebody needs an update. The one that is under way serves those who ask meanwhile (Java's
    /// `Metadata.requestUpdate`) ...
    pub(super) requested: bool,
    /// ... but not a topic that came after it had been asked for (Java's `requestUpdateForNewTopics`).
    new_topic: bool,
    pub(super) in_progress: bool,
    last_success: Option<Instant>,
    not_before: Instant,
    /// Updates in a row that failed, left a question open, or brought nothing new although somebody had asked.
    attempts: u32,
}

impl Schedule {
    pub(super) fn new(config: &Config<'_>, now: Instant) -> Self {
        Self {
            max_age_ms: config.metadata_max_age_ms,
            backoff_ms: config.retry_backoff_ms,
            backoff_max_ms: config.retry_backoff_max_ms,
            requested: true,
            new_topic: false,
            in_progress: false,
            last_success: None,
            not_before: now,
            attempts: 0,
        }
    }

    pub(super) fn next_update(&self) -> Option<Instant> {
        if self.in_progress {
            return None;
        }
        match self.last_success {
            Some(last) if !self.requested => {
                Some(last.saturating_add_ms(u64::from(self.max_age_ms)).max(self.not_before))
            }
            Some(_) | None => Some(self.not_before),
        }
    }

    /// A new topic does not wait for a backoff that others have earned (Java: a partial update at once).
    pub(super) fn request_at_once(&mut self) {
        self.requested = true;
        self.new_topic = true;
        self.not_before = Instant::from_millis(0);
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
    pub(super) fn succeeded(&mut self, now: Instant, settled: bool, equivalent: bool, random: &mut Random) {
        self.in_progress = false;
        self.last_success = Some(now);
        self.requested = self.new_topic || !settled;
        self.back_off(now, settled && !equivalent, random);
    }

    /// No answer, or none that could be used.
    pub(super) fn failed(&mut self, now: Instant, random: &mut Random) {
        self.in_progress = false;
        self.requested = true;
        self.back_off(now, false, random);
    }

    /// Asks again at once: the answer was good, but not all of it could be kept.
    pub(super) fn again(&mut self, now: Instant) {
        self.in_progress = false;
        self.requested = true;
        self.last_success = Some(now);
        self.not_before = now;
    }

    fn back_off(&mut self, now: Instant, progress: bool, random: &mut Random) {
        self.attempts = if progress { 0 } else { self.attempts.saturating_add(1) };
        let doublings = self.attempts.saturating_sub(1);
        let wait_ms = random.backoff_ms(self.backoff_ms, doublings, self.backoff_max_ms);
        self.not_before = now.saturating_add_ms(u64::from(wait_ms));
    }
}
