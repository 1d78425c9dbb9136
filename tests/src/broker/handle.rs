//! Requests decoded, carried out, and answered.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, InitProducerIdRequest, InitProducerIdResponse,
    MetadataRequest, MetadataResponse, ProduceRequest, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use super::connection::{ConnectionId, Reply};
use super::producer_state::Stamp;
use super::{Action, Api, Cluster, Mutation, Release, Seen, Topic};

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const LEADER_NOT_AVAILABLE: i16 = 5;
const INVALID_TOPIC_EXCEPTION: i16 = 17;
const UNSUPPORTED_VERSION: i16 = 35;

/// How the answer to one request leaves.
pub(super) struct Way {
    pub(super) delay_ms: u64,
    pub(super) throttle_ms: i32,
    pub(super) mutation: Option<Mutation>,
    pub(super) confirms: bool,
    /// What is answered, in words.
    pub(super) says: String,
}

impl Seen {
    fn line(&self, correlation_id: i32, action: Option<Action>, says: &str) -> String {
        let Self { at, node, api, version, .. } = self;
        let batches = self.batches.iter().map(|batch| {
            let Stamp { producer_id, epoch, sequence } = batch.stamp;
            format!(" {}x{} pid {producer_id} epoch {epoch} seq {sequence}", batch.partition, batch.records)
        });
        let batches: String = batches.collect();
        let action = action.map_or(String::new(), |action| format!(" !{action:?}"));
        format!("{at:>8} node {node} {api:?} v{version} #{correlation_id}{batches} ->{says}{action}")
    }
}

impl Cluster {
    pub(super) fn handle(&mut self, id: ConnectionId, now: u64, mut frame: Bytes) {
        let node = self.connections[&id].node;
        let release = self.nodes[&node].release;
        let (key, version) = (peek_i16(&frame, 0), peek_i16(&frame, 2));
        let Some(api) = api_of(key) else {
            return self.refuse(id, format!("a request of key {key}"));
        };
        let header = match RequestHeader::decode(&mut frame, 1) {
            Ok(header) => header,
            Err(error) => return self.refuse(id, format!("{api:?} v{version}: request header: {error}")),
        };
        let mut seen = self.seen(id, now, api, version);
        seen.client_id = header.client_id.as_ref().map(|name| name.to_string());
        if !release.accepts(key, version) {
            self.requests.push(seen);
            return self.refuse_version(id, now, api, release, header.correlation_id);
        }
        let mut way =
            Way { delay_ms: 0, throttle_ms: 0, mutation: None, confirms: false, says: String::new() };
        let action = self.faults.for_request(api, node);
        match action {
            Some(Action::Delay(ms)) => way.delay_ms = ms,
            Some(Action::Throttle(ms)) => way.throttle_ms = ms,
            Some(Action::Spoil(mutation)) => way.mutation = Some(mutation),
            Some(Action::Cut) => {
                self.requests.push(seen);
                return self.cut(id, now);
            }
            _ => {}
        }
        let reply = match self.carry_out(&mut seen, &mut frame, &mut way) {
            Ok(reply) => reply,
            Err(error) => return self.refuse(id, format!("{api:?} v{version}: {error}")),
        };
        if !frame.is_empty() {
            return self.refuse(id, format!("{api:?} v{version}: {} bytes too many", frame.len()));
        }
        self.tell(|| seen.line(header.correlation_id, action, &way.says));
        self.requests.push(seen);
        self.answer(id, now, header.correlation_id, api, reply, way, action);
    }

    /// The body of the answer; `None` for Produce with acks=0.
    fn carry_out(
        &mut self,
        seen: &mut Seen,
        frame: &mut Bytes,
        way: &mut Way,
    ) -> anyhow::Result<Option<BytesMut>> {
        let mut body = BytesMut::new();
        let version = seen.version;
        match seen.api {
            Api::ApiVersions => {
                ApiVersionsRequest::decode(frame, version)?;
                let error = self.faults.for_part(Api::ApiVersions, seen.node, "", None);
                let mut response = match &self.announces {
                    Some(ranges) => answer_of(ranges),
                    None => api_versions(self.nodes[&seen.node].release),
                };
                response.throttle_time_ms = way.throttle_ms;
                if let Some(Action::Error(code)) = error {
                    response = ApiVersionsResponse::default().with_error_code(code);
                }
                response.encode(&mut body, version)?;
            }
            Api::Metadata => {
                let request = MetadataRequest::decode(frame, version)?;
                let response = self.metadata(seen.node, &request).with_throttle_time_ms(way.throttle_ms);
                response.encode(&mut body, version)?;
            }
            Api::InitProducerId => {
                let request = InitProducerIdRequest::decode(frame, version)?;
                let response = self.init_producer_id(seen.node, &request);
                let (pid, epoch) = (response.producer_id.0, response.producer_epoch);
                way.says = format!(" error {} pid {pid} epoch {epoch}", response.error_code);
                response.with_throttle_time_ms(way.throttle_ms).encode(&mut body, version)?;
            }
            Api::Produce => {
                let request = ProduceRequest::decode(frame, version)?;
                let (mut response, written) = self.produce(seen, request);
                way.confirms = written;
                if self.story.is_some() {
                    for part in response.responses.iter().flat_map(|topic| &topic.partition_responses) {
                        way.says += &format!(" {}:{}@{}", part.index, part.error_code, part.base_offset);
                    }
                }
                let failed =
                    response.responses.iter().flat_map(|t| &t.partition_responses).any(|p| p.error_code != 0);
                if seen.acks == 0 {
                    // The only way in which a broker can tell a client that does not listen.
                    anyhow::ensure!(!failed || way.mutation.is_some(), ACKS_ZERO_FAILED);
                    way.confirms = false;
                    return Ok(None);
                }
                if let Some(mutation) = way.mutation {
                    super::spoil::spoil_produce(&mut response, mutation);
                }
                response.with_throttle_time_ms(way.throttle_ms).encode(&mut body, version)?;
            }
        }
        Ok(Some(body))
    }

    #[expect(clippy::too_many_arguments, reason = "one call, and a struct would only rename them")]
    fn answer(
        &mut self,
        id: ConnectionId,
        now: u64,
        correlation: i32,
        api: Api,
        body: Option<BytesMut>,
        way: Way,
        action: Option<Action>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match (action, body) {
            (Some(Action::WrittenThenCut), _) => {
                connection.unconfirmed |= way.confirms;
                self.cut(id, now);
            }
            (Some(Action::Freeze), _) => {
                connection.unconfirmed |= way.confirms;
                connection.frozen = true;
            }
            (Some(Action::CutAt(bytes)), Some(body)) => {
                connection.unconfirmed |= way.confirms;
                let mut frame = frame_of(correlation, &body);
                frame.truncate(bytes);
                connection.reply(Reply { at: now, bytes: frame, confirms: false });
                connection.reset();
            }
            (Some(Action::NoAnswer), _) => connection.unconfirmed |= way.confirms,
            (_, None) => {}
            (_, Some(body)) => {
                let mut bytes = frame_of(correlation, &body);
                if let Some(mutation) = way.mutation {
                    connection.unconfirmed |= way.confirms;
                    if super::spoil::spoil_frame(api, &mut bytes, mutation) {
                        connection.close();
                    }
                }
                connection.reply(Reply { at: now + way.delay_ms, bytes, confirms: way.confirms });
            }
        }
    }

    /// What a broker does when it cannot parse: it logs, and closes.
    fn refuse(&mut self, id: ConnectionId, why: String) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.close();
        }
        if !why.ends_with(ACKS_ZERO_FAILED) {
            self.violations.push(why);
        }
    }

    /// ApiVersions is answered in version 0 with error 35 and what is supported; all else is closed.
    fn refuse_version(&mut self, id: ConnectionId, now: u64, api: Api, release: Release, correlation: i32) {
        if api != Api::ApiVersions {
            return self.refuse(id, format!("{api:?} in a version that the broker did not announce"));
        }
        let mut body = BytesMut::new();
        let response = api_versions(release).with_error_code(UNSUPPORTED_VERSION);
        response.encode(&mut body, 0).expect("ApiVersions v0 has no field that could not be encoded");
        let bytes = frame_of(correlation, &body);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.reply(Reply { at: now, bytes, confirms: false });
        }
    }

    fn init_producer_id(&mut self, node: i32, request: &InitProducerIdRequest) -> InitProducerIdResponse {
        if request.transactional_id.is_some() {
            self.violations.push("InitProducerId with a transactional id".to_owned());
        }
        let answer = InitProducerIdResponse::default();
        if let Some(Action::Error(code)) = self.faults.for_part(Api::InitProducerId, node, "", None) {
            return answer.with_error_code(code).with_producer_id((-1).into()).with_producer_epoch(-1);
        }
        self.producer_ids += 1;
        answer.with_producer_id((self.producer_ids + 999).into()).with_producer_epoch(self.first_epoch)
    }

    fn metadata(&mut self, node: i32, request: &MetadataRequest) -> MetadataResponse {
        let names: Vec<String> = match &request.topics {
            Some(topics) => {
                topics.iter().filter_map(|topic| topic.name.as_ref()).map(|name| name.to_string()).collect()
            }
            None => self.topics.keys().cloned().collect(),
        };
        let topics =
            names.iter().map(|name| self.topic_metadata(node, name, request.allow_auto_topic_creation));
        let topics = topics.collect();
        MetadataResponse::default()
            .with_brokers(self.broker_list())
            .with_cluster_id(Some(StrBytes::from_static_str("scripted")))
            .with_controller_id(node.into())
            .with_topics(topics)
    }

    fn broker_list(&self) -> Vec<MetadataResponseBroker> {
        let broker = |id: i32, host: &str, port: u16| {
            MetadataResponseBroker::default()
                .with_node_id(id.into())
                .with_host(StrBytes::from_string(host.to_owned()))
                .with_port(i32::from(port))
                .with_rack((id % 2 == 0).then(|| StrBytes::from_static_str("rack-even")))
        };
        let real = self.nodes.iter().filter(|(_, node)| node.up);
        // Half before and half after the real ones: their places must not matter.
        let extra = |range: std::ops::Range<i32>| {
            range.map(move |n| broker(1000 + n, &format!("extra-{n}.test"), 9092))
        };
        let half = self.extra_brokers / 2;
        extra(0..half)
            .chain(real.map(|(&id, node)| match &node.advertised {
                Some((host, port)) => broker(id, host, *port),
                None => broker(id, &node.host, node.port),
            }))
            .chain(extra(half..self.extra_brokers))
            .collect()
    }

    fn topic_metadata(&mut self, node: i32, name: &str, may_create: bool) -> MetadataResponseTopic {
        let answer = MetadataResponseTopic::default()
            .with_name(Some(TopicName(StrBytes::from_string(name.to_owned()))));
        if let Some(Action::Error(code)) = self.faults.for_part(Api::Metadata, node, name, None) {
            return answer.with_error_code(code);
        }
        if name.is_empty() || name.len() > 249 {
            return answer.with_error_code(INVALID_TOPIC_EXCEPTION);
        }
        if !self.topics.contains_key(name) {
            let Some(partitions) = self.auto_create.filter(|_| may_create) else {
                return answer.with_error_code(UNKNOWN_TOPIC_OR_PARTITION);
            };
            self.create_topic(name, partitions);
            return answer.with_error_code(LEADER_NOT_AVAILABLE);
        }
        let partitions = self.partitions_metadata(node, name);
        answer.with_partitions(partitions)
    }

    fn partitions_metadata(&mut self, node: i32, name: &str) -> Vec<MetadataResponsePartition> {
        let Self { nodes, topics, faults, .. } = self;
        let Some(Topic { partitions, .. }) = topics.get(name) else { return Vec::new() };
        let describe = |(index, partition): (usize, &super::Partition)| {
            let mut answer = MetadataResponsePartition::default()
                .with_partition_index(index as i32)
                .with_replica_nodes(vec![partition.leader.into(), 77.into()])
                .with_isr_nodes(vec![partition.leader.into()]);
            let up = nodes.get(&partition.leader).is_some_and(|leader| leader.up);
            match faults.for_part(Api::Metadata, node, name, Some(index as i32)) {
                Some(Action::Error(code)) => {
                    answer = answer.with_error_code(code).with_leader_id((-1).into());
                }
                _ if up => answer = answer.with_leader_id(partition.leader.into()),
                _ => answer = answer.with_error_code(LEADER_NOT_AVAILABLE).with_leader_id((-1).into()),
            }
            answer
        };
        // The highest number first: a real broker promises no order.
        partitions.iter().enumerate().rev().map(describe).collect()
    }
}

/// Not a violation: the ordinary end of a Produce with acks=0 that failed.
const ACKS_ZERO_FAILED: &str = "acks=0 and a partition failed";

fn api_of(key: i16) -> Option<Api> {
    match ApiKey::try_from(key) {
        Ok(ApiKey::ApiVersions) => Some(Api::ApiVersions),
        Ok(ApiKey::Metadata) => Some(Api::Metadata),
        Ok(ApiKey::Produce) => Some(Api::Produce),
        Ok(ApiKey::InitProducerId) => Some(Api::InitProducerId),
        _ => None,
    }
}

fn api_versions(release: Release) -> ApiVersionsResponse {
    let ranges = release.ranges().into_iter().map(|(key, min, max, _)| (key, min, max));
    answer_of(&ranges.collect::<Vec<_>>())
}

fn answer_of(ranges: &[(i16, i16, i16)]) -> ApiVersionsResponse {
    let key = |&(key, min, max): &(i16, i16, i16)| {
        ApiVersion::default().with_api_key(key).with_min_version(min).with_max_version(max)
    };
    ApiVersionsResponse::default().with_api_keys(ranges.iter().map(key).collect())
}

fn frame_of(correlation: i32, body: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    frame.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
    let header = ResponseHeader::default().with_correlation_id(correlation);
    header.encode(&mut frame, 0).expect("a correlation id can be encoded");
    frame.extend_from_slice(body);
    frame.to_vec()
}

fn peek_i16(frame: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([frame[at], frame[at + 1]])
}
