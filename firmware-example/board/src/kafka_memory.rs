//! The producer's memory.

use nanokafka::Resources;

use crate::TCP_SOCKETS;

/// 14 batches of 1 KiB for one topic of up to 16 partitions, and as many brokers as connections. All zero when new: it
/// lies in `.bss`, which the linker script checks.
pub type KafkaMemory = Resources<14, 1_024, 1, 16, TCP_SOCKETS, TCP_SOCKETS>;
