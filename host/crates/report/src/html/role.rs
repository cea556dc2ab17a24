//! The meaning of each colour, in light and in dark mode.
//!
//! Charts are drawn in the light colours. The page's style sheet matches each colour by the
//! attribute in the drawing and replaces it by a variable, which has the dark colour in dark mode.
//! So a drawing that is taken out of the page still looks right.

use std::fmt::Write;

use plotters::style::RGBColor;

use crate::record::Path;

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Text.
    Ink,
    /// Less important text.
    Muted,
    /// Lines that separate.
    Grid,
    /// The background of drawings.
    Card,
    /// Results of the native path.
    Native,
    /// Results of the twin.
    Twin,
    /// Results of the plugin.
    Plugin,
    /// Results of the plugin with batching.
    Batched,
    /// A bound.
    Bound,
    /// Time in the inference.
    Infer,
    /// Time in the plugin's own code.
    Guest,
    /// Time that crossings take.
    Crossing,
    /// Time that the sandbox adds to the plugin's code.
    Sandbox,
    /// Time spent waiting.
    Wait,
    /// A point that another one beats.
    Beaten,
    /// A point that no other beats.
    Front,
}

impl Role {
    pub(super) const ALL: [Self; 16] = [
        Self::Ink,
        Self::Muted,
        Self::Grid,
        Self::Card,
        Self::Native,
        Self::Twin,
        Self::Plugin,
        Self::Batched,
        Self::Bound,
        Self::Infer,
        Self::Guest,
        Self::Crossing,
        Self::Sandbox,
        Self::Wait,
        Self::Beaten,
        Self::Front,
    ];

    /// The role of a path.
    pub(super) fn of(path: Path) -> Self {
        match path {
            Path::Native => Self::Native,
            Path::Twin => Self::Twin,
            Path::Plugin => Self::Plugin,
            Path::Batched => Self::Batched,
        }
    }

    /// The name in the style sheet, and the colours in light and in dark mode.
    fn look(self) -> (&'static str, u32, u32) {
        match self {
            Self::Ink => ("ink", 0x1a_1f26, 0xe8_ecf1),
            Self::Muted => ("muted", 0x57_6270, 0x9f_abb8),
            Self::Grid => ("grid", 0xdd_e2e8, 0x30_3841),
            Self::Card => ("card", 0xff_ffff, 0x16_1b22),
            Self::Native => ("native", 0x0a_7a5a, 0x4f_c29b),
            Self::Twin => ("twin", 0x09_66c8, 0x63_a9fa),
            Self::Plugin => ("plugin", 0xb8_4a00, 0xf2_9247),
            Self::Batched => ("batched", 0x7b_49d1, 0xbb_96ff),
            Self::Bound => ("bound", 0xc6_2430, 0xff_7b72),
            Self::Infer => ("infer", 0x1c_6cb4, 0x6c_b1f5),
            Self::Guest => ("guest", 0x5c_7185, 0x93_a9be),
            Self::Crossing => ("crossing", 0xb0_7800, 0xe5_b53f),
            Self::Sandbox => ("sandbox", 0xc9_4f0c, 0xff_a05c),
            Self::Wait => ("wait", 0x7f_8894, 0x6a_7480),
            Self::Beaten => ("beaten", 0x7a_8591, 0x85_909c),
            Self::Front => ("front", 0x0a_7466, 0x45_c4b0),
        }
    }

    /// The class for text in this colour.
    pub(super) fn class(self) -> String {
        format!("of-{}", self.look().0)
    }

    /// The colour in drawings.
    pub(super) fn color(self) -> RGBColor {
        let [_, red, green, blue] = self.look().1.to_be_bytes();
        RGBColor(red, green, blue)
    }
}

/// The part of the style sheet with the roles.
pub(super) fn css() -> String {
    let variables = |dark: bool| {
        let mut out = String::new();
        for role in Role::ALL {
            let (name, light_color, dark_color) = role.look();
            let color = if dark { dark_color } else { light_color };
            // Writing into a `String` cannot fail, here and below.
            write!(out, "--{name}:#{color:06X};").ok();
        }
        out
    };
    let mut out = format!(
        ":root{{color-scheme:light dark;{}}}\n@media (prefers-color-scheme:dark){{:root{{{}}}}}\n",
        variables(false),
        variables(true)
    );
    for role in Role::ALL {
        let (name, color, _) = role.look();
        writeln!(
            out,
            "svg [fill=\"#{color:06X}\"]{{fill:var(--{name})}}\
             svg [stroke=\"#{color:06X}\"]{{stroke:var(--{name})}}\
             .of-{name}{{color:var(--{name})}}"
        )
        .ok();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A colour shared by two roles would get the dark colour of the later one.
    #[test]
    fn no_two_roles_share_a_colour() {
        for (at, role) in Role::ALL.into_iter().enumerate() {
            for other in &Role::ALL[..at] {
                assert_ne!(role.look().1, other.look().1, "{role:?} {other:?}");
                assert_ne!(role.look().0, other.look().0, "{role:?} {other:?}");
            }
        }
    }

    #[test]
    fn every_role_has_both_colours_and_a_rule() {
        let css = css();
        for role in Role::ALL {
            let (name, light, dark) = role.look();
            for part in [
                format!("--{name}:#{light:06X};"),
                format!("--{name}:#{dark:06X};"),
                format!("svg [fill=\"#{light:06X}\"]{{fill:var(--{name})}}"),
            ] {
                assert!(css.contains(&part), "{part}");
            }
        }
    }
}
