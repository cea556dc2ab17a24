//! What all charts share: they are drawn by `plotters` as SVG, once for wide screens and once for
//! phones.
//!
//! One drawing scaled down to a phone would have unreadably small text. So a chart is drawn for
//! both widths, and the style sheet shows the one that fits.

use std::io;

use maud::{Markup, PreEscaped, html};
use plotters::{
    coord::Shift,
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea},
    element::{PathElement, Rectangle},
    prelude::SVGBackend,
    style::{
        Color, FontStyle, IntoFont, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::role::Role;

/// The area to draw on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Why drawing failed.
pub(super) type Error = DrawingAreaErrorKind<io::Error>;

/// `plotters` divides a font's size by this before it writes it.
const FONT_SCALE: f64 = 1.24;

/// The kind of screen that a drawing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// A screen with enough width.
    Wide,
    /// A phone held upright.
    Narrow,
}

impl Width {
    /// The width in pixels.
    pub(super) fn pixels(self) -> u32 {
        match self {
            Self::Wide => 900,
            Self::Narrow => 328,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Wide => "wide",
            Self::Narrow => "narrow",
        }
    }

    /// The height of text, in pixels.
    fn text(self) -> f64 {
        match self {
            Self::Wide => 14.0,
            Self::Narrow => 12.0,
        }
    }

    /// The width of a letter in most fonts, in pixels, rounded up.
    pub(super) fn letter(self) -> i32 {
        (self.text() * 0.65).ceil() as i32
    }
}

/// A drawing in both widths; `says` describes it for readers who cannot see it.
pub(super) fn figure(
    says: &str,
    height: impl Fn(Width) -> u32,
    draw: impl for<'a> Fn(&Area<'a>, Width) -> Result<(), Error>,
) -> Markup {
    html! {
        div.chart role="img" aria-label=(says) {
            @for width in [Width::Wide, Width::Narrow] {
                div.(width.class()) {
                    @match drawing((width.pixels(), height(width)), |area| draw(area, width)) {
                        // `plotters` has escaped the texts in it.
                        Ok(svg) => (PreEscaped(svg)),
                        Err(error) => p.problem { "this chart could not be drawn: " (error) },
                    }
                }
            }
        }
    }
}

fn drawing(
    size: (u32, u32),
    draw: impl for<'a> Fn(&Area<'a>) -> Result<(), Error>,
) -> Result<String, Error> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area)?;
        area.present()?;
    }
    Ok(svg)
}

/// A text style; `at` is the side of the text that its position refers to.
pub(super) fn style(width: Width, role: Role, at: (HPos, VPos)) -> TextStyle<'static> {
    let font = ("sans-serif", width.text() * FONT_SCALE).into_font();
    let mut style = TextStyle::from(font);
    style.color = role.color().to_backend_color();
    style.pos = Pos::new(at.0, at.1);
    style
}

/// Writes a text.
pub(super) fn text(
    area: &Area<'_>,
    text: &str,
    style: &TextStyle<'_>,
    at: (i32, i32),
) -> Result<(), Error> {
    area.draw_text(text, style, at)
}

/// The same style in bold.
pub(super) fn bold(style: TextStyle<'static>) -> TextStyle<'static> {
    let mut style = style;
    style.font = style.font.style(FontStyle::Bold);
    style
}

/// Draws a line through points.
pub(super) fn line(
    area: &Area<'_>,
    points: Vec<(i32, i32)>,
    role: Role,
    width: u32,
) -> Result<(), Error> {
    let stroke = ShapeStyle::from(role.color()).stroke_width(width);
    area.draw(&PathElement::new(points, stroke))
}

/// Fills a rectangle.
pub(super) fn fill(
    area: &Area<'_>,
    from: (i32, i32),
    to: (i32, i32),
    role: Role,
) -> Result<(), Error> {
    area.draw(&Rectangle::new([from, to], role.color().filled()))
}
