#![forbid(unsafe_code)]
//! nanokafka over tokio.

mod transport;

pub use transport::{TokioTransport, TransportError};
