//! The bench's own clients. The first argument says which; see `cargo xtask bench`.

mod batch;
mod blocking;
mod encode;
mod fake_broker;
mod replay;
mod socket;
mod tokio_client;

use plan::{Error, Plan};

fn main() -> Result<(), Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((client, rest)) = args.split_first() else { return Err("which client?".into()) };
    match client.as_str() {
        "replay" => replay::run(&Plan::from_args(rest)?),
        "nanokafka-tokio-1" => tokio_client::run(&Plan::from_args(rest)?, 1),
        "nanokafka-tokio-8" => tokio_client::run(&Plan::from_args(rest)?, 8),
        "nanokafka-blocking" => blocking::run(&Plan::from_args(rest)?),
        "encode-time" => encode::time(rest),
        "encode-once" => encode::once(rest),
        unknown => Err(format!("there is no client {unknown}").into()),
    }
}
