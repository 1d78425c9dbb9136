//! The fields of responses: what the tables of the APIs are made of, and all of them in one.

use super::{Api, api_versions, init_producer_id, metadata, produce};

/// A field of a response, and what is done when it has gone by; or what is done between two. Places are those of fields in
/// their table.
// Its own tag, and 0 between two responses: lent memory must be all zero to lie in `.bss`.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    // Of no bytes.
    /// Between two responses.
    Idle = 0,
    /// The response has ended.
    End,
    /// Nothing is kept, which is 0.
    Keep0(Register),
    /// Once more through the loop, or on to the place.
    While(Loop),
    Goto(u8),
    /// With an older version of the request's API, on to the place.
    Since(Since),
    /// With an error, the rest is of a version that cannot be known, and passed over at the place.
    IfError(u8),
    /// A metadata response begins.
    Begin,
    /// A topic, its error, and how many partitions it has.
    Topic,
    /// What became of a partition's batch is known.
    Produced,
    CheckProducerId,

    // Integers.
    /// One of so many bytes is kept.
    Keep1(Register),
    Keep2(Register),
    /// A NULLABLE_STRING's length. It follows.
    NullableString,
    /// A STRING's length. It follows.
    String,
    /// The highest version of an API whose key and lowest version were kept.
    ApiKey,
    Keep4(Register),
    /// A response's bytes, and the request that it is for.
    Length,
    CorrelationId,
    /// How many times a loop goes round, and the least bytes of each.
    Count(Loop),
    /// The number of an array's elements of so many bytes. They follow.
    Array(u8),
    /// A record that is named as a cause of an error.
    RecordIndex,
    BrokerId,
    BrokerPort,
    /// The leader of one of a topic's partitions.
    Leader,

    // What follows a length.
    /// Nobody needs it.
    Bytes,
    /// A topic's name.
    Name,
    /// A broker's host name.
    Host,
}

impl Op {
    /// The bytes of the field, `len` of one that follows its length.
    pub(super) const fn bytes(self, len: u32) -> u32 {
        match self {
            Self::Idle
            | Self::End
            | Self::Keep0(_)
            | Self::While(_)
            | Self::Goto(_)
            | Self::Since(_)
            | Self::IfError(_)
            | Self::Begin
            | Self::Topic
            | Self::Produced
            | Self::CheckProducerId => 0,
            Self::Keep1(_) => 1,
            Self::Keep2(_) | Self::NullableString | Self::String | Self::ApiKey => 2,
            Self::Keep4(_)
            | Self::Length
            | Self::CorrelationId
            | Self::Count(_)
            | Self::Array(_)
            | Self::RecordIndex
            | Self::BrokerId
            | Self::BrokerPort
            | Self::Leader => 4,
            Self::Bytes | Self::Name | Self::Host => len,
        }
    }
}

/// A loop's depth, 0 to 2, and a number below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loop(u8);

impl Loop {
    pub(super) const fn new(depth: u8, number: u8) -> Self {
        assert!(depth < 3 && number < 64);
        Self(depth << 6 | number)
    }

    /// The register that has what the loop has left.
    pub(super) fn turns(self) -> Register {
        Register(self.0 >> 6)
    }

    pub(super) fn number(self) -> u8 {
        self.0 & 63
    }
}

/// A version, 1 to 8, and a place below 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Since(u8);

impl Since {
    #[allow(clippy::arithmetic_side_effects, reason = "runs in a constant")]
    pub(super) const fn new(version: u8, place: u8) -> Self {
        assert!(version > 0 && version <= 8 && place < 32);
        Self((version - 1) << 5 | place)
    }

    pub(super) fn is_newer_than(self, version: i16) -> bool {
        version <= i16::from(self.0 >> 5)
    }

    pub(super) fn place(self) -> u8 {
        self.0 & 31
    }
}

/// Where integers are kept until they are needed: a register of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Register(pub(super) u8);

impl Register {
    // What the loops have left has the first places, the outermost the very first.
    pub(super) const PARTITIONS: Self = Self(1);
    pub(super) const THROTTLE_TIME: Self = Self(3);
    pub(super) const ERROR: Self = Self(4);
    /// A partition's.
    pub(super) const INDEX: Self = Self(5);
    pub(super) const BASE_OFFSET: [Self; 2] = [Self(6), Self(7)];
    pub(super) const LOG_APPEND_TIME: [Self; 2] = [Self(8), Self(9)];
    pub(super) const LOG_START_OFFSET: [Self; 2] = [Self(10), Self(11)];
    /// Behind the first record that is named as a cause of an error; 0: none is.
    pub(super) const BEHIND_RECORD: Self = Self(12);
    // Those of one API have the places of another's.
    pub(super) const PRODUCER_ID: [Self; 2] = Self::BASE_OFFSET;
    pub(super) const PRODUCER_EPOCH: Self = Self::INDEX;
    pub(super) const API_KEY: Self = Self(6);
    pub(super) const VERSION_MIN: Self = Self(7);
    /// Of what nobody needs: there is none.
    pub(super) const NONE: Self = Self(REGISTERS as u8);
}

pub(super) const REGISTERS: usize = 13;

/// What every response begins with.
const START: &[Op] = &[Op::Length, Op::CorrelationId];

/// All tables, one behind the other.
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "runs in a constant")]
pub(super) static PROGRAM: [Op; place_of(None)] = {
    let mut program = [Op::End; place_of(None)];
    let tables =
        [START, produce::RESPONSE, metadata::RESPONSE, api_versions::RESPONSE, init_producer_id::RESPONSE];
    let (mut table, mut place) = (0, 0);
    while table < tables.len() {
        let mut at = 0;
        while at < tables[table].len() {
            program[place] = tables[table][at];
            (at, place) = (at + 1, place + 1);
        }
        table += 1;
    }
    program
};

/// Where an API's table begins among all; where they end.
#[allow(clippy::arithmetic_side_effects, reason = "the sum of a few lengths")]
pub(super) const fn place_of(api: Option<Api>) -> usize {
    const PRODUCE: usize = START.len();
    const METADATA: usize = PRODUCE + produce::RESPONSE.len();
    const API_VERSIONS: usize = METADATA + metadata::RESPONSE.len();
    const INIT_PRODUCER_ID: usize = API_VERSIONS + api_versions::RESPONSE.len();
    match api {
        Some(Api::Produce) => PRODUCE,
        Some(Api::Metadata) => METADATA,
        Some(Api::ApiVersions) => API_VERSIONS,
        Some(Api::InitProducerId) => INIT_PRODUCER_ID,
        None => INIT_PRODUCER_ID + init_producer_id::RESPONSE.len(),
    }
}
