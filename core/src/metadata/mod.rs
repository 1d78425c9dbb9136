//! stub
/// stub
#[derive(Debug)]
pub struct TopicSlot {}
impl TopicSlot { /// An unused one.
 pub const fn new() -> Self { Self {} } }
/// stub
#[derive(Debug)]
pub struct PartitionSlot {}
impl PartitionSlot { /// An unused one.
 pub const fn new() -> Self { Self {} } }
/// stub
#[derive(Debug)]
pub struct BrokerSlot {}
impl BrokerSlot { /// An unused one.
 pub const fn new() -> Self { Self {} } }
/// Why a topic was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// Every `TopicSlot` is taken.
    TableFull,
    /// Kafka would not take the name: 1 to 249 of `[a-zA-Z0-9._-]`, and not `.` or `..`.
    InvalidName,
    /// Does not fit with the client id into a request head.
    NameTooLong {
        /// The longest name that fits.
        max_bytes: usize,
    },
}
