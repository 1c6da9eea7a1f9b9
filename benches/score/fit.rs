//! Logistic regression that leans towards the hand-set weights, and how well its promises hold.

use stopleak_core::score::training::COUNT;

/// One candidate: its features, whether it is a secret, how much it counts, which fold it belongs to, what kind it is.
pub struct Sample {
    pub features: [f32; COUNT],
    pub real: bool,
    pub weight: f32,
    pub fold: u64,
    pub kind: &'static str,
}

/// How strongly weights are held to where they started, in samples.
const LEAN: f32 = 4.0;
const STEPS: usize = 500;

/// The weights that fit `samples`, starting from and leaning towards `start`.
pub fn fit<'a>(samples: impl Iterator<Item = &'a Sample>, start: &[f32; COUNT]) -> [f32; COUNT] {
    let samples: Vec<&Sample> = samples.collect();
    let mut weights = *start;
    let (mut first, mut second) = ([0.0f32; COUNT], [0.0f32; COUNT]);
    for step in 1..=STEPS {
        let mut gradient = [0.0f32; COUNT];
        for sample in &samples {
            let error = (sigmoid(dot(&sample.features, &weights)) - f32::from(u8::from(sample.real))) * sample.weight;
            for (slope, value) in gradient.iter_mut().zip(&sample.features) {
                *slope += error * value;
            }
        }
        let rate = 0.05 * (1.0 - step as f32 / (STEPS + 1) as f32);
        for index in 0..COUNT {
            let slope = gradient[index] + LEAN * (weights[index] - start[index]);
            first[index] = 0.9 * first[index] + 0.1 * slope;
            second[index] = 0.999 * second[index] + 0.001 * slope * slope;
            let mean = first[index] / (1.0 - 0.9f32.powi(step as i32));
            let spread = (second[index] / (1.0 - 0.999f32.powi(step as i32))).sqrt();
            weights[index] -= rate * mean / (spread + 1e-6);
        }
    }
    weights
}

/// The probability a candidate is given.
pub fn predict(sample: &Sample, weights: &[f32; COUNT]) -> f32 {
    sigmoid(dot(&sample.features, weights))
}

fn dot(a: &[f32; COUNT], b: &[f32; COUNT]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
