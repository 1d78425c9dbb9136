//! The task that drives core.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use nanokafka::{Acks, Instant, Wake};
use tokio::time::Sleep;

use crate::clock::Clock;
use crate::options::Options;
use crate::shared::{Finished, Shared};
use crate::stage::Staged;
use crate::transport::TokioTransport;

/// How often core is called before other tasks get their turn.
const ROUNDS: usize = 32;

/// How often the wall clock is looked at.
const ADJUST_MS: u64 = 1_000;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    stage: Staged<TokioTransport>,
    timer: Timer,
    finished: Finished,
    adjusted: Instant,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, options: &Options) -> Self {
        let (connections, lingers) = (options.connections, options.acks == Acks::None);
        let finished = Finished::new(options.batches);
        let stage = Staged::new(TokioTransport::new(connections), connections, lingers);
        Self { shared, stage, timer: Timer::default(), finished, adjusted: Instant::default() }
    }

    /// One round; `Pending` when nothing is left to do, and everything that could change that wakes `cx`.
    fn round(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        self.stage.fill(cx);
        let turn = self.shared.turn(cx, &mut self.stage, &mut self.finished);
        self.finished.fire();
        let has_room = self.stage.flush(cx);

        let now = self.shared.clock().now();
        if now.saturating_since_ms(self.adjusted) >= ADJUST_MS {
            self.adjusted = now;
            self.shared.clock().adjust();
        }
        if let Some(deadline) = turn.closed_by {
            if !self.stage.is_lingering() || now >= deadline {
                return Poll::Ready(Next::End);
            }
            return self.timer.poll(cx, self.shared.clock(), deadline).map(|()| Next::Again);
        }
        if has_room || turn.wake == Wake::Now || self.stage.fill(cx) {
            return Poll::Ready(Next::Again);
        }
        match turn.wake {
            Wake::At(at) => self.timer.poll(cx, self.shared.clock(), at).map(|()| Next::Again),
            Wake::OnIo | Wake::Now => Poll::Pending,
        }
    }
}

enum Next {
    Again,
    End,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            match self.round(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Next::End) => return Poll::Ready(()),
                Poll::Ready(Next::Again) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Also when core has panicked or the runtime was shut down.
        self.shared.end(&mut self.finished);
    }
}

/// One timer of tokio, used again and again.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it rings, if it has not rung.
    armed: Option<Instant>,
}

impl Timer {
    /// `Ready` at `at`, or earlier: setting the timer anew costs more than one look too many at core.
    fn poll(&mut self, cx: &mut Context<'_>, clock: &Clock, at: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(clock.timer(at))));
        if self.armed.is_none_or(|armed| armed > at) {
            sleep.as_mut().reset(clock.timer(at));
            self.armed = Some(at);
        }
        let rung = sleep.as_mut().poll(cx);
        if rung.is_ready() {
            self.armed = None;
        }
        rung
    }
}
