//! What can be told to go wrong: which request, how often, and how.

/// A request that the scripted broker answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// ApiVersions.
    ApiVersions,
    /// Metadata.
    Metadata,
    /// Produce.
    Produce,
    /// InitProducerId.
    InitProducerId,
}

/// How a response is spoiled on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// Half of the frame, then the connection is closed.
    Truncated,
    /// A whole frame whose body ends too early.
    ShortBody,
    /// The frame's length says 2 GiB.
    OversizeLength,
    /// The frame's length is -1.
    NegativeLength,
    /// Answers a request that was never sent.
    WrongCorrelation,
    /// The body is noise.
    Garbage,
    /// Seven bytes more than the body has fields for.
    ExtraBytes,
    /// The first array counts -2 entries.
    NegativeCount,
    /// The first array counts 2147483647 entries.
    HugeCount,
    /// The first string is said to have 32767 bytes.
    HugeString,
    /// Produce: the first partition is answered twice.
    DuplicatePartition,
    /// Produce: the last partition is not answered.
    MissingPartition,
    /// Produce: a topic that was not asked for.
    ForeignTopic,
    /// `HTTP/1.1 400 Bad Request`.
    Http,
    /// A fatal TLS alert, then the connection is closed.
    TlsAlert,
}

/// What happens to the request or its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// This error code, and nothing is written. Produce: for the partition. Metadata: for the topic, or for the
    /// partition when the fault names one. ApiVersions: for the request.
    Error(i16),
    /// Produce: nothing is written, for the fault of this record of the batch (KIP-467).
    ErrorOfRecord(i16, i32),
    /// Produce: the batch is written, and this error code is answered all the same.
    WrittenThenError(i16),
    /// The connection is cut before the request is looked at.
    Cut,
    /// The request is carried out, and the connection is cut instead of an answer.
    WrittenThenCut,
    /// The request is carried out, and the connection is cut after this many bytes of the answer.
    CutAt(usize),
    /// The request is carried out, and the connection is dead from then on, without a word.
    Freeze,
    /// The request is carried out and never answered.
    NoAnswer,
    /// The answer comes this many milliseconds later.
    Delay(u64),
    /// The answer says this `throttle_time_ms`.
    Throttle(i32),
    /// The request is carried out, and the answer is spoiled.
    Spoil(Mutation),
}

impl Action {
    /// Whether the action is about one topic or partition, and not about the whole request.
    fn is_local(self) -> bool {
        matches!(self, Self::Error(_) | Self::ErrorOfRecord(..) | Self::WrittenThenError(_))
    }
}

/// One thing that goes wrong. Build with [`Fault::on`].
#[derive(Clone, Debug)]
pub struct Fault {
    api: Api,
    node: Option<i32>,
    topic: Option<String>,
    partition: Option<i32>,
    skip: u32,
    times: u32,
    action: Action,
}

impl Fault {
    /// This action, for the next request of this kind, on whatever node and partition.
    #[must_use]
    pub fn on(api: Api, action: Action) -> Self {
        Self { api, node: None, topic: None, partition: None, skip: 0, times: 1, action }
    }

    /// Only when this broker is asked.
    #[must_use]
    pub fn node(self, node: i32) -> Self {
        Self { node: Some(node), ..self }
    }

    /// Only for this topic.
    #[must_use]
    pub fn topic(self, topic: &str) -> Self {
        Self { topic: Some(topic.to_owned()), ..self }
    }

    /// Only for this partition.
    #[must_use]
    pub fn partition(self, topic: &str, partition: i32) -> Self {
        Self { partition: Some(partition), ..self.topic(topic) }
    }

    /// Not the first `requests` that match.
    #[must_use]
    pub fn after(self, requests: u32) -> Self {
        Self { skip: requests, ..self }
    }

    /// This often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }
}

/// The faults that wait for their request.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn are_spent(&self) -> bool {
        self.0.iter().all(|fault| fault.times == 0 || fault.times == u32::MAX)
    }

    /// The action for a whole request.
    pub(super) fn for_request(&mut self, api: Api, node: i32) -> Option<Action> {
        self.take(|fault| {
            !fault.action.is_local() && fault.api == api && fault.node.is_none_or(|n| n == node)
        })
    }

    /// The error for one topic (`partition` is `None`) or one partition.
    pub(super) fn for_part(
        &mut self,
        api: Api,
        node: i32,
        topic: &str,
        partition: Option<i32>,
    ) -> Option<Action> {
        self.take(|fault| {
            fault.action.is_local()
                && fault.api == api
                && fault.node.is_none_or(|n| n == node)
                && fault.topic.as_ref().is_none_or(|t| t == topic)
                && match api {
                    // Metadata has errors of both levels, told apart by whether the fault names a partition.
                    Api::Metadata => fault.partition == partition,
                    Api::Produce | Api::ApiVersions | Api::InitProducerId => {
                        fault.partition.is_none() || fault.partition == partition
                    }
                }
        })
    }

    fn take(&mut self, matches: impl Fn(&Fault) -> bool) -> Option<Action> {
        let fault = self.0.iter_mut().find(|fault| fault.times > 0 && matches(fault))?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        if fault.times != u32::MAX {
            fault.times -= 1;
        }
        Some(fault.action)
    }
}
