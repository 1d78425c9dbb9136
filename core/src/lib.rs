//! An Apache Kafka producer for microcontrollers.
#![no_std]
#![forbid(unsafe_code)]
