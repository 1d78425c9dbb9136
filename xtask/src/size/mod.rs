//! `cargo xtask size`: flash and RAM of nanokafka, image by image, and SIZES.md.

mod image;
mod markdown;
mod table;

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use self::image::{Built, Bytes, IMAGES};
use self::markdown::Measured;
use self::table::{Row, UPDATE};
use crate::demo::{self, firmware};
use crate::screen::Screen;
use crate::workspace::{ensure_targets, root};

/// The targets that the images are built for.
const TARGETS: [&str; 3] = ["thumbv6m-none-eabi", "thumbv7em-none-eabihf", "riscv32imc-unknown-none-elf"];

/// The target whose largest functions and whose sizes of types are shown.
const SHOWN_TARGET: &str = TARGETS[1];

/// How many of the largest functions are shown.
const FUNCTIONS_SHOWN: usize = 10;

/// Measure flash and RAM of core, of its features and adapters and of the firmware, and write SIZES.md
///
/// Each image is compared with the same image without nanokafka. Fails if an image of core alone, without its features
/// or with all of them, has a function by which it could panic. The stack is measured by the demo's run of the firmware
/// in QEMU, which needs Kafka; without --stack the figure in SIZES.md stays.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask size\n  cargo xtask size --check\n  cargo xtask size --stack"
)]
pub(crate) struct Options {
    /// Write nothing; fail if a figure is more than 1 % above the one in SIZES.md
    #[arg(long, conflicts_with = "stack")]
    check: bool,
    /// Measure the stack of the firmware, too: runs it in QEMU against Kafka
    #[arg(long)]
    stack: bool,
    /// Print the rows as one line of JSON, the last on standard output; everything else goes to standard error
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let screen = Screen::new(options.json);
    ensure_targets(&TARGETS)?;
    let path = root().join("SIZES.md");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let rows = measure(&screen)?;
    let good = if options.check {
        check(&written, &rows, &screen)
    } else {
        let stack = if options.stack { Some(demo::stack_used()?) } else { markdown::stack_of(&written) };
        let shown = Built::new(SHOWN_TARGET, "core")?.largest(FUNCTIONS_SHOWN)?;
        let layout = Built::new(SHOWN_TARGET, "layout")?.layout()?;
        let measured = Measured { rows: &rows, layout: &layout, functions: &shown, stack };
        std::fs::write(&path, measured.to_markdown())
            .with_context(|| format!("writing {}", path.display()))?;
        screen.line("SIZES.md is written");
        true
    };
    if options.json && good {
        println!("{}", to_json(&rows));
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(screen: &Screen) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut add = |target: &str, image: &str, Bytes { flash, ram }: Bytes| {
        let row = Row { target: target.to_owned(), image: image.to_owned(), flash, ram };
        screen.line(&format!("{target:<28} {image:<20} {flash:>8} flash {ram:>7} RAM"));
        rows.push(row);
    };
    for target in TARGETS {
        for image in IMAGES {
            add(target, image.name, image.measure(target)?);
        }
        for features in ["core", "all"] {
            let panics = Built::new(target, features)?.panics()?;
            ensure!(
                panics.is_empty(),
                "core can panic on {target}: its image with `{features}` has {}; look for an index, a division or an \
                 `unwrap` that the compiler could not prove needless",
                panics.join(", ")
            );
        }
    }
    let size = firmware::Elf::read(firmware::build()?)?.size()?;
    add(firmware::TARGET, "firmware", Bytes { flash: size.flash, ram: size.ram });
    Ok(rows)
}

/// Says what has grown, if anything.
fn check(written: &str, rows: &[Row], screen: &Screen) -> bool {
    let written: Vec<Row> = written.lines().filter_map(Row::parse).collect();
    let grown = table::grown(&written, rows);
    for line in &grown {
        screen.line(&format!("FAILED: {line}"));
    }
    if grown.is_empty() {
        screen.line("no figure is more than 1 % above SIZES.md");
    } else {
        screen.line(&format!("if that is worth it, `{UPDATE}` writes the new figures into SIZES.md"));
    }
    grown.is_empty()
}

fn to_json(rows: &[Row]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "target": row.target,
                "image": row.image,
                "flash_bytes": row.flash,
                "ram_bytes": row.ram,
            })
        })
        .collect();
    json!({ "rows": rows }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_programs_has_the_rows() {
        let row = Row { target: "t".into(), image: "core".into(), flash: 1, ram: 2 };
        let line = r#"{"rows":[{"target":"t","image":"core","flash_bytes":1,"ram_bytes":2}]}"#;
        assert_eq!(to_json(&[row]), line);
    }
}
