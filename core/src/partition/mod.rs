//! Which partition a record goes to: as Java's `BuiltInPartitioner`.

mod murmur2;
mod sticky;

pub(crate) use murmur2::murmur2;
pub(crate) use sticky::Sticky;

/// The partition of a key's hash among `count` partitions: Java's `toPositive(murmur2(key)) % count`.
pub(crate) fn of_hash(hash: u32, count: u32) -> u32 {
    (hash & 0x7fff_ffff).checked_rem(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_land_where_java_puts_them() {
        // Key, murmur2, and partition among 6 and among 100: printed by `KafkaTool partition-for`, which asks
        // `Utils.murmur2` and `BuiltInPartitioner.partitionForKey` of Kafka's Java client 4.3.1.
        for (key, java_hash, six, hundred) in include!("java_vectors.in") {
            let hash = murmur2(key);
            assert_eq!(hash as i32, java_hash, "{key:?}");
            assert_eq!((of_hash(hash, 6), of_hash(hash, 100)), (six, hundred), "{key:?}");
        }
    }

    #[test]
    fn no_partitions_is_not_a_division_by_zero() {
        assert_eq!(of_hash(5, 0), 0);
    }
}
