//! How wide each column of a table becomes, and which columns stand side by side.
//!
//! Pure arithmetic over widths: knows neither texts nor colours.

/// Columns between two columns of a table without a frame.
pub(super) const GAP: usize = 2;

/// The room that a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Display columns of the screen; `None`: as wide as the table is.
    pub screen: Option<usize>,
    /// Display columns between two columns of the table.
    pub gap: usize,
    /// Display columns that its frame takes on both sides together.
    pub sides: usize,
}

impl Room {
    /// A table without a frame.
    pub(super) fn open(screen: Option<usize>) -> Self {
        Self { screen, gap: GAP, sides: 0 }
    }

    fn limit(self) -> usize {
        self.screen.map_or(usize::MAX, |width| width.max(NARROWEST).saturating_sub(self.sides))
    }

    /// What columns of these widths take side by side.
    fn total(self, widths: impl Iterator<Item = usize>) -> usize {
        widths
            .fold(None, |sum, width| Some(sum.map_or(width, |sum: usize| sum + self.gap + width)))
            .unwrap_or(0)
    }
}

/// A column that may be shortened never becomes narrower than this.
pub(super) const LEAST: usize = 8;

/// A narrower terminal is taken to be this wide.
pub(super) const NARROWEST: usize = 20;

/// The widths a column may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// What its widest cell takes.
    pub natural: usize,
    /// The narrowest it may become; `natural` for a column that is never shortened.
    pub least: usize,
}

impl Span {
    /// The span of a column by its widest cell.
    pub(super) fn new(natural: usize, shrinks: bool) -> Self {
        Self { natural, least: if shrinks { natural.min(LEAST) } else { natural } }
    }

    fn at_most(self, limit: usize) -> Self {
        Self { natural: self.natural.min(limit), least: self.least.min(limit) }
    }
}

/// A column at its final width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Which column.
    pub column: usize,
    /// Display columns it takes.
    pub width: usize,
}

/// Arranges columns in the room that there is into parts that are shown one below the other.
///
/// Every column stands in one part, the first `keys` ones in all of them (only the first one when they would take
/// more than half of the screen); each part fits the screen, where a column that is never shortened may be narrower
/// than its cells when even alone beside the first one it is too wide.
pub(super) fn arrange(spans: &[Span], keys: usize, room: Room) -> Vec<Vec<Slot>> {
    let all: Vec<(usize, Span)> = spans.iter().copied().enumerate().collect();
    let limit = room.limit();
    if all.is_empty() || room.total(all.iter().map(|(_, span)| span.least)) <= limit {
        return vec![shrink(&all, room)];
    }
    let keys = keys.clamp(1, all.len());
    let (repeated, rest) =
        all.split_at(if room.total(all[..keys].iter().map(|(_, span)| span.least)) > limit / 2 {
            1
        } else {
            keys
        });
    if rest.is_empty() {
        let narrowed: Vec<(usize, Span)> =
            repeated.iter().map(|(column, span)| (*column, span.at_most(limit / repeated.len()))).collect();
        return vec![shrink(&narrowed, room)];
    }
    let repeated: Vec<(usize, Span)> =
        repeated.iter().map(|(column, span)| (*column, span.at_most(limit / 2))).collect();
    stack(&repeated, rest, room).iter().map(|part| shrink(part, room)).collect()
}

/// Fills part after part with columns at their least widths, each behind the repeated ones.
fn stack(repeated: &[(usize, Span)], rest: &[(usize, Span)], room: Room) -> Vec<Vec<(usize, Span)>> {
    let limit = room.limit();
    let beside = room.total(repeated.iter().map(|(_, span)| span.least)) + room.gap;
    let left = limit.saturating_sub(beside).max(1);
    let mut parts = Vec::new();
    let mut part = repeated.to_vec();
    for &(column, span) in rest {
        let span = span.at_most(left);
        let taken = room.total(part.iter().map(|(_, span)| span.least));
        if part.len() > repeated.len() && taken + room.gap + span.least > limit {
            parts.push(std::mem::replace(&mut part, repeated.to_vec()));
        }
        part.push((column, span));
    }
    parts.push(part);
    parts
}

/// Takes from the widest columns first, until all fit; what is then left over goes to the leftmost.
fn shrink(columns: &[(usize, Span)], room: Room) -> Vec<Slot> {
    let limit = room.limit();
    let at = |span: &Span, level: usize| span.natural.min(level.max(span.least));
    let needed = |level: usize| room.total(columns.iter().map(|(_, span)| at(span, level)));
    let highest = columns.iter().map(|(_, span)| span.natural).max().unwrap_or(0);
    // The highest level that fits; `needed` grows with the level, and the level 0 always fits.
    let (mut fits, mut over) = (0, highest + 1);
    while over - fits > 1 {
        let middle = fits + (over - fits) / 2;
        if needed(middle) <= limit { fits = middle } else { over = middle }
    }
    let mut left = limit.saturating_sub(needed(fits));
    let slots = columns.iter().map(|(column, span)| {
        let mut width = at(span, fits);
        if width < span.natural && left > 0 {
            width += 1;
            left -= 1;
        }
        Slot { column: *column, width }
    });
    slots.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(parts: &[Vec<Slot>]) -> Vec<Vec<(usize, usize)>> {
        parts.iter().map(|part| part.iter().map(|slot| (slot.column, slot.width)).collect()).collect()
    }

    #[test]
    fn a_pipe_has_room_for_everything() {
        let spans = [Span::new(500, true), Span::new(3, false)];
        assert_eq!(widths(&arrange(&spans, 1, Room::open(None))), [[(0, 500), (1, 3)]]);
        assert!(arrange(&[], 1, Room::open(None)).iter().all(Vec::is_empty));
    }

    #[test]
    fn the_widest_column_gives_first() {
        let spans = [Span::new(12, true), Span::new(30, true), Span::new(10, false)];
        assert_eq!(widths(&arrange(&spans, 1, Room::open(Some(46)))), [[(0, 12), (1, 20), (2, 10)]]);
        assert_eq!(widths(&arrange(&spans, 1, Room::open(Some(35)))), [[(0, 11), (1, 10), (2, 10)]]);
        assert_eq!(widths(&arrange(&spans, 1, Room::open(Some(30)))), [[(0, 8), (1, 8), (2, 10)]]);
    }

    #[test]
    fn what_does_not_fit_goes_below_the_first_column() {
        let spans = [Span::new(12, true), Span::new(15, false), Span::new(15, false), Span::new(3, false)];
        let parts = [vec![(0, 12), (1, 15)], vec![(0, 8), (2, 15), (3, 3)]];
        assert_eq!(widths(&arrange(&spans, 1, Room::open(Some(30)))), parts);
    }

    #[test]
    fn columns_that_name_a_row_stand_in_every_part() {
        let spans = [Span::new(6, false), Span::new(5, false), Span::new(15, false), Span::new(15, false)];
        let parts = [vec![(0, 6), (1, 5), (2, 15)], vec![(0, 6), (1, 5), (3, 15)]];
        assert_eq!(widths(&arrange(&spans, 2, Room::open(Some(32)))), parts);
        let too_wide = [Span::new(14, false), Span::new(14, false), Span::new(9, false), Span::new(9, false)];
        assert_eq!(
            widths(&arrange(&too_wide, 2, Room::open(Some(30)))),
            [vec![(0, 14), (1, 14)], vec![(0, 14), (2, 9)], vec![(0, 14), (3, 9)]]
        );
    }

    #[test]
    fn one_column_wider_than_the_screen_is_narrowed() {
        assert_eq!(widths(&arrange(&[Span::new(90, false)], 1, Room::open(Some(40)))), [[(0, 40)]]);
        let spans = [Span::new(90, false), Span::new(70, false)];
        assert_eq!(widths(&arrange(&spans, 1, Room::open(Some(40)))), [[(0, 20), (1, 18)]]);
    }
}
