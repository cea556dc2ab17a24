//! Horizontal bars: the stages of a frame one after the other, and paths beside each other.
//!
//! Each row shows its name and its figures as columns of text, so that parts too short to see can
//! still be read. All rows have the same scale.

use maud::{Markup, html};
use plotters::style::text_anchor::{HPos, VPos};

use super::{
    chart::{Area, Error, Width, bold, figure, fill, line, style, text},
    role::Role,
};

/// A row of the drawing.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// The row's name.
    pub(super) name: String,
    /// Its figure.
    pub(super) value: String,
    /// A second figure; empty for none.
    pub(super) aside: String,
    /// The start, end and role of each part.
    pub(super) parts: Vec<(f64, f64, Role)>,
    /// Whether it is the sum of other rows.
    pub(super) sum: bool,
}

impl Row {
    fn end(&self) -> f64 {
        self.parts.iter().map(|part| part.1).fold(0.0, f64::max)
    }
}

/// Draws rows; `says` describes them for readers who cannot see the drawing.
pub(super) fn bars(says: &str, rows: &[Row]) -> Markup {
    let says = rows.iter().fold(format!("{says}:"), |says, row| {
        format!("{says} {} {} {};", row.name, row.value, row.aside)
    });
    figure(
        &says,
        |width| (rows.len() as u32 * Columns::of(width).row) + 4,
        |area, width| draw(area, width, rows),
    )
}

/// The positions of the columns, in pixels.
struct Columns {
    row: u32,
    bar: i32,
    value: i32,
    aside: i32,
    start: i32,
}

impl Columns {
    fn of(width: Width) -> Self {
        match width {
            Width::Wide => Self {
                row: 30,
                bar: 18,
                value: 200,
                aside: 282,
                start: 302,
            },
            // On a narrow screen the figures are above the bar.
            Width::Narrow => Self {
                row: 40,
                bar: 12,
                value: 252,
                aside: 326,
                start: 0,
            },
        }
    }
}

fn draw(area: &Area<'_>, width: Width, rows: &[Row]) -> Result<(), Error> {
    let columns = Columns::of(width);
    let end = rows.iter().map(Row::end).fold(0.0, f64::max);
    let room = f64::from(width.pixels() as i32 - columns.start - 2);
    // Values come from a report file, so they may be NaN, which is drawn with no length.
    let x = |value: f64| {
        let share = if end > 0.0 { value / end } else { 0.0 };
        columns.start + (share.clamp(0.0, 1.0) * room).round() as i32
    };
    for (at, row) in rows.iter().enumerate() {
        let top = at as i32 * columns.row as i32;
        let (middle, bar) = match width {
            Width::Wide => {
                let middle = top + columns.row as i32 / 2;
                (middle, middle - columns.bar / 2)
            }
            Width::Narrow => (top + 11, top + 22),
        };
        let weight = |role, side| {
            let style = style(width, role, (side, VPos::Center));
            if row.sum { bold(style) } else { style }
        };
        if row.sum {
            let right = width.pixels() as i32;
            line(area, vec![(0, top), (right, top)], Role::Grid, 1)?;
        }
        text(area, &row.name, &weight(Role::Ink, HPos::Left), (0, middle))?;
        let value = weight(Role::Ink, HPos::Right);
        text(area, &row.value, &value, (columns.value, middle))?;
        let aside = weight(Role::Muted, HPos::Right);
        text(area, &row.aside, &aside, (columns.aside, middle))?;
        for (from, to, role) in &row.parts {
            let (from, to) = (x(*from), x(*to));
            // A part is always visible, however short.
            let to = to.max(from + 2);
            fill(area, (from, bar), (to, bar + columns.bar), *role)?;
        }
    }
    Ok(())
}

/// The legend for the colours of bars.
pub(super) fn key(roles: &[(Role, &str)]) -> Markup {
    html! {
        ul.key {
            @for (role, name) in roles {
                li { span class=(role.class()) aria-hidden="true" { "■" } " " (name) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_anything_are_drawn() {
        let row = |from, to| Row {
            name: "<b>&".into(),
            parts: vec![(from, to, Role::Guest)],
            ..Row::default()
        };
        for rows in [
            vec![],
            vec![row(0.0, 0.0)],
            vec![row(f64::NAN, f64::NAN), row(0.0, 3.0)],
            vec![row(-5.0, f64::INFINITY)],
        ] {
            let drawn = bars("times", &rows).into_string();
            assert_eq!(drawn.matches("<svg").count(), 2);
            assert!(
                !drawn.contains("<b>") && !drawn.contains("could not"),
                "{drawn}"
            );
        }
    }
}
