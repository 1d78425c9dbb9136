//! CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the method that the features choose.

/// The remainders of all numbers below `N`, a power of 2, divided by the polynomial.
#[cfg(any(
    test,
    not(any(feature = "crc-hardware", all(feature = "crc-table", not(feature = "crc-slicing"))))
))]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "runs in a constant")]
const fn remainders<const N: usize>() -> [u32; N] {
    /// 0x1EDC6F41, its bits reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let mut table = [0; N];
    let mut index = 0;
    while index < N {
        let mut remainder = index as u32;
        let mut bit = 0;
        while bit < N.trailing_zeros() {
            remainder = if remainder & 1 == 1 { (remainder >> 1) ^ POLYNOMIAL } else { remainder >> 1 };
            bit += 1;
        }
        table[index] = remainder;
        index += 1;
    }
    table
}

/// The checksum by a table of 16 words, four bits at a time: 64 bytes of flash.
#[cfg(any(test, not(any(feature = "crc-table", feature = "crc-slicing", feature = "crc-hardware"))))]
mod nibbles {
    static TABLE: [u32; 16] = super::remainders();

    pub(super) fn checksum(bytes: &[u8]) -> u32 {
        let step = |crc: u32| (crc >> 4) ^ TABLE.get((crc & 15) as usize).copied().unwrap_or(0);
        let byte_steps = |crc: u32| step(step(crc));
        let (words, rest) = bytes.as_chunks::<4>();
        // A word at a time: a quarter of the loop's own instructions.
        let crc = words.iter().fold(u32::MAX, |crc, word| {
            let crc = crc ^ u32::from_le_bytes(*word);
            byte_steps(byte_steps(byte_steps(byte_steps(crc))))
        });
        !rest.iter().fold(crc, |crc, byte| byte_steps(crc ^ u32::from(*byte)))
    }
}

/// The checksum by a table of 256 words, a byte at a time.
#[cfg(all(feature = "crc-table", not(any(feature = "crc-slicing", feature = "crc-hardware"))))]
mod table {
    use crc::{CRC_32_ISCSI, Crc, Table};

    // The crate catalogues the polynomial under its iSCSI name.
    static TABLE: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

    pub(super) fn checksum(bytes: &[u8]) -> u32 {
        TABLE.checksum(bytes)
    }
}

/// The checksum by four tables of 256 words, four bytes at a time (Kounavis and Berry, "Novel Table Lookup-Based
/// Algorithms for High-Performance CRC Generation", 2008). The crate `crc` has 16 tables, for which a Cortex-M has too
/// few registers.
#[cfg(any(test, all(feature = "crc-slicing", not(feature = "crc-hardware"))))]
mod slicing {
    /// What each byte of a word leaves, the last first.
    static TABLES: [[u32; 256]; 4] = tables();

    #[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "runs in a constant")]
    const fn tables() -> [[u32; 256]; 4] {
        let mut tables = [super::remainders(); 4];
        let mut behind = 1;
        while behind < 4 {
            let mut index = 0;
            while index < 256 {
                let before: u32 = tables[behind - 1][index];
                tables[behind][index] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
                index += 1;
            }
            behind += 1;
        }
        tables
    }

    fn remainder(table: &[u32; 256], byte: u32) -> u32 {
        table.get((byte & 0xff) as usize).copied().unwrap_or(0)
    }

    pub(super) fn checksum(bytes: &[u8]) -> u32 {
        let [last, third, second, first] = &TABLES;
        let (words, rest) = bytes.as_chunks::<4>();
        let crc = words.iter().fold(u32::MAX, |crc, word| {
            let crc = crc ^ u32::from_le_bytes(*word);
            remainder(first, crc)
                ^ remainder(second, crc >> 8)
                ^ remainder(third, crc >> 16)
                ^ remainder(last, crc >> 24)
        });
        !rest.iter().fold(crc, |crc, byte| (crc >> 8) ^ remainder(last, crc ^ u32::from(*byte)))
    }
}

#[cfg(feature = "crc-hardware")]
mod hardware {
    pub(super) fn checksum(bytes: &[u8]) -> u32 {
        crc32c::crc32c(bytes)
    }
}

// With several features, the fastest has it.
#[cfg(feature = "crc-hardware")]
use hardware as method;
#[cfg(not(any(feature = "crc-table", feature = "crc-slicing", feature = "crc-hardware")))]
use nibbles as method;
#[cfg(all(feature = "crc-slicing", not(feature = "crc-hardware")))]
use slicing as method;
#[cfg(all(feature = "crc-table", not(any(feature = "crc-slicing", feature = "crc-hardware"))))]
use table as method;

/// CRC-32C of these bytes, by the method that the features choose: what [`Config::crc32c`](crate::Config::crc32c) is if
/// nothing else is handed in.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    method::checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogue, and the vectors of RFC 3720, appendix B.4.
    #[test]
    fn every_method_gives_the_values_of_the_catalogue_and_of_the_standard() {
        let ascending: [u8; 32] = core::array::from_fn(|index| index as u8);
        let vectors: [(&[u8], u32); 5] = [
            (b"123456789", 0xe306_9283),
            (b"", 0),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
        ];
        for (bytes, crc) in vectors {
            let found = (nibbles::checksum(bytes), slicing::checksum(bytes), crc32c(bytes));
            assert_eq!(found, (crc, crc, crc));
        }
    }

    #[test]
    fn the_methods_agree_whatever_the_length() {
        let bytes: [u8; 70] = core::array::from_fn(|index| (index * index + 7 * index + 3) as u8);
        for begin in 0..4 {
            for end in begin..bytes.len() {
                let bytes = &bytes[begin..end];
                assert_eq!(nibbles::checksum(bytes), slicing::checksum(bytes), "{begin}..{end}");
            }
        }
    }
}
