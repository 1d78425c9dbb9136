//! Zigzag varints of record batches: <https://kafka.apache.org/documentation/#recordbatch>, after protobuf.

/// A 64-bit varint takes at most this many bytes.
pub(crate) const VARLONG_BYTES_MAX: usize = 10;

/// The number of bytes that `value` takes, 1 to 10.
pub(crate) const fn len(value: i64) -> usize {
    let mut rest = zigzag(value);
    let mut bytes = 0usize;
    // Nearly never: a small device has no 64-bit shifts.
    while rest >> 28 != 0 {
        rest >>= 7;
        bytes = bytes.wrapping_add(1);
    }
    bytes.wrapping_add(len_of_groups(rest as u32))
}

/// The number of bytes of a length or count in front of what it counts; what takes more than five bytes is refused
/// elsewhere.
pub(crate) const fn len_of_len(len_or_count: usize) -> usize {
    len_of_groups((len_or_count as u32) << 1)
}

/// The number of bytes of these seven-bit groups.
const fn len_of_groups(mut rest: u32) -> usize {
    let mut bytes = 1usize;
    while rest >= 0x80 {
        rest >>= 7;
        bytes = bytes.wrapping_add(1);
    }
    bytes
}

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
    fn every_length_boundary_encodes_as_long_as_announced_and_decodes_to_itself() {
        let mut values = vec![0, -1, i64::MAX, i64::MIN, i64::from(i32::MAX), i64::from(i32::MIN)];
        for shift in 0..63 {
            let v = 1i64 << shift;
            values.extend([v - 1, v, v + 1, -v, -v - 1]);
        }
        for value in values {
            let mut out = [0; VARLONG_BYTES_MAX];
            let written = write(value, &mut out);
            assert_eq!(written, len(value), "{value}");
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
