//! What the example firmware says of itself, and what a consumer reads of it.

mod facts;
mod reading;

pub use facts::{Account, Fact};
pub use reading::{Id, Reading, consumed};
