//! A scripted cluster of brokers on loopback, each on its own threads. It decodes with the `kafka-protocol` crate.

// Each test binary uses its own part of this.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiVersionsResponse, BrokerId, InitProducerIdRequest, InitProducerIdResponse, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::RecordBatchDecoder;

/// A record as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    pub(crate) timestamp: i64,
}

impl Logged {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.value.clone().unwrap()).unwrap()
    }
}

/// A batch's producer id, epoch and sequence, as they stand in its header, and its offset.
type Remembered = ([u8; 14], i64);

/// What the brokers do, and what they have got.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) log: BTreeMap<(String, i32), Vec<Logged>>,
    pub(crate) unknown_topics: BTreeSet<String>,
    /// Codes of the next answers to produce requests, first one first.
    pub(crate) produce_errors: VecDeque<i16>,
    /// The code of the next answer to a request for a producer id.
    pub(crate) producer_id_error: Option<i16>,
    /// Takes produce requests and says nothing.
    pub(crate) is_silent: bool,
    /// Counts records instead of keeping them.
    pub(crate) counts_only: bool,
    pub(crate) counted: u64,
    /// The last batches of each partition, youngest first.
    numbers: BTreeMap<(String, i32), VecDeque<Remembered>>,
    pub(crate) delay: Duration,
}

pub(crate) struct Cluster {
    pub(crate) script: Arc<Mutex<Script>>,
    addresses: Vec<SocketAddr>,
    partitions: i32,
    nodes: Vec<Option<Node>>,
}

struct Node {
    stop: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    listener: thread::JoinHandle<()>,
}

#[derive(Clone)]
struct Facts {
    script: Arc<Mutex<Script>>,
    addresses: Vec<SocketAddr>,
    partitions: i32,
}

impl Cluster {
    pub(crate) fn start(nodes: usize, partitions: i32) -> Self {
        let listeners: Vec<_> = (0..nodes).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let mut cluster = Self { script: Arc::default(), addresses, partitions, nodes: Vec::new() };
        for listener in listeners {
            let node = cluster.serve(listener);
            cluster.nodes.push(Some(node));
        }
        cluster
    }

    pub(crate) fn bootstrap(&self) -> Vec<String> {
        self.addresses.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(crate) fn stop(&mut self, node: usize) {
        let Some(stopped) = self.nodes[node].take() else { return };
        stopped.stop.store(true, Ordering::SeqCst);
        // The listener sees the flag with its next connection.
        let _ = TcpStream::connect(self.addresses[node]);
        stopped.listener.join().unwrap();
        for connection in stopped.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn restart(&mut self, node: usize) {
        let listener = TcpListener::bind(self.addresses[node]).unwrap();
        self.nodes[node] = Some(self.serve(listener));
    }

    pub(crate) fn topic(&self, topic: &str) -> BTreeMap<i32, Vec<Logged>> {
        let script = self.script();
        let logs = script.log.iter().filter(|((name, _), _)| name == topic);
        logs.map(|((_, partition), log)| (*partition, log.clone())).collect()
    }

    fn serve(&self, listener: TcpListener) -> Node {
        let stop = Arc::new(AtomicBool::new(false));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let facts = Facts {
            script: self.script.clone(),
            addresses: self.addresses.clone(),
            partitions: self.partitions,
        };
        let (stop_seen, accepted) = (stop.clone(), connections.clone());
        let listener = thread::spawn(move || {
            for connection in listener.incoming() {
                if stop_seen.load(Ordering::SeqCst) {
                    return;
                }
                let connection = connection.unwrap();
                accepted.lock().unwrap().push(connection.try_clone().unwrap());
                let facts = facts.clone();
                thread::spawn(move || facts.talk(connection));
            }
        });
        Node { stop, connections, listener }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        (0..self.nodes.len()).for_each(|node| self.stop(node));
    }
}

impl Facts {
    fn talk(&self, mut connection: TcpStream) {
        let mut len = [0; 4];
        while connection.read_exact(&mut len).is_ok() {
            let mut frame = vec![0; u32::from_be_bytes(len) as usize];
            if connection.read_exact(&mut frame).is_err() {
                return;
            }
            if let Some(answer) = self.answer(Bytes::from(frame)) {
                let mut bytes = (answer.len() as u32).to_be_bytes().to_vec();
                bytes.extend_from_slice(&answer);
                if connection.write_all(&bytes).is_err() {
                    return;
                }
            }
        }
    }

    fn answer(&self, mut frame: Bytes) -> Option<BytesMut> {
        let (api, version) =
            (i16::from_be_bytes([frame[0], frame[1]]), i16::from_be_bytes([frame[2], frame[3]]));
        let header = RequestHeader::decode(&mut frame, 1).expect("a request header");
        let mut out = BytesMut::new();
        ResponseHeader::default().with_correlation_id(header.correlation_id).encode(&mut out, 0).unwrap();
        match api {
            0 => {
                let request = ProduceRequest::decode(&mut frame, version).expect("a produce request");
                assert!(frame.is_empty(), "bytes after the request");
                self.produce(&request)?.encode(&mut out, version).unwrap();
            }
            3 => {
                let request = MetadataRequest::decode(&mut frame, version).expect("a metadata request");
                self.metadata(&request).encode(&mut out, version).unwrap();
            }
            22 => {
                InitProducerIdRequest::decode(&mut frame, version).expect("a request for a producer id");
                let error = self.script.lock().unwrap().producer_id_error.take();
                let id = if error.is_some() { -1 } else { 7 };
                let response = InitProducerIdResponse::default()
                    .with_error_code(error.unwrap_or(0))
                    .with_producer_id(id.into());
                response.encode(&mut out, version).unwrap();
            }
            18 => {
                let range = |key, min, max| {
                    ApiVersion::default().with_api_key(key).with_min_version(min).with_max_version(max)
                };
                let keys = vec![range(0, 0, 8), range(3, 0, 12), range(18, 0, 4), range(22, 0, 4)];
                ApiVersionsResponse::default().with_api_keys(keys).encode(&mut out, version).unwrap();
            }
            other => panic!("request {other}"),
        }
        Some(out)
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let brokers = self.addresses.iter().zip(0..).map(|(address, id)| {
            MetadataResponseBroker::default()
                .with_node_id(BrokerId(id))
                .with_host(StrBytes::from_string(address.ip().to_string()))
                .with_port(i32::from(address.port()))
        });
        let script = self.script.lock().unwrap();
        let topics = request.topics.iter().flatten().map(|topic| {
            let name = topic.name.clone().unwrap();
            if script.unknown_topics.contains(name.as_str()) {
                return MetadataResponseTopic::default().with_name(Some(name)).with_error_code(3);
            }
            let partitions = (0..self.partitions).map(|partition| {
                let leader = BrokerId(partition % self.addresses.len() as i32);
                MetadataResponsePartition::default()
                    .with_partition_index(partition)
                    .with_leader_id(leader)
                    .with_replica_nodes(vec![leader])
                    .with_isr_nodes(vec![leader])
            });
            MetadataResponseTopic::default().with_name(Some(name)).with_partitions(partitions.collect())
        });
        MetadataResponse::default().with_brokers(brokers.collect()).with_topics(topics.collect())
    }

    fn produce(&self, request: &ProduceRequest) -> Option<ProduceResponse> {
        let mut script = self.script.lock().unwrap();
        let delay = script.delay;
        let error = script.produce_errors.pop_front().unwrap_or(0);
        let mut topics = Vec::new();
        for topic in &request.topic_data {
            let mut partitions = Vec::new();
            for partition in &topic.partition_data {
                let answer =
                    PartitionProduceResponse::default().with_index(partition.index).with_error_code(error);
                let base = match error {
                    0 => script.append(&topic.name, partition.index, partition.records.clone().unwrap()),
                    _ => -1,
                };
                partitions.push(answer.with_base_offset(base).with_log_append_time_ms(-1));
            }
            let answer = TopicProduceResponse::default().with_name(topic.name.clone());
            topics.push(answer.with_partition_responses(partitions));
        }
        let is_silent = script.is_silent;
        drop(script);
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        (request.acks != 0 && !is_silent).then(|| ProduceResponse::default().with_responses(topics))
    }
}

impl Script {
    fn append(&mut self, topic: &TopicName, partition: i32, mut batch: Bytes) -> i64 {
        if self.counts_only {
            let base = self.counted;
            self.counted += u64::from(u32::from_be_bytes(batch[57..61].try_into().unwrap()));
            return i64::try_from(base).unwrap();
        }
        let place = (topic.to_string(), partition);
        let number: [u8; 14] = batch[43..57].try_into().unwrap();
        let known = self.numbers.entry(place).or_default();
        if let Some((_, base)) = known.iter().find(|(seen, _)| *seen == number && number != [0xff; 14]) {
            return *base;
        }
        let set = RecordBatchDecoder::decode(&mut batch).expect("a record batch with the right CRC");
        assert!(batch.is_empty(), "one batch per partition and request");
        let log = self.log.entry((topic.to_string(), partition)).or_default();
        let base = i64::try_from(log.len()).unwrap();
        known.push_front((number, base));
        known.truncate(5);
        log.extend(set.records.into_iter().map(|record| Logged {
            key: record.key.map(|key| key.to_vec()),
            value: record.value.map(|value| value.to_vec()),
            headers:
                record.headers.iter().map(|(k, v)| (k.to_string(), v.as_ref().map(|v| v.to_vec()))).collect(),
            timestamp: record.timestamp,
        }));
        base
    }
}
