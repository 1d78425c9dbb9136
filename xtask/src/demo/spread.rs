//! Which devices take turns, so that every partition gets readings, and where Java's producer puts each.

/// More devices than this are not tried: each turn of theirs has to fit into the run several times.
const DEVICES_MAX: u32 = 4096;

/// The partition of a device's readings, whose key is its id in 8 bytes: Java's `toPositive(murmur2(key)) % count`.
pub(crate) fn partition_of(device_id: u64, partitions: usize) -> usize {
    (murmur2(&device_id.to_be_bytes()) & 0x7fff_ffff) as usize % partitions
}

/// The fewest devices, with ids from `first_id` on, whose keys land in every one of `partitions`. At most 4,096, and
/// then perhaps not in every one.
pub(crate) fn devices(first_id: u64, partitions: usize) -> u32 {
    let mut reached = vec![false; partitions];
    let mut missing = partitions;
    for (count, id) in (1..=DEVICES_MAX).zip(first_id..) {
        let new = !std::mem::replace(&mut reached[partition_of(id, partitions)], true);
        missing -= usize::from(new);
        if missing == 0 {
            return count;
        }
    }
    DEVICES_MAX
}

/// Kafka's `Utils.murmur2`. Written here once more, so that the producer is not judged by its own code.
fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let k = u32::from_le_bytes(*word).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ (k ^ (k >> 24)).wrapping_mul(M);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_java_s() {
        // Of Kafka's own `UtilsTest.testMurmur2`.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn the_devices_reach_every_partition_and_one_less_would_not() {
        for partitions in [1, 2, 3, 6, 16, 100] {
            let count = devices(1, partitions);
            let reached = |count: u32| {
                let all: std::collections::BTreeSet<_> =
                    (1..).take(count as usize).map(|id| partition_of(id, partitions)).collect();
                all.len()
            };
            assert_eq!(reached(count), partitions);
            assert!(reached(count - 1) < partitions, "{partitions}");
        }
    }
}
