//! The medians as a picture: three panels of bars, one bar for each client and number of partitions.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::backend::SVGBackend;
use plotters::chart::ChartBuilder;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Rectangle, Text};
use plotters::style::{Color, RGBColor, WHITE};

use super::report::Row;

const WIDTH: u32 = 1_320;
const ROW_HEIGHT: u32 = 26;
const FRAME_HEIGHT: u32 = 90;

/// Bars by number of partitions.
const COLORS: [RGBColor; 3] = [RGBColor(31, 119, 180), RGBColor(255, 150, 50), RGBColor(90, 160, 90)];

type Panel = (&'static str, fn(&Row) -> f64, usize);

const PANELS: [Panel; 3] = [
    ("records/s (thousands)", |row| row.records_per_s / 1e3, 0),
    ("CPU s per million records", |row| row.cpu_s_per_million, 2),
    ("peak memory, MiB", |row| row.peak_rss_kib / 1024.0, 1),
];

/// Draws the rows into an SVG file.
pub(crate) fn draw(path: &Path, rows: &[Row]) -> Result<()> {
    let height = FRAME_HEIGHT + ROW_HEIGHT * rows.len() as u32;
    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE).map_err(|error| anyhow!("drawing: {error}"))?;
    for (panel, area) in PANELS.iter().zip(area.split_evenly((1, PANELS.len()))) {
        draw_panel(&area, panel, rows).map_err(|error| anyhow!("drawing {}: {error}", panel.0))?;
    }
    area.present().map_err(|error| anyhow!("writing {}: {error}", path.display()))
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    (title, value, decimals): &Panel,
    rows: &[Row],
) -> Result<(), Box<dyn std::error::Error>> {
    let greatest = rows.iter().map(value).fold(0.0, f64::max);
    let count = rows.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(30)
        // A third of each bar's line is for names, and some for the number behind the bar.
        .build_cartesian_2d(-greatest * 0.75..greatest * 1.25, 0.0..count)?;
    let mut partitions: Vec<u16> = rows.iter().map(|row| row.partitions).collect();
    partitions.sort_unstable();
    partitions.dedup();
    let bars = rows.iter().enumerate().map(|(index, row)| {
        let bottom = count - index as f64 - 0.85;
        let group = partitions.iter().position(|known| *known == row.partitions).unwrap_or(0);
        Rectangle::new([(0.0, bottom), (value(row), bottom + 0.7)], COLORS[group % COLORS.len()].filled())
    });
    chart.draw_series(bars)?;
    let names = rows.iter().enumerate().map(|(index, row)| {
        let name = format!("{}, {} p.", row.client.name(), row.partitions);
        Text::new(name, (-greatest * 0.73, count - index as f64 - 0.25), ("sans-serif", 13))
    });
    chart.draw_series(names)?;
    let numbers = rows.iter().enumerate().map(|(index, row)| {
        let number = format!("{:.*}", decimals, value(row));
        Text::new(number, (value(row) + greatest * 0.02, count - index as f64 - 0.25), ("sans-serif", 13))
    });
    chart.draw_series(numbers)?;
    Ok(())
}
