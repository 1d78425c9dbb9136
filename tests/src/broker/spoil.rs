//! Responses that no client should believe.

use kafka_protocol::messages::ProduceResponse;

use super::{Api, Mutation};
use crate::random::Random;

pub(super) const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n400 Bad Request";

/// Level fatal, `protocol_version`.
pub(super) const TLS_ALERT: &[u8] = &[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46];

/// The frame's length and its correlation id.
const BODY_AT: usize = 8;

/// Spoils what can be spoiled before the response is encoded.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are for the encoded frame")]
pub(super) fn spoil_produce(response: &mut ProduceResponse, mutation: Mutation) {
    let Some(topic) = response.responses.first_mut() else { return };
    match mutation {
        Mutation::DuplicatePartition => {
            topic.partition_responses.extend(topic.partition_responses.first().cloned());
        }
        Mutation::MissingPartition => {
            topic.partition_responses.pop();
        }
        Mutation::ForeignTopic => {
            topic.name = kafka_protocol::protocol::StrBytes::from_static_str("foreign").into();
        }
        _ => {}
    }
}

/// Spoils an encoded frame. True: the connection is closed after it.
pub(super) fn spoil_frame(api: Api, frame: &mut Vec<u8>, mutation: Mutation) -> bool {
    match mutation {
        Mutation::Truncated => {
            frame.truncate(frame.len() / 2);
            return true;
        }
        Mutation::ShortBody => {
            frame.truncate(frame.len() - (frame.len() - BODY_AT) / 2);
            mend_length(frame);
        }
        Mutation::OversizeLength => set_i32(frame, 0, i32::MAX),
        Mutation::NegativeLength => set_i32(frame, 0, -1),
        Mutation::WrongCorrelation => frame[7] ^= 0x55,
        Mutation::Garbage => {
            let mut random = Random::new(frame.len() as u64);
            frame[BODY_AT..].iter_mut().for_each(|byte| *byte = random.next_u64() as u8);
        }
        Mutation::ExtraBytes => {
            frame.extend_from_slice(&[0x5A; 7]);
            mend_length(frame);
        }
        Mutation::NegativeCount => set_i32(frame, first_count_at(api), -2),
        Mutation::HugeCount => set_i32(frame, first_count_at(api), i32::MAX),
        Mutation::HugeString => {
            let at = first_string_at(api);
            frame[at..at + 2].copy_from_slice(&i16::MAX.to_be_bytes());
        }
        Mutation::Http => {
            *frame = HTTP_ANSWER.to_vec();
            return true;
        }
        Mutation::TlsAlert => {
            *frame = TLS_ALERT.to_vec();
            return true;
        }
        Mutation::DuplicatePartition | Mutation::MissingPartition | Mutation::ForeignTopic => {}
    }
    false
}

/// Where the first array's count lies in a frame of the versions that nanokafka speaks.
fn first_count_at(api: Api) -> usize {
    match api {
        Api::Produce => BODY_AT,
        // After the throttle time.
        Api::Metadata => BODY_AT + 4,
        // After the error code.
        Api::ApiVersions => BODY_AT + 2,
        Api::InitProducerId => panic!("an InitProducerId v0 response has no array"),
    }
}

fn first_string_at(api: Api) -> usize {
    match api {
        // The topic's name follows the count.
        Api::Produce => first_count_at(api) + 4,
        // The host follows the count and the node's id.
        Api::Metadata => first_count_at(api) + 8,
        Api::ApiVersions | Api::InitProducerId => panic!("a {api:?} v0 response has no string"),
    }
}

fn mend_length(frame: &mut [u8]) {
    set_i32(frame, 0, frame.len() as i32 - 4);
}

fn set_i32(frame: &mut [u8], at: usize, value: i32) {
    frame[at..at + 4].copy_from_slice(&value.to_be_bytes());
}
