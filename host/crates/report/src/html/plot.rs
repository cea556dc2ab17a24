//! Charts of points: latency against throughput, percentiles, accuracy against speed.

use maud::{Markup, html};
use plotters::{
    chart::ChartBuilder,
    element::{Circle, Drawable, PointCollection, Polygon},
    prelude::{Cartesian2d, ChartContext, SVGBackend},
    style::{
        Color, ShapeStyle,
        text_anchor::{HPos, VPos},
    },
};

use super::{
    axis::{Axis, Coord},
    chart::{Area, Error, Width, figure, line, style, text},
    label::{Label, Room},
    role::Role,
};

/// A point's radius, in pixels.
const REACH: i32 = 5;

/// A group of points.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The name in the legend; empty for none.
    pub(super) name: String,
    /// The colour and shape of its points.
    pub(super) role: Role,
    /// How they are drawn.
    pub(super) look: Look,
    /// The points.
    pub(super) points: Vec<Point>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// With a line through them, in their order.
    Joined,
    /// Each by itself.
    Apart,
    /// Each by itself, and only its outline.
    Hollow,
}

/// A point.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    /// The position on the horizontal axis.
    pub(super) x: f64,
    /// The position on the vertical axis.
    pub(super) y: f64,
    /// The text beside it if there is space; empty for none.
    pub(super) label: String,
    /// Whether it is the chosen point, which has a ring and is always labelled.
    pub(super) chosen: bool,
}

/// A horizontal line that values are compared with.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    /// The position on the vertical axis.
    pub(super) y: f64,
    /// The text beside it.
    pub(super) label: String,
}

/// A chart of points.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// The description for readers who cannot see it.
    pub(super) says: String,
    /// The horizontal axis.
    pub(super) x: Axis,
    /// The vertical axis.
    pub(super) y: Axis,
    /// The groups of points.
    pub(super) series: Vec<Series>,
    /// The bound that they are compared with.
    pub(super) bound: Option<Bound>,
    /// Whether labels are also drawn on phones, where there is little space.
    pub(super) label_on_phones: bool,
}

/// The shape of a group's points.
#[derive(Clone, Copy)]
enum Shape {
    Circle,
    Square,
    Triangle,
    Diamond,
}

impl Role {
    /// Paths differ in shape as well as in colour.
    fn shape(self) -> Shape {
        match self {
            Self::Native => Shape::Triangle,
            Self::Twin => Shape::Square,
            Self::Batched | Self::Front => Shape::Diamond,
            _ => Shape::Circle,
        }
    }
}

impl Series {
    /// The symbol of its points in the legend.
    fn symbol(&self) -> &'static str {
        match (self.role.shape(), self.look) {
            (Shape::Circle, Look::Hollow) => "○",
            (Shape::Square, Look::Hollow) => "□",
            (Shape::Triangle, Look::Hollow) => "△",
            (Shape::Diamond, Look::Hollow) => "◇",
            (Shape::Circle, _) => "●",
            (Shape::Square, _) => "■",
            (Shape::Triangle, _) => "▲",
            (Shape::Diamond, _) => "◆",
        }
    }
}

impl Plot {
    /// Draws it, with a legend.
    pub(super) fn markup(&self) -> Markup {
        let named = self.series.iter().filter(|series| !series.name.is_empty());
        html! {
            ul.key {
                @for series in named {
                    li {
                        span class=(series.role.class()) aria-hidden="true" { (series.symbol()) }
                        " " (series.name)
                    }
                }
            }
            p.axis { (self.y.title) }
            (figure(&self.says, height, |area, width| self.draw(area, width)))
            p.axis.below { (self.x.title) }
        }
    }

    fn draw(&self, area: &Area<'_>, width: Width) -> Result<(), Error> {
        let (x_marks, y_marks) = match width {
            Width::Wide => (12, 9),
            Width::Narrow => (5, 6),
        };
        let (left, bottom) = match width {
            Width::Wide => (72, 30),
            Width::Narrow => (58, 24),
        };
        let mut chart = ChartBuilder::on(area)
            .margin_top(10)
            .margin_right(14)
            .x_label_area_size(bottom)
            .y_label_area_size(left)
            .build_cartesian_2d(self.x.coord(x_marks), self.y.coord(y_marks))?;
        let middle = (HPos::Center, VPos::Center);
        chart
            .configure_mesh()
            .axis_style(Role::Grid.color())
            .bold_line_style(Role::Grid.color())
            .light_line_style(Role::Grid.color().mix(0.0))
            .label_style(style(width, Role::Muted, middle))
            .draw()?;
        let place = |x: f64, y: f64| Some(at(&chart, self.x.place(x)?, self.y.place(y)?));
        let right = width.pixels() as i32 - 14;
        let mut taken = Vec::new();
        if let Some(bound) = &self.bound
            && let Some((_, y)) = place_bound(&chart, &self.x, &self.y, bound)
        {
            taken.push(draw_bound(area, width, (left, right, y), &bound.label)?);
        }
        let mut labelled = Vec::new();
        for series in &self.series {
            let points: Vec<_> = (series.points.iter())
                .filter_map(|point| Some((point, place(point.x, point.y)?)))
                .collect();
            if series.look == Look::Joined && points.len() > 1 {
                let through = points.iter().map(|(_, at)| *at).collect();
                line(area, through, series.role, 2)?;
            }
            for (point, at) in points {
                draw_point(area, at, series, point.chosen)?;
                taken.push(Room::around(at, REACH));
                if point.chosen || width == Width::Wide || self.label_on_phones {
                    labelled.push((point, at));
                }
            }
        }
        // The chosen point's label is placed first. No label covers anything.
        labelled.sort_by_key(|(point, _)| !point.chosen);
        for (point, at) in labelled {
            if let Some(label) = Label::beside(&point.label, point.chosen, at, width, &taken) {
                label.draw(area, width)?;
                taken.push(label.room());
            }
        }
        Ok(())
    }
}

/// The chart that points are drawn on.
type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Coord, Coord>>;

fn height(width: Width) -> u32 {
    match width {
        Width::Wide => 400,
        Width::Narrow => 300,
    }
}

fn at(chart: &Plane<'_, '_>, x: f64, y: f64) -> (i32, i32) {
    chart.backend_coord(&(x, y))
}

/// The position of a bound, if it lies on the axis.
fn place_bound(chart: &Plane<'_, '_>, x: &Axis, y: &Axis, bound: &Bound) -> Option<(i32, i32)> {
    Some(at(chart, x.range().start, y.place(bound.y)?))
}

fn draw_bound(
    area: &Area<'_>,
    width: Width,
    (left, right, y): (i32, i32, i32),
    label: &str,
) -> Result<Room, Error> {
    let mut from = left;
    while from < right {
        let dash = vec![(from, y), ((from + 7).min(right), y)];
        line(area, dash, Role::Bound, 2)?;
        from += 12;
    }
    let beside = style(width, Role::Bound, (HPos::Left, VPos::Bottom));
    text(area, label, &beside, (left + 6, y - 4))?;
    Ok(Room::of_text(label, (left + 6, y - 4), width))
}

fn draw_point(
    area: &Area<'_>,
    (x, y): (i32, i32),
    series: &Series,
    chosen: bool,
) -> Result<(), Error> {
    let role = series.role;
    let filled = ShapeStyle::from(role.color()).filled();
    if chosen {
        let ring = ShapeStyle::from(Role::Ink.color()).stroke_width(2);
        area.draw(&Circle::new((x, y), REACH + 5, ring))?;
    }
    let corners = match role.shape() {
        Shape::Circle => {
            area.draw(&Circle::new((x, y), REACH, filled))?;
            return hollow(
                area,
                series,
                Circle::new((x, y), REACH - 2, Role::Card.color().filled()),
            );
        }
        Shape::Square => [(-4, -4), (4, -4), (4, 4), (-4, 4)].to_vec(),
        Shape::Triangle => [(0, -REACH), (REACH, 4), (-REACH, 4)].to_vec(),
        Shape::Diamond => [(0, -6), (6, 0), (0, 6), (-6, 0)].to_vec(),
    };
    let outline = |divisor: i32| {
        let corner = |(dx, dy): &(i32, i32)| (x + dx / divisor, y + dy / divisor);
        corners.iter().map(corner).collect::<Vec<_>>()
    };
    area.draw(&Polygon::new(outline(1), filled))?;
    hollow(
        area,
        series,
        Polygon::new(outline(2), Role::Card.color().filled()),
    )
}

/// Draws over the middle of a point of which only the outline is shown.
fn hollow<'a, E>(area: &Area<'a>, series: &Series, middle: E) -> Result<(), Error>
where
    for<'b> &'b E: PointCollection<'b, (i32, i32)>,
    E: Drawable<SVGBackend<'a>>,
{
    match series.look {
        Look::Hollow => area.draw(&middle),
        Look::Joined | Look::Apart => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_anything_are_drawn() {
        for points in [
            vec![],
            vec![(1.0, 1.0)],
            vec![
                (f64::NAN, 1.0),
                (5.0, f64::INFINITY),
                (0.0, -1.0),
                (2.0, 3.0),
            ],
        ] {
            let xs = points.iter().map(|point| point.0).chain([10.0]);
            let x = Axis::log("x", xs, |value| value.to_string()).unwrap();
            let y = Axis::linear("y", [1.0], 0.0..9.0, |value| value.to_string()).unwrap();
            let series = Series {
                name: "<i>".into(),
                role: Role::Plugin,
                look: Look::Joined,
                points: points
                    .iter()
                    .map(|(x, y)| Point {
                        x: *x,
                        y: *y,
                        label: "</svg><script>".repeat(9),
                        chosen: true,
                    })
                    .collect(),
            };
            let plot = Plot {
                says: "\"quoted\"".into(),
                x,
                y,
                series: vec![series],
                bound: Some(Bound {
                    y: f64::NAN,
                    label: "never".into(),
                }),
                label_on_phones: true,
            };
            let drawn = plot.markup().into_string();
            assert_eq!(drawn.matches("</svg>").count(), 2);
            assert!(
                !drawn.contains("<script") && !drawn.contains("<i>"),
                "{drawn}"
            );
            assert!(!drawn.contains("never") && drawn.contains("&quot;quoted"));
        }
    }
}
