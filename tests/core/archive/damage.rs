//! Real archives with bytes changed, dropped and doubled: no panic, no endless loop, and bounded output.

use super::FORMATS;
use crate::fuzz::{bodies, damage};
use crate::made::token;
use stopleak_core::rule::example::Random;

#[test]
fn damaged_archives_of_every_format_end_without_a_panic() {
    let content = format!("token = \"{}\"\n{}", token(1), "some text to pack\n".repeat(300));
    for format in &FORMATS.all {
        let sound = (format.pack)("app.env", content.as_bytes());
        bodies::archive(&sound);
        let mut random = Random::new(format.name.len() as u64);
        for _ in 0..60 {
            let mut bytes = sound.clone();
            damage(&mut random, &mut bytes);
            bodies::archive(&bytes);
        }
        for cut in (0..sound.len()).step_by(sound.len() / 40 + 1) {
            bodies::archive(&sound[..cut]);
        }
    }
}
