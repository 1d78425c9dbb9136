//! The counts that are committed, and whether one has grown.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::counted::Counted;
use crate::workspace::root;

/// Where they are.
pub(super) const COMMITTED: &str = "tests/device/instructions.json";

/// Above this many of a hundredth, a figure has grown.
const GROWTH_MAX: f64 = 1.01;

fn path() -> PathBuf {
    root().join(COMMITTED)
}

/// Writes all of them anew.
pub(super) fn update(all: &[Counted]) -> Result<()> {
    std::fs::write(path(), format!("{:#}\n", to_json(all))).with_context(|| format!("writing {COMMITTED}"))
}

fn to_json(all: &[Counted]) -> Value {
    let about = "Generated: cargo xtask bench device --update. Instructions, and bytes of stack, by image.";
    let images = all.iter().map(|counted| {
        let figures = counted.figures().into_iter().map(|(name, value)| (name, json!(value)));
        (counted.image.name(), Value::Object(figures.collect()))
    });
    let mut file = Map::from_iter([("about".to_owned(), json!(about))]);
    file.extend(images);
    Value::Object(file)
}

/// A line for each figure that has grown beyond what is committed.
pub(super) fn grown(all: &[Counted]) -> Result<Vec<String>> {
    let by_hand = "write it with: cargo xtask bench device --update";
    let text = std::fs::read_to_string(path()).with_context(|| format!("reading {COMMITTED}; {by_hand}"))?;
    let committed = serde_json::from_str(&text).with_context(|| format!("{COMMITTED} is not JSON"))?;
    grown_beyond(&committed, all).context(by_hand)
}

fn grown_beyond(committed: &Value, all: &[Counted]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for counted in all {
        let image = counted.image.name();
        for (name, now) in counted.figures() {
            let before = committed[&image][&name].as_f64();
            let before = before.with_context(|| format!("{COMMITTED} has no `{name}` of {image}"))?;
            if now > before * GROWTH_MAX {
                let percent = (now / before - 1.0) * 100.0;
                lines.push(format!("{image}: {name}: {now}, {before} before (+{percent:.1} %)"));
            }
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::super::counted::{Call, Counted};
    use super::super::image::IMAGES;
    use super::*;

    fn counted(instructions_most: u64) -> Counted {
        let call = Call { name: "poll".into(), calls: 1, instructions_most, stack_bytes: 800 };
        Counted { image: IMAGES[0], steady: Vec::new(), calls: vec![call] }
    }

    #[test]
    fn one_percent_more_is_allowed_and_no_more() {
        let committed = to_json(&[counted(1_000)]);
        assert!(grown_beyond(&committed, &[counted(1_010)]).unwrap().is_empty());
        let lines = grown_beyond(&committed, &[counted(1_011)]).unwrap();
        assert_eq!(
            lines,
            ["thumbv7m-none-eabi opt-level s nibbles: most of poll: 1011, 1000 before (+1.1 %)"]
        );
        assert!(grown_beyond(&json!({}), &[counted(1)]).is_err());
    }
}
