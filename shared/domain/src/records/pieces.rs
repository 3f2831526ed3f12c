//! Lists of things that have numbers and texts, in pieces.

/// Things per piece. What grows is one piece, not everything: to grow is to copy, and fresh memory costs time. Many, as the
/// last page of each of its lists is used in part only.
pub(super) const PIECE: usize = 4_096;

/// All pieces but the last are full.
#[derive(Debug, Clone)]
pub(super) struct Pieces<H>(Vec<Piece<H>>);

#[derive(Debug, Clone)]
pub(super) struct Piece<H> {
    pub heads: Vec<H>,
    /// What only some have, one thing after the other.
    pub numbers: Vec<i64>,
    pub texts: String,
}

/// What every thing has, and where the rest of it begins.
pub(super) trait Head {
    /// Where its texts begin; they end where those of the next one do.
    fn texts(&self) -> u32;
}

/// One of the things.
#[derive(Debug)]
pub(super) struct Packed<'a, H> {
    pub head: &'a H,
    piece: &'a Piece<H>,
    /// Where its texts end.
    end: u32,
}

impl<H> Clone for Packed<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Packed<'_, H> {}

impl<'a, H: Head> Packed<'a, H> {
    #[inline]
    pub fn texts(self) -> &'a str {
        &self.piece.texts[self.head.texts() as usize..self.end as usize]
    }

    /// Those of the thing begin at `first`, and others' follow.
    #[inline]
    pub fn numbers(self, first: u16) -> &'a [i64] {
        &self.piece.numbers[first.into()..]
    }
}

impl<H> Default for Pieces<H> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<H> Pieces<H> {
    pub fn len(&self) -> usize {
        let last = self.0.last().map_or(0, |piece| piece.heads.len());
        self.0.len().saturating_sub(1) * PIECE + last
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The piece that has room for one more.
    pub fn open(&mut self) -> &mut Piece<H> {
        if self.0.last().is_none_or(|last| last.heads.len() == PIECE) {
            self.0.push(Piece::after(self.0.last()));
        }
        let last = self.0.len() - 1;
        &mut self.0[last]
    }
}

impl<H: Head> Pieces<H> {
    /// # Panics
    /// When there is no such thing.
    #[inline]
    pub fn at(&self, at: usize) -> Packed<'_, H> {
        let piece = &self.0[at / PIECE];
        let (head, next) = (&piece.heads[at % PIECE], piece.heads.get(at % PIECE + 1));
        piece.packed(head, next)
    }

    pub fn iter(&self) -> impl Iterator<Item = Packed<'_, H>> + Clone {
        self.0.iter().flat_map(|piece| {
            let next = piece.heads.iter().skip(1).map(Some).chain([None]);
            piece.heads.iter().zip(next).map(move |(head, next)| piece.packed(head, next))
        })
    }
}

impl<H: Head> Piece<H> {
    #[inline]
    fn packed<'a>(&'a self, head: &'a H, next: Option<&H>) -> Packed<'a, H> {
        Packed { head, piece: self, end: next.map_or_else(|| position(self.texts.len()), Head::texts) }
    }
}

impl<H> Piece<H> {
    /// Room for as much as the piece before holds, and a little more: what comes from one place is alike.
    fn after(last: Option<&Self>) -> Self {
        let room = |length: usize| length + length / 16;
        Self {
            heads: Vec::with_capacity(last.map_or(0, |last| last.heads.len())),
            numbers: Vec::with_capacity(last.map_or(0, |last| room(last.numbers.len()))),
            texts: String::with_capacity(last.map_or(0, |last| room(last.texts.len()))),
        }
    }
}

/// A place in a piece.
#[expect(clippy::expect_used, reason = "no page of a provider and no row is a mebibyte, and a piece holds 4,096")]
pub(super) fn position<T: TryFrom<usize, Error: std::fmt::Debug>>(length: usize) -> T {
    T::try_from(length).expect("a piece with less than 4 GiB of texts")
}

/// The length in digits of six bits, the least first and all but the last marked, and the text. As such digits are ASCII,
/// what is written is text and need not be checked again when it is read.
pub(super) fn write(out: &mut String, text: &str) {
    let mut rest = text.len();
    while rest >= 64 {
        out.push(digit(64 | (rest & 63)));
        rest >>= 6;
    }
    out.push(digit(rest));
    out.push_str(text);
}

/// Of a value below 128.
pub(super) fn digit(value: usize) -> char {
    char::from(value.to_le_bytes()[0])
}

/// The text that [`write`] wrote at the beginning of `from`, which then begins behind it.
#[inline]
pub(super) fn read<'a>(from: &mut &'a str) -> &'a str {
    let bytes = from.as_bytes();
    let (mut length, mut at) = (usize::from(bytes[0]), 0);
    // Nearly every length is one digit.
    if length >= 64 {
        length = 0;
        while bytes[at] >= 64 {
            length |= usize::from(bytes[at] & 63) << (6 * at);
            at += 1;
        }
        length |= usize::from(bytes[at]) << (6 * at);
    }
    let (text, behind) = from[at + 1..].split_at(length);
    *from = behind;
    text
}
