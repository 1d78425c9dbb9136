//! CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the method that the features choose.

/// The checksum by a table of 16 words, four bits at a time: 64 bytes of flash.
#[cfg(any(test, not(any(feature = "crc-table", feature = "crc-slicing", feature = "crc-hardware"))))]
mod nibbles {
    /// The polynomial 0x1EDC6F41, its bits reversed.
    const POLYNOMIAL: u32 = 0x82f6_3b78;

    static TABLE: [u32; 16] = table();

    #[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "runs in a constant")]
    const fn table() -> [u32; 16] {
        let mut table = [0; 16];
        let mut index = 0;
        while index < 16 {
            let mut remainder = index as u32;
            let mut bit = 0;
            while bit < 4 {
                remainder = if remainder & 1 == 1 { (remainder >> 1) ^ POLYNOMIAL } else { remainder >> 1 };
                bit += 1;
            }
            table[index] = remainder;
            index += 1;
        }
        table
    }

    pub(super) fn checksum(bytes: &[u8]) -> u32 {
        let step = |crc: u32| (crc >> 4) ^ TABLE.get((crc & 15) as usize).copied().unwrap_or(0);
        !bytes.iter().fold(u32::MAX, |crc, byte| step(step(crc ^ u32::from(*byte))))
    }
}

#[cfg(all(any(feature = "crc-table", feature = "crc-slicing"), not(feature = "crc-hardware")))]
mod tables {
    use crc::{CRC_32_ISCSI, Crc, Table};

    // The crate catalogues the polynomial under its iSCSI name. With both features the faster one has it.
    #[cfg(not(feature = "crc-slicing"))]
    static TABLES: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
    #[cfg(feature = "crc-slicing")]
    static TABLES: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

    pub(super) fn checksum(bytes: &[u8]) -> u32 {
        TABLES.checksum(bytes)
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
#[cfg(all(any(feature = "crc-table", feature = "crc-slicing"), not(feature = "crc-hardware")))]
use tables as method;

/// The checksum of these bytes.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
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
            assert_eq!((nibbles::checksum(bytes), crc32c(bytes)), (crc, crc));
        }
    }
}
