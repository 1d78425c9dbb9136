//! Everything a person or CI runs on nanokafka.
fn main() {}
