//! Statics as large as the types of nanokafka: `cargo xtask size` reads their sizes from the image.

use core::mem::size_of;

use nanokafka::{
    BatchSlot, BrokerSlot, ConnectionSlot, PartitionQueue, PartitionSlot, Producer, SequenceSlot, TopicQueue,
    TopicSlot,
};

use crate::registers::{input, output};

macro_rules! layout {
    ($($name:ident: $bytes:expr;)*) => { $(
        #[used]
        #[unsafe(no_mangle)]
        static $name: [u8; $bytes] = [0; $bytes];
    )* };
}

layout! {
    layout_producer: size_of::<Producer<'static>>();
    layout_batch: size_of::<BatchSlot>();
    layout_partition: size_of::<PartitionSlot>() + size_of::<PartitionQueue>() + size_of::<SequenceSlot>();
    layout_connection: size_of::<ConnectionSlot>();
    layout_broker: size_of::<BrokerSlot>();
    layout_topic: size_of::<TopicSlot>() + size_of::<TopicQueue>();
}

pub fn run() -> ! {
    loop {
        output(input());
    }
}
