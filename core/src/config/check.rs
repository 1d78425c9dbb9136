use super::{Acks, Config, ConfigError, address::parts_of};
use crate::batch;

/// `Err` with the rule and the field's value unless the rule holds.
macro_rules! require {
    ($holds:expr, $rule:ident, $value:expr) => {
        if !$holds {
            #[allow(clippy::cast_lossless, reason = "constants have no `From`")]
            return Err($crate::config::ConfigError::new($crate::config::Rule::$rule, $value as u64));
        }
    };
}
pub(crate) use require;

/// The most that [`Config::max_in_flight`] may be: brokers remember the last five batches of a producer
/// (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`), and Java refuses more with idempotence.
pub(crate) const MAX_IN_FLIGHT: usize = 5;

/// A bound on the bootstrap list, so that a broker's place in it fits a negative node id of 8 bits.
const BOOTSTRAP_MAX: usize = 16;

/// A bound on what is looked through each time that a broker's address is asked for.
#[cfg(feature = "address-map")]
const ADDRESS_MAP_MAX: usize = 64;

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
        #[cfg(feature = "address-map")]
        match self.validate_address_map() {
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
        require!(count >= 1, BootstrapEmpty, count);
        require!(count <= BOOTSTRAP_MAX, BootstrapLong, count);
        let mut index = 0;
        while index < count {
            require!(parts_of(self.bootstrap[index].as_bytes()).is_some(), BootstrapEntry, index);
            index += 1;
        }
        let client_id = self.client_id.len();
        require!(client_id <= CLIENT_ID_BYTES_MAX, ClientId, client_id);
        Ok(())
    }

    #[cfg(feature = "address-map")]
    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "const code has no `get`; every index is below a length that was checked"
    )]
    const fn validate_address_map(&self) -> Result<(), ConfigError> {
        let count = self.address_map.len();
        require!(count <= ADDRESS_MAP_MAX, AddressMapLong, count);
        let mut index = 0;
        while index < count {
            let entry = self.address_map[index];
            let is_good = parts_of(entry.advertised.as_bytes()).is_some()
                && parts_of(entry.reached_at.as_bytes()).is_some();
            require!(is_good, AddressMapEntry, index);
            index += 1;
        }
        Ok(())
    }

    const fn validate_sizes(&self) -> Result<(), ConfigError> {
        let in_flight = self.max_in_flight;
        require!(in_flight >= 1, MaxInFlight, in_flight);
        require!(in_flight as usize <= MAX_IN_FLIGHT, MaxInFlight, in_flight);
        if self.enable_idempotence {
            // Java turns idempotence off in silence unless it was set explicitly.
            require!(matches!(self.acks, Acks::All), IdempotenceAcks, 1);
            require!(self.retries > 0, IdempotenceRetries, 1);
        }
        require!(self.max_request_bytes <= i32::MAX as u32 / 2, MaxRequestBytes, self.max_request_bytes);
        if let Some(batch_bytes) = self.batch_bytes {
            require!(batch_bytes as usize >= batch::BYTES_MIN, BatchBytesMin, batch_bytes);
            require!(batch_bytes <= self.max_request_bytes, BatchBytesRequest, batch_bytes);
        }
        Ok(())
    }

    const fn validate_times(&self) -> Result<(), ConfigError> {
        require!(
            self.request_timeout_ms >= 1 && self.request_timeout_ms <= i32::MAX as u32,
            RequestTimeout,
            self.request_timeout_ms
        );
        // KIP-91: otherwise a batch could expire before its first request can.
        require!(
            self.delivery_timeout_ms as u64
                >= (self.linger_ms as u64).saturating_add(self.request_timeout_ms as u64),
            DeliveryTimeout,
            self.delivery_timeout_ms
        );
        require!(
            self.retry_backoff_max_ms >= self.retry_backoff_ms,
            RetryBackoffMax,
            self.retry_backoff_max_ms
        );
        require!(
            self.reconnect_backoff_max_ms >= self.reconnect_backoff_ms,
            ReconnectBackoffMax,
            self.reconnect_backoff_max_ms
        );
        require!(
            self.socket_connection_setup_timeout_ms >= 1,
            SetupTimeout,
            self.socket_connection_setup_timeout_ms
        );
        require!(
            self.socket_connection_setup_timeout_max_ms >= self.socket_connection_setup_timeout_ms,
            SetupTimeoutMax,
            self.socket_connection_setup_timeout_max_ms
        );
        require!(self.metadata_max_age_ms >= 1, MetadataMaxAge, self.metadata_max_age_ms);
        require!(self.connections_max_idle_ms >= 1, ConnectionsMaxIdle, self.connections_max_idle_ms);
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
            (Config { acks: Acks::Leader, ..base }, "enable_idempotence", 1),
            (Config { retries: 0, ..base }, "enable_idempotence", 1),
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
            (Config { connections_max_idle_ms: 0, ..base }, "connections_max_idle_ms", 0),
        ];
        for (config, field, value) in cases {
            let error = config.validate().unwrap_err();
            assert_eq!((error.field(), error.value()), (field, value), "{error}");
        }
        let long = "x".repeat(65);
        assert_eq!(Config { client_id: &long, ..base }.validate().unwrap_err().field(), "client_id");
        assert_eq!(Config { delivery_timeout_ms: 30_005, ..base }.validate(), Ok(()));
    }

    #[cfg(feature = "address-map")]
    #[test]
    fn each_rule_of_the_address_map_names_the_entry_or_the_length() {
        use crate::config::AddressMapping;
        const GOOD: AddressMapping<'static> = AddressMapping { advertised: "a:1", reached_at: "[::1]:2" };
        const BAD: AddressMapping<'static> = AddressMapping { advertised: "a:1", reached_at: "b" };
        let base = Config::new(&["h:1"]);
        for (address_map, value) in [(&[GOOD, BAD][..], 1), (&[GOOD; 65], 65)] {
            let error = Config { address_map, ..base }.validate().unwrap_err();
            assert_eq!((error.field(), error.value()), ("address_map", value), "{error}");
        }
    }
}
