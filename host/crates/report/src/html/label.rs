//! Texts beside points, each where nothing else is.

use plotters::style::text_anchor::{HPos, VPos};

use super::{
    chart::{Area, Error, Width, style, text},
    role::Role,
};

/// A text's height, in pixels.
const HEIGHT: i32 = 14;

/// How far a text's lower edge lies from its point's middle, in pixels.
const ABOVE: i32 = -3;

/// The same for a text under its point.
const BELOW: i32 = 17;

/// A part of the drawing, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

impl Room {
    /// What a point takes that reaches so far.
    pub(super) fn around((x, y): (i32, i32), reach: i32) -> Self {
        Self {
            left: x - reach,
            right: x + reach,
            top: y - reach,
            bottom: y + reach,
        }
    }

    /// What a text takes, near enough, from its lower left corner.
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
    /// Above or below, right or left, wherever nothing else is; shortened where it fits nowhere
    /// whole, and none where it does not even fit so.
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

    /// What it takes.
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// Writes it.
    pub(super) fn draw(&self, area: &Area<'_>, width: Width) -> Result<(), Error> {
        let role = if self.chosen { Role::Ink } else { Role::Muted };
        let style = style(width, role, (self.side, VPos::Bottom));
        text(area, &self.text, &style, self.at)
    }
}

/// A text of so many letters at most, with a sign where some were cut off.
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
