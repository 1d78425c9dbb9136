//! The scripted cluster, judged by a client made of the crate `kafka-protocol`: each of its rules can fire.

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse, ProduceRequest,
    ProduceResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};
use nanokafka_tests::broker::{Action, Api, Cluster, ConnectionId, Ending, Fault, Mutation, Release, Speaks};

struct Client {
    cluster: Cluster,
    connection: ConnectionId,
    correlation: i32,
}

impl Client {
    fn of(mut cluster: Cluster, node: i32) -> Self {
        let connection = cluster.connect(node, 0).expect("the broker is up");
        Self { cluster, connection, correlation: 100 }
    }

    fn send(&mut self, key: ApiKey, version: i16, body: &impl Encodable) {
        self.correlation += 1;
        let mut frame = BytesMut::new();
        let header = RequestHeader::default()
            .with_request_api_key(key as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("tester")));
        header.encode(&mut frame, 1).unwrap();
        body.encode(&mut frame, version).unwrap();
        let length = (frame.len() as i32).to_be_bytes();
        // In two pieces, the first of which ends inside the length.
        self.cluster.receive(self.connection, 0, &length[..2]);
        self.cluster.receive(self.connection, 0, &[&length[2..], &frame].concat());
    }

    fn answer<T: Decodable>(&mut self, version: i16) -> T {
        let mut bytes = Bytes::from(self.cluster.transmit(self.connection, 0));
        let length = i32::decode_be(&bytes.split_to(4));
        assert_eq!(length as usize, bytes.len(), "one whole frame");
        let header = ResponseHeader::decode(&mut bytes, 0).unwrap();
        assert_eq!(header.correlation_id, self.correlation);
        let answer = T::decode(&mut bytes, version).unwrap();
        assert!(bytes.is_empty());
        answer
    }

    /// The error code and the base offset for the one partition.
    fn produce(
        &mut self,
        topic: &'static str,
        partition: i32,
        acks: i16,
        batch: Bytes,
    ) -> Option<(i16, i64)> {
        let part = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_static_str(topic)))
            .with_partition_data(vec![part]);
        let request =
            ProduceRequest::default().with_acks(acks).with_timeout_ms(1000).with_topic_data(vec![topic]);
        self.send(ApiKey::Produce, 7, &request);
        self.cluster.transmit_at(self.connection)?;
        let answer: ProduceResponse = self.answer(7);
        let part = &answer.responses[0].partition_responses[0];
        Some((part.error_code, part.base_offset))
    }

    fn metadata(&mut self, topic: &'static str, may_create: bool) -> MetadataResponse {
        let topic =
            MetadataRequestTopic::default().with_name(Some(TopicName(StrBytes::from_static_str(topic))));
        let request = MetadataRequest::default()
            .with_topics(Some(vec![topic]))
            .with_allow_auto_topic_creation(may_create);
        self.send(ApiKey::Metadata, 4, &request);
        self.answer(4)
    }
}

trait DecodeBe {
    fn decode_be(bytes: &[u8]) -> i32;
}

impl DecodeBe for i32 {
    fn decode_be(bytes: &[u8]) -> i32 {
        i32::from_be_bytes(bytes.try_into().unwrap())
    }
}

fn batch(values: &[&'static str]) -> Bytes {
    let record = |(offset, value): (usize, &&'static str)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: offset as i64,
        // The encoder takes the batch's base sequence from the first record.
        sequence: offset as i32 - 1,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some(Bytes::from_static(value.as_bytes())),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = values.iter().enumerate().map(record).collect();
    let mut buffer = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut buffer, &records, &options).unwrap();
    buffer.freeze()
}

/// The batch with these bytes changed, and a CRC that fits them.
fn forged(values: &[&'static str], at: usize, bytes: &[u8]) -> Bytes {
    let mut forged = batch(values).to_vec();
    forged[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = crc32c(&forged[21..]);
    forged[17..21].copy_from_slice(&crc.to_be_bytes());
    forged.into()
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(!0, step)
}

fn three_brokers() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.create_topic("t", 6);
    cluster
}

#[test]
fn a_batch_is_appended_and_its_records_keep_their_order() {
    let mut client = Client::of(three_brokers(), 1);
    assert_eq!(client.produce("t", 0, -1, batch(&["a", "b"])), Some((0, 0)));
    assert_eq!(client.produce("t", 3, 1, batch(&["c"])), Some((0, 0)));
    assert_eq!(client.produce("t", 0, -1, batch(&["d"])), Some((0, 2)));
    let log = &client.cluster.topic_mut("t").partitions[0].log;
    let values: Vec<_> = log.iter().map(|record| record.content.value.clone().unwrap()).collect();
    assert_eq!(values, [b"a", b"b", b"d"]);
    assert_eq!(client.cluster.violations(), [""; 0]);
    assert_eq!(client.cluster.requests()[0].client_id.as_deref(), Some("tester"));
}

#[test]
fn the_wrong_node_and_unknown_partitions_are_refused() {
    let mut client = Client::of(three_brokers(), 2);
    assert_eq!(client.produce("t", 0, -1, batch(&["a"])), Some((6, -1)));
    assert_eq!(client.produce("t", 6, -1, batch(&["a"])), Some((3, -1)));
    assert_eq!(client.produce("u", 0, -1, batch(&["a"])), Some((3, -1)));
    assert_eq!(client.produce("t", 1, 2, batch(&["a"])), Some((21, -1)));
    client.cluster.topic_mut("t").max_message_bytes = 60;
    assert_eq!(client.produce("t", 1, -1, batch(&["a"])), Some((10, -1)));
    assert_eq!(client.cluster.records_written(), 0);
}

#[test]
fn a_batch_that_is_not_sound_is_refused_and_noted() {
    let mut flipped = batch(&["a", "b"]).to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let two = [batch(&["a"]), batch(&["b"])].concat();
    let cases: [(i16, Bytes, &str); 8] = [
        (2, flipped.into(), "Cyclic"),
        (2, Bytes::from_static(&[0; 60]), "60 bytes"),
        (87, two.into(), "not one batch"),
        (87, forged(&["a", "b"], 23, &[0, 0, 0, 2]), "last_offset_delta"),
        (87, forged(&["a", "b"], 57, &[0, 0, 0, 1]), "last_offset_delta"),
        (87, forged(&["a"], 0, &[0, 0, 0, 0, 0, 0, 0, 9]), "base_offset"),
        (87, forged(&["a"], 35, &[0; 8]), "max_timestamp"),
        (2, forged(&["a"], 57, &[0, 0, 0, 2]), ""),
    ];
    for (code, records, why) in cases {
        let mut client = Client::of(three_brokers(), 1);
        assert_eq!(client.produce("t", 0, -1, records), Some((code, -1)), "{why}");
        assert!(client.cluster.violations()[0].contains(why), "{:?}", client.cluster.violations());
        assert_eq!(client.cluster.records_written(), 0);
    }
}

#[test]
fn acks_0_is_not_answered_and_an_error_closes_the_connection() {
    let mut client = Client::of(three_brokers(), 1);
    assert_eq!(client.produce("t", 0, 0, batch(&["a"])), None);
    assert_eq!(client.cluster.records_written(), 1);
    assert_eq!(client.cluster.ending(client.connection), None);
    assert_eq!(client.produce("t", 1, 0, batch(&["a"])), None);
    assert_eq!(client.cluster.ending(client.connection), Some(Ending::Closed));
    assert_eq!(client.cluster.violations(), [""; 0]);
}

#[test]
fn metadata_names_leaders_and_only_brokers_that_are_up() {
    let mut cluster = three_brokers();
    cluster.extra_brokers = 4;
    cluster.stop(3, 0);
    let mut client = Client::of(cluster, 1);
    let answer = client.metadata("t", false);
    let brokers: Vec<i32> = answer.brokers.iter().map(|broker| broker.node_id.0).collect();
    assert_eq!(brokers, [1000, 1001, 1, 2, 1002, 1003]);
    let mut leaders: Vec<_> = answer.topics[0]
        .partitions
        .iter()
        .map(|p| (p.partition_index, p.leader_id.0, p.error_code))
        .collect();
    leaders.sort_unstable();
    assert_eq!(leaders, [(0, 1, 0), (1, 2, 0), (2, -1, 5), (3, 1, 0), (4, 2, 0), (5, -1, 5)]);
}

#[test]
fn a_missing_topic_is_created_only_when_both_sides_want_it() {
    let mut client = Client::of(Cluster::new(1), 1);
    assert_eq!(client.metadata("late", true).topics[0].error_code, 3);
    client.cluster.auto_create = Some(2);
    assert_eq!(client.metadata("late", false).topics[0].error_code, 3);
    assert_eq!(client.metadata("late", true).topics[0].error_code, 5);
    assert_eq!(client.metadata("late", true).topics[0].partitions.len(), 2);
}

#[test]
fn each_release_announces_its_ranges_and_refuses_what_lies_outside() {
    let range = |release: Release, key: ApiKey| {
        let mut cluster = three_brokers();
        cluster.set_release_of_all(release);
        let mut client = Client::of(cluster, 1);
        client.send(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
        let answer: ApiVersionsResponse = client.answer(0);
        let found = answer.api_keys.iter().find(|entry| entry.api_key == key as i16).unwrap();
        (found.min_version, found.max_version)
    };
    assert_eq!(range(Release::V0_11, ApiKey::Produce), (0, 3));
    assert_eq!(range(Release::V2_8, ApiKey::Produce), (0, 9));
    assert_eq!(range(Release::V4_4, ApiKey::Produce), (0, 13));
    assert_eq!(range(Release::V3_9, ApiKey::Metadata), (0, 12));

    let mut cluster = three_brokers();
    cluster.set_release_of_all(Release::V0_11);
    let mut client = Client::of(cluster, 1);
    assert_eq!(client.produce("t", 0, -1, batch(&["a"])), None, "version 7 is too new for 0.11");
    assert_eq!(client.cluster.ending(client.connection), Some(Ending::Closed));
    assert!(client.cluster.violations()[0].contains("version"));
}

#[test]
fn an_api_versions_request_that_is_too_new_is_answered_with_35_in_version_0() {
    let mut client = Client::of(three_brokers(), 1);
    client.cluster.set_release(1, Release::V0_11);
    client.send(ApiKey::ApiVersions, 2, &ApiVersionsRequest::default());
    let answer: ApiVersionsResponse = client.answer(0);
    assert_eq!(answer.error_code, 35);
    assert!(!answer.api_keys.is_empty());
}

#[test]
fn a_request_that_cannot_be_parsed_closes_the_connection() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 1, 0], &[0, 0, 0, 3, 1, 2, 3]]
    {
        let mut client = Client::of(three_brokers(), 1);
        client.cluster.receive(client.connection, 0, bytes);
        assert_eq!(client.cluster.ending(client.connection), Some(Ending::Closed));
        assert_eq!(client.cluster.violations().len(), 1);
    }
}

#[test]
fn an_injected_error_happens_as_often_as_it_was_told_and_where() {
    let mut client = Client::of(three_brokers(), 1);
    let fault = Fault::on(Api::Produce, Action::Error(19)).partition("t", 3).after(1).times(2);
    client.cluster.inject(fault);
    let codes: Vec<i16> = (0..5).map(|_| client.produce("t", 3, -1, batch(&["a"])).unwrap().0).collect();
    assert_eq!(codes, [0, 19, 19, 0, 0]);
    assert_eq!(client.produce("t", 0, -1, batch(&["a"])), Some((0, 0)));
    assert!(client.cluster.faults_are_spent());
    client.cluster.inject(Fault::on(Api::Metadata, Action::Error(29)).topic("t"));
    assert!(!client.cluster.faults_are_spent());
    assert_eq!(client.metadata("t", false).topics[0].error_code, 29);
    assert!(client.cluster.faults_are_spent());
}

#[test]
fn a_delayed_answer_holds_back_those_behind_it() {
    let mut client = Client::of(three_brokers(), 1);
    client.cluster.inject(Fault::on(Api::ApiVersions, Action::Delay(70)));
    client.send(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    client.send(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
    assert!(client.cluster.transmit(client.connection, 69).is_empty());
    assert_eq!(client.cluster.transmit_at(client.connection), Some(70));
    assert!(client.cluster.transmit(client.connection, 70).len() > 2 * 75 * 6);
    assert_eq!(client.cluster.requests()[1].outstanding, 1);
}

#[test]
fn a_lost_confirmation_excuses_duplicates_and_a_quiet_end_does_not() {
    let excuses_after = |fault: Option<Action>, stop_at: Option<u64>| {
        let mut client = Client::of(three_brokers(), 1);
        client.cluster.answers_arrive_within_ms = 1_000;
        if let Some(action) = fault {
            client.cluster.inject(Fault::on(Api::Produce, action));
        }
        let _ = client.produce("t", 0, -1, batch(&["a"]));
        match stop_at {
            Some(at) => client.cluster.stop(1, at),
            None => client.cluster.hang_up(client.connection),
        }
        client.cluster.duplicate_excuses()
    };
    assert_eq!(excuses_after(None, None), 0);
    assert_eq!(excuses_after(None, Some(60_000)), 0);
    assert_eq!(excuses_after(None, Some(10)), 1, "the answer may still have been on its way");
    assert_eq!(excuses_after(Some(Action::NoAnswer), None), 1);
    assert_eq!(excuses_after(Some(Action::WrittenThenCut), None), 1);
    assert_eq!(excuses_after(Some(Action::Cut), None), 0, "nothing was written");
}

#[test]
fn each_mutation_changes_the_answer() {
    let answer_with = |mutation: Option<Mutation>| {
        let mut client = Client::of(three_brokers(), 1);
        if let Some(mutation) = mutation {
            client.cluster.inject(Fault::on(Api::Produce, Action::Spoil(mutation)));
        }
        let part =
            |index| PartitionProduceData::default().with_index(index).with_records(Some(batch(&["a"])));
        let topic = TopicProduceData::default()
            .with_name(TopicName(StrBytes::from_static_str("t")))
            .with_partition_data(vec![part(0), part(3)]);
        let request = ProduceRequest::default().with_acks(-1).with_topic_data(vec![topic]);
        client.send(ApiKey::Produce, 3, &request);
        assert_eq!(client.cluster.records_written(), 2);
        client.cluster.transmit(client.connection, 0)
    };
    use Mutation::*;
    let mutations = [
        Truncated,
        ShortBody,
        OversizeLength,
        NegativeLength,
        WrongCorrelation,
        Garbage,
        ExtraBytes,
        NegativeCount,
        HugeCount,
        HugeString,
        DuplicatePartition,
        MissingPartition,
        ForeignTopic,
        Http,
        TlsAlert,
    ];
    let mut answers: Vec<Vec<u8>> = mutations.iter().map(|&mutation| answer_with(Some(mutation))).collect();
    answers.push(answer_with(None));
    let distinct: std::collections::BTreeSet<_> = answers.iter().collect();
    assert_eq!(distinct.len(), answers.len());
}

#[test]
fn a_port_can_speak_something_else() {
    let answer_of = |speaks: Speaks| {
        let mut cluster = three_brokers();
        cluster.set_speaks(1, speaks);
        let mut client = Client::of(cluster, 1);
        client.send(ApiKey::ApiVersions, 0, &ApiVersionsRequest::default());
        let bytes = client.cluster.transmit(client.connection, 0);
        (bytes, client.cluster.ending(client.connection))
    };
    assert!(answer_of(Speaks::Http).0.starts_with(b"HTTP/1.1 400"));
    assert_eq!(answer_of(Speaks::Tls), (vec![0x15, 3, 3, 0, 2, 2, 0x46], Some(Ending::Closed)));
    assert!(answer_of(Speaks::Banner).0.starts_with(b"SSH-2.0"));
    assert_eq!(answer_of(Speaks::Nothing), (vec![], None));
}

#[test]
fn a_broker_that_is_down_takes_no_connection_and_resets_those_it_had() {
    let mut client = Client::of(three_brokers(), 1);
    client.cluster.stop(1, 5);
    assert_eq!(client.cluster.ending(client.connection), Some(Ending::Reset));
    assert_eq!(client.cluster.connect(1, 6), None);
    client.cluster.start(1);
    assert!(client.cluster.connect(1, 7).is_some());
}
