//! What was read of the earlier half of all records and, as if behind it, of the later: each core writes a list of its own,
//! and nobody has to copy one behind the other.

use std::ops::{Index, IndexMut, Range};

#[derive(Debug)]
pub(crate) struct Halves<T>(pub [Vec<T>; 2]);

impl<T> Default for Halves<T> {
    fn default() -> Self {
        Self([Vec::new(), Vec::new()])
    }
}

impl<T> Halves<T> {
    pub fn len(&self) -> usize {
        self.0[0].len() + self.0[1].len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0[0].iter().chain(&self.0[1])
    }

    fn place(&self, at: usize) -> (usize, usize) {
        match at.checked_sub(self.0[0].len()) {
            None => (0, at),
            Some(at) => (1, at),
        }
    }
}

impl<T> Index<usize> for Halves<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        let (half, at) = self.place(at);
        &self.0[half][at]
    }
}

impl<T> IndexMut<usize> for Halves<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        let (half, at) = self.place(at);
        &mut self.0[half][at]
    }
}

/// Of one half: nothing lies across the two.
impl<T> Index<Range<usize>> for Halves<T> {
    type Output = [T];

    fn index(&self, range: Range<usize>) -> &[T] {
        let (half, start) = self.place(range.start);
        &self.0[half][start..start + range.len()]
    }
}

impl<T> IndexMut<Range<usize>> for Halves<T> {
    fn index_mut(&mut self, range: Range<usize>) -> &mut [T] {
        let (half, start) = self.place(range.start);
        &mut self.0[half][start..start + range.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_half_is_as_if_behind_the_earlier() {
        let mut halves = Halves([vec![1, 2, 3], vec![4, 5]]);
        assert_eq!((halves.len(), halves[0], halves[2], halves[3], halves[4]), (5, 1, 3, 4, 5));
        halves[3] = 7;
        halves[0..2].reverse();
        assert_eq!(halves.iter().copied().collect::<Vec<_>>(), [2, 1, 3, 7, 5]);
        assert_eq!((&halves[1..3], &halves[3..5], &halves[3..3]), (&[1, 3][..], &[7, 5][..], &[][..]));
        assert_eq!(halves[5..5].len() + halves[0..0].len(), 0);
    }
}
