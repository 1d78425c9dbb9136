//! Zigzag varints of record batches: <https://kafka.apache.org/documentation/#recordbatch>, after protobuf.

/// A 64-bit varint takes at most this many bytes.
pub(crate) const VARLONG_BYTES_MAX: usize = 10;

/// The unsigned number whose seven-bit groups are written.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ ((value & 1) as i64).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Reader, Writer};

    fn write(value: i64, out: &mut [u8]) -> usize {
        let mut writer = Writer::new(out);
        writer.varlong(value);
        writer.finish().unwrap()
    }

    #[test]
    fn every_length_boundary_decodes_to_itself_and_measures_as_it_is_written() {
        let mut values = vec![0, -1, i64::MAX, i64::MIN, i64::from(i32::MAX), i64::from(i32::MIN)];
        for shift in 0..63 {
            let v = 1i64 << shift;
            values.extend([v - 1, v, v + 1, -v, -v - 1]);
        }
        for value in values {
            let mut out = [0; VARLONG_BYTES_MAX];
            let written = write(value, &mut out);
            let mut measure = Writer::new(&mut []);
            measure.varlong(value);
            assert_eq!(written, measure.len(), "{value}");
            let mut reader = Reader::new(&out[..written]);
            assert_eq!(reader.varlong(), Ok(value));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn known_encodings_of_the_protocol() {
        for (value, bytes) in
            [(0, &[0u8][..]), (-1, &[1]), (1, &[2]), (63, &[126]), (64, &[128, 1]), (-64, &[127])]
        {
            let mut out = [0; VARLONG_BYTES_MAX];
            let written = write(value, &mut out);
            assert_eq!(&out[..written], bytes);
        }
    }
}
