//! `cargo xtask bench device`: what core costs on a microcontroller, in instructions, stack and bytes on the wire.

mod committed;
mod counted;
mod formula;
mod goodput;
mod image;

use std::process::ExitCode;

use anyhow::{Context, Result};
use nanokafka_cluster::install::ensure_program;
use serde_json::json;

use self::committed::{COMMITTED, Figures};
use self::counted::{Counted, Steady};
use self::image::{IMAGES, TARGETS};
use crate::screen::Screen;
use crate::workspace::ensure_targets;

/// Count core's instructions per record of 20 bytes on a Cortex-M3 and a Cortex-M0 in QEMU, its stack, and its rate
///
/// Instructions are counted by QEMU's -icount: the same in each run, and committed in tests/device/instructions.json.
/// They are no cycles: QEMU has no caches and no wait states. Besides, what a board sends over smoltcp is compared with
/// raw TCP, in the time that its instructions take.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask bench device\n  cargo xtask bench device --check\n  \
                        cargo xtask bench device --update")]
pub(crate) struct Options {
    /// Exit with 1 when a figure is more than 1 % above what is committed
    #[arg(long, conflicts_with = "update")]
    check: bool,
    /// Write what was counted to tests/device/instructions.json
    #[arg(long)]
    update: bool,
    /// The last line on stdout is one object with all rows
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    ensure_program("qemu-system-arm", "qemu-system-arm")?;
    ensure_targets(&TARGETS)?;
    let screen = Screen::new(options.json);
    let mut all = Vec::new();
    for image in IMAGES {
        screen.line(&format!("building and running {}", image.name()));
        let told = image.run()?;
        all.push(Counted::read(*image, &told).with_context(|| image.name())?);
    }
    let rates = goodput::measure(&screen)?;
    tell(&all, &screen);
    goodput::tell(&rates, &screen);
    let mut figures: Vec<Figures> =
        all.iter().map(|counted| (counted.image.name(), counted.figures())).collect();
    figures.push(("over smoltcp".to_owned(), rates.iter().filter_map(goodput::Row::figure).collect()));
    let mut code = ExitCode::SUCCESS;
    if options.update {
        committed::update(&figures)?;
        screen.line(&format!("written to {COMMITTED}"));
    } else if options.check && !check(&figures, &screen)? {
        code = ExitCode::FAILURE;
    }
    if options.json {
        let rates = rates.iter().map(goodput::Row::json);
        let rows: Vec<_> = all.iter().flat_map(Counted::rows).chain(rates).collect();
        println!("{}", json!({ "rows": rows }));
    }
    Ok(code)
}

fn tell(all: &[Counted], screen: &Screen) {
    screen.line("\ninstructions per record of 20 B, without the transport's own");
    screen.line("image                                  batch     send     seal   x floor     whole  bytes");
    for counted in all {
        for Steady { batch, send, seal, whole, bytes, .. } in &counted.steady {
            let (name, times) = (counted.image.name(), (send + seal) / counted.image.floor);
            screen.line(&format!(
                "{name:<39} {batch:>4} {send:>8.1} {seal:>8.1} {times:>9.2} {whole:>9.1} {bytes:>6.2}"
            ));
        }
    }
    screen.line("\nmost instructions of one call, and its stack in bytes, over a whole life");
    screen.line("image                                   call             calls   instructions  stack");
    for counted in all {
        for call in &counted.calls {
            let (name, most) = (counted.image.name(), call.instructions_most);
            screen.line(&format!(
                "{name:<39} {:<15} {:>6} {most:>14} {:>6}",
                call.name, call.calls, call.stack_bytes
            ));
        }
    }
    let deepest = all.iter().map(Counted::stack_bytes).max().unwrap_or(0);
    screen.line(&format!("deepest stack of any call of any image: {deepest} bytes"));
    screen.line(
        "\nseal: from the beginning of poll until the transport gets the batch. whole: until the delivery was taken. \
         floor: a copy and a CRC-32C of the record. Bytes equal the formula.",
    );
}

/// Whether nothing has grown beyond what is committed.
fn check(figures: &[Figures], screen: &Screen) -> Result<bool> {
    let grown = committed::grown(figures)?;
    for line in &grown {
        screen.line(&format!("FAILED: {line}"));
    }
    if grown.is_empty() {
        screen.line("no figure is more than 1 % above what is committed");
    } else {
        screen.line("if that is right, commit it: cargo xtask bench device --update");
    }
    Ok(grown.is_empty())
}
