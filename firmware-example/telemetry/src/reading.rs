//! One reading and its bytes in a Kafka record.

/// Bytes of a record's key: the device's id.
pub const KEY_LEN: usize = 8;

/// Bytes of a record's value.
pub const VALUE_LEN: usize = 24;

/// Bytes in front of the records of a Kafka record batch.
const BATCH_HEADER_LEN: u32 = 61;

/// The least that a reading takes in a batch: length, attributes, timestamp delta, offset delta, key length,
/// value length and header count at one byte each, and the key and the value.
const MIN_RECORD_LEN: u32 = 7 + KEY_LEN as u32 + VALUE_LEN as u32;

/// The batch size in bytes into which `records` readings fit at their smallest, so never more than that many.
#[must_use]
pub const fn batch_bytes_for(records: u32) -> u32 {
    BATCH_HEADER_LEN.saturating_add(records.saturating_mul(MIN_RECORD_LEN))
}

/// What the device measured at one time.
///
/// ```
/// use telemetry::Reading;
/// let reading = Reading::simulated(7, 41, 1_500);
/// assert_eq!(Reading::decode(&reading.value()), Ok(reading));
/// assert_eq!(reading.key(), 7u64.to_be_bytes());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which device measured.
    pub device_id: u64,
    /// How many readings the device took before this one.
    pub counter: u32,
    /// Temperature in thousandths of a degree Celsius.
    pub temperature_mc: i32,
    /// Air pressure in pascal.
    pub pressure_pa: u32,
    /// When it was taken, in milliseconds since the device started; wraps after 49 days.
    pub uptime_ms: u32,
}

/// Bytes that are no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The value has this many bytes instead of [`VALUE_LEN`].
    Length(usize),
}

impl Reading {
    /// The reading that a simulated sensor gives: room temperature and air pressure that drift slowly.
    ///
    /// It depends on the arguments only, so that a reader can tell whether a value was changed on its way.
    #[must_use]
    pub const fn simulated(device_id: u64, counter: u32, uptime_ms: u32) -> Self {
        let noise = counter.wrapping_mul(0x9E37_79B9) >> 24;
        Self {
            device_id,
            counter,
            temperature_mc: 18_000 + (triangle(counter, 4_096) + noise) as i32,
            pressure_pa: 100_800 + triangle(counter, 1_024) / 2 + noise / 8,
            uptime_ms,
        }
    }

    /// The record's key: the device id, big-endian. It keeps a device's readings in one partition, in order.
    #[must_use]
    pub const fn key(&self) -> [u8; KEY_LEN] {
        self.device_id.to_be_bytes()
    }

    /// The record's value: device id, counter, temperature, pressure and uptime, all big-endian.
    #[must_use]
    pub fn value(&self) -> [u8; VALUE_LEN] {
        let mut value = [0; VALUE_LEN];
        self.encode(&mut value);
        value
    }

    /// Writes the record's value in place.
    pub fn encode(&self, value: &mut [u8; VALUE_LEN]) {
        value[0..8].copy_from_slice(&self.device_id.to_be_bytes());
        value[8..12].copy_from_slice(&self.counter.to_be_bytes());
        value[12..16].copy_from_slice(&self.temperature_mc.to_be_bytes());
        value[16..20].copy_from_slice(&self.pressure_pa.to_be_bytes());
        value[20..24].copy_from_slice(&self.uptime_ms.to_be_bytes());
    }

    /// The reading in a record's value.
    ///
    /// # Errors
    /// [`DecodeError::Length`] when the value does not have [`VALUE_LEN`] bytes.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let value: &[u8; VALUE_LEN] = value.try_into().map_err(|_| DecodeError::Length(value.len()))?;
        Ok(Self {
            device_id: (u64::from(word(value, 0)) << 32) | u64::from(word(value, 4)),
            counter: word(value, 8),
            temperature_mc: word(value, 12).cast_signed(),
            pressure_pa: word(value, 16),
            uptime_ms: word(value, 20),
        })
    }
}

fn word(value: &[u8; VALUE_LEN], at: usize) -> u32 {
    u32::from_be_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]])
}

/// Rises from 0 to `period / 2` and falls back to 0.
const fn triangle(counter: u32, period: u32) -> u32 {
    let phase = counter % period;
    if phase < period / 2 { phase } else { period - phase }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_fields_big_endian_in_order() {
        let reading = Reading {
            device_id: 0x0102_0304_0506_0708,
            counter: 0x1112_1314,
            temperature_mc: -1_000,
            pressure_pa: 101_325,
            uptime_ms: 0x2122_2324,
        };
        assert_eq!(reading.key(), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(
            reading.value(),
            [
                1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0xFF, 0xFF, 0xFC, 0x18, 0x00, 0x01, 0x8B,
                0xCD, 0x21, 0x22, 0x23, 0x24
            ]
        );
        assert_eq!(Reading::decode(&reading.value()), Ok(reading));
    }

    #[test]
    fn a_value_of_another_length_is_no_reading() {
        assert_eq!(Reading::decode(&[0; 23]), Err(DecodeError::Length(23)));
        assert_eq!(Reading::decode(&[0; 25]), Err(DecodeError::Length(25)));
    }

    #[test]
    fn simulated_readings_stay_plausible() {
        for counter in (0..200_000).chain(u32::MAX - 5_000..=u32::MAX) {
            let reading = Reading::simulated(1, counter, 0);
            assert!((15_000..25_000).contains(&reading.temperature_mc), "{reading:?}");
            assert!((100_000..102_000).contains(&reading.pressure_pa), "{reading:?}");
        }
    }

    #[test]
    fn a_batch_size_holds_no_more_than_the_records_asked_for() {
        assert_eq!(batch_bytes_for(1), 61 + 39);
        assert_eq!(batch_bytes_for(50), 61 + 50 * 39);
        assert_eq!(batch_bytes_for(u32::MAX), u32::MAX);
    }
}
