//! What a run came to, for a person and for a program.

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
    pub(crate) counts: SixCounts,
    pub(crate) size: Size,
    /// From the start of the board to its end.
    pub(crate) seconds: f64,
    /// What else the firmware said at its end.
    pub(crate) extra: Vec<(String, u64)>,
}

impl Report {
    pub(crate) fn print(&self, screen: &Screen) {
        let row =
            |name: &str, value: &dyn std::fmt::Display| screen.line(&format!("  {name:<18} {value:>12}"));
        screen.line("");
        row("board", &BOARD);
        row("kafka", &self.kafka);
        row("records", &self.records);
        row("delivered", &self.delivered);
        row("read back", &self.read_back);
        for (name, count) in self.counts.named() {
            row(&name.replace('_', " "), &count);
        }
        row("seconds", &format!("{:.1}", self.seconds));
        row("flash bytes", &self.size.flash);
        row("RAM bytes", &self.size.ram);
        for (name, value) in &self.extra {
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
            counts: SixCounts { lost: 1, ..SixCounts::default() },
            size: Size { flash: 50_000, ram: 30_000 },
            seconds: 1.25,
            extra: vec![],
        };
        let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        let fields = "board delivered duplicated flash_bytes kafka lost offset_mismatch phantom ram_bytes \
                      read_back records reordered seconds unreported";
        let names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, fields.split_whitespace().collect::<Vec<_>>());
        assert_eq!((&value["lost"], &value["seconds"]), (&json!(1), &json!(1.25)));
    }
}
