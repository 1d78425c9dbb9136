//! InitProducerId v0: a producer id and its epoch, for idempotence (KIP-98).

use super::fields::{Op, Register};
use crate::code::ErrorCode;
use crate::wire::FrameWriter;

/// The version used: the one that brokers from 0.11 on speak.
pub(crate) const VERSION: i16 = 0;

/// Writes what follows the header: a transactional id and a transaction timeout. Without an id the timeout means nothing;
/// Java sends the greatest.
pub(crate) fn write_request(out: &mut FrameWriter<'_, '_>) {
    out.null_string();
    out.i32(i32::MAX);
}

/// What a broker answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) error: ErrorCode,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
}

/// The response. An id that is none is as good as no answer.
#[rustfmt::skip]
pub(super) const RESPONSE: &[Op] = &[
    Op::Keep4(Register::THROTTLE_TIME),
    Op::Keep2(Register::ERROR),
    Op::Keep4(Register::PRODUCER_ID[0]),
    Op::Keep4(Register::PRODUCER_ID[1]),
    Op::Keep2(Register::PRODUCER_EPOCH),
    Op::CheckProducerId,
    Op::End,
];

impl Answer {
    pub(super) fn is_valid(&self) -> bool {
        self.error != ErrorCode::NONE || (self.producer_id >= 0 && self.producer_epoch >= 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Api, RequestHeader, feed};
    use crate::wire::{Malformed, in_pieces};
    use std::vec::Vec;

    fn response(error: i16, producer_id: i64, producer_epoch: i16) -> Vec<u8> {
        let mut bytes = Vec::from(7i32.to_be_bytes());
        bytes.extend(error.to_be_bytes());
        bytes.extend(producer_id.to_be_bytes());
        bytes.extend(producer_epoch.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8], piece: usize) -> Result<(Answer, i32), Malformed> {
        let response = feed::in_pieces((Api::InitProducerId, 0), bytes, piece, &mut feed::Nobody)?;
        Ok((response.producer_id(), response.throttle_ms()))
    }

    #[test]
    fn golden_request() {
        let header =
            RequestHeader { api: Api::InitProducerId, version: VERSION, correlation_id: 3, client_id: "dev" };
        let request = in_pieces(64, 64, |out| {
            header.write(out);
            write_request(out);
        });
        assert_eq!(request, b"\0\0\0\x13\0\x16\0\0\0\0\0\x03\0\x03dev\xff\xff\x7f\xff\xff\xff");
    }

    #[test]
    fn decodes_in_pieces_of_any_size() {
        let bytes = response(0, 4000, 3);
        for piece in 1..=bytes.len() {
            let (answer, throttle_ms) = decode(&bytes, piece).unwrap();
            assert_eq!((answer.producer_id, answer.producer_epoch), (4000, 3));
            assert_eq!(throttle_ms, 7);
        }
    }

    #[test]
    fn an_error_needs_no_id_but_a_success_does() {
        assert_eq!(
            decode(&response(31, -1, -1), 5).unwrap().0.error,
            ErrorCode::CLUSTER_AUTHORIZATION_FAILED
        );
        assert!(decode(&response(0, -1, 0), 5).is_err());
        assert!(decode(&response(0, 1, -1), 5).is_err());
    }

    #[test]
    fn every_cut_and_surplus_is_refused() {
        let mut bytes = response(0, 1, 0);
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len], 3).is_err());
        }
        bytes.push(0);
        assert!(decode(&bytes, 3).is_err());
    }
}
