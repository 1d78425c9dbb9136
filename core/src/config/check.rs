use super::{Config, address::parts_of};
use crate::batch;

/// A configuration that cannot work: which field, its value, and the rule that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ConfigError {
    /// The field of [`Config`](crate::Config) or of [`Storage`](crate::Storage).
    pub field: &'static str,
    /// The field's value; for texts and tables their length, or the place of the entry that is wrong.
    pub value: u64,
    /// The rule in words, with the bound in it.
    pub rule: &'static str,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} is {}: {}", self.field, self.value, self.rule)
    }
}

impl core::error::Error for ConfigError {}

/// `Err` with the field's name and value unless the rule holds.
macro_rules! require {
    ($holds:expr, $field:literal, $value:expr, $rule:literal) => {
        if !$holds {
            #[allow(clippy::cast_lossless, reason = "constants have no `From`")]
            return Err(ConfigError { field: $field, value: $value as u64, rule: $rule });
        }
    };
}
pub(crate) use require;

/// The most that [`Config::max_in_flight`] may be: brokers remember the last five batches of a producer
/// (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`), and Java refuses more with idempotence.
pub(crate) const MAX_IN_FLIGHT: usize = 5;

/// A bound on the bootstrap list, so that a broker's place in it fits a negative node id of 8 bits.
const BOOTSTRAP_MAX: usize = 16;

/// What a client id may take of a connection's request-head buffer.
const CLIENT_ID_BYTES_MAX: usize = 64;

impl Config<'_> {
    /// Checks every rule that does not depend on the memory lent.
    ///
    /// # Errors
    /// The first rule that is broken, with the field and its value.
    pub const fn validate(&self) -> Result<(), ConfigError> {
        match self.validate_addresses() {
            Ok(()) => {}
            Err(error) => return Err(error),
        }
        match self.validate_sizes() {
            Ok(()) => {}
            Err(error) => return Err(error),
        }
        self.validate_times()
    }

    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "const code has no `get`; every index is below a length that was checked"
    )]
    const fn validate_addresses(&self) -> Result<(), ConfigError> {
        let count = self.bootstrap.len();
        require!(count >= 1, "bootstrap", count, "bootstrap must name at least one broker");
        require!(count <= BOOTSTRAP_MAX, "bootstrap", count, "bootstrap may name at most 16 brokers");
        let mut index = 0;
        while index < count {
            require!(
                parts_of(self.bootstrap[index].as_bytes()).is_some(),
                "bootstrap",
                index,
                "each bootstrap entry must be host:port or [ipv6]:port"
            );
            index += 1;
        }
        let client_id = self.client_id.len();
        require!(
            client_id <= CLIENT_ID_BYTES_MAX,
            "client_id",
            client_id,
            "client_id may have at most 64 bytes"
        );
        Ok(())
    }

    const fn validate_sizes(&self) -> Result<(), ConfigError> {
        let in_flight = self.max_in_flight;
        require!(in_flight >= 1, "max_in_flight", in_flight, "max_in_flight must be 1 to 5");
        require!(
            in_flight as usize <= MAX_IN_FLIGHT,
            "max_in_flight",
            in_flight,
            "max_in_flight must be 1 to 5"
        );
        require!(
            self.max_request_bytes <= i32::MAX as u32 / 2,
            "max_request_bytes",
            self.max_request_bytes,
            "max_request_bytes must be below 1 GiB"
        );
        if let Some(batch_bytes) = self.batch_bytes {
            require!(
                batch_bytes as usize >= batch::BYTES_MIN,
                "batch_bytes",
                batch_bytes,
                "batch_bytes must be at least 82: the batch header and the overhead of one record"
            );
            require!(
                batch_bytes <= self.max_request_bytes,
                "batch_bytes",
                batch_bytes,
                "batch_bytes must not exceed max_request_bytes"
            );
        }
        Ok(())
    }

    const fn validate_times(&self) -> Result<(), ConfigError> {
        require!(
            self.request_timeout_ms >= 1 && self.request_timeout_ms <= i32::MAX as u32,
            "request_timeout_ms",
            self.request_timeout_ms,
            "request_timeout_ms must be 1 to 2147483647"
        );
        // KIP-91: otherwise a batch could expire before its first request can.
        require!(
            self.delivery_timeout_ms as u64
                >= (self.linger_ms as u64).saturating_add(self.request_timeout_ms as u64),
            "delivery_timeout_ms",
            self.delivery_timeout_ms,
            "delivery_timeout_ms must be at least linger_ms + request_timeout_ms"
        );
        require!(
            self.retry_backoff_max_ms >= self.retry_backoff_ms,
            "retry_backoff_max_ms",
            self.retry_backoff_max_ms,
            "retry_backoff_max_ms must be at least retry_backoff_ms"
        );
        require!(
            self.reconnect_backoff_max_ms >= self.reconnect_backoff_ms,
            "reconnect_backoff_max_ms",
            self.reconnect_backoff_max_ms,
            "reconnect_backoff_max_ms must be at least reconnect_backoff_ms"
        );
        require!(
            self.socket_connection_setup_timeout_ms >= 1,
            "socket_connection_setup_timeout_ms",
            self.socket_connection_setup_timeout_ms,
            "socket_connection_setup_timeout_ms must be at least 1"
        );
        require!(
            self.socket_connection_setup_timeout_max_ms >= self.socket_connection_setup_timeout_ms,
            "socket_connection_setup_timeout_max_ms",
            self.socket_connection_setup_timeout_max_ms,
            "socket_connection_setup_timeout_max_ms must be at least socket_connection_setup_timeout_ms"
        );
        require!(
            self.metadata_max_age_ms >= 1,
            "metadata_max_age_ms",
            self.metadata_max_age_ms,
            "metadata_max_age_ms must be at least 1"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_for_any_bootstrap_address() {
        assert_eq!(Config::new(&["h:1"]).validate(), Ok(()));
    }

    #[test]
    fn each_rule_names_its_field_and_value() {
        let base = Config::new(&["h:1"]);
        let cases = [
            (Config { bootstrap: &[], ..base }, "bootstrap", 0),
            (Config { bootstrap: &["h:1", "h"], ..base }, "bootstrap", 1),
            (Config { bootstrap: &["h:1"; 17], ..base }, "bootstrap", 17),
            (Config { max_in_flight: 0, ..base }, "max_in_flight", 0),
            (Config { max_in_flight: 6, ..base }, "max_in_flight", 6),
            (Config { batch_bytes: Some(81), ..base }, "batch_bytes", 81),
            (Config { batch_bytes: Some(2_000_000), ..base }, "batch_bytes", 2_000_000),
            (Config { max_request_bytes: u32::MAX, ..base }, "max_request_bytes", u64::from(u32::MAX)),
            (Config { request_timeout_ms: 0, ..base }, "request_timeout_ms", 0),
            (Config { delivery_timeout_ms: 30_004, ..base }, "delivery_timeout_ms", 30_004),
            (Config { retry_backoff_max_ms: 99, ..base }, "retry_backoff_max_ms", 99),
            (Config { reconnect_backoff_max_ms: 49, ..base }, "reconnect_backoff_max_ms", 49),
            (
                Config { socket_connection_setup_timeout_ms: 0, ..base },
                "socket_connection_setup_timeout_ms",
                0,
            ),
            (
                Config { socket_connection_setup_timeout_max_ms: 1, ..base },
                "socket_connection_setup_timeout_max_ms",
                1,
            ),
            (Config { metadata_max_age_ms: 0, ..base }, "metadata_max_age_ms", 0),
        ];
        for (config, field, value) in cases {
            let error = config.validate().unwrap_err();
            assert_eq!((error.field, error.value), (field, value), "{error}");
        }
        let long = "x".repeat(65);
        assert_eq!(Config { client_id: &long, ..base }.validate().unwrap_err().field, "client_id");
        assert_eq!(Config { delivery_timeout_ms: 30_005, ..base }.validate(), Ok(()));
    }
}
