//! What a run came to, for a person and for a program.

use std::collections::BTreeMap;

use nanokafka_cluster::verdict::SixCounts;
use serde_json::json;

use super::firmware::Size;
use super::qemu::BOARD;
use crate::screen::Screen;

/// A run's result.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The version, or the address of somebody else's broker.
    pub(crate) kafka: String,
    pub(crate) records: u64,
    pub(crate) delivered: u64,
    pub(crate) read_back: u64,
    /// Of the topic.
    pub(crate) partitions: usize,
    /// Those that got records.
    pub(crate) partitions_used: usize,
    /// Records in another partition than that of their key.
    pub(crate) misplaced: u64,
    pub(crate) counts: SixCounts,
    pub(crate) size: Size,
    /// From the start of the board to its end.
    pub(crate) seconds: f64,
    /// What the firmware said at its end, by name.
    pub(crate) done: BTreeMap<String, u64>,
}

impl Report {
    pub(crate) fn print(&self, screen: &Screen) {
        let row =
            |name: &str, value: &dyn std::fmt::Display| screen.line(&format!("  {name:<24} {value:>12}"));
        screen.line("");
        row("board", &BOARD);
        row("kafka", &self.kafka);
        row("records", &self.records);
        row("delivered", &self.delivered);
        row("read back", &self.read_back);
        row("partitions used", &format!("{} of {}", self.partitions_used, self.partitions));
        for (name, count) in self.counts.named() {
            row(&name.replace('_', " "), &count);
        }
        row("seconds", &format!("{:.1}", self.seconds));
        row("flash bytes", &self.size.flash);
        row("RAM bytes", &self.size.ram);
        row("flash of core", &self.size.core_flash);
        row("flash of smoltcp adapter", &self.size.adapter_flash);
        row("flash unattributed", &self.size.unknown_flash);
        if let Some(stack) = self.done.get("stack_used") {
            row("RAM and stack used", &(self.size.ram + stack));
        }
        let shown = ["accepted", "delivered", "failed"];
        for (name, value) in self.done.iter().filter(|(name, _)| !shown.contains(&name.as_str())) {
            row(&name.replace('_', " "), value);
        }
    }

    /// One line for a program.
    pub(crate) fn to_json(&self) -> String {
        let SixCounts { lost, duplicated, reordered, phantom, unreported, offset_mismatch } = self.counts;
        json!({
            "board": BOARD,
            "kafka": self.kafka,
            "records": self.records,
            "delivered": self.delivered,
            "read_back": self.read_back,
            "lost": lost,
            "duplicated": duplicated,
            "reordered": reordered,
            "phantom": phantom,
            "unreported": unreported,
            "offset_mismatch": offset_mismatch,
            "flash_bytes": self.size.flash,
            "ram_bytes": self.size.ram,
            "seconds": (self.seconds * 1000.0).round() / 1000.0,
            "core_flash_bytes": self.size.core_flash,
            "partitions_used": self.partitions_used,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_programs_has_all_fields() {
        let report = Report {
            kafka: "4.4.0".into(),
            records: 2000,
            delivered: 1999,
            read_back: 1998,
            partitions: 3,
            partitions_used: 2,
            misplaced: 0,
            counts: SixCounts { lost: 1, ..SixCounts::default() },
            size: Size { flash: 50_000, ram: 30_000, core_flash: 20_000, ..Size::default() },
            seconds: 1.25,
            done: BTreeMap::new(),
        };
        let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        let fields = "board kafka records delivered read_back lost duplicated reordered phantom unreported \
                      offset_mismatch flash_bytes ram_bytes seconds core_flash_bytes partitions_used";
        let names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, fields.split_whitespace().collect::<Vec<_>>());
        assert_eq!((&value["lost"], &value["seconds"]), (&json!(1), &json!(1.25)));
    }
}
