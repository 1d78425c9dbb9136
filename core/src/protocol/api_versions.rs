//! ApiVersions v0: which versions a broker speaks. v0 is understood by every broker, so the fallback of KIP-511
//! for error 35 is where we start.

use super::{Api, Decoded, RequestHeader, init_producer_id, metadata, need, produce};
use crate::code::ErrorCode;
use crate::wire::{Frame, Malformed, Writer};

/// The request, whole.
pub(crate) fn write_request(out: &mut Writer<'_>, correlation_id: i32, client_id: &str) {
    RequestHeader { api: Api::ApiVersions, version: 0, correlation_id, client_id }.write(out, 0);
}

/// What a broker and we can speak, of the APIs that a producer needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usable {
    /// The version of Produce to use; 0: none.
    pub(crate) produce: u8,
    /// Whether our version of Metadata is spoken.
    pub(crate) metadata: bool,
    /// Whether our version of InitProducerId is spoken.
    pub(crate) init_producer_id: bool,
}

impl Usable {
    /// Nothing.
    pub(crate) const NONE: Self = Self { produce: 0, metadata: false, init_producer_id: false };
}

impl Usable {
    pub(crate) fn produce_version(self) -> i16 {
        i16::from(self.produce)
    }

    fn learn(&mut self, key: i16, min: i16, max: i16) {
        if key == Api::Produce.key() {
            let version = max.min(produce::VERSION_MAX);
            if version >= min.max(produce::VERSION_MIN) {
                self.produce = version as u8;
            }
        } else if key == Api::Metadata.key() {
            self.metadata = (min..=max).contains(&metadata::VERSION);
        } else if key == Api::InitProducerId.key() {
            self.init_producer_id = (min..=max).contains(&init_producer_id::VERSION);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Error,
    Count,
    Entry,
    End,
    /// The body of an error answer: of a version that cannot be known.
    Ignored,
}

/// Takes the response as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    field: Field,
    /// Entries that are still to come.
    left: u32,
    pub(crate) error: ErrorCode,
    pub(crate) usable: Usable,
}

impl Response {
    pub(crate) fn new() -> Self {
        let (error, usable) = (ErrorCode::NONE, Usable::NONE);
        Self { field: Field::Error, left: 0, error, usable }
    }

    pub(crate) fn feed(&mut self, frame: &mut Frame<'_>) -> Result<Decoded, Malformed> {
        loop {
            let value = need!(frame.integer(self.field.width()));
            self.field = match self.field {
                Field::Error => {
                    self.error = ErrorCode::new(value as i16);
                    if self.error == ErrorCode::NONE { Field::Count } else { Field::Ignored }
                }
                Field::Count => {
                    self.left = frame.count(value, 6)?;
                    self.next_entry()
                }
                // Key, lowest and highest version.
                Field::Entry => {
                    self.usable.learn((value >> 32) as i16, (value >> 16) as i16, value as i16);
                    self.left = self.left.wrapping_sub(1);
                    self.next_entry()
                }
                Field::End if frame.left() == 0 => return Ok(Decoded::Whole),
                Field::End => return Err(Malformed),
                Field::Ignored => {
                    frame.take_up_to(usize::MAX);
                    return Ok(if frame.left() == 0 { Decoded::Whole } else { Decoded::Partial });
                }
            };
        }
    }

    fn next_entry(&self) -> Field {
        if self.left == 0 { Field::End } else { Field::Entry }
    }
}

impl Field {
    const fn width(self) -> u8 {
        match self {
            Self::Error => 2,
            Self::Count => 4,
            Self::Entry => 6,
            Self::End | Self::Ignored => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::feed;
    use std::vec::Vec;

    fn response(error: i16, apis: &[(i16, i16, i16)]) -> Vec<u8> {
        let mut bytes = Vec::from(error.to_be_bytes());
        bytes.extend((apis.len() as i32).to_be_bytes());
        for (key, min, max) in apis {
            bytes.extend([key.to_be_bytes(), min.to_be_bytes(), max.to_be_bytes()].concat());
        }
        bytes
    }

    fn decode(bytes: &[u8], piece: usize) -> Result<(Response, Decoded), Malformed> {
        let mut response = Response::new();
        let decoded = feed::in_pieces(bytes, piece, |frame| response.feed(frame))?;
        Ok((response, decoded))
    }

    #[test]
    fn golden_request() {
        let mut buf = [0; 64];
        let mut out = Writer::new(&mut buf);
        write_request(&mut out, 1, "dev");
        let len = out.len();
        assert_eq!(buf[..len], [0, 0, 0, 13, 0, 18, 0, 0, 0, 0, 0, 1, 0, 3, b'd', b'e', b'v']);
    }

    #[test]
    fn the_highest_common_version_is_chosen_in_pieces_of_any_size() {
        let bytes = response(0, &[(18, 0, 4), (0, 0, 11), (1, 4, 17), (3, 0, 12)]);
        for piece in 1..=bytes.len() {
            let (response, decoded) = decode(&bytes, piece).unwrap();
            assert_eq!(decoded, Decoded::Whole);
            assert_eq!(response.usable, Usable { produce: 8, metadata: true, init_producer_id: false });
        }
    }

    #[test]
    fn versions_that_do_not_meet_are_not_usable() {
        let usable = |apis: &[_]| decode(&response(0, apis), 7).unwrap().0.usable;
        assert_eq!(
            usable(&[(0, 0, 3), (3, 0, 4)]),
            Usable { produce: 3, metadata: true, init_producer_id: false }
        );
        assert_eq!(usable(&[(0, 0, 2), (3, 0, 3)]), Usable::default());
        assert_eq!(usable(&[(0, 9, 13), (3, 5, 13)]), Usable::default());
        assert_eq!(usable(&[]), Usable::default());
    }

    #[test]
    fn the_body_of_error_35_is_ignored_whatever_it_is() {
        let (response, decoded) = decode(&[0, 35, 0xff, 0xff, 1, 2, 3], 3).unwrap();
        assert_eq!((response.error, decoded), (ErrorCode::UNSUPPORTED_VERSION, Decoded::Whole));
        let (response, decoded) = decode(&[0, 35], 1).unwrap();
        assert_eq!(response.error, ErrorCode::UNSUPPORTED_VERSION);
        assert_eq!(decoded, Decoded::Whole);
    }

    #[test]
    fn every_cut_and_every_surplus_is_malformed() {
        let bytes = response(0, &[(0, 0, 11), (3, 0, 12)]);
        for len in 0..bytes.len() {
            assert!(!matches!(decode(&bytes[..len], 64), Ok((_, Decoded::Whole))), "cut at {len}");
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
