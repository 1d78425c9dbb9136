//! Brokers that answer what waits on the wire, judge every batch, and do what they are told to do wrong.

use crc::{CRC_32_ISCSI, Crc, NoTable};

use crate::message::{Answer, Reader};

/// The topic: eight characters, as in the formula for the bytes on the wire.
pub(crate) const TOPIC: &str = "readings";

/// Where brokers listen: the one with id 0 on this port, the next one on the next.
const HOST: &[u8] = b"192.0.2.7";
pub(crate) const PORT: u16 = 9_092;

pub(crate) const PARTITIONS: usize = 6;

const FIRST_PRODUCER_ID: i64 = 4_000;

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const INIT_PRODUCER_ID: i16 = 22;

const CHECKSUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISCSI);

/// What happens to the next produce request.
#[cfg_attr(feature = "goodput", allow(dead_code, reason = "there nothing goes wrong"))]
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// Each of its partitions is answered with this code, and nothing is written.
    Code(i16),
    /// As before, and the broker names the first record as the cause.
    BadRecord(i16),
    /// It is written, and the connection ends before the answer.
    AnswerLost,
    /// The answer has a length that cannot be.
    Malformed,
    /// No answer, ever.
    Silence,
}

#[derive(Clone, Copy)]
struct Partition {
    /// Producer id and epoch of the last batch.
    producer: (i64, i16),
    next_sequence: i32,
    log_end: i64,
    /// First sequence and base offset of the last batch.
    last: (i32, i64),
}

pub(crate) struct Brokers {
    /// The topic's partitions.
    count: usize,
    /// How many brokers share them.
    nodes: usize,
    partitions: [Partition; PARTITIONS],
    /// How many producer ids were given out.
    producers: i64,
    pub(crate) fault: Option<Fault>,
    /// Codes of the next answers to Metadata and InitProducerId.
    pub(crate) metadata_code: i16,
    pub(crate) init_code: i16,
    /// Records that are in the log.
    pub(crate) written: u64,
    /// Batches that came once more, after they were written.
    pub(crate) duplicates: u32,
    /// Bytes of the last produce request and of its batches.
    pub(crate) request_bytes: usize,
    pub(crate) batch_bytes: usize,
}

impl Brokers {
    pub(crate) fn new(count: usize, nodes: usize) -> Self {
        let partition = Partition { producer: (-1, -1), next_sequence: 0, log_end: 0, last: (-1, 0) };
        Self {
            count,
            nodes,
            partitions: [partition; PARTITIONS],
            producers: 0,
            fault: None,
            metadata_code: 0,
            init_code: 0,
            written: 0,
            duplicates: 0,
            request_bytes: 0,
            batch_bytes: 0,
        }
    }

    /// The answer of broker `node` to a whole request, and what is to go wrong with it.
    pub(crate) fn answer(&mut self, node: u16, request: &[u8]) -> (Answer, Option<Fault>) {
        let mut reader = Reader(&request[4..]);
        let (api, version, correlation_id) = (reader.i16(), reader.i16(), reader.i32());
        reader.string();
        let mut answer = Answer::new(correlation_id);
        let mut fault = None;
        match api {
            API_VERSIONS => api_versions(&mut answer),
            METADATA => self.metadata(&mut answer),
            INIT_PRODUCER_ID => self.init_producer_id(&mut answer),
            PRODUCE => {
                assert!(version == 8, "the highest version that both know");
                fault = self.fault.take();
                self.request_bytes = request.len();
                self.batch_bytes = 0;
                self.produce(node, &mut reader, &mut answer, fault);
                assert!(reader.0.is_empty(), "bytes behind the request");
            }
            other => panic!("api {other}"),
        }
        (answer, fault)
    }

    fn metadata(&mut self, answer: &mut Answer) {
        let code = core::mem::take(&mut self.metadata_code);
        answer.i32(0).i32(self.nodes as i32);
        for node in 0..self.nodes {
            answer.i32(node as i32).string(HOST).i32(i32::from(PORT) + node as i32);
            answer.string(b"rack-a");
        }
        answer.string(b"4L6g3nShT-eMCtK--X86sw").i32(0).i32(1);
        answer.i16(code).string(TOPIC.as_bytes()).bytes(&[0]);
        let count = if code == 0 { self.count } else { 0 };
        answer.i32(count as i32);
        for index in 0..count {
            let leader = (index % self.nodes) as i32;
            answer.i16(0).i32(index as i32).i32(leader).i32(1).i32(leader).i32(1).i32(leader);
        }
    }

    fn init_producer_id(&mut self, answer: &mut Answer) {
        let code = core::mem::take(&mut self.init_code);
        answer.i32(0).i16(code);
        if code == 0 {
            answer.i64(FIRST_PRODUCER_ID + self.producers).i16(0);
            self.producers += 1;
        } else {
            answer.i64(-1).i16(-1);
        }
    }

    fn produce(&mut self, node: u16, request: &mut Reader<'_>, answer: &mut Answer, fault: Option<Fault>) {
        let (_transactional_id, acks, _timeout) = (request.i16(), request.i16(), request.i32());
        assert!(acks == -1, "acks=all");
        assert!(request.i32() == 1, "one topic");
        assert!(request.string() == TOPIC.as_bytes(), "the topic");
        let count = request.i32();
        answer.i32(1).string(TOPIC.as_bytes()).i32(count);
        for _ in 0..count {
            let (index, len) = (request.i32(), request.i32());
            let batch = request.bytes(usize::try_from(len).expect("a batch"));
            self.batch_bytes += batch.len();
            assert!(index as usize % self.nodes == usize::from(node), "sent to the leader");
            let stamp = judge(batch);
            let (code, bad_record) = match fault {
                Some(Fault::Code(code)) => (code, false),
                Some(Fault::BadRecord(code)) => (code, true),
                Some(Fault::AnswerLost | Fault::Malformed | Fault::Silence) | None => (0, false),
            };
            let offset = if code == 0 { self.write(index as usize, &stamp) } else { -1 };
            answer.i32(index).i16(code).i64(offset).i64(-1).i64(0);
            if bad_record {
                answer.i32(1).i32(0).string(b"no good").string(b"one record is no good");
            } else {
                answer.i32(0).i16(-1);
            }
        }
        answer.i32(0);
    }

    fn write(&mut self, index: usize, stamp: &Stamp) -> i64 {
        let newest = FIRST_PRODUCER_ID + self.producers - 1;
        assert!(stamp.producer.0 == newest, "producer id");
        let partition = &mut self.partitions[index];
        let same = stamp.producer == partition.producer;
        if same && stamp.sequence == partition.last.0 {
            self.duplicates += 1;
            return partition.last.1;
        }
        let expected = if same { partition.next_sequence } else { 0 };
        assert!(stamp.sequence == expected, "sequence {}, not {expected}", stamp.sequence);
        let offset = partition.log_end;
        partition.producer = stamp.producer;
        partition.last = (stamp.sequence, offset);
        partition.next_sequence = stamp.sequence + stamp.records;
        partition.log_end += i64::from(stamp.records);
        self.written += stamp.records as u64;
        offset
    }
}

struct Stamp {
    producer: (i64, i16),
    sequence: i32,
    records: i32,
}

/// Takes a batch apart; panics where it is not what a broker would take.
fn judge(batch: &[u8]) -> Stamp {
    let mut header = Reader(batch);
    assert!(header.i64() == 0, "base offset");
    assert!(header.i32() as usize == batch.len() - 12, "length");
    assert!(header.i32() == -1, "leader epoch");
    assert!(header.bytes(1) == [2], "magic");
    let checksum = header.i32() as u32;
    assert!(checksum == CHECKSUM.checksum(header.0), "checksum");
    assert!(header.i16() == 0, "attributes");
    let (last_offset_delta, _base_timestamp, _max_timestamp) = (header.i32(), header.i64(), header.i64());
    let producer = (header.i64(), header.i16());
    let (sequence, records) = (header.i32(), header.i32());
    assert!(last_offset_delta == records - 1 && records > 0, "number of records");
    for offset_delta in 0..records {
        let len = header.varint();
        let mut record = Reader(header.bytes(len as usize));
        record.bytes(1);
        record.varint();
        assert!(record.varint() == i64::from(offset_delta), "offset delta");
    }
    assert!(header.0.is_empty(), "bytes behind the last record");
    Stamp { producer, sequence, records }
}

/// As many APIs as Kafka 4 has.
fn api_versions(answer: &mut Answer) {
    const APIS: i16 = 61;
    answer.i16(0).i32(i32::from(APIS));
    for key in 0..APIS {
        answer.i16(key).i16(0).i16(13);
    }
}
