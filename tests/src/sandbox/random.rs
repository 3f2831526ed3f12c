//! A small reproducible generator (SplitMix64, Steele, Lea and Flood 2014).
//!
//! The data of a preset must be the same on every machine and after every upgrade of a dependency, so the generator is ours.

/// Share of a whole, in ten-thousandths: `PerMyriad(150)` is 1.5 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerMyriad(pub u32);

#[derive(Debug, Clone)]
pub struct Random(u64);

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Random {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Seeded by text, so that a change of any argument changes every draw.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(text.as_bytes());
        let mut first = [0_u8; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_le_bytes(first))
    }

    /// An independent generator, so that one more draw here does not move everything after it.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.draw())
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `low..high`; `low` if the range is empty.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(1).unsigned_abs();
        low + i64::try_from(self.draw() % span).unwrap_or(0)
    }

    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.draw() % (length.max(1) as u64)).unwrap_or(0)
    }

    pub fn chance(&mut self, share: PerMyriad) -> bool {
        self.draw() % 10_000 < u64::from(share.0)
    }

    pub fn percent(&mut self, percent: u32) -> bool {
        self.chance(PerMyriad(percent * 100))
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// Index by weight.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().copied().map(u64::from).sum();
        let mut left = self.draw() % total.max(1);
        for (index, weight) in weights.iter().copied().enumerate() {
            if left < u64::from(weight) {
                return index;
            }
            left -= u64::from(weight);
        }
        0
    }

    /// Letters and digits, as in provider ids.
    pub fn token(&mut self, prefix: &str, length: usize) -> String {
        let mut text = String::with_capacity(prefix.len() + length);
        text.push_str(prefix);
        let mut bits = 0;
        for position in 0..length {
            if position % 10 == 0 {
                bits = self.draw();
            }
            text.push(char::from(BASE62[usize::try_from(bits % 62).unwrap_or(0)]));
            bits /= 62;
        }
        text
    }
}
