//! The run loop that joins accumulator, metadata and network: Java's `Sender`.

mod exchange;
mod outcome;
mod request;
mod run;
mod update;

use core::task::Context;

use crate::accumulator::{Abort, Accumulator, Request};
use crate::config::Config;
use crate::counters::Counters;
use crate::idempotence::Idempotence;
use crate::metadata::Metadata;
use crate::network::Network;
use crate::random::Random;
use crate::time::{Instant, NextWake};
use crate::transport::Transport;
pub(crate) use exchange::Joined;

pub(crate) struct Sender<'a> {
    pub(crate) joined: Joined<'a>,
    pub(crate) network: Network<'a>,
    receive: &'a mut [u8],
    /// Given to `close`.
    close_deadline: Option<Instant>,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(
        config: Config<'a>,
        accumulator: Accumulator<'a>,
        metadata: Metadata<'a>,
        idempotence: Idempotence<'a>,
        network: Network<'a>,
        receive: &'a mut [u8],
    ) -> Self {
        let joined = Joined {
            now: Instant::from_millis(0),
            random: Random::new(config.random_seed),
            config,
            accumulator,
            metadata,
            idempotence,
            counters: Counters::default(),
            answering: Request { connection: 0, correlation_id: 0 },
            metadata_answered: false,
        };
        Self { joined, network, receive, close_deadline: None }
    }

    /// Accepts nothing more, and ends when all is done, at this instant at the latest.
    pub(crate) fn close(&mut self, deadline: Instant) {
        self.joined.accumulator.close();
        self.close_deadline = Some(self.close_deadline.map_or(deadline, |before| before.min(deadline)));
    }

    /// Nothing is left to do, and no connection is open.
    pub(crate) fn is_closed(&self) -> bool {
        self.close_deadline.is_some() && self.joined.accumulator.unfinished() == 0 && self.network.is_idle()
    }

    /// One step of everything. Bounded work; returns when to call again.
    pub(crate) fn poll<T: Transport + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        transport: &mut T,
    ) -> NextWake {
        self.joined.now = now;
        let mut wake = NextWake::on_io(now);
        if self.close_deadline.is_some_and(|deadline| deadline <= now) {
            self.joined.accumulator.abort(Abort::Closed, &mut self.joined.counters);
        }
        if let Some(code) = self.joined.idempotence.fatal() {
            self.joined.accumulator.abort(Abort::Fatal(code), &mut self.joined.counters);
        }
        if self.close_deadline.is_some() && self.joined.accumulator.unfinished() == 0 {
            self.close_connections(cx, now, transport);
            return wake;
        }
        self.close_gaps();
        self.send_producer_data(now, &mut wake);
        self.update_metadata(now, &mut wake);
        self.update_producer_id(now, &mut wake);
        self.poll_network(cx, now, transport, &mut wake);
        self.add_deadlines(now, &mut wake);
        wake
    }
}
