//! The telemetry record of the firmware, decoded on the reader's side.

use std::fmt;

use crate::ConsumedRecord;
use crate::verdict::Consumed;

/// One reading of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which device took it.
    pub device_id: u64,
    /// The firmware's number of it, from 0.
    pub counter: u32,
    temperature_mc: i32,
    pressure_pa: u32,
    uptime_ms: u32,
}

/// What tells one record of a topic from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A reading: its device and its counter.
    Reading(u64, u32),
    /// Something that is no reading, at this partition and offset.
    Stranger(i32, i64),
}

impl Reading {
    /// From a record whose key is the device's id and whose value is 24 big-endian bytes.
    #[must_use]
    pub fn from_record(record: &ConsumedRecord) -> Option<Self> {
        let value: &[u8; 24] = record.value.as_deref()?.try_into().ok()?;
        let number = |at: usize| <[u8; 4]>::try_from(&value[at..at + 4]).ok();
        let reading = Self {
            device_id: u64::from_be_bytes(value[..8].try_into().ok()?),
            counter: u32::from_be_bytes(number(8)?),
            temperature_mc: i32::from_be_bytes(number(12)?),
            pressure_pa: u32::from_be_bytes(number(16)?),
            uptime_ms: u32::from_be_bytes(number(20)?),
        };
        (record.key.as_deref() == Some(&reading.device_id.to_be_bytes())).then_some(reading)
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "device {} reading {:>6}: {:6.2} °C {:8.2} hPa, {:.3} s after its start",
            self.device_id,
            self.counter,
            f64::from(self.temperature_mc) / 1000.0,
            f64::from(self.pressure_pa) / 100.0,
            f64::from(self.uptime_ms) / 1000.0,
        )
    }
}

/// The record as the judge wants it.
#[must_use]
pub fn consumed(record: &ConsumedRecord) -> Consumed<Id> {
    let (partition, offset) = (record.partition, record.offset);
    let id = match Reading::from_record(record) {
        Some(reading) => Id::Reading(reading.device_id, reading.counter),
        None => Id::Stranger(partition, offset),
    };
    Consumed { id, partition, offset }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_a_reading_only_if_its_key_is_its_device() {
        let value = [0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 41, 255, 255, 255, 156, 0, 1, 138, 136, 0, 0, 5, 220];
        let record = |key: u64| ConsumedRecord {
            partition: 2,
            offset: 9,
            timestamp_ms: 0,
            key: Some(key.to_be_bytes().to_vec()),
            value: Some(value.to_vec()),
            headers: vec![],
        };
        assert_eq!(consumed(&record(7)).id, Id::Reading(7, 41));
        assert_eq!(consumed(&record(8)).id, Id::Stranger(2, 9));
        let text = Reading::from_record(&record(7)).unwrap().to_string();
        assert_eq!(text, "device 7 reading     41:  -0.10 °C  1010.00 hPa, 1.500 s after its start");
    }
}
