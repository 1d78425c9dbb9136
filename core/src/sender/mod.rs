//! The run loop that joins accumulator, metadata and network: Java's `Sender`.

mod exchange;
mod outcome;
mod request;
mod run;
mod update;

use core::task::Context;

use crate::accumulator::{Abort, Accumulator, Request};
use crate::config::{Config, Settings, Turn};
use crate::counters::Counters;
use crate::idempotence::Idempotence;
use crate::metadata::Metadata;
use crate::network::Network;
use crate::random::Random;
use crate::time::{Clock, Instant, NextWake, Tick};
use crate::transport::Transport;
pub(crate) use exchange::Joined;

pub(crate) struct Sender<'a> {
    pub(crate) joined: Joined<'a>,
    pub(crate) network: Network<'a>,
    receive: &'a mut [u8],
    /// Given to `close`.
    /// When `close` gives up; never, before it is called.
    close_deadline: Tick,
    pub(crate) clock: Clock,
}

impl<'a> Sender<'a> {
    // Inlined early, the parts of a producer are made where it will lie: the move of one larger than 64 bytes is a call of
    // `memcpy`, which on a device is a kilobyte.
    #[inline(always)]
    pub(crate) fn new(
        config: &Config<'a>,
        accumulator: Accumulator<'a>,
        metadata: Metadata<'a>,
        idempotence: Idempotence<'a>,
        network: Network<'a>,
        receive: &'a mut [u8],
        now: Instant,
    ) -> Self {
        let joined = Joined {
            turn: Turn {
                now: Tick::START,
                random: Random::new(config.random_seed),
                settings: Settings::of(config),
            },
            accumulator,
            metadata,
            idempotence,
            counters: const { Counters::ZERO },
            answering: Request { connection: 0, correlation_id: 0 },
            metadata_answered: false,
        };
        Self { joined, network, receive, close_deadline: Tick::NEVER, clock: Clock::new(now) }
    }

    /// Accepts nothing more, and ends when all is done, at this instant at the latest.
    pub(crate) fn close(&mut self, deadline: Instant) {
        self.joined.accumulator.close();
        self.close_deadline = self.close_deadline.min(self.clock.deadline(deadline));
    }

    /// Closed, and every batch has its outcome.
    fn is_drained(&self) -> bool {
        self.joined.accumulator.is_closed() && self.joined.accumulator.unfinished() == 0
    }

    /// An instant by core's clock.
    #[cfg_attr(target_os = "none", inline(never))]
    #[cfg_attr(not(target_os = "none"), inline)]
    pub(crate) fn tick(&mut self, now: Instant) -> Tick {
        match self.clock.tick(now) {
            Some(tick) => tick,
            None => self.set_back(now),
        }
    }

    #[cold]
    #[inline(never)]
    fn set_back(&mut self, now: Instant) -> Tick {
        let by_ms = self.clock.set_back(now, self.joined.turn.now);
        self.close_deadline.set_back(by_ms);
        self.joined.accumulator.set_back(by_ms);
        self.joined.metadata.set_back(by_ms);
        self.joined.idempotence.set_back(by_ms);
        self.network.set_back(by_ms);
        Tick::START
    }

    /// Nothing is left to do, and no connection is open.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_drained() && self.network.is_idle()
    }

    /// One step of everything. Bounded work; returns when to call again.
    pub(crate) fn poll<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Tick,
        transport: &mut T,
    ) -> NextWake {
        self.joined.turn.now = now;
        let mut wake = NextWake::on_io(now);
        if self.close_deadline <= now {
            self.joined.accumulator.abort(Abort::Closed, &mut self.joined.counters);
        }
        if let Some(code) = self.joined.idempotence.fatal() {
            self.joined.accumulator.abort(Abort::Fatal(code), &mut self.joined.counters);
        }
        let closing = self.is_drained();
        if !closing {
            self.close_gaps();
            self.send_producer_data(now, &mut wake);
            self.ask_any(now, &mut wake);
        }
        self.poll_network(cx, transport, closing, &mut wake);
        if !closing {
            self.add_deadlines(now, &mut wake);
        }
        wake
    }
}
