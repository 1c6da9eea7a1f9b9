//! What a value is made of, measured against a random value of its own alphabet and length.

/// The smallest alphabet that holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    Digits,
    Hex,
    /// One case and the digits 2 to 7, long enough for the others to be missed.
    Base32,
    Lower,
    Upper,
    LowerDigits,
    UpperDigits,
    Letters,
    Alphanumeric,
    Base64Url,
    Base64,
    Symbols,
}

impl Alphabet {
    /// Bits one of its characters carries.
    fn bits(self) -> f32 {
        match self {
            Alphabet::Digits => 3.32,
            Alphabet::Hex => 4.0,
            Alphabet::Base32 => 5.0,
            Alphabet::Lower | Alphabet::Upper => 4.7,
            Alphabet::LowerDigits | Alphabet::UpperDigits => 5.17,
            Alphabet::Letters => 5.7,
            Alphabet::Alphanumeric => 5.95,
            Alphabet::Base64Url | Alphabet::Base64 => 6.0,
            Alphabet::Symbols => 6.46,
        }
    }

    /// How many characters it has.
    pub fn size(self) -> f32 {
        match self {
            Alphabet::Digits => 10.0,
            Alphabet::Hex => 16.0,
            Alphabet::Base32 => 32.0,
            Alphabet::Lower | Alphabet::Upper => 26.0,
            Alphabet::LowerDigits | Alphabet::UpperDigits => 36.0,
            Alphabet::Letters => 52.0,
            Alphabet::Alphanumeric => 62.0,
            Alphabet::Base64Url | Alphabet::Base64 => 64.0,
            Alphabet::Symbols => 88.0,
        }
    }
}

/// One pass over a value.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub len: usize,
    pub alphabet: Alphabet,
    pub lower: u32,
    pub upper: u32,
    pub digits: u32,
    pub symbols: u32,
    pub spaces: u32,
    pub other: u32,
    /// The bytes that occur, one bit each (above 127 folded down).
    pub seen: u128,
    /// Distinct bytes.
    pub distinct: u32,
    /// Neighbours of different classes (lower, upper, digit, symbol).
    pub changes: u32,
    /// Neighbours that are equal or follow each other: `aa`, `12`, `ba`.
    pub steps: u32,
    /// The longest run of one byte.
    pub longest_run: u32,
}

const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
const HEX: u8 = 8;
const URL: u8 = 16;
const BASE64: u8 = 32;
const SPACE: u8 = 64;
const SYMBOL: u8 = 128;

static CLASS: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        let b = byte as u8;
        table[byte] = match b {
            b'a'..=b'f' => LOWER | HEX,
            b'g'..=b'z' => LOWER,
            b'A'..=b'F' => UPPER | HEX,
            b'G'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT | HEX,
            b'-' | b'_' => SYMBOL | URL,
            b'+' | b'/' => SYMBOL | BASE64,
            b'=' => SYMBOL | BASE64 | URL,
            b' ' => SPACE,
            _ => SYMBOL,
        };
        byte += 1;
    }
    table
};

/// One in the lane of the byte's class: lower, upper, digit, symbol.
static COUNTS: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let class = CLASS[byte];
        if class & LOWER != 0 {
            table[byte] = 1;
        } else if class & UPPER != 0 {
            table[byte] = 1 << 16;
        } else if class & DIGIT != 0 {
            table[byte] = 1 << 32;
        } else if class & SYMBOL != 0 {
            table[byte] = 1 << 48;
        }
        byte += 1;
    }
    table
};

/// The alphabets a byte leaves possible.
static ALLOWS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let class = CLASS[byte];
        table[byte] = if class & KIND == 0 { class & !HEX } else { URL | BASE64 | (class & HEX) };
        byte += 1;
    }
    table
};

const KIND: u8 = LOWER | UPPER | DIGIT;

/// The longest stretch that is measured.
const LONGEST: usize = 4096;

/// Measures `value`, or its first part when it is very long.
pub fn shape(value: &[u8]) -> Shape {
    let value = &value[..value.len().min(LONGEST)];
    let mut s = Shape {
        len: value.len(),
        alphabet: Alphabet::Symbols,
        lower: 0,
        upper: 0,
        digits: 0,
        symbols: 0,
        spaces: 0,
        other: 0,
        seen: 0,
        distinct: 0,
        changes: 0,
        steps: 0,
        longest_run: 0,
    };
    // Four counters of sixteen bits in one word.
    let mut counts = 0u64;
    let mut seen = (0u64, 0u64);
    let mut all = HEX | URL | BASE64;
    let (mut last, mut last_kind, mut run) = (0u8, 0xffu8, 0u32);
    for &byte in value {
        let class = CLASS[byte as usize];
        let kind = class & KIND;
        counts += COUNTS[byte as usize];
        all &= ALLOWS[byte as usize];
        let bit = 1u64 << (byte & 0x3f);
        if byte & 0x40 == 0 {
            seen.0 |= bit
        } else {
            seen.1 |= bit
        }
        s.changes += u32::from(kind != last_kind);
        s.steps += u32::from(byte.abs_diff(last) <= 1);
        run = if byte == last { run + 1 } else { 1 };
        s.longest_run = s.longest_run.max(run);
        (last, last_kind) = (byte, kind);
    }
    let count = |lane: u32| (counts >> (16 * lane)) as u32 & 0xffff;
    (s.lower, s.upper, s.digits, s.symbols) = (count(0), count(1), count(2), count(3));
    let rest = s.len as u32 - s.lower - s.upper - s.digits - s.symbols;
    s.spaces = if rest > 0 { value.iter().filter(|b| **b == b' ').count() as u32 } else { 0 };
    s.other = rest - s.spaces;
    s.changes = s.changes.saturating_sub(1);
    s.seen = u128::from(seen.0) | u128::from(seen.1) << 64;
    s.distinct = seen.0.count_ones() + seen.1.count_ones();
    s.alphabet = alphabet(&s, all);
    s
}

/// The digits base32 leaves out.
const NOT_BASE32: u128 = 1 << b'0' | 1 << b'1' | 1 << b'8' | 1 << b'9';

fn alphabet(s: &Shape, all: u8) -> Alphabet {
    if s.symbols + s.spaces + s.other > 0 {
        return match all {
            _ if all & URL != 0 => Alphabet::Base64Url,
            _ if all & BASE64 != 0 => Alphabet::Base64,
            _ => Alphabet::Symbols,
        };
    }
    match (s.lower > 0, s.upper > 0, s.digits > 0) {
        (false, false, _) => Alphabet::Digits,
        // Both cases in one hex value is rare: it is then judged as alphanumeric.
        (lower, upper, true) if all & HEX != 0 && lower != upper => Alphabet::Hex,
        (lower, upper, true) if lower != upper && s.len >= 24 && s.seen & NOT_BASE32 == 0 => Alphabet::Base32,
        (true, false, true) => Alphabet::LowerDigits,
        (false, true, true) => Alphabet::UpperDigits,
        (true, false, false) => Alphabet::Lower,
        (false, true, false) => Alphabet::Upper,
        (true, true, false) => Alphabet::Letters,
        (true, true, true) => Alphabet::Alphanumeric,
    }
}

impl Shape {
    /// Bits a random value of this alphabet and length carries.
    pub fn bits(&self) -> f32 {
        self.len as f32 * self.alphabet.bits()
    }

    /// Distinct characters against what chance gives, in standard deviations; negative: too few.
    pub fn distinct_deviation(&self) -> f32 {
        let (k, n) = (self.alphabet.size(), self.len.min(256) as i32);
        let one = (1.0 - 1.0 / k).powi(n);
        let two = (1.0 - 2.0 / k).powi(n);
        let mean = k * (1.0 - one);
        let variance = k * (k - 1.0) * two + k * one - k * k * one * one;
        let distinct = self.distinct as f32;
        (distinct - mean) / (variance.max(0.0) + 0.25).sqrt()
    }

    /// Changes between classes against what chance gives, in standard deviations; negative: too few.
    pub fn change_deviation(&self) -> f32 {
        let shares: &[f32] = match self.alphabet {
            Alphabet::Hex => &[10.0, 6.0],
            Alphabet::Base32 => &[6.0, 26.0],
            Alphabet::LowerDigits | Alphabet::UpperDigits => &[10.0, 26.0],
            Alphabet::Letters => &[26.0, 26.0],
            Alphabet::Alphanumeric => &[26.0, 26.0, 10.0],
            Alphabet::Base64 | Alphabet::Base64Url => &[26.0, 26.0, 10.0, 2.0],
            Alphabet::Symbols => &[26.0, 26.0, 10.0, 26.0],
            Alphabet::Digits | Alphabet::Lower | Alphabet::Upper => return 0.0,
        };
        let total = self.alphabet.size();
        let same: f32 = shares.iter().map(|share| (share / total) * (share / total)).sum();
        let pairs = self.len.saturating_sub(1) as f32;
        (self.changes as f32 - pairs * (1.0 - same)) / (pairs * same * (1.0 - same) + 0.25).sqrt()
    }

    /// Equal or following neighbours against what chance gives, in standard deviations; positive: too many.
    pub fn step_deviation(&self) -> f32 {
        let share = 3.0 / self.alphabet.size();
        let pairs = self.len.saturating_sub(1) as f32;
        (self.steps as f32 - pairs * share) / (pairs * share * (1.0 - share) + 0.5).sqrt()
    }
}
