//! The counts that are committed, and whether one has grown.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::workspace::root;

/// An image and what is checked of it: each figure by its name.
pub(super) type Figures = (String, Vec<(String, f64)>);

/// Where they are.
pub(super) const COMMITTED: &str = "tests/device/instructions.json";

/// Above this many of a hundredth, a figure has grown.
const GROWTH_MAX: f64 = 1.01;

fn path() -> PathBuf {
    root().join(COMMITTED)
}

/// Writes all of them anew.
pub(super) fn update(all: &[Figures]) -> Result<()> {
    std::fs::write(path(), format!("{:#}\n", to_json(all))).with_context(|| format!("writing {COMMITTED}"))
}

fn to_json(all: &[Figures]) -> Value {
    let about = "Generated: cargo xtask bench device --update. Instructions, bytes of stack, and time on a link, by image.";
    let images = all.iter().map(|(image, figures)| {
        let figures = figures.iter().map(|(name, value)| (name.clone(), json!(value)));
        (image.clone(), Value::Object(figures.collect()))
    });
    let mut file = Map::from_iter([("about".to_owned(), json!(about))]);
    file.extend(images);
    Value::Object(file)
}

/// A line for each figure that has grown beyond what is committed.
pub(super) fn grown(all: &[Figures]) -> Result<Vec<String>> {
    let by_hand = "write it with: cargo xtask bench device --update";
    let text = std::fs::read_to_string(path()).with_context(|| format!("reading {COMMITTED}; {by_hand}"))?;
    let committed = serde_json::from_str(&text).with_context(|| format!("{COMMITTED} is not JSON"))?;
    grown_beyond(&committed, all).context(by_hand)
}

fn grown_beyond(committed: &Value, all: &[Figures]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (image, figures) in all {
        for (name, now) in figures {
            let before = committed[image][name].as_f64();
            let before = before.with_context(|| format!("{COMMITTED} has no `{name}` of {image}"))?;
            if *now > before * GROWTH_MAX {
                let percent = (now / before - 1.0) * 100.0;
                lines.push(format!("{image}: {name}: {now}, {before} before (+{percent:.1} %)"));
            }
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll_of(instructions: f64) -> [Figures; 1] {
        [("an image".to_owned(), vec![("most of poll".to_owned(), instructions)])]
    }

    #[test]
    fn one_percent_more_is_allowed_and_no_more() {
        let committed = to_json(&poll_of(1_000.0));
        assert!(grown_beyond(&committed, &poll_of(1_010.0)).unwrap().is_empty());
        let lines = grown_beyond(&committed, &poll_of(1_011.0)).unwrap();
        assert_eq!(lines, ["an image: most of poll: 1011, 1000 before (+1.1 %)"]);
        assert!(grown_beyond(&json!({}), &poll_of(1.0)).is_err());
    }
}
