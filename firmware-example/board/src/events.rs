//! The application's events as lines of the log.

use nanokafka::{DeliveryError, DisconnectReason, ErrorCode, Status};
use telemetry::{Event, EventLog};

/// Logs through defmt: to UART0.
pub struct DefmtLog;

impl EventLog for DefmtLog {
    fn event(&mut self, event: Event) {
        match event {
            Event::Status(status) => log_status(status),
            Event::Partitions(count) => defmt::info!("the topic has {=u32} partitions", count),
            Event::Failed { partition, records, error } => log_failed(partition, records, error),
            Event::Refused(error) => defmt::warn!("a reading was refused for good: {}", error),
            Event::Progress(tally) => {
                let waiting = tally.accepted.wrapping_sub(tally.delivered).wrapping_sub(tally.failed);
                defmt::info!(
                    "{=u32} delivered, {=u32} waiting, {=u32} failed",
                    tally.delivered,
                    waiting,
                    tally.failed
                );
            }
        }
    }
}

fn log_status(status: Status) {
    match status {
        Status::Connecting => defmt::info!("broker connected, waiting for the topic's leaders"),
        Status::Online => defmt::info!("broker connected, the topic's leaders are known"),
        Status::Unreachable(DisconnectReason::Transport(kind)) => {
            defmt::warn!("no broker can be reached: {}; trying again", kind);
        }
        Status::Unreachable(reason) => defmt::warn!("no broker can be reached: {}; trying again", reason),
        Status::TopicError(_, code) => {
            // Log texts take no flash, `ErrorCode::name` does.
            let name = match code {
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION => defmt::intern!("UNKNOWN_TOPIC_OR_PARTITION"),
                ErrorCode::LEADER_NOT_AVAILABLE => defmt::intern!("LEADER_NOT_AVAILABLE"),
                ErrorCode::INVALID_TOPIC_EXCEPTION => defmt::intern!("INVALID_TOPIC_EXCEPTION"),
                ErrorCode::TOPIC_AUTHORIZATION_FAILED => defmt::intern!("TOPIC_AUTHORIZATION_FAILED"),
                _ => defmt::intern!("error"),
            };
            defmt::warn!("the broker says {=istr} ({=i16}) of the topic; asking again", name, code.code());
        }
        Status::Fatal(code) => defmt::error!("the broker refuses this producer for good: {}", code),
        Status::Closed => defmt::info!("the producer has closed"),
        _ => defmt::info!("a status that this firmware does not know"),
    }
}

fn log_failed(partition: Option<i32>, records: u32, error: DeliveryError) {
    match partition {
        Some(partition) => {
            defmt::warn!(
                "{=u32} readings for partition {=i32} were not delivered: {}",
                records,
                partition,
                error
            );
        }
        None => defmt::warn!("{=u32} readings were not delivered: {}", records, error),
    }
}
