//! The report as SVG pictures, which scale and which git can compare.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::{
    coord::Shift,
    prelude::{
        BLACK, ChartBuilder, Circle, Color as _, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _,
        IntoFont as _, IntoLogRange as _, LineSeries, RGBColor, Rectangle, SVGBackend, Text, WHITE,
    },
    style::{
        TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::Report;

const WIDTH: u32 = 900;
/// Width for the labels next to the bars, in pixels.
const WORDS: u32 = 320;
/// Height in pixels of a bar, of the space between two groups, and of the frame around them.
const BAR: u32 = 14;
const GAP: u32 = 12;
const FRAME: u32 = 110;
/// Colours that people with a colour vision deficiency can distinguish too (Okabe and Ito's palette).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
];

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Bars of one colour, or points of one line. A point is a position or a number of ranges, and a value.
struct Series {
    name: String,
    points: Vec<(usize, f64)>,
}

/// Draws all measurements.
pub(super) fn draw(report: &Report, directory: &Path) -> Result<()> {
    let packets: Vec<&str> = report.packets.iter().map(|packet| packet.name.as_str()).collect();
    let ways: Vec<&str> = report.end_to_end.iter().map(|way| way.way.as_str()).collect();
    let rates = report.end_to_end.iter().map(|way| way.packets_per_second.median / 1e3);
    let rates = [Series { name: "received".to_owned(), points: rates.enumerate().collect() }];
    let drawn = || -> Drawn {
        let caption = "Cost of a packet: nanoseconds above a do-nothing XDP program";
        bars(&directory.join("packets.svg"), caption, &packets, &by_packet(report))?;
        let caption = "Cost of a hit by the number of ranges: nanoseconds above a do-nothing program";
        lines(&directory.join("scaling.svg"), caption, &by_list(report))?;
        if ways.is_empty() {
            return Ok(());
        }
        let caption = "Through to the stack of one receiving processor: thousand packets a second";
        bars(&directory.join("end_to_end.svg"), caption, &ways, &rates)
    };
    drawn().map_err(|error| anyhow!("cannot draw into {}: {error}", directory.display()))
}

fn by_packet(report: &Report) -> Vec<Series> {
    let mut series = Vec::new();
    for (position, packet) in report.packets.iter().enumerate() {
        for cost in &packet.costs {
            add(&mut series, &cost.program, (position, cost.above_floor.median.max(0.0)));
        }
    }
    series
}

fn by_list(report: &Report) -> Vec<Series> {
    let mut series = Vec::new();
    for scale in &report.scaling {
        for cost in &scale.costs {
            let name = |what: &str| format!("{}: {what}", cost.program);
            add(&mut series, &name("one source"), (scale.ranges, cost.one_source.median));
            add(&mut series, &name("any source"), (scale.ranges, cost.any_source.median));
        }
    }
    series.iter_mut().for_each(|series| series.points.sort_by_key(|(ranges, _)| *ranges));
    series
}

fn add(series: &mut Vec<Series>, name: &str, point: (usize, f64)) {
    match series.iter_mut().find(|series| series.name == name) {
        Some(series) => series.points.push(point),
        None => series.push(Series { name: name.to_owned(), points: vec![point] }),
    }
}

/// A group of bars for each label, one below the other.
#[expect(clippy::cast_precision_loss, reason = "a few bars")]
fn bars(path: &Path, caption: &str, labels: &[&str], series: &[Series]) -> Drawn {
    let (groups, of_group) = (count(labels.len()), count(series.len()));
    let height = FRAME + BAR * of_group.min(1) + groups * (of_group * BAR + GAP);
    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 16))
        .margin(12)
        .margin_right(60)
        .x_label_area_size(44)
        .y_label_area_size(WORDS)
        // The first group on top.
        .build_cartesian_2d(0.0..highest(series) * 1.05, f64::from(groups)..0.0)?;
    chart.configure_mesh().disable_y_axis().disable_y_mesh().light_line_style(WHITE).draw()?;
    let slot = 1.0 / (series.len() as f64 + 1.0);
    for (row, series) in series.iter().enumerate() {
        let top = |position: usize| position as f64 + (row as f64 + 0.5) * slot;
        let colour = COLOURS[row % COLOURS.len()];
        let bar = |(position, value): &(usize, f64)| {
            Rectangle::new([(0.0, top(*position)), (*value, top(*position) + slot * 0.9)], colour.filled())
        };
        chart.draw_series(series.points.iter().map(bar))?;
        for (position, value) in &series.points {
            let (x, y) = chart.plotting_area().map_coordinate(&(*value, top(*position) + slot * 0.45));
            write(&area, &format!("{value:.1}"), (x + 4, y), HPos::Left)?;
        }
    }
    for (position, label) in labels.iter().enumerate() {
        let (x, y) = chart.plotting_area().map_coordinate(&(0.0, position as f64 + 0.5));
        write(&area, label, (x - 8, y), HPos::Right)?;
    }
    if series.len() > 1 {
        legend(&area, series, height)?;
    }
    area.present()
}

/// A line for each series, both axes by powers of ten.
fn lines(path: &Path, caption: &str, series: &[Series]) -> Drawn {
    const HEIGHT: u32 = 420;
    let area = SVGBackend::new(path, (WIDTH, HEIGHT)).into_drawing_area();
    area.fill(&WHITE)?;
    let most = series.iter().flat_map(|series| &series.points).map(|(ranges, _)| *ranges).max().unwrap_or(10);
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 16))
        .margin(12)
        .margin_right(60)
        .x_label_area_size(60)
        .y_label_area_size(40)
        .build_cartesian_2d(
            (10_f64..f64::from(count(most)) * 1.5).log_scale(),
            (1.0..highest(series) * 1.5).log_scale(),
        )?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_label_formatter(&f64::to_string)
        .y_label_formatter(&f64::to_string)
        .draw()?;
    for (number, (series, colour)) in series.iter().zip(COLOURS.iter().cycle()).enumerate() {
        // The values of two neighbouring lines are below one and above the other.
        let beside = if number % 2 == 0 { 12 } else { -12 };
        let points = || series.points.iter().map(|(ranges, value)| (f64::from(count(*ranges)), *value));
        chart.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
        chart.draw_series(points().map(|point| Circle::new(point, 4, colour.filled())))?;
        for (ranges, value) in points() {
            let (x, y) = chart.plotting_area().map_coordinate(&(ranges, value));
            write(&area, &format!("{value:.1}"), (x, y + beside), HPos::Center)?;
        }
    }
    legend(&area, series, HEIGHT)?;
    area.present()
}

/// The legend of the colours along the lower edge.
fn legend(area: &Area<'_>, series: &[Series], height: u32) -> Drawn {
    let bottom = i32::try_from(height).unwrap_or(i32::MAX) - 16;
    let step = i32::try_from(WIDTH).unwrap_or(i32::MAX) / i32::try_from(series.len().max(1)).unwrap_or(1);
    for ((series, colour), left) in
        series.iter().zip(COLOURS.iter().cycle()).zip((0..).step_by(step.unsigned_abs() as usize))
    {
        area.draw(&Rectangle::new([(left + 12, bottom - 6), (left + 24, bottom + 6)], colour.filled()))?;
        write(area, &series.name, (left + 30, bottom), HPos::Left)?;
    }
    Ok(())
}

fn write(area: &Area<'_>, text: &str, at: (i32, i32), side: HPos) -> Drawn {
    let style =
        TextStyle::from(("sans-serif", 12).into_font()).pos(Pos::new(side, VPos::Center)).color(&BLACK);
    area.draw(&Text::new(text.to_owned(), at, style))
}

fn highest(series: &[Series]) -> f64 {
    series.iter().flat_map(|series| &series.points).fold(1.0, |most, (_, value)| value.max(most))
}

fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}
