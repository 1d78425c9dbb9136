//! `cargo xtask bench`: how fast, beside the peers and beside what cannot be undercut.

mod callgrind;
mod chart;
mod clients;
mod device;
mod encode;
mod host;
mod measured;
mod report;
mod stats;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Measure nanokafka beside its peers, and beside the least that anybody could need
///
/// Times are of this machine and this hour: they are compared only within one run. Instructions are repeatable, and
/// committed.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Device(device::Options),
    Encode(encode::Options),
    Host(host::Options),
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    match &options.what {
        What::Device(options) => device::run(options),
        What::Encode(options) => encode::run(options),
        What::Host(options) => host::run(options),
    }
}
