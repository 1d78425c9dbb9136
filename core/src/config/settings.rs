//! What of a configuration is needed once the producer is made.

use super::{Acks, Config};
use crate::random::Random;
use crate::time::Tick;

/// The configuration without what others keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) bootstrap: &'a [&'a str],
    pub(crate) client_id: &'a str,
    pub(crate) request_timeout_ms: u32,
    pub(crate) retries: u32,
    pub(crate) retry_backoff_ms: u32,
    retry_backoff_max_ms: u32,
    pub(crate) max_request_bytes: u32,
    pub(crate) metadata_max_age_ms: u32,
    reconnect_backoff_ms: u32,
    reconnect_backoff_max_ms: u32,
    pub(crate) connections_max_idle_ms: u32,
    setup_timeout_ms: u32,
    setup_timeout_max_ms: u32,
    pub(crate) acks: Acks,
    pub(crate) max_in_flight: u8,
    pub(crate) allow_auto_topic_creation: bool,
}

impl<'a> Settings<'a> {
    pub(crate) const fn of(config: &Config<'a>) -> Self {
        Self {
            bootstrap: config.bootstrap,
            client_id: config.client_id,
            request_timeout_ms: config.request_timeout_ms,
            retries: config.retries,
            retry_backoff_ms: config.retry_backoff_ms,
            retry_backoff_max_ms: config.retry_backoff_max_ms,
            max_request_bytes: config.max_request_bytes,
            metadata_max_age_ms: config.metadata_max_age_ms,
            reconnect_backoff_ms: config.reconnect_backoff_ms,
            reconnect_backoff_max_ms: config.reconnect_backoff_max_ms,
            connections_max_idle_ms: config.connections_max_idle_ms,
            setup_timeout_ms: config.socket_connection_setup_timeout_ms,
            setup_timeout_max_ms: config.socket_connection_setup_timeout_max_ms,
            acks: config.acks,
            max_in_flight: config.max_in_flight,
            allow_auto_topic_creation: config.allow_auto_topic_creation,
        }
    }
}

/// What it takes to say when something is tried again.
// Words last: see `Joined`.
#[repr(C)]
pub(crate) struct Turn<'a> {
    pub(crate) settings: Settings<'a>,
    /// The instant of the present poll.
    pub(crate) now: Tick,
    pub(crate) random: Random,
}

impl Turn<'_> {
    /// The end of `retry_backoff_ms` after so many attempts before.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn after_retry_backoff(&mut self, attempts: u32) -> Tick {
        let Settings { retry_backoff_ms, retry_backoff_max_ms, .. } = self.settings;
        self.after(retry_backoff_ms, attempts, retry_backoff_max_ms)
    }

    /// The end of `reconnect_backoff_ms` after so many failures before.
    pub(crate) fn after_reconnect_backoff(&mut self, failures: u8) -> Tick {
        let Settings { reconnect_backoff_ms, reconnect_backoff_max_ms, .. } = self.settings;
        self.after(reconnect_backoff_ms, u32::from(failures), reconnect_backoff_max_ms)
    }

    /// The end of `socket_connection_setup_timeout_ms` after so many timeouts before.
    pub(crate) fn after_setup_timeout(&mut self, timeouts: u8) -> Tick {
        let Settings { setup_timeout_ms, setup_timeout_max_ms, .. } = self.settings;
        self.after(setup_timeout_ms, u32::from(timeouts), setup_timeout_max_ms)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn after(&mut self, base_ms: u32, doublings: u32, max_ms: u32) -> Tick {
        self.now.after_ms(self.random.backoff_ms(base_ms, doublings, max_ms))
    }
}
