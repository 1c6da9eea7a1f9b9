//! How many requests are answered in a while: a bucket of tokens.

use std::sync::Mutex;

/// A bucket that holds `burst` tokens and gains one every `1 / per_second`.
#[derive(Debug)]
pub struct Rate {
    burst: f64,
    per_second: f64,
    state: Mutex<(f64, f64)>,
}

impl Rate {
    /// A full bucket.
    pub fn new(burst: u32, per_second: f64) -> Rate {
        Rate { burst: f64::from(burst), per_second: per_second.max(0.001), state: Mutex::new((f64::from(burst), 0.0)) }
    }

    /// Takes a token at a time in seconds; or says in how many seconds there is one.
    pub fn take(&self, now: f64) -> Result<(), u64> {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (tokens, then) = *state;
        let tokens = (tokens + (now - then).max(0.0) * self.per_second).min(self.burst);
        *state = (tokens, now);
        if tokens < 1.0 {
            return Err(((1.0 - tokens) / self.per_second).ceil().clamp(1.0, 3600.0) as u64);
        }
        state.0 -= 1.0;
        Ok(())
    }
}
