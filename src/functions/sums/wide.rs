//! One integer wide enough for every sum of doubles, for the sums that two doubles cannot hold.
//!
//! Every finite double is a whole number of 2^-1074, and below 2^2098 of them. With 34 limbs of 64 bits there is
//! room for a sign and 2^64 such numbers, so nothing here rounds or overflows before [`Wide::round`]. (The small
//! superaccumulator of Neal, "Fast exact summation using small and large superaccumulators", 2015, in its plainest
//! form: carries are settled at once.) Knows no infinities and no NaN.

const LIMBS: usize = 34;
const LIMB_BITS: usize = 64;
/// Bits of a double's significand that are stored; the leading 1 of a normal number is not.
const STORED_BITS: usize = 52;
/// How far the significand of the largest doubles is shifted.
const LARGEST_SHIFT: usize = 2045;

/// A whole number of 2^-1074 in two's complement, least limb first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wide([u64; LIMBS]);

impl Wide {
    /// Bytes of [`Wide::to_bytes`].
    pub(super) const BYTES: usize = LIMBS * LIMB_BITS / 8;

    pub(super) const ZERO: Self = Self([0; LIMBS]);

    /// Adds a double that is finite.
    pub(super) fn add(&mut self, value: f64) {
        debug_assert!(value.is_finite(), "{value} is no number to add");
        let bits = value.to_bits();
        let fraction = bits & ((1 << STORED_BITS) - 1);
        let (significand, shift) = match (bits >> STORED_BITS) & 0x7ff {
            0 => (fraction, 0),
            exponent => (fraction | 1 << STORED_BITS, exponent as usize - 1),
        };
        let aligned = u128::from(significand) << (shift % LIMB_BITS);
        let parts = [aligned as u64, (aligned >> LIMB_BITS) as u64];
        let limbs = &mut self.0[shift / LIMB_BITS..];
        let step = if value.is_sign_negative() { u64::borrowing_sub } else { u64::carrying_add };
        let mut carry = false;
        for (index, limb) in limbs.iter_mut().enumerate() {
            if index >= parts.len() && !carry {
                break;
            }
            (*limb, carry) = step(*limb, parts.get(index).copied().unwrap_or(0), carry);
        }
    }

    /// Adds all of another.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut carry = false;
        for (limb, part) in self.0.iter_mut().zip(other.0) {
            (*limb, carry) = limb.carrying_add(part, carry);
        }
    }

    /// The nearest double, the even one of two; infinite from halfway beyond the largest. Zero is +0.
    pub(super) fn round(&self) -> f64 {
        let negative = self.0[LIMBS - 1] >> (LIMB_BITS - 1) == 1;
        let magnitude = if negative { self.negated() } else { *self };
        let rounded = magnitude.round_magnitude();
        if negative { -rounded } else { rounded }
    }

    fn negated(&self) -> Self {
        let mut carry = true;
        Self(self.0.map(|limb| {
            let negated;
            (negated, carry) = (!limb).overflowing_add(u64::from(carry));
            negated
        }))
    }

    fn round_magnitude(&self) -> f64 {
        let Some(top) = self.0.iter().rposition(|&limb| limb != 0) else { return 0.0 };
        let highest = top * LIMB_BITS + self.0[top].ilog2() as usize;
        let shift = highest.saturating_sub(STORED_BITS);
        if shift > LARGEST_SHIFT {
            return f64::INFINITY;
        }
        let significand = self.significand_at(shift);
        let up = shift > 0
            && self.bit(shift - 1)
            && (significand & 1 == 1 || (0..shift - 1).any(|position| self.bit(position)));
        // The leading 1 counts the exponent up by one, a carry by another, at the top into infinity.
        f64::from_bits(((shift as u64) << STORED_BITS) + significand + u64::from(up))
    }

    /// The bits of a significand, leading 1 and all, from a position on.
    fn significand_at(&self, position: usize) -> u64 {
        let (limb, offset) = (position / LIMB_BITS, position % LIMB_BITS);
        let next = self.0.get(limb + 1).copied().unwrap_or(0);
        let both = u128::from(next) << LIMB_BITS | u128::from(self.0[limb]);
        (both >> offset) as u64 & ((2 << STORED_BITS) - 1)
    }

    fn bit(&self, position: usize) -> bool {
        self.0[position / LIMB_BITS] >> (position % LIMB_BITS) & 1 == 1
    }

    /// Little endian, always [`Wide::BYTES`] long.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|limb| limb.to_le_bytes()).collect()
    }

    /// Back from [`Wide::to_bytes`]; `None` for another length.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (limbs, rest) = bytes.as_chunks();
        let limbs: &[[u8; 8]; LIMBS] = limbs.try_into().ok()?;
        rest.is_empty().then(|| Self(limbs.map(u64::from_le_bytes)))
    }
}
