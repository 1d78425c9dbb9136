//! The board's time: 64 instructions a microsecond, and what the other end of the cable does takes none.

use core::cell::Cell;

use crate::clock::{self, Moment};

/// 64 instructions a microsecond: to tell the time must not take many itself.
const INSTRUCTIONS_SHIFT: u32 = 6;

pub(crate) struct Time {
    last: Cell<Moment>,
    instructions: Cell<u64>,
    /// Time stands still.
    stands: Cell<bool>,
}

impl Time {
    pub(crate) fn start() -> Self {
        Self { last: Cell::new(clock::now()), instructions: Cell::new(0), stands: Cell::new(false) }
    }

    /// Microseconds since the start.
    pub(crate) fn now_us(&self) -> u64 {
        if !self.stands.get() {
            let now = clock::now();
            let more = u64::from(clock::between(self.last.replace(now), now));
            self.instructions.set(self.instructions.get() + more);
        }
        self.instructions.get() >> INSTRUCTIONS_SHIFT
    }

    /// Milliseconds since the start, which is not an hour ago.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::from(self.now_us() as u32 / 1_000)
    }

    /// Does what takes no time.
    pub(crate) fn outside(&self, what: impl FnOnce()) {
        self.now_us();
        self.stands.set(true);
        what();
        self.stands.set(false);
        self.last.set(clock::now());
    }
}
