//! How word-like letters are: likelihood under the letter triples of real words against letters drawn at random.
//! `benches/score_trigrams.py` makes the table.

static TABLE: &[u8; 27 * 27 * 27] = include_bytes!("trigram.bin");

/// Letters of a value compared with words and with chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Letters {
    /// Letters seen.
    pub count: u32,
    /// Bits by which words explain the letters better than chance does.
    pub bits: f32,
    /// The same in standard deviations from what random letters give.
    pub deviation: f32,
}

/// Mean and variance of the table's entries for letters drawn at random, after none, one, and two or more letters.
#[derive(Clone, Copy)]
struct Chance {
    mean: [f32; 3],
    variance: [f32; 3],
}

const ANY_LETTER: Chance = chance(26);
const HEX_LETTER: Chance = chance(6);

const fn entry(a: usize, b: usize, c: usize) -> f32 {
    TABLE[(a * 27 + b) * 27 + c] as i8 as f32 / 8.0
}

const fn chance(letters: usize) -> Chance {
    let mut result = Chance { mean: [0.0; 3], variance: [0.0; 3] };
    let mut depth = 0;
    while depth < 3 {
        let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
        let mut a = if depth == 2 { 1 } else { 0 };
        while a <= if depth == 2 { letters } else { 0 } {
            let mut b = if depth >= 1 { 1 } else { 0 };
            while b <= if depth >= 1 { letters } else { 0 } {
                let mut c = 1;
                while c <= letters {
                    let bits = entry(a, b, c);
                    sum += bits;
                    squares += bits * bits;
                    count += 1.0;
                    c += 1;
                }
                b += 1;
            }
            a += 1;
        }
        result.mean[depth] = sum / count;
        result.variance[depth] = squares / count - result.mean[depth] * result.mean[depth];
        depth += 1;
    }
    result
}

/// Compares the letters of `value`, case aside, with words and with chance; `hex` compares with random hex digits.
pub fn letters(value: &[u8], hex: bool) -> Letters {
    let chance = if hex { &HEX_LETTER } else { &ANY_LETTER };
    let (mut a, mut b, mut depth) = (0usize, 0usize, 0usize);
    let (mut sum, mut depths) = (0i32, [0u32; 3]);
    for &byte in value {
        let letter = LETTER[byte as usize] as usize;
        if letter == 0 {
            (a, b, depth) = (0, 0, 0);
            continue;
        }
        sum += i32::from(TABLE[(a * 27 + b) * 27 + letter] as i8);
        depths[depth] += 1;
        depth = (depth + 1).min(2);
        (a, b) = (b, letter);
    }
    let bits = sum as f32 / 8.0;
    let (mut mean, mut variance) = (0.0, 0.25);
    for (depth, &count) in depths.iter().enumerate() {
        mean += count as f32 * chance.mean[depth];
        variance += count as f32 * chance.variance[depth];
    }
    Letters { count: depths.iter().sum(), bits, deviation: (bits - mean) / variance.sqrt() }
}

/// 1 to 26 for letters of either case, 0 for the rest.
static LETTER: [u8; 256] = {
    let mut table = [0; 256];
    let mut letter = 1u8;
    while letter <= 26 {
        table[(b'a' + letter - 1) as usize] = letter;
        table[(b'A' + letter - 1) as usize] = letter;
        letter += 1;
    }
    table
};
