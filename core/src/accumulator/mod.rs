//! stub
/// One batch's place.
#[derive(Debug)]
pub struct BatchSlot {}
impl BatchSlot { /// An unused one.
 pub const fn new() -> Self { Self {} } }
/// stub
#[derive(Debug)]
pub struct PartitionQueue {}
impl PartitionQueue { /// An unused one.
 pub const fn new() -> Self { Self {} } }
/// stub
#[derive(Debug)]
pub struct TopicQueue {}
impl TopicQueue { /// An unused one.
 pub const fn new() -> Self { Self {} } }
