//! The rows of several inferences in one tensor, one inference after the other. Pure functions over bytes
//! and dimensions.

use smallvec::SmallVec;

/// The same dimensions with this number of rows.
pub(crate) fn with_rows(dimensions: &[u32], rows: u32) -> SmallVec<[u32; 8]> {
    let mut dimensions = SmallVec::from_slice(dimensions);
    if let Some(first) = dimensions.first_mut() {
        *first = rows;
    }
    dimensions
}

/// Fills `to` with the pieces, one after the other; returns whether none is missing and they fill it exactly.
pub(crate) fn concatenate<'a>(
    mut to: &mut [u8],
    pieces: impl Iterator<Item = Option<&'a [u8]>>,
) -> bool {
    for piece in pieces {
        let Some(piece) = piece else { return false };
        let Some((head, rest)) = to.split_at_mut_checked(piece.len()) else {
            return false;
        };
        head.copy_from_slice(piece);
        to = rest;
    }
    to.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_must_fill_the_tensor_to_the_byte() {
        let mut to = [0; 5];
        let fill = |to: &mut [u8; 5], pieces: &[Option<&[u8]>]| {
            concatenate(&mut to[..], pieces.iter().copied())
        };
        assert!(fill(&mut to, &[Some(&[1, 2]), Some(&[]), Some(&[3, 4, 5])]));
        assert_eq!(to, [1, 2, 3, 4, 5]);
        assert!(!fill(&mut to, &[Some(&[1, 2])]), "too few");
        assert!(!fill(&mut to, &[Some(&[0; 6])]), "too many");
        assert!(!fill(&mut to, &[Some(&[1, 2]), None, Some(&[3, 4, 5])]));
    }
}
