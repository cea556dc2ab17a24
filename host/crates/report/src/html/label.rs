//! Texts beside points, placed where they cover nothing.

use plotters::style::text_anchor::{HPos, VPos};

use super::{
    chart::{Area, Error, Width, style, text},
    role::Role,
};

/// The height of text, in pixels.
const HEIGHT: i32 = 14;

/// The distance from a point's centre up to its text's lower edge, in pixels.
const ABOVE: i32 = -3;

/// The same for a text below its point.
const BELOW: i32 = 17;

/// A rectangle of the drawing, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

impl Room {
    /// The rectangle around a point of this size.
    pub(super) fn around((x, y): (i32, i32), reach: i32) -> Self {
        Self {
            left: x - reach,
            right: x + reach,
            top: y - reach,
            bottom: y + reach,
        }
    }

    /// The approximate rectangle of a text, from its lower left corner.
    pub(super) fn of_text(text: &str, (x, y): (i32, i32), width: Width) -> Self {
        Self {
            left: x,
            right: x + text.chars().count() as i32 * width.letter(),
            top: y - HEIGHT,
            bottom: y,
        }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// A text beside a point.
pub(super) struct Label {
    text: String,
    chosen: bool,
    side: HPos,
    at: (i32, i32),
    room: Room,
}

impl Label {
    /// Places a text above or below its point, on the right or the left, where it covers nothing.
    /// It is shortened if it does not fit completely; `None` if it does not fit at all.
    pub(super) fn beside(
        text: &str,
        chosen: bool,
        at: (i32, i32),
        width: Width,
        taken: &[Room],
    ) -> Option<Self> {
        let labels: Vec<_> = [
            (HPos::Left, ABOVE),
            (HPos::Left, BELOW),
            (HPos::Right, ABOVE),
            (HPos::Right, BELOW),
        ]
        .into_iter()
        .map(|place| Self::at(text, chosen, at, width, place))
        .filter(|label| !taken.iter().any(|room| room.meets(&label.room)))
        .collect();
        let whole = labels.iter().position(|label| label.text == text);
        labels.into_iter().nth(whole.unwrap_or_default())
    }

    fn at(
        text: &str,
        chosen: bool,
        (x, y): (i32, i32),
        width: Width,
        (side, below): (HPos, i32),
    ) -> Self {
        let gap = if chosen { 14 } else { 9 };
        let y = y + below;
        let fitting = |room: i32| cut(text, (room / width.letter()).max(0) as usize);
        match side {
            HPos::Right => {
                let text = fitting(x - gap);
                let room = Room::of_text(&text, (x - gap, y), width);
                let long = room.right - room.left;
                Self {
                    text,
                    chosen,
                    side,
                    at: (x - gap, y),
                    room: Room {
                        left: room.left - long,
                        right: room.left,
                        ..room
                    },
                }
            }
            HPos::Left | HPos::Center => {
                let text = fitting(width.pixels() as i32 - x - gap);
                let room = Room::of_text(&text, (x + gap, y), width);
                Self {
                    text,
                    chosen,
                    side,
                    at: (x + gap, y),
                    room,
                }
            }
        }
    }

    /// The rectangle that it covers.
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// Draws it.
    pub(super) fn draw(&self, area: &Area<'_>, width: Width) -> Result<(), Error> {
        let role = if self.chosen { Role::Ink } else { Role::Muted };
        let style = style(width, role, (self.side, VPos::Bottom));
        text(area, &self.text, &style, self.at)
    }
}

/// A text of at most this many letters, with a mark where letters were cut off.
fn cut(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept = text.chars().take(letters.saturating_sub(1));
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_no_longer_than_its_room() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("größer", 0), "…");
    }

    #[test]
    fn labels_make_way_for_each_other() {
        let beside =
            |taken: &[Room]| Label::beside("a label", false, (300, 200), Width::Wide, taken);
        let mut taken = Vec::new();
        let mut places = Vec::new();
        while let Some(label) = beside(&taken) {
            assert!(!taken.iter().any(|room: &Room| room.meets(&label.room())));
            assert_eq!(label.text, "a label");
            places.push(label.at);
            taken.push(label.room());
        }
        assert_eq!(places, [(309, 197), (309, 217), (291, 197), (291, 217)]);
        let cut = Label::beside(&"long ".repeat(99), true, (800, 9), Width::Wide, &[]).unwrap();
        assert!(
            cut.text.ends_with('…') && cut.room().right <= 900,
            "{:?}",
            cut.room()
        );
    }
}
