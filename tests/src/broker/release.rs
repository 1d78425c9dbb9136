//! Which versions of which request a broker announces and accepts.

use kafka_protocol::messages::ApiKey;

/// A broker release, by what it answers to ApiVersions (recorded from real brokers, `kafka-producer.md` 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// 0.11: the oldest that has record batches of magic 2.
    V0_11,
    /// 2.0: refuses a producer that it does not know with UNKNOWN_PRODUCER_ID.
    V2_0,
    /// 2.8.
    V2_8,
    /// 3.9.
    V3_9,
    /// 4.x: announces Produce from 0 and refuses 0 to 2 (KAFKA-18659).
    V4_4,
    /// A broker of the future that has dropped everything this producer speaks.
    TooNew,
}

/// `(api key, lowest announced, highest, lowest accepted)`.
type Range = (i16, i16, i16, i16);

const PRODUCE: i16 = ApiKey::Produce as i16;
const METADATA: i16 = ApiKey::Metadata as i16;
const API_VERSIONS: i16 = ApiKey::ApiVersions as i16;
const INIT_PRODUCER_ID: i16 = ApiKey::InitProducerId as i16;

impl Release {
    /// The ranges of what a producer uses, among others that it must skip.
    pub(super) fn ranges(self) -> Vec<Range> {
        let mut ranges = self.ours().to_vec();
        // Fetch, ListOffsets, ..., and keys that no client knows yet: a real answer has 34 to 75 entries.
        ranges.extend(
            (1..75)
                .filter(|key| ![METADATA, API_VERSIONS, INIT_PRODUCER_ID].contains(key))
                .map(|key| (key, 0, 7, 0)),
        );
        ranges.sort_unstable();
        ranges
    }

    fn ours(self) -> [Range; 4] {
        let (produce, metadata, api_versions, init) = match self {
            Self::V0_11 => ((0, 3, 0), (0, 4), (0, 1), (0, 0)),
            Self::V2_0 => ((0, 6, 0), (0, 6), (0, 2), (0, 1)),
            Self::V2_8 => ((0, 9, 0), (0, 11), (0, 3), (0, 4)),
            Self::V3_9 => ((0, 11, 0), (0, 12), (0, 4), (0, 5)),
            Self::V4_4 => ((0, 13, 3), (0, 13), (0, 5), (0, 5)),
            Self::TooNew => ((14, 20, 14), (20, 22), (0, 9), (9, 9)),
        };
        [
            (PRODUCE, produce.0, produce.1, produce.2),
            (METADATA, metadata.0, metadata.1, metadata.0),
            (API_VERSIONS, api_versions.0, api_versions.1, api_versions.0),
            (INIT_PRODUCER_ID, init.0, init.1, init.0),
        ]
    }

    /// Whether a producer that is not known must begin at 0 (1.0 to 2.4).
    pub(super) fn is_strict(self) -> bool {
        self == Self::V2_0
    }

    /// Whether a request of this key and version is accepted.
    pub(super) fn accepts(self, key: i16, version: i16) -> bool {
        self.ours().iter().any(|&(k, _, max, min)| k == key && (min..=max).contains(&version))
    }
}
