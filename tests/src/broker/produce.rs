//! Produce: a real broker's checks, then the append.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};
use kafka_protocol::records::{Compression, Record, RecordBatchDecoder};

use super::producer_state::{OUT_OF_ORDER_SEQUENCE_NUMBER, Stamp, Verdict};
use super::{Action, Api, Cluster, Content, Partition, Seen, SeenBatch};

const CORRUPT_MESSAGE: i16 = 2;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const NOT_LEADER_OR_FOLLOWER: i16 = 6;
const MESSAGE_TOO_LARGE: i16 = 10;
const INVALID_REQUIRED_ACKS: i16 = 21;
const INVALID_RECORD: i16 = 87;

/// `RecordBatch` v2 without its records.
const HEADER_BYTES: usize = 61;

/// A code, and what the client did to deserve it.
type Refusal = (i16, String);

impl Cluster {
    /// The answer, and whether something was written.
    pub(super) fn produce(&mut self, seen: &mut Seen, request: ProduceRequest) -> (ProduceResponse, bool) {
        seen.acks = request.acks;
        if request.transactional_id.is_some() {
            self.violations.push("Produce with a transactional id".to_owned());
        }
        let mut written = false;
        let mut topics = Vec::new();
        let mut parts = std::collections::BTreeSet::new();
        for topic in request.topic_data {
            let mut answers = Vec::new();
            for part in topic.partition_data {
                if !parts.insert((topic.name.to_string(), part.index)) {
                    self.violations.push(format!(
                        "{}-{} twice in one Produce",
                        topic.name.as_str(),
                        part.index
                    ));
                }
                let (answer, appended) = self.produce_part(seen, &topic.name, part);
                written |= appended;
                answers.push(answer);
            }
            topics.push(
                TopicProduceResponse::default().with_name(topic.name).with_partition_responses(answers),
            );
        }
        (ProduceResponse::default().with_responses(topics), written)
    }

    fn produce_part(
        &mut self,
        seen: &mut Seen,
        topic: &str,
        part: PartitionProduceData,
    ) -> (PartitionProduceResponse, bool) {
        let index = part.index;
        let batch = part.records.unwrap_or_default();
        let (contents, stamp) = (checked_contents(&batch), stamp_of(&batch));
        let records = contents.as_ref().map_or(0, Vec::len);
        seen.batches.push(SeenBatch {
            topic: topic.to_owned(),
            partition: index,
            records,
            bytes: batch.len(),
            stamp,
        });
        let answer = PartitionProduceResponse::default().with_index(index);
        let refused = |code: i16| answer.clone().with_error_code(code).with_base_offset(-1);
        let fault = self.faults.for_part(Api::Produce, seen.node, topic, Some(index));
        if let Some(answer) = injected(&answer, fault) {
            self.note_denial(topic, &answer, stamp, contents.ok());
            return (answer, false);
        }
        if !(-1..=1).contains(&seen.acks) {
            self.violations.push(format!("acks={}", seen.acks));
            return (refused(INVALID_REQUIRED_ACKS), false);
        }
        let log = self.topics.get_mut(topic).and_then(|topic| {
            let (append_time, max) = (topic.log_append_time_ms, topic.max_message_bytes);
            Some((topic.partitions.get_mut(usize::try_from(index).ok()?)?, append_time, max))
        });
        let Some((partition, append_time, max_message_bytes)) = log else {
            return (refused(UNKNOWN_TOPIC_OR_PARTITION), false);
        };
        if partition.leader != seen.node {
            return (refused(NOT_LEADER_OR_FOLLOWER), false);
        }
        if batch.len() > max_message_bytes {
            return (refused(MESSAGE_TOO_LARGE), false);
        }
        let contents = match contents {
            Ok(contents) => contents,
            Err((code, why)) => {
                self.violations.push(format!("{topic}-{index}: {why}"));
                return (refused(code), false);
            }
        };
        let is_idempotent = stamp.producer_id >= 0;
        let strict = self.nodes[&seen.node].release.is_strict();
        let written = partition.write(contents, stamp, strict);
        if written.mishandled {
            self.broken_promises.mishandled(topic, &written.contents);
        }
        let base = match written.verdict {
            Verdict::Append => partition.log.len() as i64 - records as i64,
            Verdict::Duplicate { base_offset } => base_offset,
            Verdict::Refuse(code) => return (refused(code).with_log_start_offset(0), false),
        };
        if written.verdict == Verdict::Append && seen.acks != -1 && self.replicates_later {
            partition.unreplicated_from.get_or_insert(base as usize);
        }
        if let Some(Action::WrittenThenError(code)) = fault {
            self.excuses += u32::from(!is_idempotent);
            return (refused(code), !is_idempotent);
        }
        let answer = answer.with_base_offset(base).with_log_append_time_ms(append_time.unwrap_or(-1));
        // What an idempotent client sends again, the broker recognises: only others can be excused.
        (answer.with_log_start_offset(0), !is_idempotent)
    }
}

impl Cluster {
    /// A broker that says of a batch in its log that it is not next gives a false proof, and no client can find out.
    fn note_denial(
        &mut self,
        topic: &str,
        answer: &PartitionProduceResponse,
        stamp: Stamp,
        contents: Option<Vec<Content>>,
    ) {
        let partitions = self.topics.get(topic).map(|topic| &topic.partitions);
        let index = usize::try_from(answer.index).ok();
        let partition = partitions.zip(index).and_then(|(all, index)| all.get(index));
        let denies = answer.error_code == OUT_OF_ORDER_SEQUENCE_NUMBER;
        if denies && partition.is_some_and(|partition| partition.has(stamp)) {
            self.broken_promises.mishandled(topic, &contents.unwrap_or_default());
        }
    }
}

/// The answer that a fault demands.
fn injected(answer: &PartitionProduceResponse, fault: Option<Action>) -> Option<PartitionProduceResponse> {
    let refused = |code| answer.clone().with_error_code(code).with_base_offset(-1);
    if let Some(Action::ErrorOfRecord(code, index)) = fault {
        let record = BatchIndexAndErrorMessage::default().with_batch_index(index);
        return Some(refused(code).with_record_errors(vec![record]));
    }
    if let Some(Action::Error(code)) = fault { Some(refused(code)) } else { None }
}

/// What a leader did with a batch.
struct Written {
    verdict: Verdict,
    /// It did wrong, for want of memory.
    mishandled: bool,
    contents: Vec<Content>,
}

impl Partition {
    fn write(&mut self, contents: Vec<Content>, stamp: Stamp, strict: bool) -> Written {
        if stamp.producer_id < 0 {
            self.append(contents);
            return Written { verdict: Verdict::Append, mishandled: false, contents: Vec::new() };
        }
        let records = contents.len();
        let verdict = self.producers.judge(stamp, records, strict);
        let mishandled = match verdict {
            Verdict::Append => !self.is_next(stamp),
            Verdict::Duplicate { .. } => false,
            Verdict::Refuse(_) => self.has(stamp),
        };
        if verdict == Verdict::Append {
            let base = self.append(contents.clone());
            self.numbered.push((base, stamp, stamp.after(records)));
            self.producers.appended(stamp, records, base);
        }
        Written { verdict, mishandled, contents }
    }
}

/// The records of exactly one good batch.
fn checked_contents(batch: &Bytes) -> Result<Vec<Content>, Refusal> {
    let corrupt = |why: String| (CORRUPT_MESSAGE, why);
    let invalid = |why: String| (INVALID_RECORD, why);
    if batch.len() < HEADER_BYTES {
        return Err(corrupt(format!("a batch of {} bytes", batch.len())));
    }
    let said = 12 + i64::from(i32_at(batch, 8));
    if said != batch.len() as i64 {
        return Err(invalid(format!("not one batch: {} bytes, the first batch says {said}", batch.len())));
    }
    let set = RecordBatchDecoder::decode(&mut batch.clone()).map_err(|error| corrupt(error.to_string()))?;
    if set.compression != Compression::None {
        return Err(invalid(format!("{:?} was not asked for", set.compression)));
    }
    check_header(batch, &set.records).map_err(invalid)?;
    check_record_bytes(batch, set.records.len()).map_err(invalid)?;
    Ok(set.records.into_iter().map(content_of).collect())
}

fn check_header(batch: &[u8], records: &[Record]) -> Result<(), String> {
    let expect = |what: &str, found: i64, wanted: i64| {
        if found == wanted { Ok(()) } else { Err(format!("{what} is {found}, not {wanted}")) }
    };
    let count = records.len() as i64;
    if count == 0 {
        return Err("a batch without records".to_owned());
    }
    expect("base_offset", i64_at(batch, 0), 0)?;
    expect("partition_leader_epoch", i64::from(i32_at(batch, 12)), -1)?;
    expect("attributes", i64::from(i16_at(batch, 21)), 0)?;
    expect("last_offset_delta", i64::from(i32_at(batch, 23)), count - 1)?;
    expect("base_timestamp", i64_at(batch, 27), records[0].timestamp)?;
    let max_timestamp = records.iter().map(|record| record.timestamp).max().unwrap_or(-1);
    expect("max_timestamp", i64_at(batch, 35), max_timestamp)?;
    let stamp = stamp_of(batch);
    let none = Stamp { producer_id: -1, epoch: -1, sequence: -1 };
    if stamp != none && (stamp.producer_id < 0 || stamp.epoch < 0 || stamp.sequence < 0) {
        return Err(format!("half a stamp: {stamp:?}"));
    }
    for (place, record) in records.iter().enumerate() {
        expect("offset_delta", record.offset, place as i64)?;
    }
    Ok(())
}

/// The records end where the batch ends: the decoder would not notice bytes behind the last one.
fn check_record_bytes(batch: &[u8], records: usize) -> Result<(), String> {
    let mut at = HEADER_BYTES;
    for _ in 0..records {
        let (mut length, mut shift) = (0_u64, 0);
        loop {
            let byte = *batch.get(at).ok_or("the records end too early")?;
            at += 1;
            length |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 28 {
                break;
            }
        }
        // Zigzag, and the decoder has already refused negative lengths.
        at += (length >> 1) as usize;
    }
    if at == batch.len() { Ok(()) } else { Err(format!("records end at {at} of {}", batch.len())) }
}

fn content_of(record: Record) -> Content {
    let headers = record.headers.into_iter();
    Content {
        key: record.key.map(|key| key.to_vec()),
        value: record.value.map(|value| value.to_vec()),
        headers: headers.map(|(key, value)| (key.to_string(), value.map(|value| value.to_vec()))).collect(),
        timestamp_ms: record.timestamp,
    }
}

fn stamp_of(batch: &[u8]) -> Stamp {
    if batch.len() < HEADER_BYTES {
        return Stamp { producer_id: -1, epoch: -1, sequence: -1 };
    }
    Stamp { producer_id: i64_at(batch, 43), epoch: i16_at(batch, 51), sequence: i32_at(batch, 53) }
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(std::array::from_fn(|i| bytes[at + i]))
}

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(std::array::from_fn(|i| bytes[at + i]))
}
