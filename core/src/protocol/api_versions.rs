//! ApiVersions v0: which versions a broker speaks. v0 is understood by every broker, so the fallback of KIP-511
//! for error 35 is where we start.

use super::fields::{Loop, Op, Register};
use super::{Api, init_producer_id, metadata, produce};

/// The version used. Its request has nothing behind the header.
pub(crate) const VERSION: i16 = 0;

/// What a broker and we can speak, of the APIs that a producer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usable {
    /// The version of Produce to use; 0: none.
    produce: u8,
    /// Of Metadata and InitProducerId, those whose version is spoken.
    others: u8,
}

impl Usable {
    /// Nothing.
    pub(crate) const NONE: Self = Self { produce: 0, others: 0 };
    const METADATA: u8 = 1;
    const INIT_PRODUCER_ID: u8 = 2;

    /// The version of an API to use.
    pub(crate) fn version(self, api: Api) -> i16 {
        match api {
            Api::Produce => self.produce_version(),
            Api::Metadata => metadata::VERSION,
            Api::ApiVersions => VERSION,
            Api::InitProducerId => init_producer_id::VERSION,
        }
    }

    /// The version of Produce to use.
    pub(crate) fn produce_version(self) -> i16 {
        i16::from(self.produce)
    }

    /// Whether that is enough for a producer.
    pub(crate) fn is_enough(self) -> bool {
        self.produce != 0 && self.others & Self::METADATA != 0
    }

    /// Whether our version of InitProducerId is spoken.
    pub(crate) fn speaks_init_producer_id(self) -> bool {
        self.others & Self::INIT_PRODUCER_ID != 0
    }

    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn learn(&mut self, key: i16, min: i16, max: i16) {
        const PRODUCE: i16 = Api::Produce.key();
        const METADATA: i16 = Api::Metadata.key();
        const INIT_PRODUCER_ID: i16 = Api::InitProducerId.key();
        let (flag, version) = match key {
            PRODUCE => {
                let version = max.min(produce::VERSION_MAX);
                if version >= min.max(produce::VERSION_MIN) {
                    self.produce = version as u8;
                }
                return;
            }
            METADATA => (Self::METADATA, metadata::VERSION),
            INIT_PRODUCER_ID => (Self::INIT_PRODUCER_ID, init_producer_id::VERSION),
            _ => return,
        };
        if (min..=max).contains(&version) {
            self.others |= flag;
        }
    }
}

/// The response: an error, and of each API its key and versions. The body of an error is of a version that cannot be known.
#[rustfmt::skip]
pub(super) const RESPONSE: &[Op] = &[
    Op::Keep0(Register::THROTTLE_TIME),
    Op::Keep2(Register::ERROR),
    Op::IfError(9),
    Op::Count(Loop::new(0, 6)),
    /* 4 */ Op::While(Loop::new(0, 10)),
    Op::Keep2(Register::API_KEY),
    Op::Keep2(Register::VERSION_MIN),
    Op::ApiKey,
    Op::Goto(4),
    /* 9 */ Op::Bytes,
    /* 10 */ Op::End,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::ErrorCode;
    use crate::protocol::{RequestHeader, Response, feed};
    use crate::wire::{Malformed, in_pieces};
    use std::vec::Vec;

    fn response(error: i16, apis: &[(i16, i16, i16)]) -> Vec<u8> {
        let mut bytes = Vec::from(error.to_be_bytes());
        bytes.extend((apis.len() as i32).to_be_bytes());
        for (key, min, max) in apis {
            bytes.extend([key.to_be_bytes(), min.to_be_bytes(), max.to_be_bytes()].concat());
        }
        bytes
    }

    fn decode(bytes: &[u8], piece: usize) -> Result<Response, Malformed> {
        feed::in_pieces((Api::ApiVersions, 0), bytes, piece, &mut feed::Nobody)
    }

    #[test]
    fn golden_request() {
        let header =
            RequestHeader { api: Api::ApiVersions, version: VERSION, correlation_id: 1, client_id: "dev" };
        let request = in_pieces(64, 64, |out| header.write(out));
        assert_eq!(request, [0, 0, 0, 13, 0, 18, 0, 0, 0, 0, 0, 1, 0, 3, b'd', b'e', b'v']);
    }

    #[test]
    fn the_highest_common_version_is_chosen_in_pieces_of_any_size() {
        let bytes = response(0, &[(18, 0, 4), (0, 0, 11), (1, 4, 17), (3, 0, 12), (22, 1, 2)]);
        for piece in 1..=bytes.len() {
            let response = decode(&bytes, piece).unwrap();
            assert_eq!(response.usable, Usable { produce: 8, others: Usable::METADATA });
        }
    }

    #[test]
    fn versions_that_do_not_meet_are_not_usable() {
        let usable = |apis: &[_]| decode(&response(0, apis), 7).unwrap().usable;
        assert_eq!(usable(&[(0, 0, 3), (3, 0, 4)]), Usable { produce: 3, others: Usable::METADATA });
        assert_eq!(usable(&[(0, 0, 2), (3, 0, 3)]), Usable::NONE);
        assert_eq!(usable(&[(0, 9, 13), (3, 5, 13)]), Usable::NONE);
        assert_eq!(usable(&[]), Usable::NONE);
        let all = usable(&[(22, 0, 5), (0, 0, 11), (3, 4, 12)]);
        assert!(all.is_enough() && all.speaks_init_producer_id());
        assert!(!usable(&[(0, 0, 11), (3, 5, 12)]).is_enough());
    }

    #[test]
    fn the_body_of_error_35_is_ignored_whatever_it_is() {
        for bytes in [&[0, 35, 0xff, 0xff, 1, 2, 3][..], &[0, 35]] {
            for piece in 1..=bytes.len() {
                assert_eq!(decode(bytes, piece).unwrap().error(), ErrorCode::UNSUPPORTED_VERSION);
            }
        }
    }

    #[test]
    fn every_cut_and_every_surplus_is_malformed() {
        let bytes = response(0, &[(0, 0, 11), (3, 0, 12)]);
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len], 64).is_err(), "cut at {len}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode(&longer, 64).is_err());
        for count in [-2, i32::MAX, 3] {
            let mut bytes = bytes.clone();
            bytes[2..6].copy_from_slice(&i32::to_be_bytes(count));
            assert!(decode(&bytes, 64).is_err(), "{count}");
        }
    }
}
