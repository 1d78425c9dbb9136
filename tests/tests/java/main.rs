//! The scenarios of Kafka's own producer tests, by their names: `testSendInOrder` of `SenderTest` is
//! `sender::send_in_order`. `tests/JAVA-SCENARIOS.md` says where each is, and why those that are missing cannot apply.

mod buffer_pool;
mod built_in_partitioner;
mod catalogue;
mod kafka_producer;
mod metadata;
mod network_client;
mod record_accumulator;
mod rig;
mod sender;
mod sender_expiry;
mod sender_sequences;
mod transaction_manager;
