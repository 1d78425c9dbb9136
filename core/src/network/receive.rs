use super::connection::ConnectionSlot;
use super::{DisconnectReason, Exchange, State};
use crate::code::ErrorCode;
use crate::counters::add;
use crate::fmt::debug;
use crate::protocol::{Api, Expected};
use crate::wire::Malformed;

impl ConnectionSlot {
    /// Takes bytes that have arrived: the answers to the oldest requests, one after another.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn take(
        &mut self,
        mut piece: &[u8],
        exchange: &mut impl Exchange,
    ) -> Result<(), DisconnectReason> {
        loop {
            // It stays the oldest until its answer is whole.
            let correlation_id = self.oldest();
            let api = self.api(correlation_id);
            let request = self.awaits_answer().then_some((api, correlation_id));
            let expected = Expected { request, version: self.usable.produce_version() };
            exchange.answering(self.connection, correlation_id);
            if !self.response.take(&mut piece, &expected, exchange)? {
                return Ok(());
            }
            self.in_flight = self.in_flight.wrapping_sub(1);
            self.answered(api, correlation_id, exchange)?;
        }
    }

    fn answered(
        &mut self,
        api: Api,
        correlation_id: i32,
        exchange: &mut impl Exchange,
    ) -> Result<(), DisconnectReason> {
        let now = exchange.now();
        if self.throttle(now) {
            add(&mut exchange.counters().throttled, 1);
        }
        let response = &self.response;
        match api {
            Api::ApiVersions => {
                let usable = response.usable;
                if response.error() != ErrorCode::NONE || !usable.is_enough() {
                    return Err(DisconnectReason::UnsupportedVersion);
                }
                self.usable = usable;
                self.state = self.state.max(State::Ready);
                self.last_used = now;
                self.failures = 0;
                debug!("connection {} is ready", self.connection);
                add(&mut exchange.counters().connections, 1);
            }
            Api::Metadata => exchange.metadata_answered(),
            Api::Produce => exchange.produce_answered(self.connection, correlation_id)?,
            Api::InitProducerId => exchange.producer_id_answered(response.producer_id()),
        }
        Ok(())
    }
}

impl From<Malformed> for DisconnectReason {
    fn from(Malformed: Malformed) -> Self {
        Self::MalformedResponse
    }
}
